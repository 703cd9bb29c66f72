"""What Python programs do to a library: odd buffers, callbacks, threads, forks, exits."""

from __future__ import annotations

import array
import ctypes
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest

import passkeep
from passkeep import _native

IDENTITY = passkeep.Identity.generate()
TO = IDENTITY.recipient
KEY = _native.PayloadKey.age(b"YELLOW SUBMARINE")
UNIT = 1 << 20


def opened(sealed):
    return passkeep.decrypt(bytes(sealed), IDENTITY)


@pytest.mark.parametrize(
    "buffer",
    [
        memoryview(b"read-only"),
        memoryview(bytearray(b"writable")),
        b"",
        bytearray(),
        memoryview(b""),
        array.array("d"),
        memoryview(ctypes.c_double(1.5)),  # no dimension at all
        memoryview(bytes(24)).cast("B", (2, 3, 4)),
        (ctypes.c_int * 5)(1, 2, 3, 4, 5),
        (ctypes.c_int * 0)(),
    ],
    ids=lambda buffer: type(buffer).__name__,
)
def test_buffers_of_any_shape(buffer):
    plain = bytes(buffer)
    assert opened(passkeep.encrypt(buffer, to=TO)) == plain
    assert passkeep.decrypt(memoryview(passkeep.encrypt(buffer, to=TO)), IDENTITY) == plain


@pytest.mark.parametrize("buffer", [memoryview(bytes(10))[::2], memoryview(bytes(10))[::-1]])
def test_buffers_with_gaps_are_refused(buffer):
    with pytest.raises(BufferError):
        passkeep.encrypt(buffer, to=TO)


@pytest.mark.parametrize("thing", ["text", 5, None, [1, 2], object()])
def test_what_is_no_buffer_is_refused(thing):
    with pytest.raises(TypeError):
        passkeep.encrypt(thing, to=TO)


def test_a_buffer_in_use_cannot_be_resized():
    """It is Python that refuses; afterwards it may be again."""

    class Resizing:
        def write(self, _):
            data.append(0)

    data = bytearray(100)
    with pytest.raises(BufferError):
        _native.Writer(Resizing()).write(data)
    data.append(0)


def test_a_buffer_that_changes_meanwhile_gives_some_sealed_state():
    """Whatever another thread writes, what was sealed opens."""
    data = bytearray(32 * UNIT)
    running = True

    def scribble():
        value = 0
        while running:
            value = (value + 1) % 256
            data[: 1 << 16] = bytes([value]) * (1 << 16)
            data[-(1 << 16) :] = bytes([value]) * (1 << 16)

    scribbling = threading.Thread(target=scribble)
    scribbling.start()
    try:
        for _ in range(5):
            sealed = _native.seal_bytes(data, b"", KEY, threads=2)
            assert len(_native.open_bytes(sealed, 0, KEY, threads=2)) == len(data)
    finally:
        running = False
        scribbling.join()


class Calling(io.BytesIO):
    """A file object that uses passkeep itself whenever it is used."""

    def _call(self):
        assert opened(passkeep.encrypt(b"inner", to=TO)) == b"inner"

    def read(self, size=-1):
        self._call()
        return super().read(size)

    def write(self, data):
        self._call()
        return super().write(data)


def test_callbacks_may_call_back(tmp_path):
    plain = os.urandom(2_500_000)
    sealed, back = Calling(), Calling()

    def progress(_):
        passkeep.encrypt_file(io.BytesIO(plain), io.BytesIO(), to=TO)

    passkeep.encrypt_file(Calling(plain), sealed, to=TO, progress=progress)
    sealed.seek(0)
    passkeep.decrypt_file(sealed, back, IDENTITY, progress=progress)
    assert back.getvalue() == plain
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(plain)
    passkeep.backup(tmp_path / "tree", tmp_path / "b.age", to=TO, sync=False)
    inner = []
    passkeep.list_backup(
        *(tmp_path / "b.age", IDENTITY),
        visit=lambda _: inner.append(passkeep.verify(tmp_path / "b.age", IDENTITY).files),
    )
    assert inner == [1, 1]


def test_an_operation_on_its_own_stream_is_refused():
    """A source that reads from the reader that reads it."""

    class Circle(io.RawIOBase):
        def read(self, size=-1):
            return reader.read(size)

    reader = _native.Reader(Circle())
    with pytest.raises(RuntimeError):
        reader.read(10)


