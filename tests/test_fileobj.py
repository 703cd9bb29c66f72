"""`passkeep.open`: sealed files as Python's file objects."""

import gc
import gzip
import io
import os
import pickle
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import zipfile
from functools import partial

import numpy as np
import pytest

import passkeep

IDENTITY = passkeep.Identity.generate()
CIPHERS = ["age", "aes-256-gcm"]
each_cipher = pytest.mark.parametrize("cipher", CIPHERS)
DATA = random.Random(3).randbytes(3_000_017)


def seal(path, data, cipher):
    path.write_bytes(passkeep.encrypt(data, to=IDENTITY.recipient, cipher=cipher))
    return path


@pytest.fixture(params=CIPHERS)
def sealed(request, tmp_path):
    return seal(tmp_path / "sealed", DATA, request.param)


# Reading


def test_it_is_a_file_object(sealed):
    with passkeep.open(sealed, identity=IDENTITY) as file:
        assert isinstance(file, io.BufferedIOBase)
        assert (file.readable(), file.writable(), file.seekable()) == (True, False, True)
        assert file.read(0) == b""
        assert file.read(10) == DATA[:10]
        assert file.tell() == 10
        assert file.read1(5) == DATA[10:15]
        assert file.seek(-4, os.SEEK_END) == len(DATA) - 4
        assert file.read() == DATA[-4:]
        assert file.read() == b""
        assert file.seek(-10, os.SEEK_CUR) == len(DATA) - 10
        assert file.seek(len(DATA) + 5) == len(DATA) + 5
        assert file.read(3) == b""
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)
        with pytest.raises(ValueError, match="whence"):
            file.seek(0, 7)
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    assert file.closed
    for use in (file.read, file.tell, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_every_way_of_reading_gives_the_same(sealed, threads):
    with passkeep.open(sealed, identity=IDENTITY, threads=threads) as file:
        assert file.read() == DATA
        file.seek(0)
        assert b"".join(iter(lambda: file.read(70_001), b"")) == DATA
        file.seek(0)
        assert b"".join(iter(lambda: file.read1(3000), b"")) == DATA
        file.seek(1)
        assert b"".join(file) == DATA[1:]  # lines
        out = bytearray(len(DATA) + 10)
        file.seek(0)
        assert file.readinto(out) == len(DATA)
        assert out[: len(DATA)] == DATA
        buffered = io.BufferedReader(file, 1000)
        buffered.seek(12_345)
        assert buffered.read(100_000) == DATA[12_345:112_345]


def test_random_reads(sealed):
    random_ = random.Random(5)
    with passkeep.open(sealed, identity=IDENTITY) as file:
        for _ in range(500):
            at, size = random_.randrange(len(DATA)), random_.choice([1, 100, 4096, 70_000])
            file.seek(at)
            assert file.read(size) == DATA[at : at + size]


def test_an_array_is_filled(sealed):
    numbers = np.zeros((100, 100), dtype=np.float64)
    with passkeep.open(sealed, identity=IDENTITY) as file:
        assert file.readinto(numbers) == numbers.nbytes
    assert numbers.tobytes() == DATA[: numbers.nbytes]
    with passkeep.open(sealed, identity=IDENTITY) as file, pytest.raises(BufferError):
        file.readinto(bytes(10))


def test_a_file_object_that_can_seek_is_read_anywhere(sealed):
    prefix = b"something before it"
    inner = io.BytesIO(prefix + sealed.read_bytes())
    inner.seek(len(prefix))
    with passkeep.open(inner, identity=IDENTITY) as file:
        assert file.seekable()
        file.seek(2_000_000)
        assert file.read(70_000) == DATA[2_000_000:2_070_000]
    assert not inner.closed  # it belongs to the caller


@each_cipher
def test_a_pipe_is_read_from_its_beginning_to_its_end(cipher, tmp_path):
    sealed = seal(tmp_path / "sealed", DATA, cipher)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        feeder = threading.Thread(target=feed, args=(writing, sealed.read_bytes()))
        feeder.start()
        with passkeep.open(pipe, identity=IDENTITY) as file:
            assert not file.seekable()
            with pytest.raises(io.UnsupportedOperation):
                file.seek(0)
            assert file.read(1000) == DATA[:1000]
            assert file.tell() == 1000
            assert file.read() == DATA[1000:]
            assert file.read() == b""
        feeder.join()


def feed(descriptor, data):
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)


