"""Caps on the data of a link: when to warn, and when to spare the link. Pure."""

from __future__ import annotations

from netswap.core.events import Used
from netswap.core.settings import LinkSettings

WARN_AT = (0.75, 0.95, 1.0)
"""Shares of the cap; each is warned of once in a billing cycle, and again after a restart."""


class Caps:
    """Remembers what was warned of."""

    def __init__(self) -> None:
        self._warned: dict[str, int] = {}

    def nearer(self, use: Used) -> bool:
        """Whether a link has come nearer to its cap than was told; a new cycle begins anew."""
        stage = sum(use.share >= bound for bound in WARN_AT)
        before, self._warned[use.link] = self._warned.get(use.link, 0), stage
        return stage > before

    @staticmethod
    def spares(use: Used, link: LinkSettings) -> str:
        """Return why a link is to be used only where no other works, "" where it is not."""
        if link.at_cap != "avoid" or use.share < 1:
            return ""
        return f"its {link.data_cap} of data are used up"
