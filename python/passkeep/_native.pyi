"""The native half of passkeep. Its public face is the package around it."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

from passkeep.buffers import Buffer

__all__ = [
    "VERSION",
    "BatchKey",
    "CancelToken",
    "Hasher",
    "OpeningStream",
    "PayloadKey",
    "Problem",
    "RangeStream",
    "RawMessages",
    "Reader",
    "SealingStream",
    "TreeEntry",
    "TreeReport",
    "Writer",
    "backup_tree",
    "cat_tree",
    "hash_bytes",
    "hash_stream",
    "list_tree",
    "measure_tree",
    "open_bytes",
    "open_into",
    "open_stream",
    "restore_tree",
    "seal_bytes",
    "seal_into",
    "seal_stream",
    "usable_threads",
]

VERSION: Final[str]

_Path: TypeAlias = str | os.PathLike[str]

@final
class CancelToken:
    """Stops an operation from another thread, within a fifth of a second."""

    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None:
        """Asks the operations that were given this token to stop."""

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""

@final
class BatchKey:
    """A key that many objects are sealed with, each in a context of its own."""

    def __new__(cls, key: bytes) -> BatchKey: ...
    def seal(
        self,
        contexts: Sequence[bytes],
        data: Sequence[Buffer],
        *,
        threads: int,
        cancel: CancelToken | None = None,
    ) -> list[bytes]:
        """Seals objects, given as their contexts and contents."""

    def open(
        self,
        contexts: Sequence[bytes],
        data: Sequence[Buffer],
        *,
        threads: int,
        cancel: CancelToken | None = None,
    ) -> list[bytes]:
        """Opens messages, given as the contexts of their objects and themselves."""

@final
class Hasher:
    """Hashes what it is given, like the objects of `hashlib`.

    Args:
        algorithm: "blake3" or "sha256".

    Raises:
        InvalidInputError: The algorithm is unknown, or the digest was made as a
            whole and takes no more.
    """

    def __new__(cls, algorithm: str = "blake3") -> Hasher: ...
    def update(self, data: Buffer) -> None:
        """Takes the next piece."""

    def digest(self) -> bytes:
        """The digest of everything so far, 32 bytes."""

    def hexdigest(self) -> str:
        """The digest of everything so far, 64 hexadecimal digits."""

    @property
    def name(self) -> str:
        """The algorithm."""

    @property
    def digest_size(self) -> int:
        """Bytes of the digest."""

@final
class SealingStream:
    """Seals what is written to it. Nothing is a complete message before `finish`."""

    def __new__(
        cls, sink: Any, header: bytes, key: PayloadKey, *, threads: int
    ) -> SealingStream: ...
    def write(self, data: Buffer) -> int:
        """Takes all of `data`."""

    def finish(self) -> None:
        """Ends the message."""

    def abandon(self) -> None:
        """Forgets what was not written yet; the message stays without its end."""

@final
class OpeningStream:
    """Opens a payload from its beginning to its end."""

    def __new__(
        cls, source: Any, leftover: int | bytes, key: PayloadKey, *, threads: int
    ) -> OpeningStream: ...
    def readinto(self, out: Buffer) -> int:
        """Fills some or all of `out`; nothing only at the end of the message."""

@final
class RangeStream:
    """Reads anywhere in the payload of a file."""

    def __new__(cls, source: Any, offset: int, key: PayloadKey, *, threads: int) -> RangeStream: ...
    @property
    def size(self) -> int:
        """Bytes of plaintext; genuine, because the last chunk was verified."""

    def read(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from position `at` on: as many as there are."""

    def readinto(self, at: int, out: Buffer) -> int:
        """Fills `out` from position `at` on: as much as it has room for, or as there is."""

@final
class RawMessages:
    """A buffer cut into messages of one size, each sealed under its number: for measuring."""

    def __new__(cls, cipher: str, message: int) -> RawMessages: ...
    def seal(self, plain: Buffer, sealed: Buffer, *, threads: int) -> None:
        """Seals each message of `plain`, with its tag behind it."""

    def open(self, sealed: Buffer, plain: Buffer, *, threads: int) -> None:
        """Opens what `seal` made."""

@final
class PayloadKey:
    """What payloads are sealed and opened with: a format and its key."""

    @staticmethod
    def age(file_key: bytes) -> PayloadKey:
        """The 16-byte file key of an age header: ChaCha20-Poly1305."""

    @staticmethod
    def cobblestone(key: bytes, context: bytes) -> PayloadKey:
        """A 32-byte input key of Cobblestone-256, used in `context`: AES-256-GCM."""

    def sealed_size(self, plain: int) -> int:
        """Bytes of a payload that holds `plain` bytes, its prefix included."""

    def plain_size(self, sealed: int) -> int:
        """Bytes of plaintext in a payload of `sealed` bytes."""

@final
class Reader:
    """A source whose waiting a token or a signal ends.

    Where a function takes a source it takes a reader too, and reads on from it.
    """

    def __new__(cls, source: Any, *, cancel: CancelToken | None = None) -> Reader: ...
    def read(self, size: int) -> bytes:
        """Up to `size` bytes, and none only at the end."""

    def close(self) -> None:
        """Closes what was opened, unless it was handed over."""

    @property
    def size(self) -> int | None:
        """The size of a regular file that was opened by its path."""

