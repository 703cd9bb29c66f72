"""`passkeep.open`: sealed files as Python's own binary file objects."""

from __future__ import annotations

import io
import os
import threading
import warnings
from contextlib import ExitStack
from typing import BinaryIO, Literal, NoReturn, TypeAlias, cast, overload

from passkeep import _native, sealed
from passkeep._native import OpeningStream, RangeStream, SealingStream
from passkeep.audience import To, resolve
from passkeep.buffers import Buffer
from passkeep.errors import InvalidInputError, OutputError, PasskeepError
from passkeep.incoming import Incoming, Source, read
from passkeep.keyring import State
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Sink, open_sink, to_identities

_PIECE = 1 << 20
_LOOKAHEAD = 8192

WriteMode: TypeAlias = Literal["wb", "xb"]


@overload
def open(  # noqa: A001  (it is called `passkeep.open`)
    file: Source, mode: Literal["rb"] = "rb", *, identity: Identities, threads: int | None = None
) -> SealedReader: ...


@overload
def open(  # noqa: A001
    file: Sink,
    mode: WriteMode,
    *,
    to: To,
    cipher: Cipher = "age",
    sync: bool = True,
    threads: int | None = None,
    state: State | None = None,
) -> SealedWriter: ...


def open(  # noqa: A001
    file: Source | Sink,
    mode: Literal["rb"] | WriteMode = "rb",
    *,
    identity: Identities | None = None,
    to: To | None = None,
    cipher: Cipher = "age",
    sync: bool = True,
    threads: int | None = None,
    state: State | None = None,
) -> SealedReader | SealedWriter:
    """Opens a sealed file as a binary file object.

    ``open(path, "rb", identity=…)`` reads, verified chunk by chunk. A regular file,
    or a file object that can seek, is read anywhere; a pipe, standard input (0) or
    an armored file from its beginning to its end.

    ``open(path, "wb", to=…)`` writes. The file appears when it is closed, and
    never where the ``with`` block ends by an exception or nobody closes it.
    "wb" replaces an existing file at that moment, "xb" refuses to.

    Args:
        file: A path, 0 for standard input or 1 for standard output, or a binary
            file object.
        mode: "rb", "wb" or "xb".
        identity: What opens it, for reading.
        to: For writing: recipients, or a keyring, whose files then carry its
            travelling copy.
        cipher: For writing: "age" or "aes-256-gcm".
        sync: For writing: whether closing waits until it is on the disk.
        threads: How many cores to use; by default all that are usable.
        state: What this machine remembers of keyrings.

    Raises:
        WrongKeyError: No identity opens it.
        DamagedError: It was changed, is cut short, or is no sealed file; while
            reading as well.
        LimitError: Its header asks for more than a limit allows.
        InvalidInputError: The mode is unknown, or lacks `identity` or `to`.
        KeyringError: The keyring is incomplete, or not what this machine used before.
        OutputError: The file exists, and the mode is "xb".
        OSError: The system refused.
    """
    threads = threads or _native.usable_threads()
    if mode == "rb" and identity is not None:
        return _open_reader(cast("Source", file), identity, threads)
    if mode in ("wb", "xb") and to is not None:
        audience = resolve(to, state)
        header, key = sealed.begin(audience.recipients, audience.stanzas, cipher=cipher)
        with ExitStack() as stack:
            overwrite = mode == "wb"
            sink = open_sink(cast("Sink", file), overwrite=overwrite, sync=sync)
            stream = SealingStream(stack.enter_context(sink), header, key, threads=threads)
            return SealedWriter(stream, stack.pop_all())
    raise InvalidInputError('use "rb" with identity=…, or "wb" or "xb" with to=…')


def _open_reader(file: Source, identity: Identities, threads: int) -> SealedReader:
    with ExitStack() as stack:
        incoming = stack.enter_context(read(file))
        key = incoming.opening.unlock(to_identities(identity))
        offset = _offset(incoming, file)
        stream: RangeStream | OpeningStream
        if offset is None:
            stream = OpeningStream(incoming.source, incoming.leftover, key, threads=threads)
        else:
            stream = RangeStream(incoming.source, offset, key, threads=threads)
        return SealedReader(stream, stack.pop_all())


