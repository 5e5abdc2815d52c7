"""The words of netswap as frozen values: what is observed, what is desired, what is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from math import inf

PENALTY = 20000
"""What NetworkManager adds to the metric of a link that its connectivity check finds limited."""


class State(Enum):
    """The health of a link, as far as the probes can tell."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Mode(Enum):
    """Who decides."""

    AUTO = "auto"
    PINNED = "pinned"
    """The user named the active link."""
    PAUSED = "paused"
    """Nothing is changed, and nothing is guarded."""


@dataclass(frozen=True, slots=True)
class Override:
    """What the user asked for, until when on the engine's clock (infinity: until told)."""

    mode: Mode = Mode.AUTO
    link: str = ""
    until_s: float = inf
    even_if_dead: bool = False


class Role(Enum):
    """What a link is there for at this moment."""

    ACTIVE = "active"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Route:
    """A link's default route of one family, and its rank among name servers.

    `metric` is the effective one, read from the kernel (with NetworkManager's penalty, if any);
    `dns_priority` is NetworkManager's, None where it does not say.
    """

    metric: int
    dns_priority: int | None = None
    settable: bool = True
    """Whether it can be given another rank: with `ipv6.method=ignore` it is the kernel's own."""
    confirmed: bool = True
    """Whether it is NetworkManager's. One that went ahead is not until NetworkManager says yes, and
    may stand beside NetworkManager's own for as long."""

    @property
    def base(self) -> int:
        """The metric without NetworkManager's penalty."""
        return self.metric - PENALTY if self.penalised else self.metric

    @property
    def penalised(self) -> bool:
        """Whether NetworkManager's connectivity check holds this route back."""
        return self.metric >= PENALTY


@dataclass(frozen=True, slots=True)
class Barrier:
    """How the guard stands before a link: what it lets pass beside what keeps the link alive."""

    drop: bool = False
    """Whether packets are dropped silently rather than answered with a refusal."""
    allow: frozenset[str] = frozenset()
    """Networks that stay reachable, IPv4 and IPv6, in CIDR notation without host bits."""
    lingering: bool = False
    """Whether connections that exist may go on; new ones are refused all the same."""


REFUSE = Barrier()


@dataclass(frozen=True, slots=True)
class Link:
    """One link as observed just now. `obstacle` says why it cannot carry traffic, "" if it can."""

    name: str
    ifname: str = ""
    connection: str = ""
    activation: str = ""
    """Another one after each activation by NetworkManager."""
    kind: str = ""
    metered: bool = False
    obstacle: str = ""
    v4: Route | None = None
    v6: Route | None = None
    addresses: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    """The addresses of its own name servers, IPv4 only."""
    barrier: Barrier | None = REFUSE
    """How it is guarded on standby; None: it is not."""
    limited: bool = False
    """NetworkManager's own check finds that the internet cannot be reached by it."""
    stale: bool = False
    """The kernel kept a default route from before NetworkManager was restarted, and it leads."""
    doubled: bool = False
    """It has default routes of different metrics, not counting others': one may be such a route."""
    connecting: bool = False
    """Whether NetworkManager is about to connect it."""
    dialled: bool = False
    """Whether it was netswap that had NetworkManager connect it."""
    on_demand: bool = False
    """Whether it is connected only when it is needed."""

    @property
    def usable(self) -> bool:
        """Whether packets could leave by it at all: present, connected and with a default route."""
        return not self.obstacle and self.v4 is not None

    def renamed(self, other: Link) -> bool:
        """Whether it is the device of another link, which has another name."""
        return self.name != other.name and self.ifname == other.ifname != ""


@dataclass(frozen=True, slots=True)
class Server:
    """The server of a VPN which has a route to itself, beside the tunnel."""

    address: str
    ifname: str
    """The interface that it is reached by."""
    found: str
    """That which the VPN's own route leads by; "" if that is gone."""
    own: bool = False
    """Whether it is reached by a route that netswap made."""


