"""The one table of settings: names, types, defaults, ranges and what each is for.

The parser, its error messages, the manual page and the defaults are all made from the classes
below (`netswap.config`). Numbers carry their unit in the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

LOWEST_METRIC = 51
"""NetworkManager gives a VPN's default route 50: a plain link must never stand at or below it."""


@dataclass(frozen=True, slots=True)
class Doc:
    """What a setting is for and which values it takes (both bounds inclusive)."""

    text: str
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which device a link is. All that is given must match."""

    interface: Annotated[str | None, Doc("interface name, as `nmcli device` prints it")] = None
    connection: Annotated[str | None, Doc("name of the NetworkManager connection")] = None
    uuid: Annotated[str | None, Doc("UUID of the NetworkManager connection")] = None
    type: Annotated[str | None, Doc("ethernet, wifi, modem or bluetooth")] = None
    driver: Annotated[str | None, Doc("kernel driver, such as cdc_ether or rndis_host")] = None


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """One way onto the internet."""

    name: Annotated[str, Doc("what you call this link; shown everywhere")]
    match: Annotated[Match, Doc("which device it is; all that is given must match")]
    metered: Annotated[bool | None, Doc("whether data costs; default: what NM thinks")] = None
    guard: Annotated[
        Literal["reject", "drop", "off", "metered-only"],
        Doc(
            "how traffic is kept off it on standby: refused with an answer, dropped silently, not "
            "at all, or refused only where data costs: reject, drop, off or metered-only"
        ),
    ] = "reject"
    allow_lan: Annotated[
        bool, Doc("whether its own networks and multicast stay reachable on standby")
    ] = True
    allow: Annotated[
        tuple[str, ...], Doc("addresses and networks that stay reachable over it on standby")
    ] = ()


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How links are probed."""

    targets: Annotated[
        tuple[str, ...], Doc("IPv4 addresses that answer pings; one reply of any is a reply")
    ] = ("8.8.8.8",)
    interval_s: Annotated[
        float,
        Doc("seconds between two probes; a probe not answered within it is lost", 0.1, 3600),
    ] = 1.0
    standby_interval_s: Annotated[
        float,
        Doc(
            "seconds between two probes of a metered backup while the active link answers; "
            "after the first lost probe it is probed every interval_s",
            0.1,
            3600,
        ),
    ] = 10.0
    fall: Annotated[int, Doc("lost probes in a row after which a link is down", 1, 100)] = 2
    rise: Annotated[int, Doc("replies in a row after which a link is up again", 1, 100)] = 3


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """Route metrics (and DNS priorities) by role. They must rise in this order."""

    takeover: Annotated[int, Doc("of a backup that took over", LOWEST_METRIC + 1, 9999)] = 60
    preferred: Annotated[
        int, Doc("of the preferred link at rest, if it must be set", LOWEST_METRIC + 1, 9999)
    ] = 100
    standby: Annotated[
        int, Doc("of the first backup at rest; the next ones follow", LOWEST_METRIC + 1, 9999)
    ] = 200


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How connections end when traffic has moved."""

    linger_s: Annotated[
        float,
        Doc(
            "seconds for which connections over a backup may go on after a swap back; new ones "
            "are refused at once",
            0,
            86400,
        ),
    ] = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that netswap.toml can say. No links: netswap picks them itself."""

    link: Annotated[
        tuple[LinkSettings, ...], Doc("one table [[link]], in two brackets, for each link")
    ] = ()
    probe: Annotated[ProbeSettings, Doc("a table, [probe]")] = field(default_factory=ProbeSettings)
    metric: Annotated[MetricSettings, Doc("a table, [metric]")] = field(
        default_factory=MetricSettings
    )
    guard: Annotated[GuardSettings, Doc("a table, [guard]")] = field(default_factory=GuardSettings)