def test_armor_is_read_as_a_stream(tmp_path):
    path = tmp_path / "file.age"
    path.write_bytes(passkeep.encrypt(DATA, to=IDENTITY.recipient, armored=True))
    with passkeep.open(path, identity=IDENTITY) as file:
        assert not file.seekable()
        assert file.read() == DATA


def test_the_wrong_identity_opens_nothing(sealed):
    with pytest.raises(passkeep.WrongKeyError):
        passkeep.open(sealed, identity=passkeep.Identity.generate())


def test_a_file_without_its_end_is_not_opened(sealed):
    sealed.write_bytes(sealed.read_bytes()[:-1])
    with pytest.raises(passkeep.DamagedError):
        passkeep.open(sealed, identity=IDENTITY)


def test_a_bad_chunk_is_told_and_the_rest_can_be_read(sealed):
    damaged = bytearray(sealed.read_bytes())
    damaged[-1_000_000] ^= 1
    sealed.write_bytes(damaged)
    with passkeep.open(sealed, identity=IDENTITY) as file:
        assert file.read(1000) == DATA[:1000]
        with pytest.raises(passkeep.DamagedError):
            file.read()
        file.seek(-1000, os.SEEK_END)
        assert file.read() == DATA[-1000:]


def test_a_stream_stays_failed(sealed):
    with passkeep.open(Unseekable(sealed.read_bytes()[:-1]), identity=IDENTITY) as file:
        out = bytearray(len(DATA))
        for read in (file.read, file.peek, lambda: file.read(1), partial(file.readinto, out)):
            with pytest.raises(passkeep.DamagedError):
                read()


def test_a_source_that_fails_stays_failed(sealed):
    class Failing(Unseekable):
        def read(self, size=-1):
            if self._data.tell() > 2_000_000:
                raise TimeoutError
            return super().read(min(size, 100_000))

    with passkeep.open(Failing(sealed.read_bytes()), identity=IDENTITY) as file:
        for read in (file.read, file.peek, lambda: file.read(1)):
            with pytest.raises(TimeoutError):
                read()


def test_a_buffer_that_cannot_be_filled_does_no_harm(sealed):
    with streaming(sealed) as file:
        with pytest.raises(BufferError):
            file.readinto(bytes(10))
        assert file.read(10) == DATA[:10]


