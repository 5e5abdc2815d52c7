"""The objects on the bus: answers calls, tells of changes. Knows nothing of how netswap works.

No argument is trusted: signatures are checked against the API, values where they are used. Calls
beyond `CALLS_PER_S` are refused without being looked at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from netswap import units
from netswap.adapters.bus import Answer, Bus, Call, CallError, Variant
from netswap.service import access, api, state
from netswap.service.state import Properties

CALLS_PER_S = 200


class Control(Protocol):
    """What the service needs of the daemon. May raise CallError."""

    def manager(self) -> Properties:
        """Return the manager's properties."""

    def links(self, *, traffic: bool = True) -> list[Properties]:
        """Return every link's properties, in order of preference.

        The counters of `traffic` cost a look at the kernel; without it they are 0.
        """

    def resync(self, reason: str) -> Awaitable[None]:
        """Look at everything again; return when that was done."""

    def use(self, link: str, seconds: float, *, even_if_dead: bool) -> Awaitable[None]:
        """Keep to a link; 0 seconds: until told otherwise. Return when it was tried."""

    def auto(self) -> Awaitable[None]:
        """Let netswap choose again."""

    def resume(self) -> Awaitable[None]:
        """End a pause; nothing else."""

    def forgive(self) -> Awaitable[None]:
        """Hold no link back any more."""

    def pause(self, seconds: float) -> Awaitable[None]:
        """Change nothing and guard nothing."""

    def reload(self) -> None:
        """Read the configuration again."""

    def probe(self, link: str) -> Awaitable[list[tuple[str, float]]]:
        """Probe once over a link."""

    def transitions(self, since: float) -> list[tuple[float, str, str, str]]:
        """Return what happened since then."""

    def settings(self) -> list[tuple[str, str, str]]:
        """Return the effective settings."""

    def offers(self) -> list[tuple[str, str, str, str, bool, str]]:
        """Return what NetworkManager offers."""

    def diagnose(self) -> list[tuple[str, str, str, str]]:
        """Return what is found of the system."""


Method = Callable[..., Awaitable[list[Any]]]


