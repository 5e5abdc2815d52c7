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
    data_cap: Annotated[
        str,
        Doc(
            'data that it may carry in a billing cycle, both ways, such as "5 GB"; netswap warns '
            "at 75 %, 95 % and 100 %; none: no cap"
        ),
    ] = ""
    at_cap: Annotated[
        Literal["warn", "avoid"],
        Doc(
            "what to do from the cap on: warn: say so; avoid: use the link only if no other works: "
            "warn or avoid"
        ),
    ] = "warn"
    cycle_start: Annotated[
        int,
        Doc(
            "day of the month on which a billing cycle begins; in a shorter month its last day",
            1,
            31,
        ),
    ] = 1
    cycle_days: Annotated[
        int,
        Doc("days that a billing cycle lasts, from cycle_since on; 0: it is a month", 0, 366),
    ] = 0
    cycle_since: Annotated[
        str, Doc('a day on which a cycle of cycle_days began, such as "2026-03-17"')
    ] = ""
    connect: Annotated[
        Literal["always", "on-demand"],
        Doc(
            "who connects it: always: NetworkManager or you, never netswap; on-demand: netswap, "
            "when every link before it has failed, or has used up its data; match must name its "
            "connection then, by connection or uuid, which should not connect by itself"
        ),
    ] = "always"
    connect_when: Annotated[
        Literal["down", "suspect"],
        Doc(
            "when netswap begins to connect it: when the links before it are down, or already "
            "when they have lost a probe: down or suspect"
        ),
    ] = "down"
    connect_timeout_s: Annotated[
        float, Doc("seconds within which it must be connected, else the next one is tried", 1, 3600)
    ] = 45.0
    release_after_s: Annotated[
        float,
        Doc(
            "seconds after which netswap disconnects it again, from when traffic went back to a "
            "link before it",
            0,
            86400,
        ),
    ] = 60.0


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How links are probed."""

    targets: Annotated[
        tuple[str, ...],
        Doc("IPv4 addresses that answer pings; of different operators, so that none is missed"),
    ] = ("1.1.1.1", "8.8.8.8")
    targets6: Annotated[
        tuple[str, ...],
        Doc("IPv6 addresses likewise; where given, IPv6 is probed too, and shown"),
    ] = ()
    reliability: Annotated[
        int, Doc("how many of the targets must answer for the link to count as alive", 1, 100)
    ] = 1
    interval_s: Annotated[
        float, Doc("seconds between two probes while nothing is wrong", 0.1, 3600)
    ] = 1.0
    standby_interval_s: Annotated[
        float,
        Doc(
            "seconds between two probes of a metered backup while the active link answers; "
            "from the first lost probe on it is probed every interval_s, until it is down",
            0.1,
            3600,
        ),
    ] = 10.0
    confirm_interval_s: Annotated[
        float, Doc("seconds between two probes of a link that has just lost one", 0.05, 3600)
    ] = 0.15
    deadline_min_s: Annotated[
        float,
        Doc(
            "seconds that a reply may take at least before its probe is lost; how many it may "
            "take follows from the link's last round trips and how much they vary",
            0.05,
            60,
        ),
    ] = 0.1
    deadline_max_s: Annotated[
        float,
        Doc("seconds that a reply may take at most before its probe is lost", 0.05, 60),
    ] = 2.0
    fall: Annotated[int, Doc("lost probes in a row after which a link is down", 1, 100)] = 4
    rise: Annotated[int, Doc("replies in a row after which a link is up again", 1, 100)] = 3


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """A check beside the pings: while it fails, its link is used only if no better one works.

    It is made over the link, and asks the link's own name servers. Without any table there is none.
    """

    method: Annotated[
        Literal["tcp", "dns", "http"],
        Doc(
            "tcp: a connection is made; one that is refused was answered all the same. dns: the "
            "link's name servers are asked for an IPv4 address. http: a page is fetched; a "
            "redirect is a captive portal"
        ),
    ]
    target: Annotated[
        str,
        Doc(
            'for tcp an address and a port, such as "192.0.2.1:443"; for dns a name; for http a '
            'URL, such as "http://detectportal.example/x", which is looked up over the link'
        ),
    ]
    expect_status: Annotated[
        int, Doc("for http: the status that must be answered; 0: any from 200 to 299", 0, 599)
    ] = 0
    expect_body: Annotated[
        str, Doc("for http: text that must be in the first 64 kB of the page")
    ] = ""
    every_s: Annotated[
        float,
        Doc("seconds between two checks; ten times as many for a metered backup at rest", 1, 86400),
    ] = 30.0
    timeout_s: Annotated[float, Doc("seconds that the answer may take", 0.1, 60)] = 5.0
    fall: Annotated[
        int,
        Doc(
            "failures in a row after which the link is not used; after the first one the check is "
            "made again a second later. One success is enough to use it again",
            1,
            100,
        ),
    ] = 2
    links: Annotated[
        tuple[str, ...], Doc("names of the links that are checked; none: all of them")
    ] = ()

    def concerns(self, link: str) -> bool:
        """Whether it is made of this link."""
        return not self.links or link in self.links


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """When a link that replies is not good enough: it is then used only if no better one works."""

    window: Annotated[int, Doc("how many of the last probes count", 4, 1000)] = 60
    loss: Annotated[
        float, Doc("share of lost probes from which a link is degraded; 1 or more: never", 0.01, 2)
    ] = 0.25
    loss_recovered: Annotated[
        float, Doc("share of lost probes below which it is good again", 0.01, 2)
    ] = 0.1
    latency_s: Annotated[
        float, Doc("median round trip from which a link is degraded; 0: never", 0, 60)
    ] = 0.0
    latency_recovered_s: Annotated[
        float,
        Doc("median round trip below which it is good again; 0: four fifths of latency_s", 0, 60),
    ] = 0.0

    @property
    def latency_good_s(self) -> float:
        """Below which median round trip a link that was degraded is good again, in seconds."""
        return self.latency_recovered_s or 0.8 * self.latency_s


@dataclass(frozen=True, slots=True)
class DampingSettings:
    """How a link is held back that fails again and again (RFC 2439's idea)."""

    stay_s: Annotated[
        float,
        Doc("seconds for which traffic stays, after a swap, on a link that works", 0, 86400),
    ] = 10.0
    suppress: Annotated[
        float, Doc("points from which a link is held back; each failure is one point", 1, 1000)
    ] = 2.0
    reuse: Annotated[float, Doc("points at which it may be used again", 0.01, 1000)] = 0.75
    half_life_s: Annotated[float, Doc("seconds in which points decay by half", 1, 86400)] = 300.0
    longest_s: Annotated[
        float, Doc("seconds for which a link is held back at most after it failed", 0, 86400)
    ] = 1800.0


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """Route metrics (and DNS priorities) by role. They must rise in this order, the last by 2."""

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
            "are refused at once, and those of guests, or on IPv6 privacy addresses, end",
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
    check: Annotated[
        tuple[CheckSettings, ...], Doc("one table [[check]], in two brackets, for each check")
    ] = ()
    quality: Annotated[QualitySettings, Doc("a table, [quality]")] = field(
        default_factory=QualitySettings
    )
    damping: Annotated[DampingSettings, Doc("a table, [damping]")] = field(
        default_factory=DampingSettings
    )
    metric: Annotated[MetricSettings, Doc("a table, [metric]")] = field(
        default_factory=MetricSettings
    )
    guard: Annotated[GuardSettings, Doc("a table, [guard]")] = field(default_factory=GuardSettings)
