"""File objects that several threads share, one at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Turns:
    """Who uses a file. A forked process begins anew: whoever had a turn did not come along."""

    def __init__(self) -> None:
        """Nobody uses the file yet."""
        self.begin()

    def begin(self) -> None:
        """Forgets who uses the file."""
        self.process = os.getpid()
        self.lock = threading.RLock()
        self.taken = False


class _Shared(Protocol):
    _turns: Turns


_Self = TypeVar("_Self", bound=_Shared)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_turn(
    method: Callable[Concatenate[_Self, _Arguments], _Result],
) -> Callable[Concatenate[_Self, _Arguments], _Result]:
    """A method that one thread at a time is in; others wait.

    A callback or a signal handler that uses the file whose work it interrupted would
    wait for itself: that is a RuntimeError, as it is for Python's own files.
    """

    @wraps(method)
    def call(self: _Self, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        turns = self._turns
        if turns.process != os.getpid():
            turns.begin()
        with turns.lock:
            if turns.taken:
                raise RuntimeError("a callback or signal handler uses the file it interrupted")
            try:
                turns.taken = True
                return method(self, *args, **kwargs)
            finally:
                turns.taken = False

    return call