class Service:
    """org.netswap1 on one connection to the bus."""

    def __init__(self, bus: Bus, control: Control) -> None:
        self._bus = bus
        self._control = control
        self._told: dict[str, Properties] = {}
        self._second = 0
        self._calls = 0
        self._methods: dict[tuple[str, str], Method] = {
            (api.PROPERTIES, "Get"): self._get,
            (api.PROPERTIES, "GetAll"): self._get_all,
            (api.PROPERTIES, "Set"): self._set,
            (api.INTROSPECTABLE, "Introspect"): self._introspect,
            (api.PEER, "Ping"): self._ping,
            (api.OBJECT_MANAGER, "GetManagedObjects"): self._managed_objects,
            (api.MANAGER, "Resync"): self._resync,
            (api.MANAGER, "Use"): self._use,
            (api.MANAGER, "Auto"): self._auto,
            (api.MANAGER, "Forgive"): self._forgive,
            (api.MANAGER, "Pause"): self._pause,
            (api.MANAGER, "Resume"): self._resume,
            (api.MANAGER, "Reload"): self._reload,
            (api.MANAGER, "Probe"): self._probe,
            (api.MANAGER, "Transitions"): self._transitions,
            (api.MANAGER, "Settings"): self._settings,
            (api.MANAGER, "Offers"): self._offers,
            (api.MANAGER, "Diagnose"): self._diagnose,
        }

    async def start(self) -> bool:
        """Take the name and answer calls; return False where somebody else has the name."""
        self._bus.answer(self._answer)
        self._told = self._objects(traffic=False)
        return await self._bus.request_name(api.NAME)

    # telling

    def publish(self) -> None:
        """Tell of every property that changed since the last time, and of links come and gone."""
        before, now = self._told, self._objects(traffic=False)
        self._told = now
        for path in before.keys() - now.keys():
            self._bus.emit(
                api.PATH, api.OBJECT_MANAGER, "InterfacesRemoved", "oas", path, [api.LINK]
            )
        for path, properties in now.items():
            interface = _interface_at(path)
            if path not in before:
                added = {interface.name: interface.variants(properties)}
                self._bus.emit(
                    api.PATH, api.OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, added
                )
            elif changed := state.changed(before[path], properties, interface.silent):
                self._bus.emit(
                    path, api.PROPERTIES, "PropertiesChanged", "sa{sv}as",
                    interface.name, interface.variants(changed), [],
                )  # fmt: skip

    def swapped(self, source: str, target: str, reason: str) -> None:
        """Tell of a swap."""
        self._bus.emit(api.PATH, api.MANAGER, "Swapped", "sss", source, target, reason)

    def transition(self, at: float, kind: str, link: str, text: str) -> None:
        """Tell of a transition."""
        self._bus.emit(api.PATH, api.MANAGER, "Transition", "dsss", at, kind, link, text)

    # answering

    async def _answer(self, call: Call) -> Answer:
        self._count()
        interfaces = self._interfaces(call.path)
        interface = _find(call, interfaces)
        inward, outward = interface.methods[call.member]
        if call.signature != "".join(inward.values()):
            wanted = ", ".join(f"{name}: {sig}" for name, sig in inward.items()) or "none"
            raise CallError(api.INVALID_ARGS, f"{call.member}: wrong arguments; wanted: {wanted}")
        method = self._methods[interface.name, call.member]
        return "".join(outward.values()), await method(call, *call.args)

    def _count(self) -> None:
        second = int(time.monotonic())
        self._calls = self._calls + 1 if second == self._second else 1
        self._second = second
        if self._calls > CALLS_PER_S:
            raise CallError(api.BUSY, "too many calls at once; try again in a second")

    def _objects(self, *, traffic: bool = True) -> dict[str, Properties]:
        seen = self._control.links(traffic=traffic)
        links = {api.link_path(link["Name"]): link for link in seen}
        return {api.PATH: self._control.manager(), **links}

    def _interfaces(self, path: str) -> tuple[api.Interface, ...]:
        if path == api.PATH:
            return (api.MANAGER_API, api.OBJECT_MANAGER_API, *api.STANDARD)
        if path in self._objects(traffic=False):
            return (api.LINK_API, *api.STANDARD)
        if path in ("/", "/org", api.LINKS_PATH):
            return api.STANDARD
        raise CallError(api.UNKNOWN_OBJECT, f"there is no {path}")

    async def _get(self, call: Call, interface: str, name: str) -> list[Any]:
        (properties,) = await self._get_all(call, interface)
        if name not in properties:
            raise CallError(api.UNKNOWN_PROPERTY, f"{interface} has no property {name}")
        return [properties[name]]

    async def _get_all(self, call: Call, interface: str) -> list[Any]:
        own = self._interfaces(call.path)[0]
        if interface not in ("", own.name) or not own.properties:
            known = interface in {known.name for known in self._interfaces(call.path)}
            if known:
                return [{}]
            raise CallError(api.UNKNOWN_INTERFACE, f"{call.path} has no interface {interface}")
        return [own.variants(self._objects()[call.path])]

    async def _set(self, _call: Call, interface: str, name: str, _value: Any) -> list[Any]:
        raise CallError(api.READ_ONLY, f"{interface}.{name} can only be read")

    async def _introspect(self, call: Call) -> list[Any]:
        prefix = call.path.rstrip("/") + "/"
        below = {path.removeprefix(prefix) for path in self._told if path.startswith(prefix)}
        children = tuple(sorted({name.partition("/")[0] for name in below}))
        return [api.introspect(self._interfaces(call.path), children)]

    async def _ping(self, _call: Call) -> list[Any]:
        return []

    async def _managed_objects(self, _call: Call) -> list[Any]:
        objects: dict[str, Mapping[str, Mapping[str, Variant]]] = {}
        for path, properties in self._objects().items():
            interface = _interface_at(path)
            objects[path] = {interface.name: interface.variants(properties)}
        return [objects]

    async def _resync(self, _call: Call, reason: str) -> list[Any]:
        if len(reason) > 200 or not reason.isprintable():
            raise CallError(api.INVALID_ARGUMENT, "the reason: up to 200 printable characters")
        await self._control.resync(reason)
        return []

    async def _use(self, call: Call, link: str, seconds: float, even_if_dead: bool) -> list[Any]:
        _check_seconds(seconds)
        self._check_link(link)
        await access.demand_control(self._bus, call.sender)
        await self._control.use(link, seconds, even_if_dead=even_if_dead)
        return []

    async def _auto(self, call: Call) -> list[Any]:
        await access.demand_control(self._bus, call.sender)
        await self._control.auto()
        return []

    async def _resume(self, call: Call) -> list[Any]:
        await access.demand_control(self._bus, call.sender)
        await self._control.resume()
        return []

    async def _forgive(self, call: Call) -> list[Any]:
        await access.demand_control(self._bus, call.sender)
        await self._control.forgive()
        return []

    async def _pause(self, call: Call, seconds: float) -> list[Any]:
        _check_seconds(seconds)
        await access.demand_control(self._bus, call.sender)
        await self._control.pause(seconds)
        return []

    async def _reload(self, call: Call) -> list[Any]:
        await access.demand_control(self._bus, call.sender)
        self._control.reload()
        return []

    async def _probe(self, call: Call, link: str) -> list[Any]:
        self._check_link(link)
        await access.demand_control(self._bus, call.sender)
        return [[list(reply) for reply in await self._control.probe(link)]]

    async def _transitions(self, _call: Call, since: float) -> list[Any]:
        return [[list(entry) for entry in self._control.transitions(since)]]

    async def _settings(self, _call: Call) -> list[Any]:
        return [[list(entry) for entry in self._control.settings()]]

    async def _offers(self, _call: Call) -> list[Any]:
        return [[list(entry) for entry in self._control.offers()]]

    async def _diagnose(self, _call: Call) -> list[Any]:
        return [[list(entry) for entry in self._control.diagnose()]]

    def _check_link(self, name: str) -> None:
        known = [link["Name"] for link in self._control.links(traffic=False)]
        if name not in known:
            there = ", ".join(known) or "none"
            raise CallError(api.NO_SUCH_LINK, f"there is no link {name!r}; links: {there}")


def _interface_at(path: str) -> api.Interface:
    return api.MANAGER_API if path == api.PATH else api.LINK_API


def _find(call: Call, interfaces: tuple[api.Interface, ...]) -> api.Interface:
    """Return the interface that is meant; D-Bus lets a call leave it out."""
    for interface in interfaces:
        if call.interface in ("", interface.name) and call.member in interface.methods:
            return interface
    raise CallError(api.UNKNOWN_METHOD, f"{call.path} has no {call.interface}.{call.member}")


def _check_seconds(seconds: float) -> None:
    if math.isnan(seconds) or seconds < 0:
        raise CallError(api.INVALID_ARGUMENT, f"{seconds:g} seconds are no time")
    if seconds > units.YEAR_S:
        longest = units.duration(units.YEAR_S)
        raise CallError(api.INVALID_ARGUMENT, f"too long: at most a year ({longest}) is possible")
