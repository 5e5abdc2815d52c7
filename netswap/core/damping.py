"""A link that keeps failing is held back (the idea of RFC 2439, section 4).

Each failure adds a point. Points decay by half every `half_life_s`. From `suppress` points on the
link is suppressed: it carries traffic only where no other link works. It comes back when its points
have decayed to `reuse`, at the latest after `longest_s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from netswap.core.settings import DampingSettings

NOTHING = 0.01
"""So few points are none."""
HALVINGS = 1000
"""As many as a float has room for; nobody collects points for more."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """The points that a link had at a moment, and whether they suppress it."""

    points: float = 0.0
    at_s: float = 0.0
    suppressed_until_s: float = 0.0
    """When it comes back, on the engine's clock; 0 while it is not suppressed."""

    def failed(self, damping: DampingSettings, now_s: float) -> Penalty:
        """Return the penalty after one more failure."""
        longest_s = damping.longest_s
        lasting = damping.reuse * 2 ** min(HALVINGS, longest_s / damping.half_life_s)
        most = max(lasting, damping.suppress)  # with less, no link would ever be held back
        points = min(most, self._decayed(damping, now_s) + 1)
        if not longest_s or not (self.suppressed_until_s or points >= damping.suppress):
            return Penalty(points, now_s)
        decay_s = damping.half_life_s * log2(points / damping.reuse)
        return Penalty(points, now_s, now_s + min(longest_s, decay_s))

    def expired(self, damping: DampingSettings, now_s: float) -> Penalty:
        """Return the penalty once the link has served it, else the same."""
        if not self.suppressed_until_s or now_s < self.suppressed_until_s:
            return self
        return Penalty(self._decayed(damping, now_s), now_s)

    def aged(self, slept_s: float) -> Penalty:
        """Return the same, after seconds that the engine's clock did not count."""
        until_s = self.suppressed_until_s
        left_s = max(1e-9, until_s - slept_s) if until_s else 0.0
        return Penalty(self.points, self.at_s - slept_s, left_s)

    def matters(self, damping: DampingSettings, now_s: float) -> bool:
        """Whether anything is left of it that could hold a link back."""
        return self._decayed(damping, now_s) > NOTHING

    def _decayed(self, damping: DampingSettings, now_s: float) -> float:
        return self.points * 2 ** ((self.at_s - now_s) / damping.half_life_s)


NO_PENALTY = Penalty()
