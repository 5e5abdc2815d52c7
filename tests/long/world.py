"""The world of a long run: a NetworkManager that does as it is told, and links that reply.

The bus and the probers keep the promises of the real ones (`adapters/bus.py`, `Prober`); routes,
devices, netlink and nftables are the sandbox's own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from netswap.adapters.bus import Answer, BusError, Call, Signal, plain
from netswap.adapters.kernel import routes
from netswap.adapters.nm import names
from netswap.adapters.probe.icmp import Reply
from tests.contract.test_prober import sh

TARGET = "198.51.100.1"
PREFERRED, BACKUP = "cable0", "tether0"
METRICS = {PREFERRED: 100, BACKUP: 200}
OWNER = ":1.5"


def make_links() -> None:
    """Make two devices with an address and a default route each; nobody is at their other ends."""
    for number, (ifname, metric) in enumerate(METRICS.items(), 1):
        sh(
            f"ip link add {ifname} type veth peer name far{number}",
            f"ip link set far{number} up",
            f"ip link set {ifname} up",
            f"ip address add 10.{number}.0.2/24 dev {ifname}",
            f"ip route add default via 10.{number}.0.1 metric {metric}",
        )


def stands(ifname: str) -> set[int]:
    """Return the metrics at which a link has a default route."""
    return {route.metric for route in routes.default_routes() if route.ifname == ifname}


def ip4(metric: int, number: int) -> dict[str, Any]:
    """Return what NetworkManager says of a link's IPv4 at this metric."""
    return {
        "AddressData": [{"address": f"10.{number}.0.2", "prefix": 24}],
        "RouteData": [{"dest": "0.0.0.0", "prefix": 0, "metric": metric}],
        "DnsPriority": metric,
    }


def objects(metrics: dict[str, int]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what NetworkManager says of links that stand there."""
    told: dict[str, dict[str, dict[str, Any]]] = {
        names.PATH: {names.MANAGER: {"Version": "1.42.4"}},
    }
    for number, (ifname, metric) in enumerate(metrics.items(), 1):
        device, active, config = f"/Devices/{number}", f"/Active/{number}", f"/IP4/{number}"
        told[device] = {
            names.DEVICE: {
                "Interface": ifname, "IpInterface": ifname, "DeviceType": 1, "State": 100,
                "ActiveConnection": active, "Ip4Config": config,
            }
        }  # fmt: skip
        told[active] = {names.ACTIVE: {"Id": ifname, "Uuid": ifname}}
        told[config] = {names.IP4: ip4(metric, number)}
    return told


class ObedientBus:
    """A bus on which NetworkManager reapplies what it is told to, and nothing else happens."""

    connected = True

    def __init__(self) -> None:
        self.told = 0
        """Signals of netswap's own."""
        self.reapplied = 0
        self._applied: dict[str, Any] = {
            f"/Devices/{number}": {"connection": {}, "ipv4": {}, "ipv6": {}}
            for number in range(1, len(METRICS) + 1)
        }
        self._metrics = dict(METRICS)
        self._listener: Callable[[Signal], None] = lambda _: None

    def listen(self, listener: Callable[[Signal], None]) -> None:
        self._listener = listener

    async def subscribe(self, _rule: str) -> None:
        pass

    async def owner(self, _name: str) -> str:
        return OWNER

    async def call(self, *what: Any, **_: Any) -> list[Any]:
        match what:
            case _, _, _, "GetManagedObjects":
                return [objects(self._metrics)]
            case _, device, _, "GetAppliedConnection", _, _:
                return [self._applied[device], self.reapplied]
            case _, device, _, "Reapply", _, applied, version, _ if version == self.reapplied:
                self._reapply(device, applied)
                return []
        raise BusError("org.freedesktop.DBus.Error.UnknownMethod", str(what[3]))

    def _reapply(self, device: str, applied: Any) -> None:
        self.reapplied += 1
        self._applied[device] = applied
        number = int(device.rpartition("/")[2])
        ifname = list(METRICS)[number - 1]
        metric = plain(applied["ipv4"].get("route-metric", METRICS[ifname]))
        if metric != self._metrics[ifname]:
            self._metrics[ifname] = metric
            sh(
                f"ip route replace default via 10.{number}.0.1 dev {ifname} metric {metric}",
                *(
                    f"ip route del default dev {ifname} metric {other}"
                    for other in stands(ifname) - {metric}
                ),
            )
        changed = ip4(metric, number)
        self._listener(
            Signal(
                OWNER, f"/IP4/{number}", names.PROPERTIES, "PropertiesChanged",
                (names.IP4, changed, []),
            )
        )  # fmt: skip

    def send(self, *_: str) -> None:
        pass

    def answer(self, _handler: Callable[[Call], Coroutine[Any, Any, Answer]]) -> None:
        pass

    async def request_name(self, _name: str) -> bool:
        return True

    def emit(self, *_: Any) -> None:
        self.told += 1

    async def disconnected(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.connected = False


class Network:
    """Makes probers; whoever is probed replies after 20 ms, but for links that are dead now."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.dead: set[str] = set()
        self.sent: defaultdict[str, list[float]] = defaultdict(list)
        """When each link's probes were sent, by the loop's clock."""
        self.loop = loop

    def prober(
        self,
        ifname: str,
        on_reply: Callable[[Reply], None],
        *,
        mark: int,
        on_refusal: Callable[[], None],
    ) -> StillProber:
        return StillProber(self, ifname, on_reply)


class StillProber:
    """A prober of that network."""

    def __init__(self, network: Network, ifname: str, on_reply: Callable[[Reply], None]) -> None:
        self._network, self._ifname, self._on_reply = network, ifname, on_reply

    def send(self, target: str, sequence: int) -> None:
        loop = self._network.loop
        self._network.sent[self._ifname].append(loop.time())
        if self._ifname not in self._network.dead:
            loop.call_later(0.02, self._on_reply, Reply(target, sequence, loop.time() + 0.02))

    def close(self) -> None:
        pass
