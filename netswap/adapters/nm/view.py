"""What NetworkManager says, kept up to date from its signals. Pure: data in, data out.

The cache holds every object as {interface: {property: value}}; all else is read from it on
demand, so that there is nothing else to keep true.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from netswap.adapters.bus import Signal
from netswap.adapters.nm import names
from netswap.adapters.nm.names import DeviceState

Objects = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Device:
    """One device, with its active connection, as NetworkManager has it."""

    path: str
    interface: str
    ifname: str
    """The interface that carries IP; another one for some modems."""
    number: int
    kind: str
    driver: str
    state: DeviceState
    carrier: bool
    metered: bool
    connection: str
    activation: str
    """The path of the active connection."""
    uuid: str
    addresses: tuple[str, ...]
    metrics4: frozenset[int]
    metrics6: frozenset[int]
    """Of the default routes that NetworkManager knows."""
    gateway: str
    """Of IPv4; "" where there is none."""
    dns4: int | None
    dns6: int | None
    servers: tuple[str, ...] = ()
    """Its name servers, IPv4 only."""
    networks: tuple[str, ...] = ()
    """That its addresses are in, link-local ones too, as address/prefix."""
    limited: bool = False
    """By NetworkManager's own connectivity check, where it is on."""
    dns_in_use: frozenset[int] = frozenset()
    """The priorities by which its name servers, if it has any, are asked already."""
    port: bool = False
    """Whether it is in a bridge, bond or team, which carries IP in its place."""

    @property
    def obstacle(self) -> str:
        """Why it cannot carry traffic, "" if it can."""
        if not self.carrier:
            return "carrier lost"
        if self.port:
            return "part of another device"
        return names.OBSTACLES.get(self.state, "")