def _offset(incoming: Incoming, file: Source) -> int | None:
    """Where the payload begins in a source that can seek; None for the others."""
    if isinstance(incoming.leftover, int):
        return incoming.leftover
    armored = not isinstance(incoming.source, _native.Reader)
    if armored or isinstance(file, (str, int)) or not hasattr(file, "seekable"):
        return None
    seeking = cast("BinaryIO", file)
    return seeking.tell() - len(incoming.leftover) if seeking.seekable() else None


class SealedReader(io.BufferedIOBase):
    """Reads plaintext from a sealed file. Made by :func:`open`.

    Whatever it returns was verified. After an error in a stream every later
    call fails alike; in a file that can seek, other parts can still be read.
    Several threads may share it.
    """

    def __init__(self, stream: RangeStream | OpeningStream, owned: ExitStack) -> None:
        """Not for callers: use :func:`open`."""
        self._stream = stream
        self._owned = owned
        self._position = 0
        self._ahead, self._ahead_at = b"", 0
        self._lock = threading.Lock()
        self._failure: PasskeepError | OSError | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """Whether any part can be read; then its size is known, and verified."""
        return isinstance(self._stream, RangeStream)

    def tell(self) -> int:
        """The position in the plaintext."""
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves to a position in the plaintext.

        Raises:
            UnsupportedOperation: It is a stream.
            ValueError: The position would be negative.
        """
        self._check_open()
        if not isinstance(self._stream, RangeStream):
            raise io.UnsupportedOperation("a stream is read from its beginning to its end")
        with self._lock:
            base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._stream.size}
            if whence not in base:
                raise ValueError("whence is SEEK_SET, SEEK_CUR or SEEK_END")
            if base[whence] + offset < 0:
                raise ValueError("a position is never negative")
            self._position = base[whence] + offset
            return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads up to `size` bytes, fewer only at the end; all of them by default."""
        self._check_open()
        wanted = None if size is None or size < 0 else size
        with self._lock:
            ahead = self._take(wanted)
            if len(ahead) == wanted:
                return ahead
            if isinstance(self._stream, RangeStream):
                self._position -= len(ahead)
                return self._piece(self._stream.size if wanted is None else wanted)
            pieces, left = [ahead], None if wanted is None else wanted - len(ahead)
            while piece := self._piece(_PIECE if left is None else min(left, _PIECE)):
                pieces.append(piece)
                left = None if left is None else left - len(piece)
            return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """Reads up to `size` bytes: what is at hand."""
        self._check_open()
        wanted = _PIECE if size < 0 else size
        with self._lock:
            return self._take(wanted) or self._piece(wanted)

    def peek(self, size: int = 0, /) -> bytes:
        """Shows some of the next bytes, whatever `size` says; none only at the end.

        Lines are found with it. An :class:`io.BufferedReader` finds them faster still.
        """
        del size
        self._check_open()
        with self._lock:
            at = self._position
            ahead = self._take(None)
            if not ahead:
                ahead = self._piece(_LOOKAHEAD)
                self._ahead, self._ahead_at = ahead, at
            self._position = at
            return ahead

    def readinto(self, buffer: Buffer, /) -> int:
        """Fills `buffer`, less of it only at the end. Returns how much."""
        view = memoryview(cast("bytes", buffer)).cast("B")
        self._check_open()
        with self._lock:
            filled = 0
            while filled < len(view) and (size := self._fill(view[filled:])):
                filled += size
            return filled

    def readinto1(self, buffer: Buffer, /) -> int:
        """Fills some or all of `buffer`, nothing only at the end. Returns how much."""
        view = memoryview(cast("bytes", buffer)).cast("B")
        self._check_open()
        with self._lock:
            return self._fill(view)

    def close(self) -> None:
        """Closes the file, if it was opened by its path."""
        if not self.closed:
            self._owned.close()
        super().close()

    def _take(self, size: int | None) -> bytes:
        """Reads up to `size` bytes of what was peeked at."""
        start = self._position - self._ahead_at
        if not 0 <= start < len(self._ahead):
            return b""
        data = self._ahead[start:] if size is None else self._ahead[start : start + size]
        self._position += len(data)
        return data

    def _piece(self, size: int) -> bytes:
        """Reads up to `size` bytes in one go."""
        if isinstance(self._stream, RangeStream):
            data = self._stream.read(self._position, size)
            self._position += len(data)
            return data
        out = bytearray(size)
        return bytes(memoryview(out)[: self._read_on(self._stream, out)])

    def _fill(self, view: memoryview) -> int:
        """Fills some of `view` in one go."""
        if isinstance(self._stream, RangeStream):
            size = self._stream.readinto(self._position, view)
            self._position += size
            return size
        ahead = self._take(len(view))
        if not ahead:
            return self._read_on(self._stream, view)
        view[: len(ahead)] = ahead
        return len(ahead)

    def _read_on(self, stream: OpeningStream, buffer: Buffer) -> int:
        if self._failure is not None:
            raise self._failure
        try:
            size = stream.readinto(buffer)
        except (PasskeepError, OSError) as error:
            self._failure = error
            raise
        self._position += size
        return size

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")


