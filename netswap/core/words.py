"""What netswap says: every line of the log about links, in one place, each with its reason.

`Network swapper`, `Pinger running on …`, `Changing default interface …`, `Blocking all packets …`,
`Unblocking …` and `Ping failure on …` are known to scripts and people: do not reword them.
"""

from __future__ import annotations

from collections.abc import Sequence

from netswap.core.actions import (
    Block,
    Connect,
    Disconnect,
    EndConnections,
    Kind,
    Level,
    Linger,
    Reach,
    Recheck,
    Restore,
    Say,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.check import Failure
from netswap.core.health import PROVING, Health
from netswap.core.model import Link, Mode, Override, State
from netswap.core.settings import LinkSettings

STARTED = "Network swapper"


def probing(link: Link, targets: Sequence[str]) -> Say:
    """Say that a link is probed from now on."""
    return Say(f"Pinger running on interface {link.ifname} to {', '.join(targets)}")


def loss(link: Link, health: Health, fall: int, waited_s: float, version: int = 4) -> Say:
    """Say that a probe was lost; where it is known why it was said already."""
    what = link.ifname if version == 4 else f"{link.ifname}, IPv6"
    text = f"Ping failure on {what} ({health.losses}/{fall}): no reply within {waited_s:.2g} s"
    known = health.late or health.degraded
    return Say(text, Level.DEBUG if known else Level.WARNING)


def late(link: Link, health: Health) -> Say:
    """Say that replies come late."""
    return Say(
        f"Replies over {label(link)} come late, after {health.rtt_s or 0:.1f} s: not counted as "
        "lost; a longer deadline_max_s would suit this link",
        Level.WARNING,
    )


def transition(link: Link, health: Health, version: int = 4) -> Say:
    """Say that a link came up, went down, or has to prove itself."""
    if health.reason == PROVING:
        text = f"Link {label(link)} is {PROVING}"
        return Say(text, Level.INFO, Kind.LINK, link.name)
    if link.on_demand and not link.ifname and version == 4:
        text = f"Link {link.name} is not connected: that is done on demand"
        return Say(text, Level.INFO, Kind.LINK, link.name)
    level = Level.WARNING if health.state is State.DOWN else Level.INFO
    text = f"Link {label(link)} is {health.state.value}: {health.reason}"
    if version == 6:
        text = f"IPv6 over {label(link)} is {health.state.value}: {health.reason}"
    return Say(text, level, Kind.LINK, link.name)


def quality(link: Link, health: Health) -> Say:
    """Say that a link got worse, or is good again."""
    if health.degraded:
        text = f"Link {label(link)} is degraded: {health.degraded}"
        return Say(text, Level.WARNING, Kind.LINK, link.name)
    return Say(f"Link {label(link)} is good again", kind=Kind.LINK, link=link.name)


def fault(link: Link, health: Health) -> Say:
    """Say that a check speaks against a link, or none does any more."""
    if health.fault:
        text = f"Link {label(link)} is faulty: {health.fault}"
        return Say(text, Level.WARNING, Kind.LINK, link.name)
    return Say(f"Link {label(link)} passes its checks again", kind=Kind.LINK, link=link.name)


def data_used(link: Link, share: float, settings: LinkSettings) -> Say:
    """Say that a link's data comes to an end."""
    text = f"Link {label(link)} has used {int(share * 100)} % of its {settings.data_cap} of data"
    if share >= 1 and settings.at_cap == "avoid":
        text += ": it is used only if no other link works"
    return Say(text, Level.WARNING, Kind.LINK, link.name)


def check_failed(link: Link, failure: Failure) -> Say:
    """Say that a check failed, or could not be made."""
    if not failure.count:
        text = f"Cannot check {label(link)}: {failure.reason} (a local error, not counted)"
    else:
        count = f"{failure.count}/{failure.fall}"
        text = f"Check failure on {link.ifname} ({count}): {failure.reason}"
    return Say(text, Level.WARNING)


def held_back(link: Link, health: Health, now_s: float) -> Say:
    """Say that a link failed too often to be used again at once."""
    wait_s = health.penalty.suppressed_until_s - now_s
    text = (
        f"Holding {label(link)} back for {wait_s / 60:.0f} min: it failed too often; "
        "netswapctl auto --now forgives it"
    )
    return Say(text, Level.WARNING, Kind.LINK, link.name)


def released(link: Link, why: str) -> Say:
    """Say that a link is not held back any more."""
    return Say(f"Holding {label(link)} back no longer: {why}", kind=Kind.LINK, link=link.name)


def woken() -> Say:
    """Say that everything has to be found out again."""
    return Say("The computer slept: every link has to prove itself again", kind=Kind.MODE)


def gone(link: Link) -> Say:
    """Say that a link is not there any more."""
    return Say(f"Link {label(link)} is gone", Level.WARNING, Kind.LINK, link.name)


def swap(source: Link, target: Link, reason: str) -> Say:
    """Say that netswap makes another link the active one."""
    text = (
        f"Changing default interface from {source.ifname or source.name} to {target.ifname}: "
        f"{reason}"
    )
    return Say(text, kind=Kind.SWAP, link=target.name)


def moved(source: Link, target: Link) -> Say:
    """Say that the active link changed without netswap's doing."""
    text = f"The default interface is {target.ifname} now, no more {source.ifname or source.name}"
    return Say(text, Level.WARNING, Kind.SWAP, target.name)


def renamed(before: Link, after: Link) -> Say:
    """Say that the configuration gave a link another name."""
    return Say(f"Link {label(before)} is called {after.name} now", kind=Kind.LINK, link=after.name)


def nowhere(current: Link | None) -> Say:
    """Say that there is no link to go to."""
    stay = f"staying on {current.ifname}" if current else "there is no default route at all"
    text = f"No link works: {stay}, changing nothing"
    return Say(text, Level.ERROR, Kind.LINK, current.name if current else "")


def stuck(active: Link) -> Say:
    """Say that traffic cannot be moved."""
    text = (
        f"Cannot move traffic to {label(active)}: a link that does not work stands below it, may "
        "not be touched, and nothing may go below 51"
    )
    return Say(text, Level.ERROR)


def manager(*, running: bool) -> Say:
    """Say that NetworkManager left, or came back."""
    if running:
        return Say("NetworkManager is back")
    text = "NetworkManager is not running: no metric can be changed until it is back"
    return Say(text, Level.WARNING)


def mode(override: Override, why: str) -> Say:
    """Say who decides from now on."""
    text = {
        Mode.AUTO: f"Choosing links automatically again: {why}",
        Mode.PINNED: f"Keeping to {override.link}: {why}",
        Mode.PAUSED: f"Paused, guarding nothing: {why}",
    }[override.mode]
    return Say(text, kind=Kind.MODE, link=override.link)


def not_connected(link: Link, obstacle: str, again_s: float) -> Say:
    """Say that a link on demand could not be connected."""
    text = f"Could not connect {link.name}: {obstacle}; next try in {again_s:.0f} s"
    return Say(text, Level.WARNING, Kind.LINK, link.name)


def stays_connected(link: Link) -> Say:
    """Say that a link on demand is not disconnected at exit."""
    return Say(f"Leaving {label(link)} connected: traffic needs it", Level.WARNING)


def kept(link: Link) -> Say:
    """Say that a metric is not put back at exit."""
    text = (
        f"Leaving {label(link)} as the default route: putting its metric back would move traffic "
        "to a link that does not work"
    )
    return Say(text, Level.WARNING)


def cannot_probe(link: Link, reason: str) -> Say:
    """Say that a probe could not be sent."""
    text = f"Cannot probe over {label(link)}: {reason} (a local error, not counted as a loss)"
    return Say(text, Level.WARNING)


def failed(step: Step, error: str, again_s: float | None = None) -> Say:
    """Say that a step failed, and when it is tried again, if ever."""
    again = "" if again_s is None else f"; next try in {again_s:.0f} s"
    return Say(f"Failed: {step_text(step)}: {error}{again}", Level.WARNING)


def step(step: Step, why: str) -> Say:
    """Say that a step is being taken."""
    text = step_text(step)
    match step:
        case Block(link=link) | Unblock(link=link):
            return Say(f"{text}: {why}", kind=Kind.GUARD, link=link)
        case Connect(link=link) | Disconnect(link=link):
            return Say(f"{text}: {why}", kind=Kind.LINK, link=link)
        case SetMetric() | Reach():
            return Say(text)
        case _:
            return Say(text, Level.DEBUG)


def step_text(step: Step) -> str:
    """Describe a step in a few words."""
    match step:
        case Block(ifname=ifname):
            text = f"Blocking all packets via nftables to interface {ifname}"
        case Unblock(ifname=ifname):
            text = f"Unblocking all packets via nftables to interface {ifname}"
        case EndConnections(link=link, addresses=addresses, own=own):
            which = "connections" if own else "forwarded connections"
            text = f"Ending the {which} of {link} ({', '.join(addresses)})"
        case Linger(link=link, addresses=addresses):
            text = f"Keeping the connections of {link} to it ({', '.join(addresses)})"
        case Reach(ifname=ifname, server=server):
            way = f"over {ifname}" if ifname else "by no route of its own any more"
            text = f"Reaching the VPN's server {server} {way}"
        case SetMetric(link=link, v4=v4, v6=v6):
            families = [f"{name} {rank}" for name, rank in (("IPv4", v4), ("IPv6", v6)) if rank]
            text = f"Setting the metric of {link}: {', '.join(families)}"
        case _:
            text = _request_text(step)
    return text


def _request_text(step: Tidy | Recheck | Restore | Connect | Disconnect) -> str:
    match step:
        case Tidy(link=link):
            text = f"Removing stale default routes of {link}"
        case Recheck(link=link):
            text = f"Having NetworkManager check the connectivity of {link} again"
        case Restore(link=link):
            text = f"Putting metric and DNS priority of {link} back as found"
        case Connect(link=link, uuid=uuid, connection=connection):
            text = f"Connecting {link} by the profile {connection or uuid}"
        case Disconnect(link=link):
            text = f"Disconnecting {link}"
    return text


def label(link: Link) -> str:
    """Return the name of a link, with its interface where that says more."""
    return f"{link.name} ({link.ifname})" if link.ifname not in ("", link.name) else link.name