class View:
    """The cache. Feed it a snapshot first, then every signal."""

    def __init__(self) -> None:
        self._objects: Objects = {}

    def replace(self, objects: Any) -> None:
        """Take a whole snapshot, as GetManagedObjects gives it."""
        self._objects = {path: _tables(found) for path, found in _tables(objects).items()}

    def apply(self, signal: Signal) -> bool:
        """Take in one signal; return whether anything may have changed."""
        match signal.interface, signal.member, signal.args:
            case names.PROPERTIES, "PropertiesChanged", (str() as interface, dict() as changed, _):
                known = self._objects.get(signal.path)
                if known is None:
                    return False
                known.setdefault(interface, {}).update(changed)
            case names.OBJECT_MANAGER, "InterfacesAdded", (str() as path, dict() as added):
                self._objects.setdefault(path, {}).update(_tables(added))
            case names.OBJECT_MANAGER, "InterfacesRemoved", (str() as path, list() as removed):
                for interface in filter(_text, removed):
                    self._objects.get(path, {}).pop(interface, None)
                if not self._objects.get(path):
                    self._objects.pop(path, None)
            case _:
                return False
        return True

    @property
    def version(self) -> str:
        """NetworkManager's version, "" if it is not known."""
        return _text(self._get(names.PATH, names.MANAGER, "Version"))

    @property
    def starting(self) -> bool:
        """Whether NetworkManager has yet to take up, or connect, what it is to at its start."""
        return self._get(names.PATH, names.MANAGER, "Startup") is True

    @property
    def checks_connectivity(self) -> bool:
        """Whether NetworkManager's own connectivity check is on."""
        return self._get(names.PATH, names.MANAGER, "ConnectivityCheckEnabled") is True

    @property
    def dns_mode(self) -> str:
        """How name servers are set (`man NetworkManager.conf`, dns), "" if it is not known."""
        return _text(self._get(names.DNS_PATH, names.DNS, "Mode"))

    def devices(self) -> Iterator[Device]:
        """Yield every device."""
        for path, interfaces in sorted(self._objects.items()):
            if names.DEVICE in interfaces:
                yield self._device(path, interfaces)

    def _device(self, path: str, interfaces: dict[str, dict[str, Any]]) -> Device:
        device = interfaces[names.DEVICE]
        number = _number(device.get("DeviceType"))
        active = _text(device.get("ActiveConnection"))
        ip4, ip6 = _text(device.get("Ip4Config")), _text(device.get("Ip6Config"))
        interface = _text(device.get("Interface"))
        # Each kind that has a carrier tells it on an interface of its own: cables, bonds, bridges …
        carriers = [table["Carrier"] for table in interfaces.values() if "Carrier" in table]
        return Device(
            path=path,
            interface=interface,
            ifname=_text(device.get("IpInterface")) or interface,
            number=number,
            kind=names.KINDS.get(number, "other"),
            driver=_text(device.get("Driver")),
            state=_state(device.get("State")),
            carrier=all(carrier is True for carrier in carriers),
            metered=_number(device.get("Metered")) in names.METERED,
            limited=_number(device.get("Ip4Connectivity")) in names.LIMITED,
            port=any(_text(self._get(active, names.ACTIVE, n)).strip("/") for n in names.PORT_OF),
            connection=_text(self._get(active, names.ACTIVE, "Id")),
            activation=active,
            uuid=_text(self._get(active, names.ACTIVE, "Uuid")),
            addresses=(*self._addresses(ip4, names.IP4), *self._addresses(ip6, names.IP6)),
            networks=(*self._networks(ip4, names.IP4), *self._networks(ip6, names.IP6)),
            servers=tuple(self._servers(ip4)),
            metrics4=self._metrics(ip4, names.IP4),
            metrics6=self._metrics(ip6, names.IP6),
            gateway=_text(self._get(ip4, names.IP4, "Gateway")),
            dns4=self._dns_priority(ip4, names.IP4),
            dns6=self._dns_priority(ip6, names.IP6),
            dns_in_use=self._dns_in_use(_text(device.get("IpInterface")) or interface),
        )

    def _get(self, path: str, interface: str, name: str) -> Any:
        return self._objects.get(path, {}).get(interface, {}).get(name)

    def _addresses(self, path: str, interface: str) -> Iterator[str]:
        for entry in _dicts(self._get(path, interface, "AddressData")):
            address = _text(entry.get("address"))
            if address and not address.startswith("fe80:"):
                yield address

    def _networks(self, path: str, interface: str) -> Iterator[str]:
        for entry in _dicts(self._get(path, interface, "AddressData")):
            address, prefix = _text(entry.get("address")), _number(entry.get("prefix"))
            if address and prefix:  # a /0 would be everything there is
                yield f"{address}/{prefix}"

    def _servers(self, path: str) -> Iterator[str]:
        for entry in _dicts(self._get(path, names.IP4, "NameserverData")):
            with contextlib.suppress(ValueError):
                yield str(IPv4Address(_text(entry.get("address"))))

    def _metrics(self, path: str, interface: str) -> frozenset[int]:
        return frozenset(
            _number(route.get("metric"))
            for route in _dicts(self._get(path, interface, "RouteData"))
            if route.get("prefix") == 0 and route.get("table", 254) == 254
        )

    def _dns_in_use(self, ifname: str) -> frozenset[int]:
        """Read what NetworkManager tells last of all, when whoever resolves names has it."""
        return frozenset(
            _number(entry.get("priority"))
            for entry in _dicts(self._get(names.DNS_PATH, names.DNS, "Configuration"))
            if entry.get("interface") == ifname
        )

    def _dns_priority(self, path: str, interface: str) -> int | None:
        priority = self._get(path, interface, "DnsPriority")
        return priority if isinstance(priority, int) else None


# What comes over the bus is never trusted to have the type it should have.


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _tables(value: Any) -> dict[str, Any]:
    """Return the tables of a table, by name."""
    named = value.items() if isinstance(value, dict) else ()
    return {name: table for name, table in named if isinstance(table, dict)}


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (
        (entry for entry in value if isinstance(entry, dict))
        if isinstance(value, list)
        else (iter(()))
    )


def _state(value: Any) -> DeviceState:
    with contextlib.suppress(ValueError):
        return DeviceState(value)
    return DeviceState.UNKNOWN
