"""From NetworkManager's devices and the kernel's routes to netswap's links. Pure.

Which device is which link is told by netswap.toml; without links there, netswap picks them:
devices that have (or had) a default route, Ethernet before Wi-Fi before what is metered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from ipaddress import collapse_addresses, ip_network

from netswap.adapters.nm import names
from netswap.adapters.nm.view import Device
from netswap.core.model import Barrier, Link, Route
from netswap.core.settings import LinkSettings, Match

Metrics = dict[tuple[str, int], list[int]]
"""(interface name, family 4 or 6) → metrics of its default routes in the kernel."""


NEARBY = ("224.0.0.0/4", "255.255.255.255", "ff00::/8", "fe80::/10")
"""What never goes further than the link's own network: multicast, broadcast, link-local."""


class Picker:
    """Picks links by itself. Remembers what it picked: a link is known while its device is."""

    def __init__(self) -> None:
        self._picked: list[str] = []

    def pick(self, devices: Sequence[Device]) -> tuple[LinkSettings, ...]:
        """Return the links, best first; where nothing tells two apart, the one seen first."""
        there = {device.ifname: device for device in devices if device.number in names.CARRIES}
        fresh = [d for d in there.values() if d.metrics4 and d.ifname not in self._picked]
        fresh.sort(key=lambda device: (min(device.metrics4), device.ifname))
        self._picked += [device.ifname for device in fresh]
        self._picked = [ifname for ifname in self._picked if ifname in there]
        self._picked.sort(key=lambda ifname: _class(there[ifname]))
        return tuple(LinkSettings(name, Match(interface=name)) for name in self._picked)


def _class(device: Device) -> int:
    if device.metered or device.kind in ("modem", "bluetooth"):
        return 2
    return 1 if device.kind == "wifi" else 0


def assign(
    wanted: Iterable[LinkSettings], devices: Sequence[Device]
) -> list[tuple[LinkSettings, Device | None]]:
    """Say which device each link is; one that is connected goes before one that is not.

    No device is two links: the first link that matches has it. Links on demand, which are always
    told by their connection, choose first, and those that name a kind of device choose last: a
    phone is of type ethernet, too.
    """
    free = sorted(devices, key=lambda device: (bool(device.obstacle), device.ifname))
    links, assigned = list(wanted), dict[str, Device | None]()
    for link in sorted(links, key=lambda link: (link.connect != "on-demand", _vague(link.match))):
        device = next((device for device in free if _matches(link.match, device)), None)
        if device:
            free.remove(device)
        assigned[link.name] = device
    return [(link, assigned[link.name]) for link in links]


def _vague(match: Match) -> bool:
    """Whether it names a kind of device, of which there may be several or none, and no device."""
    return match.interface is match.connection is match.uuid is None


def conflicts(wanted: Sequence[LinkSettings], devices: Sequence[Device]) -> list[tuple[str, str]]:
    """Return the pairs of links that want one and the same device and can have no other.

    A link on demand wants a device only while it is connected, by whatever device NetworkManager
    chose. One that names a kind of device takes what the others leave.
    """
    only: dict[str, list[str]] = {}
    named = [k for k in wanted if k.connect != "on-demand" and not _vague(k.match)]
    for link in named:
        matching = [device.path for device in devices if _matches(link.match, device)]
        if len(matching) == 1:
            only.setdefault(matching[0], []).append(link.name)
    return [(found[0], found[1]) for found in only.values() if len(found) > 1]


def observe(
    settings: LinkSettings, device: Device | None, metrics: Metrics, own: Collection[str] = ()
) -> Link:
    """Describe a link as it is now. `own` are the activations that netswap asked for."""
    on_demand = settings.connect == "on-demand"
    if device is None:
        obstacle = "not connected" if on_demand else "no such device"
        return Link(settings.name, obstacle=obstacle, on_demand=on_demand)
    kernel4 = metrics.get((device.ifname, 4), [])
    kernel6 = metrics.get((device.ifname, 6), [])
    return Link(
        name=settings.name,
        ifname=device.ifname,
        connection=device.connection,
        activation=device.activation,
        kind=device.kind,
        metered=device.metered if settings.metered is None else settings.metered,
        obstacle=device.obstacle,
        limited=device.limited,
        v4=Route(min(kernel4), device.dns4) if kernel4 else None,
        v6=Route(min(kernel6), device.dns6) if kernel6 else None,
        addresses=device.addresses,
        servers=device.servers,
        barrier=_barrier(settings, device),
        stale=_stale(kernel4, device.dns4) or _stale(kernel6, device.dns6),
        connecting=device.state in names.CONNECTING,
        dialled=device.activation in own,
        on_demand=on_demand,
    )


def _barrier(settings: LinkSettings, device: Device) -> Barrier | None:
    """Return how the link is to be guarded on standby, None if it is not."""
    metered = device.metered if settings.metered is None else settings.metered
    if settings.guard == "off" or (settings.guard == "metered-only" and not metered):
        return None
    allowed = [*settings.allow]
    if settings.allow_lan:
        allowed += [*NEARBY, *device.networks]
    return Barrier(drop=settings.guard == "drop", allow=_collapsed(frozenset(allowed)))


@lru_cache
def _collapsed(texts: frozenset[str]) -> frozenset[str]:
    """Put networks together that lie within one another: nftables refuses to have both.

    They are the same at each look, and an `IPv4Network` of two addresses is a cycle.
    """
    networks = []
    for text in texts:
        with contextlib.suppress(ValueError):  # from NetworkManager: an address, or left out
            networks.append(ip_network(text, strict=False))
    families = ([network for network in networks if network.version == v] for v in (4, 6))
    return frozenset(
        str(network)
        for family in families
        for network in collapse_addresses(family)  # type: ignore[type-var]
    )


def _stale(kernel: list[int], dns_priority: int | None) -> bool:
    """Whether the kernel kept a route that NetworkManager forgot the rank of, and goes by it.

    NM 1.42, restarted after a Reapply, adopts the route at the run-time metric beside the
    profile's own; the DNS priority is the profile's again.
    """
    return len(set(kernel)) > 1 and dns_priority is not None and min(kernel) < dns_priority


def _matches(match: Match, device: Device) -> bool:
    return (
        match.interface in (None, device.interface, device.ifname)
        and match.connection in (None, device.connection)
        and match.uuid in (None, device.uuid)
        and match.type in (None, device.kind)
        and match.driver in (None, device.driver)
    )
