"""What is taken as a buffer, for type checkers."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias


class ExportsBuffer(Protocol):
    """Bytes, bytearray, memoryview, mmap, array.array, …."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """The buffer protocol (PEP 688)."""


class ExportsArray(Protocol):
    """An array of numpy, whose types tell of the buffer protocol from Python 3.12 on only."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Numpy's array interface."""


Buffer: TypeAlias = ExportsBuffer | ExportsArray
"""Anything with the buffer protocol."""