def test_many_threads_share_a_reader(sealed):
    with passkeep.open(sealed, identity=IDENTITY) as file:
        read = []

        def work():
            while data := file.read(10_007):
                read.append(data)

        workers = [threading.Thread(target=work) for _ in range(64)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sum(map(len, read)) == len(DATA)
        assert set(read) <= {DATA[at : at + 10_007] for at in range(0, len(DATA), 10_007)}


def test_a_callback_that_uses_the_reader_it_works_for_is_refused(sealed):
    class Source(Unseekable):
        def read(self, size=-1):
            for file in files:
                for use in (file.read, file.peek, file.read1, partial(file.readinto, out)):
                    with pytest.raises(RuntimeError, match="it interrupted"):
                        use()
                    refused.append(use)
            return super().read(size)

    files, out, refused = [], bytearray(10), []
    with passkeep.open(Source(sealed.read_bytes()), identity=IDENTITY) as file:
        files.append(file)
        assert file.read() == DATA
    assert refused


def test_a_forked_child_does_not_wait_for_a_reader_in_use(sealed):
    """The thread that reads did not come along; what nobody was using goes on."""

    class Source(Unseekable):
        def read(self, size=-1):
            if file is not None:
                reading.set()
                go_on.wait()
            return super().read(size)

    file, reading, go_on = None, threading.Event(), threading.Event()
    with passkeep.open(sealed, identity=IDENTITY) as idle:
        file = passkeep.open(Source(sealed.read_bytes()), identity=IDENTITY)
        worker = threading.Thread(target=lambda: read.append(file.read()))
        read = []
        worker.start()
        reading.wait()
        process = os.fork()
        if process == 0:
            signal.alarm(30)
            try:
                with pytest.raises(RuntimeError, match="parent process"):
                    file.read()
                os._exit(7 if idle.read() == DATA else 8)
            finally:
                os._exit(9)
        status = os.waitpid(process, 0)[1]
        go_on.set()
        worker.join()
        assert os.waitstatus_to_exitcode(status) == 7
        assert read == [DATA]
        assert idle.read() == DATA


def streaming(sealed):
    """The same file, as a source that cannot seek."""
    return passkeep.open(Unseekable(sealed.read_bytes()), identity=IDENTITY)


class Unseekable(io.RawIOBase):
    def __init__(self, data):
        self._data = io.BytesIO(data)

    def read(self, size=-1):
        return self._data.read(size)


def reads_of(random_, file, expected):
    """One read of any sort, by both: the file, and what it should be."""
    size = random_.choice([0, 1, 50, 8191, 8192, 20_000, 70_000, 1_100_000])
    match random_.randrange(6):
        case 0:
            seen, at = file.peek(size), expected.tell()
            assert seen == expected.read(len(seen))
            assert seen or not expected.read(1)
            expected.seek(at)
        case 1:
            assert file.read(size) == expected.read(size)
        case 2:
            found = file.read1(size)
            assert found == expected.read(len(found))
        case 3:
            assert file.readline(size) == expected.readline(size)
        case 4:
            out = bytearray(size)
            assert out[: file.readinto(out)] == expected.read(size)
        case 5:
            out = bytearray(size)
            found = out[: file.readinto1(out)]
            assert found == expected.read(len(found))
    assert file.tell() == expected.tell()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("how", ["anywhere", "stream"])
def test_reads_of_all_sorts_after_each_other(how, seed, sealed):
    random_, expected = random.Random(seed), io.BytesIO(DATA)
    anywhere = how == "anywhere"
    with passkeep.open(sealed, identity=IDENTITY) if anywhere else streaming(sealed) as file:
        for _ in range(60):
            if anywhere and random_.randrange(4) == 0:
                place = random_.randrange(len(DATA) + 10_000)
                assert file.seek(place) == expected.seek(place)
            reads_of(random_, file, expected)
        assert file.read() == expected.read()
        assert file.peek() == b""


def test_peeking_shows_more_than_a_byte(sealed):
    """Or each byte of a line would be read by itself."""
    for file in (passkeep.open(sealed, identity=IDENTITY), streaming(sealed)):
        with file:
            assert file.peek(1) == DATA[:8192]
            assert file.tell() == 0


@pytest.mark.parametrize("into", [False, True])
def test_threads_that_share_a_stream_get_whole_pieces(into):
    size, piece = 16 << 20, 3 << 20
    numbers = np.arange(size // 8)
    sealed = passkeep.encrypt(numbers, to=IDENTITY.recipient)
    gaps = []

    def work():
        while True:
            out = bytearray(piece)
            data = out[: file.readinto(out)] if into else file.read(piece)
            if not data:
                return
            gaps.append(np.flatnonzero(np.diff(np.frombuffer(data, numbers.dtype)) != 1).size)

    with passkeep.open(Unseekable(sealed), identity=IDENTITY) as file:
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert gaps == [0] * -(-size // piece)


# What people put into files


@each_cipher
def test_tarfile_lists_and_reads(cipher, tmp_path):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for number in range(50):
            info = tarfile.TarInfo(f"file-{number}")
            info.size = number * 1000
            tar.addfile(info, io.BytesIO(DATA[: info.size]))
    sealed = seal(tmp_path / "a.tar.age", archive.getvalue(), cipher)
    with (
        passkeep.open(sealed, identity=IDENTITY) as file,
        tarfile.open(fileobj=file) as tar,
    ):
        assert tar.getnames() == [f"file-{number}" for number in range(50)]
        assert tar.extractfile("file-33").read() == DATA[:33_000]


@each_cipher
def test_zipfile_writes_and_reads(cipher, tmp_path):
    path = tmp_path / "a.zip.age"
    with (
        passkeep.open(path, "wb", to=IDENTITY.recipient, cipher=cipher) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("a", DATA)
        archive.writestr("b", "text")
    with (
        passkeep.open(path, identity=IDENTITY) as file,
        zipfile.ZipFile(file) as archive,
    ):
        assert archive.testzip() is None
        assert archive.read("a") == DATA


@each_cipher
def test_a_database_is_whole_again(cipher, tmp_path):
    with sqlite3.connect(tmp_path / "made.db") as database:
        database.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT)")
        rows = ((f"message {number} " * 20,) for number in range(20_000))
        database.executemany("INSERT INTO message (text) VALUES (?)", rows)
    database.close()
    sealed = tmp_path / "made.db.age"
    passkeep.encrypt_file(tmp_path / "made.db", sealed, to=IDENTITY.recipient, cipher=cipher)
    restored = tmp_path / "restored.db"
    with passkeep.open(sealed, identity=IDENTITY) as file, restored.open("wb") as out:
        shutil.copyfileobj(file, out)
    database = sqlite3.connect(restored)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("SELECT count(*) FROM message").fetchone() == (20_000,)
    database.close()


# Writing


@each_cipher
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_what_is_written_can_be_read(cipher, threads, tmp_path):
    path = tmp_path / "file"
    with passkeep.open(path, "wb", to=IDENTITY.recipient, cipher=cipher, threads=threads) as file:
        assert isinstance(file, io.BufferedIOBase)
        assert (file.readable(), file.writable(), file.seekable()) == (False, True, False)
        assert file.write(DATA[:1000]) == 1000
        assert file.write(memoryview(DATA)[1000:2_000_000]) == 1_999_000
        file.flush()
        assert file.tell() == 2_000_000
        file.writelines([DATA[2_000_000:2_500_000], DATA[2_500_000:]])
        assert not path.exists()
        with pytest.raises(io.UnsupportedOperation):
            file.read()
    assert passkeep.decrypt(path.read_bytes(), IDENTITY) == DATA
    with pytest.raises(ValueError, match="closed"):
        file.write(b"more")
    file.close()  # again is harmless


def test_an_exception_leaves_nothing(tmp_path):
    path = tmp_path / "file"
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        passkeep.open(path, "wb", to=IDENTITY.recipient) as file,
    ):
        file.write(DATA)
        raise ZeroDivisionError
    assert file.closed
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"good")
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        passkeep.open(path, "wb", to=IDENTITY.recipient) as file,
    ):
        file.write(DATA)
        raise ZeroDivisionError
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


