"""The keyring as the page works on it: what is on the disk, and what is unlocked.

Other programs may change the file at any time. Whoever asks here is told what it is now,
and a keyring that was unlocked before such a change is forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from passkeep.errors import ChangedError, PasskeepError
from passkeep.keyring import Keyring
from passkeep.settings import clock
from passkeep.settings.problems import RefusedError

Status = Literal["none", "locked", "unlocked", "unusable"]


class Session:
    """One keyring file. Not for several threads at once.

    Args:
        path: The keyring file, which need not exist.
        lock_after: Seconds without use after which it is locked.

    Attributes:
        changed: Whether it is locked because another program changed the file.
        problem: What is wrong with the file, where it is unusable.
    """

    def __init__(self, path: Path, *, lock_after: float) -> None:
        self.path = path
        self.changed = False
        self.problem: Exception | None = None
        self._lock_after = lock_after
        self._stored: Keyring | None = None
        self._unlocked: Keyring | None = None
        self._signature: tuple[int, ...] | None = None
        self._until = clock.now() + lock_after
        self._watchers: list[Callable[[], object]] = []
        self.refresh()

    def __repr__(self) -> str:
        return f"<Session {self.status}>"

    @property
    def status(self) -> Status:
        """What there is."""
        if self.problem is not None:
            return "unusable"
        if self._stored is None:
            return "none"
        return "locked" if self._unlocked is None else "unlocked"

    @property
    def keyring(self) -> Keyring | None:
        """The keyring, whether unlocked or not; None where there is none to be used."""
        return self._unlocked or self._stored

    @property
    def locks_in(self) -> float | None:
        """Seconds until it locks itself; None while it is not unlocked."""
        return None if self._unlocked is None else max(0.0, self._until - clock.now())

    @property
    def idle(self) -> bool:
        """Whether nobody did anything for so long that secrets are forgotten."""
        return clock.now() > self._until

    def when_locked(self, watcher: Callable[[], object]) -> None:
        """Has something called whenever secrets are forgotten, which forgets more."""
        self._watchers.append(watcher)

    def use(self, *, patience: float = 0.0) -> None:
        """Notes that somebody does something, or will do it away from the page.

        Args:
            patience: Seconds for which that may take them.
        """
        self._until = max(self._until, clock.now() + max(self._lock_after, patience))

    def refresh(self) -> None:
        """Sees what is on the disk now, and whether it is time to lock."""
        if self.idle:
            self._forget()
        signature = _signature(self.path)
        if signature is not None and signature == self._signature:
            return
        self._signature, self.problem = signature, None
        try:
            self._read()
        except FileNotFoundError:
            self._stored = None
            self._forget()
        except (PasskeepError, OSError) as error:
            self._stored, self.problem = None, error
            self._forget()

    def lock(self) -> None:
        """Forgets everything secret."""
        self.changed = False
        self._forget()
        self.refresh()

    def load(self) -> Keyring:
        """The keyring as it is on the disk now, locked: to open it, or to seal to it.

        Raises:
            RefusedError: There is none.
            PasskeepError: It cannot be used.
            OSError: It cannot be read.
        """
        try:
            return Keyring.load(self.path)
        except FileNotFoundError:
            raise RefusedError("no-keyring", "there is no keyring") from None

    def unlock(self, opened: Keyring) -> None:
        """Takes a keyring that was loaded from the file, or saved to it, and opened."""
        self._forget()
        self._unlocked = self._stored = opened
        self._signature, self.problem = _signature(self.path), None
        self.changed = False
        self.use()

    def unlocked(self) -> Keyring:
        """The keyring, unlocked.

        Raises:
            RefusedError: It is locked, or there is none.
            ChangedError: It is locked because another program changed it.
        """
        if self._unlocked is not None:
            return self._unlocked
        if self.status == "none":
            raise RefusedError("no-keyring", "there is no keyring")
        if self.changed:
            raise ChangedError("the keyring was changed by another program meanwhile")
        raise RefusedError("locked", "the keyring is locked", hint="Unlock it first.")

    @contextmanager
    def changing(self) -> Iterator[Keyring]:
        """Saves what the block changes in the unlocked keyring.

        Where that fails, the keyring is as it was before, here and on the disk.

        Raises:
            ChangedError: Another program changed the file; the keyring is locked now.
            Exception: As :meth:`unlocked`, the block and :meth:`Keyring.save`.
        """
        keyring = self.unlocked()
        try:
            with keyring.changing(self.path):
                yield keyring
        finally:
            # After a failure the file may be another one than was loaded.
            self._signature = None
            self.refresh()

    def _read(self) -> None:
        stored = Keyring.load(self.path)
        if self._unlocked is not None and self._unlocked.is_stored_at(self.path):
            stored = self._unlocked
        elif self._unlocked is not None:
            self._forget()
            self.changed = True
        self._stored = stored

    def _forget(self) -> None:
        if self._unlocked is None:
            return
        self._unlocked = None
        # The object that was unlocked keeps its secrets; another one takes its place.
        self._stored = None
        self._signature = None
        for watcher in self._watchers:
            watcher()


def _signature(path: Path) -> tuple[int, ...] | None:
    """What tells a file from its earlier contents; None where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path's own method is the same
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
