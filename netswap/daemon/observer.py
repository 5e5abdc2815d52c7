"""Looking at the world: NetworkManager's devices, the kernel's routes, the guard's set."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from netswap.adapters.kernel import foreign, routes, servers
from netswap.adapters.nm import links
from netswap.adapters.nm.client import Client
from netswap.adapters.nm.links import Metrics, Picker
from netswap.adapters.nm.view import Device
from netswap.core.model import Barrier, World
from netswap.core.settings import Settings


class Observer:
    """Makes a `World` of what is seen, and knows which device each link is."""

    def __init__(self, settings: Settings, guarded: Callable[[], Mapping[str, Barrier]]) -> None:
        self._settings = settings
        self._guarded = guarded
        self._picker = Picker()
        self._assigned: dict[str, Device] = {}
        """Those of the links that NetworkManager tells of now."""
        self._last: dict[str, Device] = {}
        """Those that the links were seen with last."""
        self._told: list[Device] = []
        self._devices: list[Device] = []

    def reconfigure(self, settings: Settings) -> None:
        """Look for other links from now on."""
        self._settings = settings

    def released(self, settings: Settings) -> dict[str, Device]:
        """Return the links that are none by these settings, with their devices."""
        wanted = settings.link or self._picker.pick(self._devices)
        kept = {device.interface for _, device in links.assign(wanted, self._devices) if device}
        return {name: d for name, d in self._last.items() if d.interface not in kept}

    def observe(self, client: Client | None, own: Collection[str] = ()) -> World:
        """Look. What NetworkManager does not tell (any more) is taken to be as it last was.

        `own` are the activations that netswap asked for.
        """
        managed = client is not None and client.running
        told = list(client.view.devices()) if client is not None and client.running else []
        self._told, self._devices = told, told + _kept(self._devices, told)
        wanted = self._settings.link or self._picker.pick(self._devices)
        assigned = links.assign(wanted, self._devices)
        self._last = {link.name: device for link, device in assigned if device}
        self._assigned = {name: device for name, device in self._last.items() if device in told}
        bodies = _routes()
        metrics = _metrics(bodies)
        barriers = self._guarded()
        doubled = foreign.doubled(bodies)
        seen = tuple(
            replace(seen, doubled=seen.ifname in doubled)
            for seen in (links.observe(link, device, metrics, own) for link, device in assigned)
        )
        names = {link.ifname for link in seen if link.ifname}
        return World(
            links=seen,
            guarded=frozenset(barriers),
            managed=managed,
            barriers=barriers,
            servers=servers.servers(list(routes.ways(bodies)), names),
        )

    @property
    def on_demand(self) -> list[Device]:
        """The devices of links on demand that are connected, or about to be."""
        wanted = [link.name for link in self._settings.link if link.connect == "on-demand"]
        return [self._assigned[name] for name in wanted if name in self._assigned]

    def taken(self, interface: str) -> bool:
        """Tell whether a link has a device."""
        return any(device.interface == interface for device in self._last.values())

    def told(self, interface: str) -> Device | None:
        """Return a device, whether a link has it or not; None if NetworkManager has none now."""
        return next((device for device in self._told if device.interface == interface), None)

    def device(self, link: str) -> Device | None:
        """Return a link's device, None if NetworkManager has none now."""
        return self._assigned.get(link)


def _kept(before: list[Device], told: list[Device]) -> list[Device]:
    """Return the devices of which NetworkManager tells nothing now, but which are still there.

    A stopping NetworkManager removes its objects first, and leaves addresses and routes alone.
    """
    renewed = {device.interface for device in told} | {device.ifname for device in told}
    there = {name for _, name in socket.if_nameindex()}
    return [d for d in before if d.ifname in there and d.interface not in renewed]


def _routes() -> list[bytes]:
    with routes.channel() as channel:
        return routes.dump(channel)


def _metrics(bodies: list[bytes]) -> Metrics:
    metrics: Metrics = defaultdict(list)
    for route in routes.defaults(bodies):
        metrics[route.ifname, route.family].append(route.metric)
    return dict(metrics)
