"""The health of one link: evidence in, up or down with a reason out.

    unknown --first reply--> up          unknown --fall losses--> down
    up --fall losses in a row--> down    down --rise replies in a row--> up
    any --obstacle--> down               (an obstacle gone: unknown or down, as the engine says)

A loss is no permanent decision: a reply that comes late takes its loss back. A local error is not
a loss at all. Every change of state carries its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netswap.core.model import State

PROVING = "connected, not proven yet"


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes have shown so far. Times are monotonic seconds, durations seconds."""

    state: State = State.UNKNOWN
    reason: str = PROVING
    since_s: float = 0.0
    replies: int = 0
    """In a row, up to now."""
    losses: int = 0
    """In a row, up to now."""
    obstacle: str = ""
    """Why nothing can leave by the link; "" when something can."""
    local_error: str = ""
    """Why the last probe could not be sent; "" when it could."""
    fresh: bool = False
    """Whether it was activated a moment ago, with no loss since: its DHCP server answers."""
    late: bool = False
    """Whether the last reply came after its probe had been counted as lost."""
    rtt_s: float | None = None
    last_reply_s: float | None = None
    sent: int = 0
    lost: int = 0

    @property
    def up(self) -> bool:
        """Whether the link may carry traffic."""
        return self.state is State.UP

    @property
    def touchable(self) -> bool:
        """Whether its metric may be changed: NetworkManager asks for the lease again then."""
        return self.up or (self.fresh and not self.obstacle)

    @property
    def clean(self) -> bool:
        """Whether it is up and nothing speaks against it: good enough to move traffic to.

        Where replies come late, a loss is one only until the reply is there.
        """
        return self.up and (self.losses == 0 or self.late)

    def _become(self, state: State, reason: str, now_s: float) -> Health:
        if state is self.state:
            return self
        return replace(self, state=state, reason=reason, since_s=now_s)


def sent(health: Health) -> Health:
    """Count a probe that left."""
    return replace(health, sent=health.sent + 1)


def unsent(health: Health, reason: str) -> Health:
    """Take back a probe that could not be sent: a local error is not a loss."""
    return replace(health, sent=health.sent - 1, local_error=reason)


def replied(health: Health, rtt_s: float, rise: int, now_s: float) -> Health:
    """Count a reply that came in time."""
    health = replace(
        health,
        replies=health.replies + 1,
        losses=0,
        late=False,
        local_error="",
        rtt_s=rtt_s,
        last_reply_s=now_s,
    )
    if health.state is State.UNKNOWN:
        return health._become(State.UP, "it replies", now_s)
    if health.replies >= rise:
        return health._become(State.UP, _count(health.replies, "reply in a row"), now_s)
    return health


def lost(health: Health, fall: int, now_s: float) -> Health:
    """Count a probe that was not answered in time."""
    health = replace(
        health,
        replies=0,
        losses=health.losses + 1,
        lost=health.lost + 1,
        fresh=False,
        local_error="",
    )
    if health.losses >= fall:
        return health._become(State.DOWN, _count(health.losses, "probe lost"), now_s)
    return health


def replied_late(health: Health, rtt_s: float, newer_losses: int, now_s: float) -> Health:
    """Take a loss back, and with it every older one of the row: the link was alive after all."""
    return replace(
        health,
        losses=min(health.losses, newer_losses),
        late=True,
        lost=max(0, health.lost - 1),
        rtt_s=rtt_s,
        last_reply_s=now_s,
    )


def obstructed(health: Health, obstacle: str, now_s: float) -> Health:
    """Take the link down at once: nothing can leave by it, whatever the probes said."""
    health = replace(health, obstacle=obstacle, replies=0, losses=0, fresh=False)
    if health.state is State.DOWN:
        return replace(health, reason=obstacle)
    return health._become(State.DOWN, obstacle, now_s)


def connected(health: Health, state: State, now_s: float, *, fresh: bool) -> Health:
    """Start over without obstacle, as UNKNOWN (one reply will do) or DOWN (it must rise)."""
    waiting = replace(
        health, obstacle="", replies=0, losses=0, late=False, fresh=fresh, reason=PROVING
    )
    return waiting._become(state, waiting.reason, now_s)


def _count(n: int, what: str) -> str:
    if n == 1:
        return f"1 {what}"
    noun, _, rest = what.partition(" ")
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {plural} {rest}".rstrip()
