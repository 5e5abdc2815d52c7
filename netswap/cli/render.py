"""What netswapctl prints, made from what the service says. Pure: the time is an argument."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from netswap import units
from netswap.cli.client import Finding, Offer, Reply, Setting, Transition
from netswap.cli.status import LinkStatus, Status
from netswap.cli.text import Cell, Paint, table, unpainted

HEALTHS = {
    "up": "green",
    "down": "red",
    "unknown": "yellow",
    "degraded": "yellow",
    "faulty": "red",
}
STATES = {"preferred": "green", "backup": "yellow", "offline": "red", "starting": "yellow"}
VERDICTS = {"ok": "green", "warn": "yellow", "fail": "red"}


def clock(at_s: float, now_s: float) -> str:
    """Write a time as `14:03`, with the day if it is not today's."""
    at, now = time.localtime(at_s), time.localtime(now_s)
    if at[:3] == now[:3]:
        return time.strftime("%H:%M", at)
    return time.strftime("%d %b %H:%M" if at[0] == now[0] else "%d %b %Y %H:%M", at).lstrip("0")


def day(at_s: float, now_s: float) -> str:
    """Write a day as `17 Nov`, with the year if it is not this one."""
    at, now = time.localtime(at_s), time.localtime(now_s)
    return time.strftime("%d %b" if at[0] == now[0] else "%d %b %Y", at).lstrip("0")


def since(at_s: float, now_s: float) -> str:
    """Write since when, and how long that is: `since 14:03 (2 h 10 min)`."""
    return f"since {clock(at_s, now_s)} ({units.duration(now_s - at_s)})"


def status(
    state: Status, now_s: float, paint: Paint = unpainted, width: int | None = None
) -> list[str]:
    """Answer: which link, since when, why, how are the others, what is guarded, am I offline."""
    lines = [paint(headline(state, now_s), STATES.get(state.state, "")), *notes(state, now_s)]
    if state.links:
        lines += ["", *table(_links(state, now_s), paint, width)]
    troubles = [text for link in state.links for text in troubles_of(link, now_s)]
    return [*lines, *(["", *troubles] if troubles else [])]


def headline(state: Status, now_s: float) -> str:
    """Say in one line where traffic goes, since when and why."""
    active = next((link for link in state.links if link.name == state.active_link), None)
    if state.state == "offline":
        return _offline(state, active, now_s)
    if not active:
        return f"Starting: {state.reason or 'no link is known yet'}"
    text = f"{active.name} is active {since(state.since_s, now_s)}: {state.reason}"
    return {"starting": f"Starting: {text}", "backup": f"On a backup: {text}"}.get(
        state.state, text
    )


def _offline(state: Status, active: LinkStatus | None, now_s: float) -> str:
    better = any(link.health == "up" and not link.fault for link in state.links)
    if active and active.health == "up" and active.fault and not better:
        return f"Offline: {active.name} is active and faulty; no better link works"
    when = f" {since(max(active.since_s, state.since_s), now_s)}" if active else ""
    if active and any(link.health == "up" for link in state.links):
        return f"Offline{when}: {active.name} is active, {state.reason}"
    return f"Offline{when}: no link works" + (f"; {active.name} stays active" if active else "")


def notes(state: Status, now_s: float) -> list[str]:
    """Say what is out of the ordinary."""
    end = ""
    if state.mode_until_s is not None:
        left = units.duration(state.mode_until_s - now_s)
        end = f" until {clock(state.mode_until_s, now_s)} ({left} left)"
    said = {
        "Pinned by the user" + end + "; `netswapctl auto` ends it": state.mode == "pinned",
        f"Paused{end}: nothing is guarded or changed; `netswapctl resume` ends it": state.mode
        == "paused",
        "NetworkManager is not running: nothing can be changed": not state.network_manager_running,
        "Dry run: netswapd only says what it would do; metrics and guard are as they would be": (
            state.dry_run
        ),
        "There are no links: `netswapctl links` shows what NetworkManager offers": not state.links,
    }
    return [text for text, true in said.items() if true]


def troubles_of(link: LinkStatus, now_s: float) -> Iterator[str]:
    """Say all that is wrong with a link."""
    if link.health != "up" and not link.resting:
        yield trouble(link, now_s)
    elif link.fault:
        yield f"{link.name} is faulty: {link.fault}; it is used only if no better link works"
    elif link.degraded:
        yield f"{link.name} is degraded: {link.reason}; it is used only if no better link works"
    if link.data_cap:
        yield data(link, now_s)
    if link.held_back_until_s:
        left = units.duration(link.held_back_until_s - now_s)
        yield (
            f"{link.name} is held back until {clock(link.held_back_until_s, now_s)} ({left} left): "
            "it failed too often; `netswapctl auto --now` forgives it"
        )
    if link.health6 not in ("", "up") and link.health == "up":
        yield f"{link.name}: IPv6 is {link.health6}: {link.reason6}"
    silent = [target for target, loss in link.target_loss.items() if loss == 1]
    if link.health == "up" and 0 < len(silent) < len(link.target_loss):
        yield f"{link.name}: no reply from {', '.join(silent)}, though others reply"


