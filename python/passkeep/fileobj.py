"""`passkeep.open`: sealed files as Python's own file objects."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import BinaryIO, Literal, TypeAlias, cast, overload

from passkeep import _native, sealed
from passkeep._native import OpeningStream, RangeStream, SealingStream
from passkeep.audience import To, resolve
from passkeep.errors import InvalidInputError
from passkeep.incoming import Incoming, Source, read
from passkeep.keyring import State
from passkeep.reader import SealedReader
from passkeep.sealed import Cipher
from passkeep.stream import Identities, Sink, open_sink, to_identities
from passkeep.writer import SealedText, SealedWriter

WriteMode: TypeAlias = Literal["wb", "xb"]
TextMode: TypeAlias = Literal["wt", "xt"]


@overload
def open(  # noqa: A001  (it is called `passkeep.open`)
    file: Source, mode: Literal["rb"] = "rb", *, identity: Identities, threads: int | None = None
) -> SealedReader: ...


@overload
def open(  # noqa: A001
    file: Source,
    mode: Literal["rt"],
    *,
    identity: Identities,
    encoding: str = "utf-8",
    newline: str | None = None,
    threads: int | None = None,
) -> io.TextIOWrapper: ...


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


@overload
def open(  # noqa: A001
    file: Sink,
    mode: TextMode,
    *,
    to: To,
    encoding: str = "utf-8",
    newline: str | None = None,
    cipher: Cipher = "age",
    sync: bool = True,
    threads: int | None = None,
    state: State | None = None,
) -> SealedText: ...


def open(  # noqa: A001
    file: Source | Sink,
    mode: Literal["rb", "rt"] | WriteMode | TextMode = "rb",
    *,
    identity: Identities | None = None,
    to: To | None = None,
    encoding: str = "utf-8",
    newline: str | None = None,
    cipher: Cipher = "age",
    sync: bool = True,
    threads: int | None = None,
    state: State | None = None,
) -> SealedReader | SealedWriter | io.TextIOWrapper:
    """Opens a sealed file as a file object.

    ``open(path, "rb", identity=…)`` reads, verified chunk by chunk. A regular file,
    or a file object that can seek, is read anywhere; a pipe, standard input (0) or
    an armored file from its beginning to its end.

    ``open(path, "wb", to=…)`` writes. The file appears when it is closed, and
    never where the ``with`` block ends by an exception or nobody closes it.
    "wb" replaces an existing file at that moment, "xb" refuses to.

    "rt", "wt" and "xt" are the same for text. A wrapper of your own that closes what
    it wraps, like :class:`io.TextIOWrapper`, does so after an exception too, and would
    publish what is not complete: give it no ``with`` block, but close it last in that
    of the sealed file.

    Args:
        file: A path, 0 for standard input or 1 for standard output, or a binary
            file object.
        mode: "rb", "wb" or "xb"; "rt", "wt" or "xt" for text.
        identity: What opens it, for reading.
        to: For writing: recipients, or a keyring, whose files then carry its
            travelling copy.
        encoding: For text.
        newline: For text: as for Python's own `open`.
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
        OutputError: The file exists, and the mode is "xb" or "xt".
        LookupError: The encoding is unknown.
        OSError: The system refused.
    """
    threads = threads or _native.usable_threads()
    if mode in {"rb", "rt"} and identity is not None:
        reader = _open_reader(cast("Source", file), identity, threads)
        return reader if mode == "rb" else _reading_text(reader, encoding, newline)
    if mode in {"wb", "xb", "wt", "xt"} and to is not None:
        audience = resolve(to, state)
        header, key = sealed.begin(audience.recipients, audience.stanzas, cipher=cipher)
        with ExitStack() as stack:
            overwrite = mode in {"wb", "wt"}
            sink = open_sink(cast("Sink", file), overwrite=overwrite, sync=sync)
            stream = SealingStream(stack.enter_context(sink), header, key, threads=threads)
            writer = SealedWriter(stream, stack.pop_all())
        return writer if mode in {"wb", "xb"} else _writing_text(writer, encoding, newline)
    raise InvalidInputError(
        'use "rb" or "rt" with identity=…, or "wb", "xb", "wt" or "xt" with to=…'
    )


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


def _reading_text(reader: SealedReader, encoding: str, newline: str | None) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(cast("BinaryIO", reader), encoding=encoding, newline=newline)
    except BaseException:
        reader.close()
        raise


def _writing_text(writer: SealedWriter, encoding: str, newline: str | None) -> SealedText:
    try:
        return SealedText(writer, encoding, newline)
    except BaseException:
        writer.discard()
        raise


def _offset(incoming: Incoming, file: Source) -> int | None:
    """Where the payload begins in a source that can seek; None for the others."""
    if isinstance(incoming.leftover, int):
        return incoming.leftover
    armored = not isinstance(incoming.source, _native.Reader)
    if armored or isinstance(file, (str, int)) or not hasattr(file, "seekable"):
        return None
    seeking = cast("BinaryIO", file)
    return seeking.tell() - len(incoming.leftover) if seeking.seekable() else None
