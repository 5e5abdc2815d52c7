"""The health of one link: evidence in, up or down with a reason out.

`TABLE` below is the state machine; `docs/design.md` draws it. A link that is up and has just lost a
probe is *suspect*: it is probed faster until it answers or is down. A loss is no permanent
decision: a reply that comes late takes it back. A local error is not a loss at all. Every change of
state carries its reason.

Beside the state: a link that replies may be *degraded* (see `quality`) or have a *fault* (see
`check`), one that keeps failing is *held back* (see `damping`), and one that has used up its data
may have to be spared. All these carry traffic only where no better link works.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from netswap.core.damping import NO_PENALTY, Penalty
from netswap.core.model import State
from netswap.core.settings import DampingSettings

PROVING = "connected, not proven yet"
WOKEN = "just woken up, not proven yet"
MUTE_S = 3.0
"""For so long a link that is coming may be unable to send: a firewall may not know it yet."""


class Evidence(Enum):
    """What makes a link change its state."""

    REPLY = "a reply"
    RISEN = "`rise` replies in a row"
    FALLEN = "`fall` losses in a row"
    OBSTACLE = "an obstacle"
    ALONE = "connected, no other link works"
    BESIDE = "connected, another link works"
    SLEPT = "the computer slept"


TABLE: dict[State, dict[Evidence, State]] = {
    State.UNKNOWN: {
        Evidence.REPLY: State.UP,
        Evidence.FALLEN: State.DOWN,
        Evidence.OBSTACLE: State.DOWN,
        Evidence.BESIDE: State.DOWN,
    },
    State.UP: {
        Evidence.FALLEN: State.DOWN,
        Evidence.OBSTACLE: State.DOWN,
        Evidence.BESIDE: State.DOWN,
        Evidence.ALONE: State.UNKNOWN,
        Evidence.SLEPT: State.UNKNOWN,
    },
    State.DOWN: {
        Evidence.RISEN: State.UP,
        Evidence.ALONE: State.UNKNOWN,
        Evidence.SLEPT: State.UNKNOWN,
    },
}
"""What each piece of evidence makes of each state; what is not listed changes nothing."""


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
    mute_since_s: float | None = None
    """Since when none could be; None when the last one could."""
    fresh: bool = False
    """Whether it was activated a moment ago, with no loss since: its DHCP server answers."""
    late: bool = False
    """Whether the last reply came after its probe had been counted as lost."""
    degraded: str = ""
    """Why a link that replies is not good enough; "" if it is."""
    fault: str = ""
    """Why a link that replies is of no use all the same; "" if no check fails."""
    capped: str = ""
    """Why a link that works is to be spared: its data is used up; "" if it need not be."""
    penalty: Penalty = NO_PENALTY
    """What it has on its account for failing again and again."""
    rtt_s: float | None = None
    last_reply_s: float | None = None
    sent: int = 0
    lost: int = 0

    @property
    def up(self) -> bool:
        """Whether the link may carry traffic."""
        return self.state is State.UP

    @property
    def works(self) -> bool:
        """Whether it is up and no check of it fails."""
        return self.up and not self.fault

    @property
    def proving(self) -> bool:
        """Whether it was just connected, and has neither proved itself nor failed to."""
        return not self.up and self.reason == PROVING

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

    @property
    def suspect(self) -> bool:
        """Whether it may be about to go down: it has just lost a probe."""
        return self.state is not State.DOWN and self.losses > 0

    def mute(self, now_s: float) -> bool:
        """Whether nothing could be sent for longer than that."""
        return self.mute_since_s is not None and now_s >= self.mute_since_s + MUTE_S

    @property
    def held_back(self) -> bool:
        """Whether it failed so often lately that any other link goes before it."""
        return bool(self.penalty.suppressed_until_s)

    @property
    def grudge(self) -> str:
        """Why a link that is up is not used where a better one is, "" if nothing says so."""
        return self.fault or self.capped or self.degraded

    @property
    def tier(self) -> tuple[bool, ...]:
        """How far it is from a good link: traffic takes the lowest that is to be had."""
        return bool(self.fault), bool(self.capped), bool(self.degraded), self.held_back

    def as_good_as(self, before: Health) -> bool:
        """Whether it is up and nothing has changed that decisions rest on."""
        return self.up and self._grounds == before._grounds

    @property
    def _grounds(self) -> tuple[object, ...]:
        """What decisions about a link that is up rest on."""
        return (
            self.state, self.reason, self.losses, self.late, self.degraded, self.fault,
            self.local_error,
        )  # fmt: skip

    def worse(self, before: Health) -> bool:
        """Whether something speaks against it that did not before."""
        return bool((self.degraded and not before.degraded) or (self.fault and not before.fault))

    def _moved(self, evidence: Evidence, reason: str, now_s: float) -> Health:
        state = TABLE[self.state].get(evidence, self.state)
        if state is self.state:
            return self
        return replace(self, state=state, reason=reason, since_s=now_s)


def sent(health: Health) -> Health:
    """Count a probe that left."""
    return replace(health, sent=health.sent + 1)


def unsent(health: Health, reason: str, now_s: float) -> Health:
    """Take back a probe that could not be sent: a local error is not a loss."""
    since_s = now_s if health.mute_since_s is None else health.mute_since_s
    return replace(health, sent=health.sent - 1, local_error=reason, mute_since_s=since_s)


def replied(health: Health, rtt_s: float, rise: int, now_s: float) -> Health:
    """Count a reply that came in time."""
    health = replace(
        health,
        replies=health.replies + 1,
        losses=0,
        late=False,
        local_error="",
        mute_since_s=None,
        rtt_s=rtt_s,
        last_reply_s=now_s,
    )
    health = health._moved(Evidence.REPLY, "it replies", now_s)
    if health.replies >= rise and not health.up:
        return health._moved(Evidence.RISEN, _count(health.replies, "reply in a row"), now_s)
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
        mute_since_s=None,
    )
    if health.losses < fall:
        return health
    reason = _count(health.losses, "probe lost")
    if health.state is State.DOWN and health.proving:
        return replace(health, reason=reason)
    return health._moved(Evidence.FALLEN, reason, now_s)


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
    health = replace(_anew(health), obstacle=obstacle, fresh=False)
    if health.state is State.DOWN:
        return replace(health, reason=obstacle)
    return health._moved(Evidence.OBSTACLE, obstacle, now_s)


def connected(health: Health, state: State, now_s: float, *, fresh: bool) -> Health:
    """Start over without obstacle, as UNKNOWN (one reply will do) or DOWN (it must rise)."""
    waiting = replace(_anew(health), fresh=fresh, reason=PROVING)
    evidence = Evidence.ALONE if state is State.UNKNOWN else Evidence.BESIDE
    return waiting._moved(evidence, PROVING, now_s)


def woken(health: Health, now_s: float) -> Health:
    """Start over after a sleep: whatever was known is old. An obstacle is as it was."""
    if health.obstacle:
        return health
    return replace(_anew(health), reason=WOKEN)._moved(Evidence.SLEPT, WOKEN, now_s)


def assessed(health: Health, degraded: str) -> Health:
    """Note how good it is."""
    return health if degraded == health.degraded else replace(health, degraded=degraded)


def checked(health: Health, fault: str) -> Health:
    """Note what its checks show."""
    return replace(health, fault=fault)


def capped(health: Health, why: str) -> Health:
    """Note whether it is to be spared."""
    return replace(health, capped=why)


def failed(health: Health, damping: DampingSettings, now_s: float) -> Health:
    """Put one more failure on its account."""
    return replace(health, penalty=health.penalty.failed(damping, now_s))


def served(health: Health, damping: DampingSettings, now_s: float) -> Health:
    """Stop holding it back once its time has come."""
    return replace(health, penalty=health.penalty.expired(damping, now_s))


def forgiven(health: Health) -> Health:
    """Clear its account."""
    return replace(health, penalty=NO_PENALTY)


def _anew(health: Health) -> Health:
    return replace(
        health, obstacle="", local_error="", mute_since_s=None, replies=0, losses=0, late=False,
        degraded="", fault="",
    )  # fmt: skip


def _count(n: int, what: str) -> str:
    if n == 1:
        return f"1 {what}"
    noun, _, rest = what.partition(" ")
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {plural} {rest}".rstrip()
