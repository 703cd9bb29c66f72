"""Writing a sealed file as one of Python's own file objects, binary or text."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import ExitStack
from typing import BinaryIO, NoReturn, cast

from passkeep._native import SealingStream
from passkeep.buffers import Buffer
from passkeep.errors import OutputError
from passkeep.turns import Turns, in_turn


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
        self._turns = Turns()
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

    @in_turn
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

    @in_turn
    def close(self) -> None:
        """Completes the file and gives it its name.

        Raises:
            OutputError: A file of that name appeared meanwhile, and the mode is "xb"; or
                writing failed before.
            OSError: The system refused; nothing was published.
        """
        self._check_process()
        try:
            self._finish()
        finally:
            super().close()

    @in_turn
    def discard(self) -> None:
        """Closes the file without ever publishing it."""
        if self._is_ours():
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


class SealedText(io.TextIOWrapper):
    """Seals text that is written to it. Made by :func:`open`.

    An :class:`io.TextIOWrapper` closes what it wraps whatever happened, and so would
    publish the beginning of a text after an exception. This one discards it.
    """

    def __init__(self, sealed: SealedWriter, encoding: str, newline: str | None) -> None:
        """Not for callers: use :func:`open`."""
        super().__init__(cast("BinaryIO", sealed), encoding=encoding, newline=newline)
        self._sealed = sealed

    def discard(self) -> None:
        """Closes the file without ever publishing it."""
        self._sealed.discard()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # The base class would close it. What it wraps knows better when it goes.
        pass
