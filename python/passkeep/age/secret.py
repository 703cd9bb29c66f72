"""What every class that holds a secret does: stay out of `repr` and pickles."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Base of classes that hold a secret. `str()` may be the explicit way to it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and cannot be pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and cannot be copied")
