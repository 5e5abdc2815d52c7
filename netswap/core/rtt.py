"""How long a link takes to answer, and how long to wait for it.

The smoothed round trip and its variation of RFC 6298 (section 2, with its gains of 1/8 and 1/4),
fed with every reply, late ones too: each probe has a sequence of its own, so none is ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass

from netswap.core.settings import ProbeSettings

GRANULARITY_S = 0.05
"""The least that is waited beyond the smoothed round trip: timers and schedulers are no better."""


INITIAL_S = 1.0
"""What is waited while nothing is known (RFC 6298, section 2.1)."""


@dataclass(frozen=True, slots=True)
class Rtt:
    """The estimate so far; seconds, None before the first reply."""

    smoothed_s: float | None = None
    variation_s: float = 0.0

    def after(self, sample_s: float) -> Rtt:
        """Return the estimate after one more reply."""
        if self.smoothed_s is None:
            return Rtt(sample_s, sample_s / 2)
        error_s = abs(self.smoothed_s - sample_s)
        return Rtt(
            smoothed_s=0.875 * self.smoothed_s + 0.125 * sample_s,
            variation_s=0.75 * self.variation_s + 0.25 * error_s,
        )

    def deadline_s(self, probe: ProbeSettings) -> float:
        """Return how long a reply may take before its probe is lost."""
        return min(probe.deadline_max_s, max(probe.deadline_min_s, self.expected_s))

    @property
    def expected_s(self) -> float:
        """Return how long a reply may take by what was seen so far, wanted or not."""
        if self.smoothed_s is None:
            return INITIAL_S
        return self.smoothed_s + max(GRANULARITY_S, 4 * self.variation_s)
