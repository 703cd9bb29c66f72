"""Whatever waits can be stopped: a token, Ctrl-C, and file objects that are not ready."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest

import passkeep
from passkeep import _native
from support.cli import Terminal
from support.trees import names
from support.waiting import wait_until

IDENTITY = passkeep.Identity.generate()
KEY = _native.PayloadKey.age(b"YELLOW SUBMARINE")
PATIENCE = 5  # seconds until what was stopped counts as hanging; the goal is 0.2


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return passkeep.encrypt(os.urandom(5_000_000), to=IDENTITY.recipient)


@pytest.fixture(scope="module")
def backup(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("backup")
    (folder / "tree").mkdir()
    (folder / "tree" / "noise").write_bytes(os.urandom(5_000_000))
    passkeep.backup(folder / "tree", folder / "b.age", to=IDENTITY.recipient, sync=False)
    return (folder / "b.age").read_bytes()


@pytest.fixture
def contents(sealed, backup):
    """What a reader is to be given."""
    return lambda reading: backup if reading in {restoring, verifying} else sealed


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def clean():
    with ExitStack() as stack:
        yield stack


class Call(threading.Thread):
    """A call on another thread, and what it raised."""

    def __init__(self, function, *arguments, **options):
        super().__init__(daemon=True)
        self._call = lambda: function(*arguments, cancel=self.token, **options)
        self.token = _native.CancelToken()
        self.error = self.result = None
        self.start()

    def run(self):
        try:
            self.result = self._call()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def assert_cancels(self):
        """Stops the call, and sees it end."""
        assert self.is_alive(), self.error
        asked = time.perf_counter()
        self.token.cancel()
        self.join(PATIENCE)
        assert not self.is_alive()
        print(f"stopped after {(time.perf_counter() - asked) * 1000:.0f} ms")
        assert isinstance(self.error, passkeep.CancelledError), self.error


def feed(fifo, content, clean):
    """Opens a FIFO and writes to it, on a thread; the FIFO stays open."""

    def run():
        descriptor = os.open(fifo, os.O_WRONLY)
        clean.callback(os.close, descriptor)
        for start in range(0, len(content), 4096):
            os.write(descriptor, content[start : start + 4096])
        done.set()

    done = threading.Event()
    threading.Thread(target=run, daemon=True).start()
    return done


def encrypting(source, tmp_path):
    return Call(passkeep.encrypt_file, source, tmp_path / "out", to=IDENTITY.recipient)


def decrypting(source, tmp_path):
    return Call(passkeep.decrypt_file, source, tmp_path / "out", IDENTITY)


def restoring(source, tmp_path):
    return Call(passkeep.restore, source, tmp_path / "out", IDENTITY)


def verifying(source, tmp_path):
    del tmp_path
    return Call(passkeep.verify, source, IDENTITY)


READERS = [encrypting, decrypting, restoring, verifying]
by_reader = pytest.mark.parametrize("reading", READERS, ids=lambda f: f.__name__)


@by_reader
@pytest.mark.parametrize("part", ["no writer", "nothing", "header", "middle", "all"])
def test_a_token_stops_waiting_for_a_source(reading, part, fifo, contents, clean):
    tmp_path = fifo.parent
    content = contents(reading)
    size = {"nothing": 0, "header": 100, "middle": len(content) // 2, "all": len(content)}
    call = reading(fifo, tmp_path)
    if part != "no writer":
        assert feed(fifo, content[: size[part]], clean).wait(PATIENCE)
    time.sleep(0.1)
    call.assert_cancels()
    assert names(tmp_path) == ["fifo"]


@by_reader
def test_a_token_stops_a_trickle(reading, fifo, tmp_path, contents):
    """Some bytes come all the time, but it would take an hour to fill a unit."""
    content = contents(reading)
    call = reading(fifo, tmp_path)

    def trickle():
        with fifo.open("wb", buffering=0) as pipe, suppress(BrokenPipeError):
            pipe.write(content[:10_000])
            for at in range(10_000, len(content)):
                pipe.write(content[at : at + 1])
                time.sleep(0.01)

    writer = threading.Thread(target=trickle)
    writer.start()
    time.sleep(0.2)
    call.assert_cancels()
    writer.join()


@pytest.mark.parametrize("armored", [False, True])
@pytest.mark.parametrize("part", ["no reader", "full"])
def test_a_token_stops_waiting_for_a_sink(part, armored, fifo, tmp_path, clean):
    (tmp_path / "plain").write_bytes(bytes(5_000_000))
    options = {"to": IDENTITY.recipient, "armored": armored}
    call = Call(passkeep.encrypt_file, tmp_path / "plain", fifo, **options)
    if part == "full":
        descriptor = os.open(fifo, os.O_RDONLY)
        clean.callback(os.close, descriptor)
        assert os.read(descriptor, 1)
    time.sleep(0.1)
    call.assert_cancels()


def test_a_token_stops_a_backup_that_nobody_reads(fifo, tree, clean):
    call = Call(passkeep.backup, tree, fifo, to=IDENTITY.recipient)
    descriptor = os.open(fifo, os.O_RDONLY)
    clean.callback(os.close, descriptor)
    assert os.read(descriptor, 1)
    time.sleep(0.1)
    call.assert_cancels()


def test_fifos_carry_whole_streams(fifo, tmp_path):
    """Opened without waiting, a FIFO is nevertheless waited for."""
    plain = os.urandom(3_000_000)
    (tmp_path / "plain").write_bytes(plain)
    writing = Call(passkeep.encrypt_file, tmp_path / "plain", fifo, to=IDENTITY.recipient)
    time.sleep(0.1)
    assert passkeep.decrypt_file(fifo, tmp_path / "back", IDENTITY) == len(plain)
    writing.join(PATIENCE)
    assert writing.result == len(plain)
    assert (tmp_path / "back").read_bytes() == plain
    reading = Call(passkeep.encrypt_file, fifo, tmp_path / "out", to=IDENTITY.recipient)
    time.sleep(0.1)
    fifo.write_bytes(plain)
    reading.join(PATIENCE)
    assert reading.result == len(plain)


def test_ctrl_c_at_a_terminal_that_is_read(tmp_path):
    command = ("encrypt", "-o", tmp_path / "out", "--to", IDENTITY.recipient)
    with Terminal(*command) as terminal:
        wait_until(lambda: any("passkeep" in name for name in names(tmp_path)))
        terminal.type("one line")
        time.sleep(0.2)
        terminal.press(b"\x03")
        assert terminal.finish() == 130
    assert names(tmp_path) == []


def in_child(work) -> int:
    """Runs `work` in a forked process; returns its exit code, 0 where it returned."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def standard_output(sink, *, hidden=False):
    """Work for a child: seals some zeros to standard output, which is `sink`."""

    def work():
        os.dup2(sink, 1)
        if hidden and os.geteuid() == 0:
            os.seteuid(65_534)  # may neither open the pipe again, nor look at /proc/self/fd
        _native.seal_stream(io.BytesIO(bytes(3_000_000)), 1, b"", KEY, threads=2)

    return work


