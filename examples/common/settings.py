"""Where an app lives and where it keeps its data, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an app.

    Attributes:
        data: The folder that holds everything. ``NOTES_DATA``, default ``data``.
        origin: The exact origin of the page. ``NOTES_ORIGIN``, default
            ``http://localhost:8000``.
        rp_id: The domain that passkeys belong to, for good. ``NOTES_RP_ID``, default the
            host of the origin. It may be a parent of it: ``example.org`` for
            ``https://notes.example.org``.
        largest_backup: How many bytes a backup that is brought here may have.
            ``NOTES_LARGEST_BACKUP``, default 64 MiB.
    """

    data: Path
    origin: str
    rp_id: str
    largest_backup: int

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings.

        Raises:
            ValueError: The origin is none, or the size is no number.
        """
        origin = os.environ.get("NOTES_ORIGIN", "http://localhost:8000")
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            raise ValueError(f"NOTES_ORIGIN is scheme, host and port, without a path: {origin}")
        return cls(
            data=Path(os.environ.get("NOTES_DATA", "data")).absolute(),
            origin=origin,
            rp_id=os.environ.get("NOTES_RP_ID", parts.hostname),
            largest_backup=int(os.environ.get("NOTES_LARGEST_BACKUP", 64 * _MIB)),
        )

    @property
    def host(self) -> str:
        """What the ``Host`` header of every request says."""
        return urlsplit(self.origin).netloc

    @property
    def secure(self) -> bool:
        """Whether cookies are sent over TLS only."""
        return self.origin.startswith("https:")