def forget(file):
    """Writes to a file, and lets go of it as the garbage collector does."""
    file.write(DATA)
    with pytest.warns(ResourceWarning, match="not closed"):
        file.__del__()


def test_a_writer_that_nobody_closes_yields_nothing(tmp_path):
    path = tmp_path / "file"
    forget(passkeep.open(path, "wb", to=IDENTITY.recipient))
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_interpreter_publishes_nothing(tmp_path):
    program = (
        "import sys, passkeep\n"
        "to = passkeep.Identity.generate().recipient\n"
        "file = passkeep.open('file', 'wb', to=to)\n"
        "file.write(bytes(3_000_000))\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_a_sink_of_the_caller_gets_no_complete_file_either():
    for end in ("exception", "collected"):
        sink = io.BytesIO()
        file = passkeep.open(sink, "wb", to=IDENTITY.recipient)
        if end == "exception":
            file.write(DATA)
            file.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
        else:
            forget(file)
            del file
        with pytest.raises(passkeep.DamagedError):
            passkeep.decrypt(sink.getvalue(), IDENTITY)


def test_a_full_disk_discards_it(tmp_path):
    class Full(io.RawIOBase):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        passkeep.open(Full(), "wb", to=IDENTITY.recipient)

    class Filling(io.BytesIO):
        def write(self, data):
            if self.tell() > 2_000_000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    sink = Filling()
    file = passkeep.open(sink, "wb", to=IDENTITY.recipient)
    with pytest.raises(OSError, match="No space left"):
        file.writelines([DATA] * 10)
    for use in (lambda: file.write(b"more"), file.close, file.close):
        with pytest.raises(passkeep.OutputError, match="failed"):
            use()
    assert file.closed
    with pytest.raises(passkeep.DamagedError):
        passkeep.decrypt(sink.getvalue(), IDENTITY)


@pytest.mark.parametrize("thing", ["text", None, 5, memoryview(b"with gaps")[::2]])
def test_what_cannot_be_written_does_no_harm(thing, tmp_path):
    path = tmp_path / "file"
    with passkeep.open(path, "wb", to=IDENTITY.recipient) as file:
        file.write(b"important")
        with pytest.raises((TypeError, BufferError)):
            file.write(thing)
    assert passkeep.decrypt(path.read_bytes(), IDENTITY) == b"important"


class Refusing(io.BytesIO):
    """A sink that refuses one call in the middle, and tells of it."""

    refuse = False

    def write(self, data):
        if self.refuse:
            raise OSError(5, "Input/output error")
        return super().write(data)


def test_a_failure_that_nobody_heeds_is_told_at_the_end():
    sink = Refusing()
    with (  # noqa: PT012
        pytest.raises(passkeep.OutputError, match="failed") as caught,
        passkeep.open(sink, "wb", to=IDENTITY.recipient) as file,
    ):
        sink.refuse = True
        with pytest.raises(OSError, match="Input/output"):
            file.write(bytes(8 << 20))
        sink.refuse = False
    assert isinstance(caught.value.__cause__, OSError)
    assert file.closed


def test_a_failure_is_not_told_to_who_discards():
    sink = Refusing()
    file = passkeep.open(sink, "wb", to=IDENTITY.recipient)
    sink.refuse = True
    with pytest.raises(OSError, match="Input/output"):
        file.write(bytes(8 << 20))
    file.discard()
    file.close()
    assert file.closed


def test_closing_that_failed_stays_failed(tmp_path):
    path = tmp_path / "file"
    file = passkeep.open(path, "xb", to=IDENTITY.recipient)
    path.write_bytes(b"somebody else's")
    with pytest.raises(passkeep.OutputError, match="already exists"):
        file.close()
    with pytest.raises(passkeep.OutputError, match="failed"):
        file.close()
    assert path.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [path]


def test_two_threads_close_it():
    """The second one comes while the first one is at it."""
    ended, others = [], []

    def close():
        try:
            file.close()
        except Exception as error:  # noqa: BLE001  (whatever it is)
            ended.append(error)
        else:
            ended.append("closed")

    class Sink(io.BytesIO):
        def write(self, data):
            if closing and not others:
                others.append(threading.Thread(target=close))
                others[0].start()
                others[0].join(0.2)  # it cannot end while this one is not done
            return super().write(data)

    sink, closing = Sink(), False
    file = passkeep.open(sink, "wb", to=IDENTITY.recipient)
    file.write(b"important")
    closing = True
    close()
    others[0].join()
    assert ended == ["closed", "closed"]
    assert passkeep.decrypt(sink.getvalue(), IDENTITY) == b"important"


def exits(file):
    with file:
        sys.exit(0)


def closes(file):
    with pytest.raises(RuntimeError, match="parent process"):
        file.close()


def writes(file):
    with pytest.raises(RuntimeError, match="parent process"):
        file.write(b"the child's")


def ends_the_block(file):
    with pytest.raises(RuntimeError, match="parent process"), file:
        pass


@pytest.mark.parametrize(
    "use",
    [lambda file: file.write(b"x"), passkeep.SealedWriter.close, passkeep.SealedWriter.discard],
)
def test_a_callback_that_uses_the_writer_it_works_for_is_refused(use):
    class Sink(io.BytesIO):
        def write(self, data):
            for file in files:
                with pytest.raises(RuntimeError, match="it interrupted"):
                    use(file)
                refused.append(use)
            return super().write(data)

    files, sink, refused = [], Sink(), []
    with passkeep.open(sink, "wb", to=IDENTITY.recipient) as file:
        files.append(file)
        file.write(DATA)
    assert refused
    assert passkeep.decrypt(sink.getvalue(), IDENTITY) == DATA


@pytest.mark.parametrize(
    "child", [exits, closes, writes, ends_the_block, passkeep.SealedWriter.__del__]
)
def test_a_forked_child_has_no_part_in_it(child, tmp_path):
    path = tmp_path / "file"
    file = passkeep.open(path, "wb", to=IDENTITY.recipient)
    file.write(DATA)
    process = os.fork()
    if process == 0:
        try:
            child(file)
        except SystemExit:
            os._exit(7)
        except BaseException:  # noqa: BLE001  (nothing may get out of the child)
            os._exit(8)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
    assert not path.exists()
    file.write(b"more")
    file.close()
    assert passkeep.decrypt(path.read_bytes(), IDENTITY) == DATA + b"more"


def test_modes(tmp_path):
    path = tmp_path / "file"
    with passkeep.open(path, "xb", to=IDENTITY.recipient) as file:
        file.write(b"one")
    with pytest.raises(passkeep.OutputError, match="already exists"):
        passkeep.open(path, "xb", to=IDENTITY.recipient)
    with passkeep.open(path, "wb", to=IDENTITY.recipient) as file:
        file.write(b"two")
    assert passkeep.decrypt(path.read_bytes(), IDENTITY) == b"two"
    for mode, arguments in (
        ("r", {"identity": IDENTITY}),
        ("rb", {"to": IDENTITY.recipient}),
        ("wb", {"identity": IDENTITY}),
        ("ab", {"to": IDENTITY.recipient}),
    ):
        with pytest.raises(passkeep.InvalidInputError):
            passkeep.open(path, mode, **arguments)


# Text


def test_text(tmp_path):
    path = tmp_path / "file"
    with passkeep.open(path, "wt", to=IDENTITY.recipient) as file:
        file.write("Zwölf Boxkämpfer\n")
        print("jagen Viktor", file=file)
    assert (
        passkeep.decrypt(path.read_bytes(), IDENTITY) == "Zwölf Boxkämpfer\njagen Viktor\n".encode()
    )
    with passkeep.open(path, "rt", identity=IDENTITY) as file:
        assert list(file) == ["Zwölf Boxkämpfer\n", "jagen Viktor\n"]
    with pytest.raises(passkeep.OutputError, match="already exists"):
        passkeep.open(path, "xt", to=IDENTITY.recipient)
    other = {"encoding": "utf-16-le", "newline": "\r\n"}
    with passkeep.open(path, "wt", to=IDENTITY.recipient, **other) as file:
        file.write("ä\n")
    assert passkeep.decrypt(path.read_bytes(), IDENTITY) == "ä\r\n".encode("utf-16-le")
    with passkeep.open(path, "rt", identity=IDENTITY, encoding="utf-16-le") as file:
        assert file.read() == "ä\n"


def test_half_a_text_is_not_published(tmp_path):
    path = tmp_path / "file"
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        passkeep.open(path, "wt", to=IDENTITY.recipient) as file,
    ):
        file.write("half")
        raise ZeroDivisionError
    assert file.closed
    with pytest.warns(ResourceWarning, match="not closed"):
        passkeep.open(path, "wt", to=IDENTITY.recipient).write("half")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [{"encoding": "none such"}, {"newline": "x"}])