def receive(descriptor) -> int:
    total = 0
    while data := os.read(descriptor, 1 << 16):
        total += len(data)
        time.sleep(0.001)  # so that the writer has to wait
    os.close(descriptor)
    return total


@pytest.mark.parametrize("kind", ["pipe", "pipe of somebody else", "socket", "non-blocking pipe"])
def test_every_kind_of_standard_output(kind):
    """All that is written arrives, and others who hold the pipe notice nothing."""
    if kind == "socket":
        ours, theirs = (one.detach() for one in socket.socketpair())
    else:
        ours, theirs = os.pipe()
    if kind == "pipe of somebody else":
        os.fchmod(theirs, 0)
    if kind == "non-blocking pipe":
        os.set_blocking(theirs, False)
    before = os.get_blocking(theirs)
    received = []
    reader = threading.Thread(target=lambda: received.append(receive(ours)))
    reader.start()
    work = standard_output(theirs, hidden=kind == "pipe of somebody else")
    assert in_child(work) == 0
    assert os.get_blocking(theirs) == before
    os.close(theirs)
    reader.join()
    layout = 16 + 3_000_000 + 16 * -(-3_000_000 // 65_536)
    assert received == [layout]


@pytest.mark.parametrize("kind", ["pipe", "pipe of somebody else", "socket"])
def test_every_kind_of_standard_output_can_be_stopped(kind):
    if kind == "socket":
        ours, theirs = (one.detach() for one in socket.socketpair())
    else:
        ours, theirs = os.pipe()
    if kind == "pipe of somebody else":
        os.fchmod(theirs, 0)

    def work():
        signal.signal(signal.SIGALRM, lambda *_: token.cancel())
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(passkeep.CancelledError):
            standard_output(theirs, hidden=kind == "pipe of somebody else")()

    def seal(*arguments, **options):
        return original(*arguments, cancel=token, **options)

    token = _native.CancelToken()
    original = _native.seal_stream
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_native, "seal_stream", seal)
        assert in_child(work) == 0
    os.close(ours)
    os.close(theirs)


