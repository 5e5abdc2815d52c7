"""Looking at the world: NetworkManager's devices, the kernel's routes, the guard's set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from netswap.adapters import kernel
from netswap.adapters.nm import links
from netswap.adapters.nm.client import Client
from netswap.adapters.nm.links import Metrics, Picker
from netswap.adapters.nm.view import Device
from netswap.core.model import World
from netswap.core.settings import Settings


class Observer:
    """Makes a `World` of what is seen, and knows which device each link is."""

    def __init__(self, settings: Settings, guarded: Callable[[], frozenset[str]]) -> None:
        self._settings = settings
        self._guarded = guarded
        self._picker = Picker()
        self._paths: dict[str, str] = {}
        self._devices: list[Device] = []

    def observe(self, client: Client | None) -> World:
        """Look. Without NetworkManager its devices are taken to be as they last were."""
        managed = client is not None and client.running
        if client is not None and client.running:
            self._devices = list(client.view.devices())
        wanted = self._settings.link or self._picker.pick(self._devices)
        assigned = links.assign(wanted, self._devices)
        self._paths = {link.name: device.path for link, device in assigned if device}
        metrics = _metrics()
        return World(
            links=tuple(links.observe(link, device, metrics) for link, device in assigned),
            guarded=self._guarded(),
            managed=managed,
        )

    def path(self, link: str) -> str | None:
        """Return the D-Bus path of a link's device, None if it has none now."""
        return self._paths.get(link)


def _metrics() -> Metrics:
    metrics: Metrics = defaultdict(list)
    for route in kernel.default_routes():
        metrics[route.ifname, route.family].append(route.metric)
    return dict(metrics)