@final
class Writer:
    """A sink whose waiting a token or a signal ends."""

    def __new__(cls, target: Any, *, cancel: CancelToken | None = None) -> Writer: ...
    def write(self, data: Buffer) -> int:
        """Takes all of `data`."""

    def flush(self) -> None:
        """Flushes the file object that it writes to."""

    def close(self) -> None:
        """Closes what was opened, unless it was handed over."""

@final
class Problem:
    """One entry that is not as it should be."""

    @property
    def path(self) -> str:
        """Which entry."""

    @property
    def kind(self) -> str:
        """`unreadable`, `changed`, `special`, `refused`, `exists` or `missing`."""

    @property
    def message(self) -> str:
        """What happened."""

@final
class TreeReport:
    """What a backup, a restore or a verification did."""

    @property
    def files(self) -> int:
        """Regular files."""

    @property
    def directories(self) -> int:
        """Directories."""

    @property
    def links(self) -> int:
        """Symbolic links, and further names of files."""

    @property
    def bytes(self) -> int:
        """Bytes of file content, without holes."""

    @property
    def holes(self) -> int:
        """Bytes of holes in sparse files, which take no room."""

    @property
    def stored(self) -> int:
        """Bytes that the archive takes in the backup, compressed if it is."""

    @property
    def problems(self) -> list[Problem]:
        """The first thousand problems."""

    @property
    def problem_count(self) -> int:
        """All problems, counted."""

@final
class TreeEntry:
    """What a backup says of an entry; whoever wrote it chose every part."""

    @property
    def path(self) -> str:
        """Its name in the backup, decoded as the file system's names are."""

    @property
    def kind(self) -> str:
        """`file`, `directory`, `symlink`, `hardlink` or `other`."""

    @property
    def size(self) -> int:
        """Bytes of its content, holes included."""

    @property
    def mode(self) -> int:
        """Permission bits."""

    @property
    def mtime(self) -> float:
        """Seconds since 1970."""

    @property
    def target(self) -> str | None:
        """Where a link leads."""

def usable_threads() -> int:
    """The threads this process may use."""

def seal_bytes(
    data: Buffer,
    header: bytes,
    key: PayloadKey,
    *,
    threads: int,
    cancel: CancelToken | None = None,
) -> bytes:
    """Seals a buffer: header and payload in one bytes object."""

def open_bytes(
    data: Buffer,
    offset: int,
    key: PayloadKey,
    *,
    threads: int,
    cancel: CancelToken | None = None,
) -> bytes:
    """Opens a buffer whose payload begins at `offset`."""

def seal_into(
    data: Buffer,
    out: Buffer,
    header: bytes,
    key: PayloadKey,
    *,
    threads: int,
    cancel: CancelToken | None = None,
) -> int:
    """Seals a buffer into another one, header first. Returns how much was filled."""

def open_into(
    data: Buffer,
    offset: int,
    out: Buffer,
    key: PayloadKey,
    *,
    threads: int,
    cancel: CancelToken | None = None,
) -> int:
    """Opens a buffer into another one. Returns how much was filled."""

def hash_bytes(
    data: Buffer, algorithm: str, *, threads: int, cancel: CancelToken | None = None
) -> Hasher:
    """Hashes a buffer on several threads."""

def hash_stream(
    source: Any,
    algorithm: str,
    *,
    threads: int,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> Hasher:
    """Hashes a file on several threads, or a stream on one."""

def seal_stream(
    source: Any,
    sink: Any,
    header: bytes,
    key: PayloadKey,
    *,
    threads: int,
    digest: Hasher | None = None,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> int:
    """Seals `source` into `sink`, header first. Returns the plaintext size."""

def open_stream(
    source: Any,
    leftover: int | bytes,
    sink: Any,
    key: PayloadKey,
    *,
    threads: int,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> int:
    """Opens a payload into `sink`. Returns the plaintext size."""

def backup_tree(
    roots: Sequence[_Path],
    sink: Any,
    header: bytes,
    key: PayloadKey,
    *,
    skip: Sequence[_Path],
    exclude: Sequence[str],
    exclude_caches: bool,
    xattrs: bool,
    compress: int | None,
    threads: int,
    digest: Hasher | None = None,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Seals trees into `sink`, header first."""

def measure_tree(
    roots: Sequence[_Path],
    *,
    exclude: Sequence[str] = ...,
    exclude_caches: bool = False,
    cancel: CancelToken | None = None,
) -> tuple[int, int]:
    """Counts files and bytes without opening a file."""

def restore_tree(
    source: Any,
    leftover: int | bytes,
    key: PayloadKey,
    target: _Path,
    *,
    paths: Sequence[_Path],
    all_links: bool,
    overwrite: bool,
    sync: bool,
    xattrs: bool,
    owners: bool,
    max_bytes: int | None,
    threads: int,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Restores a tree beneath `target`."""

def list_tree(
    source: Any,
    leftover: int | bytes,
    key: PayloadKey,
    visit: Callable[[TreeEntry], object] | None,
    *,
    threads: int,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Reads a tree to its end, and shows each entry to `visit`."""

def cat_tree(
    source: Any,
    leftover: int | bytes,
    key: PayloadKey,
    path: _Path,
    sink: Any,
    *,
    max_bytes: int | None,
    threads: int,
    cancel: CancelToken | None = None,
) -> int:
    """Writes one file of a tree to `sink`. Returns its size."""