class Hesitant(io.RawIOBase):
    """A raw file that would have to wait every other time."""

    def __init__(self, file):
        self._file = file
        self._ready = True

    def _hesitates(self):
        self._ready = not self._ready
        return not self._ready

    def read(self, size=-1):
        return None if self._hesitates() else self._file.read(min(size, 100_000))

    def write(self, data):
        return None if self._hesitates() else self._file.write(bytes(data)[:100_000])


@pytest.mark.parametrize("armored", [False, True])
def test_raw_files_that_are_not_ready_are_asked_again(armored):
    plain = os.urandom(1_000_000)
    sealed, opened = io.BytesIO(), io.BytesIO()
    source = Hesitant(io.BytesIO(plain))
    to = IDENTITY.recipient
    passkeep.encrypt_file(source, Hesitant(sealed), to=to, armored=armored)
    sealed.seek(0)
    passkeep.decrypt_file(Hesitant(sealed), Hesitant(opened), IDENTITY)
    assert opened.getvalue() == plain


def test_a_non_blocking_pipe_is_waited_for():
    plain = os.urandom(300_000)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    with io.FileIO(reading, "rb") as source, io.FileIO(writing, "wb") as sink:
        call = Call(passkeep.encrypt_file, io.BytesIO(plain), sink, to=IDENTITY.recipient)
        call2 = Call(passkeep.decrypt_file, source, opened := io.BytesIO(), IDENTITY)
        call.join(PATIENCE)
        sink.close()
        call2.join(PATIENCE)
    assert opened.getvalue() == plain


def test_a_file_object_that_never_gets_ready_can_be_stopped(backup):
    class Never(io.RawIOBase):
        def read(self, size=-1):
            return None

        def write(self, data):
            return None

    to = IDENTITY.recipient
    for source, sink in [(Never(), io.BytesIO()), (io.BytesIO(b"plain"), Never())]:
        call = Call(passkeep.encrypt_file, source, sink, to=to)
        time.sleep(0.05)
        call.assert_cancels()
    call = Call(passkeep.decrypt_file, Never(), io.BytesIO(), IDENTITY)
    time.sleep(0.05)
    call.assert_cancels()
    call = Call(passkeep.cat, io.BytesIO(backup), "tree/noise", Never(), IDENTITY)
    time.sleep(0.05)
    call.assert_cancels()


class Interrupted:
    """Fails as an interrupted system call would, each time it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, *arguments):
        self.calls += 1
        raise InterruptedError(4, "Interrupted system call")

    read = write = flush = __call__


def test_an_interrupted_error_of_a_callback_is_raised_once(backup, sealed):
    failing = Interrupted()

    class Flushing(io.BytesIO):
        flush = failing.flush

    def progress(**options):
        passkeep.encrypt_file(io.BytesIO(b"x"), io.BytesIO(), progress=failing, **options)

    to = IDENTITY.recipient
    for call in (
        lambda: passkeep.encrypt_file(failing, io.BytesIO(), to=to),
        lambda: passkeep.encrypt_file(io.BytesIO(b"x"), failing, to=to),
        lambda: passkeep.encrypt_file(io.BytesIO(b"x"), Flushing(), to=to),
        lambda: passkeep.encrypt_file(io.BytesIO(b"x"), failing, to=to, armored=True),
        lambda: passkeep.decrypt_file(failing, io.BytesIO(), IDENTITY),
        lambda: passkeep.decrypt_file(io.BytesIO(sealed), failing, IDENTITY),
        lambda: passkeep.list_backup(io.BytesIO(backup), IDENTITY, visit=failing),
        lambda: progress(to=to),
    ):
        failing.calls = 0
        with pytest.raises(InterruptedError):
            call()
        assert failing.calls == 1


def test_progress_is_complete_before_the_disk_is_waited_for(tmp_path, monkeypatch):
    told, when = [], []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (when.append(list(told)), fsync(fd)))
    passkeep.encrypt_file(
        *(io.BytesIO(bytes(3_000_000)), tmp_path / "out"),
        to=IDENTITY.recipient,
        progress=told.append,
    )
    assert when[0][-1] == 3_000_000
