"""Digests of buffers, files and streams."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Literal, TypeAlias

from passkeep import _native
from passkeep._native import CancelToken, Hasher
from passkeep.buffers import Buffer
from passkeep.incoming import Source
from passkeep.stream import Progress

Algorithm: TypeAlias = Literal["blake3", "sha256"]
ALGORITHMS: tuple[Algorithm, ...] = ("blake3", "sha256")


def digest(
    source: Buffer | Source,
    algorithm: Algorithm = "blake3",
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Hasher:
    """Hashes a buffer, a file, a pipe or a file object.

    BLAKE3 of a buffer or a regular file is shared by several threads. SHA-256 is a
    chain and a stream is read in order, so both take one.

    Args:
        source: A contiguous buffer; or a path, 0 for standard input, or a binary
            file object.
        algorithm: "blake3" or "sha256".
        threads: How many cores to use; by default all that are usable.
        progress: Called with the bytes of a file or stream done so far.
        cancel: Stops the work from another thread.

    Returns:
        The digest, with `digest()` and `hexdigest()` as in `hashlib`.

    Raises:
        InvalidInputError: The algorithm is unknown.
        OutputError: The file changed meanwhile.
        CancelledError: `cancel` was used.
        OSError: The system refused.
    """
    threads = threads or _native.usable_threads()
    if not isinstance(source, (str, os.PathLike, int)) and not hasattr(source, "read"):
        return _native.hash_bytes(source, algorithm, threads=threads, cancel=cancel)
    with closing(_native.Reader(source, cancel=cancel)) as reader:
        return _native.hash_stream(
            reader, algorithm, threads=threads, progress=progress, cancel=cancel
        )
