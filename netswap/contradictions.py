"""What each setting may be, and what the settings together may not: what no type can say."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterator
from datetime import date

from netswap import units
from netswap.core import target as target_of
from netswap.core.settings import (
    CheckSettings,
    LinkSettings,
    ProbeSettings,
    QualitySettings,
    Settings,
)

TYPES = ("ethernet", "wifi", "modem", "bluetooth")


def found(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield where the settings make no sense together, why, and a hint."""
    yield from _wrong_targets(settings.probe)
    yield from _wrong_quality(settings.quality)
    yield from _wrong_links(settings.link)
    known = [link.name for link in settings.link]
    for i, check in enumerate(settings.check):
        yield from _wrong_check(f"check[{i}]", check, known)
    damping = settings.damping
    if damping.reuse >= damping.suppress:
        problem = f"reuse {damping.reuse:g} must be less than suppress {damping.suppress:g}"
        yield "damping.reuse", problem, "the defaults are 0.75 and 2"
    metric = settings.metric
    if not metric.takeover < metric.preferred < metric.standby - 1:
        yield (
            "metric",
            f"takeover {metric.takeover}, preferred {metric.preferred} and standby "
            f"{metric.standby} must rise in this order, the last one by 2 or more",
            "the defaults are 60, 100 and 200",
        )


NO_NAMES = "names need a working link to be resolved; give an address such as"
TARGET_HINTS = {
    (False, 4): f"{NO_NAMES} 8.8.8.8",
    (True, 4): "IPv6 addresses go to targets6",
    (False, 6): f"{NO_NAMES} 2001:4860:4860::8888; IPv4 addresses go to targets",
    (True, 6): "such as 2001:4860:4860::8888",
}
"""By whether it looks like IPv6, and which version is wanted."""
BEYOND = {4: "such as 8.8.8.8", 6: "such as 2001:4860:4860::8888"}


def _wrong_targets(probe: ProbeSettings) -> Iterator[tuple[str, str, str]]:
    if not probe.targets:
        yield "probe.targets", "must name at least one address", 'such as targets = ["8.8.8.8"]'
    for name, targets, version in (("targets", probe.targets, 4), ("targets6", probe.targets6, 6)):
        for i, target in enumerate(targets):
            if wrong := _wrong_target(target, version):
                yield f"probe.{name}[{i}]", *wrong
        if len({_canonical(target) for target in targets}) < len(targets):
            yield f"probe.{name}", "names an address twice", "each target once"
    if probe.reliability > len(probe.targets):
        problem = f"{probe.reliability} of {len(probe.targets)} targets cannot answer"
        yield "probe.reliability", problem, "at most as many as there are targets"
    if probe.deadline_min_s > probe.deadline_max_s:
        problem = f"{probe.deadline_min_s:g} is more than deadline_max_s, {probe.deadline_max_s:g}"
        yield "probe.deadline_min_s", problem, "the defaults are 0.1 and 2"


def _canonical(target: str) -> str:
    """Return the one way to write an address (RFC 5952), or what is none as it is."""
    try:
        return str(ipaddress.ip_address(target))
    except ValueError:
        return target


def _wrong_target(target: str, version: int) -> tuple[str, str] | None:
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        address = None
    if address is None or address.version != version:
        hint = TARGET_HINTS[target.count(":") > 1, version]
        return f"{target!r} is not an IPv{version} address", hint
    nearby = address.is_loopback or address.is_link_local or "%" in target
    nobodys = address.is_multicast or address.is_unspecified or target == "255.255.255.255"
    if nearby or nobodys:
        problem = f"{target} would not tell whether the internet can be reached"
        return problem, BEYOND[version]
    return None


TARGETS = {"tcp": "192.0.2.1:443", "dns": "example.org", "http": "http://example.org/page"}
"""An example of what each method of checking asks."""