def test_sixty_four_threads_at_once():
    plain = os.urandom(3 * UNIT)
    results, errors = [], []

    def work():
        try:
            sealed = io.BytesIO()
            passkeep.encrypt_file(io.BytesIO(plain), sealed, to=TO, threads=4)
            sealed.seek(0)
            back = io.BytesIO()
            passkeep.decrypt_file(sealed, back, IDENTITY, threads=4)
            results.append(back.getvalue() == plain)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    run(64, work)
    assert errors == []
    assert results == [True] * 64


def test_sixty_four_threads_on_one_file_object():
    """They share what it holds, in pieces; nothing is lost, doubled or mixed up."""
    total = 64 * UNIT
    shared = io.BytesIO(bytes(total))
    sizes, sinks = [], [io.BytesIO() for _ in range(64)]
    numbers = iter(range(64))

    def work():
        sizes.append(passkeep.encrypt_file(shared, sinks[next(numbers)], to=TO))

    run(64, work)
    assert sum(sizes) == total
    assert sorted(len(opened(sink.getvalue())) for sink in sinks) == sorted(sizes)


def run(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def child_work(plain, queue):
    queue.put(opened(passkeep.encrypt(plain, to=TO)) == plain)


def test_forks_while_another_thread_works():
    """The child has none of the parent's threads, and needs none."""
    plain = os.urandom(4 * UNIT)
    token = _native.CancelToken()
    ended = []

    def endless():
        with pytest.raises(passkeep.CancelledError) as caught:
            passkeep.encrypt_file("/dev/zero", "/dev/null", to=TO, cancel=token)
        ended.append(caught)

    working = threading.Thread(target=endless)
    working.start()
    try:
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        for _ in range(5):
            child = context.Process(target=child_work, args=(plain, queue))
            child.start()
            child.join(30)
            assert child.exitcode == 0
            assert queue.get()
    finally:
        token.cancel()
        working.join()
    assert len(ended) == 1
    assert opened(passkeep.encrypt(plain, to=TO)) == plain


def test_a_fork_inside_an_operation():
    """A callback that forks: the child goes on with its own, the parent with its."""
    plain = os.urandom(8 * UNIT)
    statuses = []

    class Forking(io.BytesIO):
        def read(self, size=-1):
            child = os.fork()
            if child == 0:
                os._exit(0 if opened(passkeep.encrypt(b"child", to=TO)) == b"child" else 1)
            statuses.append(os.waitpid(child, 0)[1])
            return super().read(size)

    sealed = io.BytesIO()
    passkeep.encrypt_file(Forking(plain), sealed, to=TO)
    assert opened(sealed.getvalue()) == plain
    assert set(statuses) == {0}


def test_a_child_that_goes_on_with_the_parents_operation_is_told():
    """It has the stream, but not the threads that work on it."""
    parent = os.getpid()

    class Forking(io.BytesIO):
        """Forks once the threads are at work, and returns in the child too."""

        def read(self, size=-1):
            if self.tell() == 4 * UNIT and os.getpid() == parent:
                self.child = os.fork()
            return super().read(size)

    source = Forking(bytes(16 * UNIT))
    try:
        passkeep.encrypt_file(source, io.BytesIO(), to=TO, threads=2)
    except RuntimeError as error:
        os._exit(7 if "parent process" in str(error) else 8)
    finally:
        if os.getpid() != parent:
            os._exit(9)
    _, status = os.waitpid(source.child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


# What `case` says is done while a stream is being written whose sink takes its time.
BUSY = """
import os, signal, threading, time
from passkeep import _native

KEY = _native.PayloadKey.age(bytes(16))

class Sink:
    calls = 0

    def write(self, data):
        self.calls += 1
        if self.calls == 3:
            meanwhile()

def elsewhere():
    reached.set()
    time.sleep(0.5)

def work():
    stream.write(bytes(3_000_000))

def reentrant(use):
    global meanwhile
    meanwhile = use
    try:
        work()
    except RuntimeError as error:
        print(error)

def forked(use):
    working = threading.Thread(target=work)
    working.start()
    reached.wait()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            use()
        except RuntimeError as error:
            print(error, flush=True)
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    working.join()
    print(status)

def waited(use):
    working = threading.Thread(target=work)
    working.start()
    reached.wait()
    use()
    assert not working.is_alive()
    print("waited")

def interrupted(use):
    working = threading.Thread(target=work, daemon=True)
    working.start()
    reached.wait()
    signal.signal(signal.SIGALRM, lambda *_: print(working.is_alive()) or 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        use()
    except ZeroDivisionError:
        print("interrupted")
    working.join()

meanwhile = elsewhere
reached = threading.Event()
stream = _native.SealingStream(Sink(), b"", KEY, threads=1)
{case}
"""


def busy(case: str) -> list[str]:
    """What a process prints that does `case` while an object is in use."""
    script = BUSY.replace("{case}", case)
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


USES = ["stream.write(b'x')", "stream.finish()", "stream.abandon()"]


@pytest.mark.parametrize("use", USES)
def test_an_object_that_a_thread_uses_is_waited_for(use):
    assert busy(f"waited(lambda: {use})") == ["waited"]
    assert busy(f"interrupted(lambda: {use})") == ["True", "interrupted"]


@pytest.mark.parametrize("use", USES)
def test_a_callback_that_uses_the_object_it_works_for_is_refused(use):
    refusal = "a callback uses the object whose work it belongs to"
    assert busy(f"reentrant(lambda: {use})") == [refusal]


@pytest.mark.parametrize("use", USES[:2])
def test_a_child_does_not_wait_for_what_a_thread_of_its_parent_uses(use):
    assert busy(f"forked(lambda: {use})") == ["this stream belongs to the parent process", "0"]


def test_a_child_forgets_what_a_thread_of_its_parent_writes():
    assert busy("forked(lambda: stream.abandon() or print('done', flush=True))") == ["done", "0"]


def test_a_child_does_not_wait_for_a_digest_that_its_parent_was_making():
    hasher, data = passkeep.Hasher(), bytes(16 * UNIT)
    started, ended = threading.Event(), threading.Event()

    def work():
        while not ended.is_set():
            hasher.update(data)
            started.set()

    working = threading.Thread(target=work)
    working.start()
    try:
        started.wait()
        statuses = []
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                try:
                    hasher.digest()
                except RuntimeError as error:
                    os._exit(0 if "parent process" in str(error) else 1)
                finally:
                    os._exit(0)
            statuses.append(os.waitpid(child, 0)[1])
    finally:
        ended.set()
        working.join()
    assert statuses == [0] * 5


# A daemon thread works while the interpreter ends; the end takes half a second, in
# which the thread wants to come back to Python.
EXITING = """
import os, sys, threading, time, types
from passkeep import _native

KEY = _native.PayloadKey.age(bytes(16))

class Zeros:
    def read(self, size):
        return bytes(size)

class Last:
    def __del__(self, sleep=time.sleep, write=os.write):
        sleep(0.5)
        write(1, b"the end")

def work():
    started.set()
    {work}

module = types.ModuleType("last")
module.last = Last()
sys.modules["last"] = module
del module
started = threading.Event()
threading.Thread(target=work, daemon=True).start()
started.wait()
time.sleep(0.1)
"""


@pytest.mark.parametrize(
    "work",
    [
        '_native.seal_stream("/dev/zero", "/dev/null", b"", KEY, threads=2)',
        '_native.seal_stream("/dev/zero", "/dev/null", b"", KEY, threads=2, progress=id)',
        '_native.seal_stream(Zeros(), "/dev/null", b"", KEY, threads=1)',
        '_native.Reader(os.path.join(sys.argv[1], "fifo")).read(10)',
        "while True: _native.seal_bytes(bytes(64 << 20), b'', KEY, threads=2)",
    ],
    ids=["file", "progress", "object", "waiting", "buffer"],
)
def test_the_interpreter_ends_while_a_thread_works(work, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    done = subprocess.run(
        [sys.executable, "-c", EXITING.format(work=work), tmp_path],
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"the end", b"")


class Alarm(Exception):  # noqa: N818 - what a caller's own exception looks like
    """Raised by a signal handler."""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["endless", "buffers"])
def test_a_signal_ends_a_long_call(kind, threads):
    def ring(*_):
        raise Alarm

    def work():
        if kind == "endless":
            passkeep.encrypt_file("/dev/zero", "/dev/null", to=TO, threads=threads)
        while True:
            _native.seal_bytes(data, b"", KEY, threads=threads)

    data = bytes(512 * UNIT) if kind == "buffers" else b""
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        with pytest.raises(Alarm):
            work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