class SealedWriter(io.BufferedIOBase):
    """Seals what is written to it. Made by :func:`open`.

    The result is complete, and has its name, after :meth:`close`. Where writing failed
    once, there is no result, and closing says so. Several threads may share it; a
    process that is forked meanwhile has no part in it.
    """

    def __init__(self, stream: SealingStream, target: ExitStack) -> None:
        """Not for callers: use :func:`open`."""
        self._stream = stream
        self._target = target
        self._position = 0
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._failure: BaseException | None = None
        self._ended = False

    def writable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Bytes of plaintext so far."""
        self._check_open()
        return self._position

    def write(self, data: Buffer, /) -> int:
        """Takes all of `data`.

        Raises:
            TypeError: It is no buffer; nothing was written, as after a BufferError,
                and the file goes on.
            OutputError: Writing failed before.
            OSError: The system refused; the file will not be published.
        """
        self._check_process()
        if not memoryview(cast("bytes", data)).c_contiguous:
            raise BufferError("the buffer is not contiguous")
        with self._lock:
            self._check_open()
            self._check_whole()
            try:
                size = self._stream.write(data)
            except BaseException as error:
                self._fail(error)
                raise
            self._position += size
            return size

    def flush(self) -> None:
        """Does nothing: a chunk is sealed when it is full, or when the file is closed."""
        self._check_open()

    def close(self) -> None:
        """Completes the file and gives it its name.

        Raises:
            OutputError: A file of that name appeared meanwhile, and the mode is "xb"; or
                writing failed before.
            OSError: The system refused; nothing was published.
        """
        self._check_process()
        with self._lock:
            try:
                self._finish()
            finally:
                super().close()

    def discard(self) -> None:
        """Closes the file without ever publishing it."""
        if self._is_ours():
            with self._lock:
                self._failure = None
                self._release()
        super().close()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # The base class would close it, and publish what is not complete.
        if not getattr(self, "_ended", True) and self._is_ours():
            warnings.warn(f"{self!r} was not closed; discarded", ResourceWarning, stacklevel=2)
            self.discard()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a file that is being written cannot be pickled")

    def _finish(self) -> None:
        self._check_whole()
        if self._ended:
            return
        try:
            self._stream.finish()
            self._ended = True
            self._target.close()
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._release()

    def _release(self) -> None:
        """Lets go of the target, which does not get its name."""
        if not self._ended:
            self._ended = True
            self._stream.abandon()
            self._target.__exit__(_DiscardedError, _DiscardedError(), None)

    def _is_ours(self) -> bool:
        return os.getpid() == self._process

    def _check_process(self) -> None:
        # Before the lock, which a thread of the parent may hold forever.
        if not self._is_ours():
            raise RuntimeError("this file belongs to the parent process")

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")

    def _check_whole(self) -> None:
        if self._failure is not None:
            raise OutputError(
                "writing this file failed before; it was discarded"
            ) from self._failure


class _DiscardedError(Exception):
    """Tells the target that its content is not to be published."""