def test_text_that_cannot_be_leaves_nothing(how, tmp_path, sealed):
    with pytest.raises((LookupError, ValueError)):
        passkeep.open(tmp_path / "file", "wt", to=IDENTITY.recipient, **how)
    with pytest.raises((LookupError, ValueError)):
        passkeep.open(sealed, "rt", identity=IDENTITY, **how)
    assert list(tmp_path.iterdir()) == [sealed]


def wrapped_text(file, numbers):
    wrapper = io.TextIOWrapper(file)
    for number in numbers:
        wrapper.write(str(1 / number))
    wrapper.close()


def compressed(file, numbers):
    with gzip.open(file, "wb") as wrapper:
        for number in numbers:
            wrapper.write(str(1 / number).encode())


@pytest.mark.parametrize(("write", "read"), [(wrapped_text, bytes), (compressed, gzip.decompress)])
def test_wrappers_publish_nothing_half(write, read, tmp_path):
    """One that closes what it wraps, as the documentation has it, and one that does not."""
    path = tmp_path / "file"
    with (
        pytest.raises(ZeroDivisionError),
        passkeep.open(path, "wb", to=IDENTITY.recipient) as file,
    ):
        write(file, [1, 0])
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with passkeep.open(path, "wb", to=IDENTITY.recipient) as file:
        write(file, [1])
    assert read(passkeep.decrypt(path.read_bytes(), IDENTITY)) == b"1.0"


@each_cipher
def test_a_keyrings_file_carries_its_keyring(cipher, quick, quick_keyring, tmp_path):
    path = tmp_path / "db.age"
    with passkeep.open(path, "wb", to=quick_keyring, cipher=cipher) as file:
        file.write(DATA)
    for unlock in (
        passkeep.Unlock(passkey=quick.passkeys),
        passkeep.Unlock(recovery_key=quick.digits),
    ):
        with passkeep.open(path, identity=unlock) as file:
            assert file.read() == DATA


def test_writers_are_not_pickled(tmp_path):
    with passkeep.open(tmp_path / "file", "wb", to=IDENTITY.recipient) as file:
        with pytest.raises(TypeError):
            pickle.dumps(file)
        assert "SealedWriter" in repr(file)
