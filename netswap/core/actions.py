"""Requests that go out, in the imperative.

`Step`s change the world; they are handed out in batches, are carried out in the order given, and
the first failure ends the batch. The other actions change nothing and are done at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

from netswap.core.model import REFUSE, Barrier
from netswap.core.settings import CheckSettings


@dataclass(frozen=True, slots=True)
class Unblock:
    """Take a link out of the guard."""

    link: str
    ifname: str


@dataclass(frozen=True, slots=True)
class Block:
    """Put a link into the guard, or have it guarded in another way."""

    link: str
    ifname: str
    barrier: Barrier = REFUSE
    beginning: tuple[str, ...] = ()
    """The addresses of a link that works: connects under way from there may succeed first."""


@dataclass(frozen=True, slots=True)
class Linger:
    """Have connections on these addresses of a link keep to it, whichever leads."""

    link: str
    ifname: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndConnections:
    """End the connections that use the addresses of a link that was left."""

    link: str
    ifname: str
    """"" where the device is gone, and its addresses with it."""
    addresses: tuple[str, ...]
    spare: frozenset[str] = frozenset()
    """Networks to which connections may live on."""
    own: bool = True
    """Whether all of this computer's, too; else only those that could not linger."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Have the server of a VPN reached by a link; by the VPN's own route, where that is by it."""

    link: str
    ifname: str
    """"" where the VPN is gone, and its route with it."""
    server: str


@dataclass(frozen=True, slots=True)
class SetMetric:
    """Set route metric and DNS priority of a healthy link, per family; None leaves it alone."""

    link: str
    v4: int | None = None
    v6: int | None = None


@dataclass(frozen=True, slots=True)
class Tidy:
    """Have NetworkManager remove default routes of a link that it does not know (any more)."""

    link: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """Have NetworkManager check connectivity now, so that it takes its penalty off `link`."""

    link: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Put metric and DNS priority of a link back as they were found."""

    link: str
    patient: bool = False
    """The link may be dead: NetworkManager goes on waiting for its DHCP server for ever."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Have NetworkManager connect a link: by the profile with this UUID, this name, or both."""

    link: str
    uuid: str | None
    connection: str | None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Have NetworkManager disconnect a link that netswap had it connect, and no other."""

    link: str


Step = (
    Unblock
    | Block
    | Linger
    | EndConnections
    | Reach
    | SetMetric
    | Tidy
    | Recheck
    | Restore
    | Connect
    | Disconnect
)


@dataclass(frozen=True, slots=True)
class Apply:
    """Carry out these steps in this order, then observe."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Send one probe to each of these targets over a link."""

    link: str
    ifname: str
    sequence: int
    targets: Sequence[str]
    version: int = 4


@dataclass(frozen=True, slots=True)
class RunCheck:
    """Make a check over a link, whose own name servers are `servers`."""

    link: str
    ifname: str
    check: CheckSettings
    run: int
    servers: tuple[str, ...] = ()


class Level(IntEnum):
    """How much a line of the log matters; the numbers are those of Python's logging."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Kind(Enum):
    """What a transition is about."""

    LINK = "link"
    SWAP = "swap"
    GUARD = "guard"
    MODE = "mode"


@dataclass(frozen=True, slots=True)
class Say:
    """Write a line to the log; with a `kind` it is a transition, kept and told to listeners."""

    text: str
    level: Level = Level.INFO
    kind: Kind | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class AnnounceSwap:
    """Tell whoever listens that another link became the active one."""

    source: str
    target: str
    reason: str


Action = Apply | SendProbe | RunCheck | Say | AnnounceSwap
