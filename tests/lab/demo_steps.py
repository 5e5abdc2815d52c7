"""The steps of the demo: what happens, and how the laptop has to look afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.lab.kernel import DefaultRoute
from tests.lab.lab import Lab
from tests.lab.spec import CABLE, TETHER

Act = Callable[[Lab], object]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens, and how the laptop has to look afterwards."""

    name: str
    headline: str
    act: Act
    active: str
    """The link that must carry the traffic."""
    guarded: str | None
    """The link that must be guarded; None: no link may be, and one must have been."""
    ends: str | None = None
    """The link whose connections must be told that they are over."""
    keeps: str | None = None
    """The link whose connections must live on."""
    swaps: bool = True
    """Whether another link must have carried the traffic before."""
    within_s: float = 7.0
    """How long all this may take."""
    offline_s: float = 0.0
    """How long new connections may fail."""
    watch_s: float = 1.1
    """How long to watch on. Every connection that was begun has succeeded or failed by then."""


@dataclass(slots=True)
class Outcome:
    """What the witnesses saw of a step."""

    step: Step
    before: list[DefaultRoute]
    after: list[DefaultRoute] = field(default_factory=list)
    offline_s: float | None = None
    """None: no new connection succeeded in all the time."""
    failed: int = 0
    held: int = 0
    ended: int = 0
    ended_ms: float | None = None
    """From the traffic having left the link to the last end, where traffic did leave it."""
    leaked: int = 0
    problems: list[str] = field(default_factory=list)
    """Why the step did not do what it should; empty: it did."""

    @property
    def ok(self) -> bool:
        """Whether the step did what it should."""
        return not self.problems


def steps(config: str, options: Sequence[str]) -> tuple[Step, ...]:
    """Return the whole demo, with netswapd's configuration and further options."""
    cable, tether = CABLE.name, TETHER.name
    return (
        Step(
            "start",
            "netswapd starts. The cable works, so nothing may use the metered tether.",
            act=lambda lab: lab.netswapd(config, *options),
            active=cable,
            guarded=tether,
            ends=tether,
            keeps=cable,
            swaps=False,
        ),
        Step(
            "upstream dies",
            "The cable's upstream dies silently: carrier, address and DHCP server are still there.",
            act=lambda lab: lab.link(cable).cut(),
            active=tether,
            guarded=cable,
            ends=cable,
            offline_s=5.0,
        ),
        Step(
            "it works again",
            "The cable's upstream works again.",
            act=lambda lab: lab.link(cable).heal(),
            active=cable,
            guarded=tether,
            ends=tether,
        ),
        Step(
            "cable pulled",
            "Somebody pulls the cable.",
            act=lambda lab: lab.link(cable).pull(),
            active=tether,
            guarded=cable,
            ends=cable,
            within_s=2.0,  # after 6 s NetworkManager would change the route by itself
            offline_s=1.5,
            # What was sent between the pull and the guard waits for an answer to ARP, for 3 s
            # (arp(7), mcast_solicit). Put back sooner, the cable would still carry it.
            watch_s=3.5,
        ),
        Step(
            "cable put back",
            "The cable is put back.",
            act=lambda lab: lab.link(cable).plug(),
            active=cable,
            guarded=tether,
            ends=tether,
        ),
        Step(
            "stop",
            "netswapd is stopped. It has to leave everything as it found it.",
            act=lambda lab: lab.daemons[-1].stop(),
            active=cable,
            guarded=None,
            keeps=cable,
            swaps=False,
        ),
    )
