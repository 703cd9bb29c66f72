"""The native half of passkeep. Its public face is the package around it."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

from typing_extensions import Buffer

__all__ = [
    "VERSION",
    "CancelToken",
    "PayloadKey",
    "Problem",
    "TreeEntry",
    "TreeReport",
    "backup_tree",
    "list_tree",
    "measure_tree",
    "open_bytes",
    "open_stream",
    "restore_tree",
    "seal_bytes",
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
class Problem:
    """One entry that is not as it should be."""

    @property
    def path(self) -> str:
        """Which entry."""

    @property
    def kind(self) -> str:
        """`unreadable`, `changed`, `special`, `refused` or `exists`."""

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
        """Bytes of file content."""

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
        """Bytes of its content."""

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

def seal_stream(
    source: Any,
    sink: Any,
    header: bytes,
    key: PayloadKey,
    *,
    threads: int,
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
    threads: int,
    progress: Callable[[int], object] | None = None,
    cancel: CancelToken | None = None,
) -> TreeReport:
    """Seals trees into `sink`, header first."""

def measure_tree(roots: Sequence[_Path], *, cancel: CancelToken | None = None) -> tuple[int, int]:
    """Counts files and bytes without opening a file."""

def restore_tree(
    source: Any,
    leftover: int | bytes,
    key: PayloadKey,
    target: _Path,
    *,
    all_links: bool,
    overwrite: bool,
    sync: bool,
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