def trouble(link: LinkStatus, now_s: float) -> str:
    """Say what is wrong with a link, since when, and when it was last heard."""
    heard = f"; last reply {clock(link.last_reply_s, now_s)}" if link.last_reply_s else ""
    return f"{link.name} is {link.health} {since(link.since_s, now_s)}: {link.reason}{heard}"


def data(link: LinkStatus, now_s: float) -> str:
    """Say how much of its data a link has used."""
    used, cap = units.size(link.data_used), units.size(link.data_cap)
    share = (
        f"{int(link.data_used / link.data_cap * 100)} %"  # as in the log, 100 % when it is used up
    )
    return f"{link.name} has used {used} of {cap} ({share}) since {day(link.data_since_s, now_s)}"


def health(link: LinkStatus) -> Cell:
    """Say how a link is, and if it is well but not in use, that it stands by."""
    text = "resting" if link.resting else link.health
    if text == "up" and (link.fault or link.degraded):
        text = "faulty" if link.fault else "degraded"
    standby = " (standby)" if link.health == "up" and not link.active else ""
    return Cell(text + standby, HEALTHS.get(text, ""))


def mark(link: LinkStatus) -> str:
    """Return the name of a link behind the mark of the active one."""
    return f"{'*' if link.active else ' '} {link.name}"


def _links(state: Status, now_s: float) -> list[list[Cell]]:
    rows = [_header("  LINK", "DEVICE", "HEALTH", "RTT", "LOSS", "METRIC", "GUARD", "SINCE")]
    for link in state.links:
        rows.append(
            [
                Cell(mark(link), "bold" if link.active else ""),
                Cell(link.device or "-"),
                health(link),
                Cell(units.round_trip(link.rtt_s if link.health == "up" else None)),
                Cell(units.share(link.loss)),
                Cell(_metric(link)),
                Cell("guarded" if link.guarded else "-"),
                Cell(clock(link.since_s, now_s)),
            ]
        )
    return rows


def _metric(link: LinkStatus) -> str:
    """Write the metric, both families' where they differ: `100/1024`."""
    known = [str(metric) for metric in (link.metric4, link.metric6) if metric is not None]
    if link.metric4 is None and known:
        return f"-/{known[0]}"
    return "/".join(dict.fromkeys(known)) or "-"


def transition(event: Transition, paint: Paint = unpainted) -> str:
    """Write one line of the log."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time_s))
    kind = f"{event.kind:<5}"
    return f"{when}  {paint(kind, 'bold' if event.kind == 'swap' else '')}  {event.text}"


def offers(found: Sequence[Offer], paint: Paint = unpainted, width: int | None = None) -> list[str]:
    """List what NetworkManager offers, in the order in which netswap ranks it."""
    rows = [_header("", "DEVICE", "TYPE", "CONNECTION", "STATE", "METERED", "LINK")]
    for rank, offer in enumerate(found, 1):
        metered = "metered" if offer.metered else "-"
        texts = (offer.device, offer.type, offer.connection, offer.state, metered, offer.link)
        rows.append([Cell(str(rank)), *(Cell(text or "-") for text in texts)])
    return table(rows, paint, width) if found else ["NetworkManager has no device to offer"]


def settings(
    found: Iterable[Setting], paint: Paint = unpainted, width: int | None = None
) -> list[str]:
    """List the effective settings and their sources."""
    rows = [[Cell(setting.name), Cell(setting.value), Cell(setting.source)] for setting in found]
    return table([_header("SETTING", "VALUE", "SOURCE"), *rows], paint, width)


def replies(link: str, found: Sequence[Reply]) -> list[str]:
    """List what came of a round of probes."""
    heard = sum(reply.rtt_s is not None for reply in found)
    rows = [
        [Cell(f"  {target}"), Cell("no reply" if rtt_s is None else units.round_trip(rtt_s))]
        for target, rtt_s in found
    ]
    noun = "target" if len(found) == 1 else "targets"
    return [f"{link}: {heard} of {len(found)} {noun} replied", *(table(rows) if rows else [])]


def findings(found: Sequence[Finding], paint: Paint = unpainted) -> list[str]:
    """List what the doctor found, each with the command that mends it below it."""
    lines = []
    for check, verdict, finding, mend in found:
        lines.append(f"{paint(f'{verdict:<4}', VERDICTS.get(verdict, ''))}  {check}: {finding}")
        if mend and verdict != "ok":
            lines.append(f"      mend: {mend}")
    return lines


def verdict(found: Sequence[Finding]) -> str:
    """Sum up what the doctor found."""
    counts = {word: sum(item.verdict == word for item in found) for word in VERDICTS}
    said = [f"{counts[word]} {word}" for word in VERDICTS if counts[word]]
    return ", ".join(said) or "nothing was checked"


def _header(*names: str) -> list[Cell]:
    return [Cell(name, "dim") for name in names]
