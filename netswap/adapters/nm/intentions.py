"""Which profiles netswap is about to connect, in a file: it outlives a crash, but no boot.

Whose an activation is, is noted in the applied connection (see `dialler`), which can be done only
once the device is set up. Until then, seconds with a phone or a modem, this file is all there is.
A file that cannot be written costs nothing but that.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


class Intentions:
    """The UUIDs in `dialling` below a folder; without a folder nothing is remembered."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "dialling" if folder else None

    def read(self) -> frozenset[str]:
        """Return what is about to be connected, or was when netswap died."""
        try:
            return frozenset(self._file.read_text(encoding="ascii").split() if self._file else ())
        except (OSError, ValueError):
            return frozenset()

    def add(self, uuid: str) -> None:
        """Remember a profile; it is on file when this returns."""
        self._write(self.read() | {uuid})

    def discard(self, uuid: str) -> None:
        """Forget one: it is noted elsewhere, or came to nothing."""
        if uuid in (known := self.read()):
            self._write(known - {uuid})

    def clear(self) -> None:
        """Forget all."""
        if self.read():
            self._write(frozenset())

    def _write(self, uuids: frozenset[str]) -> None:
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o755, exist_ok=True)
            new.write_text("".join(f"{uuid}\n" for uuid in sorted(uuids)), encoding="ascii")
            new.replace(self._file)
        except (OSError, ValueError) as error:
            log.debug("What is being connected cannot be remembered: %s", error)
