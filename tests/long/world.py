"""The world of a long run: a NetworkManager that says the same for ever, and links that reply.

The bus and the probers keep the promises of the real ones (`adapters/bus.py`, `Prober`); routes,
devices and netlink are the sandbox's own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from netswap.adapters.bus import Answer, BusError, Call, Signal
from netswap.adapters.nm import names
from netswap.adapters.probe.icmp import Reply
from tests.contract.test_prober import sh

TARGET = "198.51.100.1"
PREFERRED, BACKUP = "cable0", "tether0"
METRICS = {PREFERRED: 100, BACKUP: 200}


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


def objects() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what NetworkManager says of them."""
    told: dict[str, dict[str, dict[str, Any]]] = {
        names.PATH: {names.MANAGER: {"Version": "1.42.4"}},
    }
    for number, (ifname, metric) in enumerate(METRICS.items(), 1):
        device, active, ip4 = f"/Devices/{number}", f"/Active/{number}", f"/IP4/{number}"
        told[device] = {
            names.DEVICE: {
                "Interface": ifname, "IpInterface": ifname, "DeviceType": 1, "State": 100,
                "ActiveConnection": active, "Ip4Config": ip4,
            }
        }  # fmt: skip
        told[active] = {names.ACTIVE: {"Id": ifname, "Uuid": ifname}}
        told[ip4] = {
            names.IP4: {
                "AddressData": [{"address": f"10.{number}.0.2", "prefix": 24}],
                "RouteData": [{"dest": "0.0.0.0", "prefix": 0, "metric": metric}],
                "DnsPriority": metric,
            }
        }
    return told


class StillBus:
    """A bus on which NetworkManager answers and nothing happens."""

    connected = True

    def __init__(self) -> None:
        self.told = 0
        """Signals of netswap's own."""

    def listen(self, _listener: Callable[[Signal], None]) -> None:
        pass

    async def subscribe(self, _rule: str) -> None:
        pass

    async def owner(self, _name: str) -> str:
        return ":1.5"

    async def call(self, *what: Any, **_: Any) -> list[Any]:
        if what[3] == "GetManagedObjects":
            return [objects()]
        raise BusError("org.freedesktop.DBus.Error.UnknownMethod", str(what[3]))

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