@dataclass(frozen=True, slots=True)
class World:
    """All that was observed, links in order of preference."""

    links: tuple[Link, ...] = ()
    guarded: frozenset[str] = frozenset()
    """Interface names in the guard's set, read back from the kernel."""
    managed: bool = True
    """Whether NetworkManager is there to be asked."""
    barriers: Mapping[str, Barrier] = field(default_factory=dict)
    """How each of them is guarded, read back likewise; empty where nobody looked."""
    servers: tuple[Server, ...] = ()
    orphans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Link → the addresses that went with its device, if their connections still wait."""

    def link(self, name: str | None) -> Link | None:
        """Return the link of that name, None if there is none."""
        return next((link for link in self.links if link.name == name), None)

    def with_lingering(self, names: Collection[str]) -> World:
        """Return the same world with connections over these links let go on."""
        if not names:
            return self
        links = (
            replace(link, barrier=replace(link.barrier, lingering=True))
            if link.barrier and link.name in names
            else link
            for link in self.links
        )
        return replace(self, links=tuple(links))

    def index(self, link: Link) -> int:
        """Return the place in the order of preference, 0 for the preferred link."""
        return self.links.index(link)

    def others(self, link: Link) -> Iterator[Link]:
        """Yield every link but this one."""
        return (other for other in self.links if other.name != link.name)

    @property
    def leader(self) -> Link | None:
        """The link that the kernel sends by: the lowest IPv4 metric, whatever anybody wants."""
        routed = [(link.v4.metric, i) for i, link in enumerate(self.links) if link.v4]
        return self.links[min(routed)[1]] if routed else None

    def leads(self, link: Link) -> bool:
        """Whether its IPv4 metric is strictly the lowest."""
        return link.v4 is not None and all(
            other.v4 is None or link.v4.metric < other.v4.metric for other in self.others(link)
        )


@dataclass(frozen=True, slots=True)
class Desired:
    """What the policy wants: one active link, and which links the guard stands before."""

    active: str | None
    guarded: frozenset[str]
    reason: str
    hold: bool = False
    """Whether metrics stay as they are: there is nothing better, or it is not known yet."""
    forced: bool = False
    """Whether the user wants this link even though it is not up."""


@dataclass(frozen=True, slots=True)
class LinkSnapshot:
    """One link, for people and programs that ask."""

    name: str
    ifname: str
    connection: str
    kind: str
    metered: bool
    role: Role
    state: State
    touchable: bool
    """Whether its metric may be changed: it is up, or was activated a moment ago."""
    reason: str
    since_s: float
    rtt_s: float | None
    last_reply_s: float | None
    sent: int
    lost: int
    loss: float | None
    """Share of the last probes that were lost, 0 to 1."""
    guarded: bool
    metric4: int | None
    metric6: int | None
    away: bool = False
    """Whether nothing can leave by it at all; the reason says why."""
    on_demand: bool = False
    """Whether it is connected only when it is needed."""
    resting: bool = False
    """Whether it is not connected since it is not needed: all is well with it."""
    proving: bool = False
    """Whether it was just connected, and has neither proved itself nor failed to."""
    suspect: bool = False
    """Whether it has just lost a probe."""
    degraded: bool = False
    """Whether it replies, but not well enough; the reason says why."""
    fault: str = ""
    """Why a check of it fails, "" if none does."""
    held_back_until_s: float = 0.0
    """Until when any other link goes before it, since it failed too often; 0: it is not held."""
    losses: Mapping[str, float] = field(default_factory=dict)
    """Share of the last probes to each target that were lost."""
    state6: State | None = None
    """How IPv6 does, where it is probed and the link has it."""
    reason6: str = ""
    replies_in_row: int = 0
    """Up to now."""
    losses_in_row: int = 0
    """Up to now."""


class Condition(Enum):
    """How the computer as a whole is doing."""

    STARTING = "starting"
    PREFERRED = "preferred"
    BACKUP = "backup"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that `status` shows. Times are on the engine's monotonic clock."""

    now_s: float
    active: str | None
    condition: Condition
    reason: str
    since_s: float
    override: Override
    managed: bool
    links: tuple[LinkSnapshot, ...] = ()
    rests_until_s: float = 0.0
    """Until when no better link is swapped to, for the last swap is too recent; 0: it is not."""
    picked: bool = False
    """Whether netswap picked the links by itself: each is one for as long as it has a device."""