def _wrong_check(
    where: str, check: CheckSettings, known: list[str]
) -> Iterator[tuple[str, str, str]]:
    try:
        target_of.READERS[check.method](check.target)
    except ValueError as error:
        hint = f'for {check.method} such as target = "{TARGETS[check.method]}"'
        yield f"{where}.target", f"{check.target!r} {error}", hint
    for name in ("expect_status", "expect_body"):
        if getattr(check, name) and check.method != "http":
            problem = f"a check by {check.method} has no page"
            yield f"{where}.{name}", problem, 'only for method = "http"'
    if check.timeout_s > check.every_s:
        problem = f"{check.timeout_s:g} is more than every_s, {check.every_s:g}"
        yield f"{where}.timeout_s", problem, "the defaults are 5 and 30"
    for i, link in enumerate(check.links):
        if known and link not in known:
            hint = f"links in this file: {', '.join(known)}"
            yield f"{where}.links[{i}]", f"there is no link {link!r}", hint


def _wrong_quality(quality: QualitySettings) -> Iterator[tuple[str, str, str]]:
    if quality.loss_recovered > quality.loss:
        problem = f"{quality.loss_recovered:g} is more than loss, {quality.loss:g}"
        yield "quality.loss_recovered", problem, "the defaults are 0.1 and 0.25"
    if quality.latency_recovered_s > quality.latency_s:
        problem = f"{quality.latency_recovered_s:g} is more than latency_s, {quality.latency_s:g}"
        yield "quality.latency_recovered_s", problem, "such as latency_s = 0.5 and 0.3 here"


def _wrong_networks(where: str, networks: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for i, network in enumerate(networks):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            hint = 'an address or a network, such as "192.0.2.7" or "2001:db8::/32"'
            yield f"{where}[{i}]", str(error), hint


def wrong_name(name: str, taken: Container[object]) -> tuple[str, str] | None:
    """Return why a link cannot be called so, and a hint; None if it can."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        hint = "up to 32 letters, digits and -_. that start with a letter or digit"
        return f"{name!r} cannot be a name", hint
    return (f"{name!r} names two links", "names must differ") if name in taken else None


def _wrong_links(links: tuple[LinkSettings, ...]) -> Iterator[tuple[str, str, str]]:
    seen: dict[object, str] = {}
    for i, link in enumerate(links):
        where = f"link[{i}]"
        if wrong := wrong_name(link.name, seen):
            yield f"{where}.name", *wrong
        yield from _wrong_networks(f"{where}.allow", link.allow)
        criteria = (link.match.interface, link.match.connection, link.match.uuid)
        if link.match.type is not None and link.match.type not in TYPES:
            hint = f"known types: {', '.join(TYPES)}"
            yield f"{where}.match.type", f"{link.match.type!r} is no device type", hint
        if not any((*criteria, link.match.type, link.match.driver)):
            hint = 'such as match = { interface = "eth0" }; `nmcli device` lists them'
            yield f"{where}.match", "must say which device the link is", hint
        if link.connect == "on-demand" and not (link.match.connection or link.match.uuid):
            hint = 'such as match = { connection = "Phone" }; `nmcli connection` lists them'
            yield f"{where}.match", "must name the connection of a link on demand", hint
        yield from _wrong_cap(where, link)
        if link.match in seen:
            problem = f"matches the same device as {seen[link.match]!r}"
            yield f"{where}.match", problem, "make the two differ, or remove one"
        seen[link.name] = seen[link.match] = link.name


def _wrong_cap(where: str, link: LinkSettings) -> Iterator[tuple[str, str, str]]:
    if link.data_cap:
        try:
            units.parse_size(link.data_cap)
        except ValueError as error:
            yield f"{where}.data_cap", str(error), 'such as data_cap = "5 GB"'
    if link.at_cap == "avoid" and not link.data_cap:
        yield f"{where}.at_cap", "there is no cap", 'such as data_cap = "5 GB"'
    hint = 'a day on which a cycle began, such as cycle_since = "2026-03-17"'
    if link.cycle_days and not link.cycle_since:
        yield f"{where}.cycle_days", "needs to be told since when", hint
    if link.cycle_since:
        try:
            date.fromisoformat(link.cycle_since)
        except ValueError:
            yield f"{where}.cycle_since", f"{link.cycle_since!r} is no day", hint
        if not link.cycle_days:
            problem, hint = "needs to be told how many days a cycle has", "such as cycle_days = 30"
            yield f"{where}.cycle_since", problem, f"{hint}; for months there is cycle_start"
