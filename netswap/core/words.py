"""What netswap says: every line of the log about links, in one place, each with its reason.

`Network swapper`, `Pinger running on …`, `Changing default interface …`, `Blocking all packets …`,
`Unblocking …` and `Ping failure on …` are known to scripts and people: do not reword them.
"""

from __future__ import annotations

from collections.abc import Sequence

from netswap.core.actions import (
    Block,
    EndConnections,
    Level,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.health import Health
from netswap.core.model import Link
from netswap.core.settings import ProbeSettings

STARTED = "Network swapper"


def probing(link: Link, targets: Sequence[str]) -> str:
    """Return the line about a link that is probed from now on."""
    return f"Pinger running on interface {link.ifname} to {', '.join(targets)}"


def loss(link: Link, health: Health, probe: ProbeSettings) -> str:
    """Return the line about one lost probe."""
    return (
        f"Ping failure on {link.ifname} ({health.losses}/{probe.fall}): "
        f"no reply within {probe.interval_s:g} s"
    )


def transition(link: Link, health: Health) -> str:
    """Return the line about a link that came up or went down."""
    return f"Link {label(link)} is {health.state.value}: {health.reason}"


def swap(source: Link, target: Link, reason: str) -> str:
    """Return the line about another link becoming the active one."""
    return (
        f"Changing default interface from {source.ifname or source.name} to {target.ifname}: "
        f"{reason}"
    )


def nowhere(current: Link | None) -> str:
    """Return the line about having no link to go to."""
    stay = f"staying on {current.ifname}" if current else "there is no default route at all"
    return f"No link works: {stay}, changing nothing"


def kept(link: Link) -> str:
    """Return the line about a metric that is not put back at exit."""
    return (
        f"Leaving {label(link)} as the default route: putting its metric back would move traffic "
        "to a link that does not work"
    )


def cannot_probe(link: Link, reason: str) -> str:
    """Return the line about a local error."""
    return f"Cannot probe over {label(link)}: {reason} (a local error, not counted as a loss)"


def failed(step: Step, error: str, again_s: float) -> str:
    """Return the line about a step that failed."""
    return f"Failed: {step_text(step)}: {error}; next try in {again_s:.0f} s"


def step(step: Step) -> tuple[str, Level]:
    """Return the line about a step that is being taken."""
    level = Level.INFO if isinstance(step, Block | Unblock) else Level.DEBUG
    return step_text(step), level


def step_text(step: Step) -> str:
    """Describe a step in a few words."""
    match step:
        case Block(link, ifname):
            text = f"Blocking all packets via nftables to interface {ifname}: {link} is on standby"
        case Unblock(link, ifname):
            text = f"Unblocking all packets via nftables to interface {ifname}: {link} is free"
        case EndConnections(link, addresses):
            text = f"Ending the connections of {link} ({', '.join(addresses)})"
        case SetMetric(link, v4, v6):
            families = [f"{name} {rank}" for name, rank in (("IPv4", v4), ("IPv6", v6)) if rank]
            text = f"Setting the metric of {link}: {', '.join(families)}"
        case Tidy(link):
            text = f"Removing stale default routes of {link}"
        case Recheck(link):
            text = f"Having NetworkManager check the connectivity of {link} again"
        case Restore(link):
            text = f"Putting metric and DNS priority of {link} back as found"
    return text


def label(link: Link) -> str:
    """Return the name of a link, with its interface where that says more."""
    return f"{link.name} ({link.ifname})" if link.ifname not in ("", link.name) else link.name
