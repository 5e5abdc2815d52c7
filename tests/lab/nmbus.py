"""NetworkManager's D-Bus API for tests: plain calls, and a record of what changed when.

Independent of the daemon's own adapter, so that a test can contradict it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

NM = "org.freedesktop.NetworkManager"
NM_PATH = "/org/freedesktop/NetworkManager"
DEVICE = f"{NM}.Device"
IP4 = f"{NM}.IP4Config"
PROPERTIES = "org.freedesktop.DBus.Properties"
CALL_TIMEOUT_S = 10

Settings = dict[str, dict[str, Variant]]


class CallFailedError(Exception):
    """A D-Bus call was answered with an error; tells its name and text."""


@dataclass(frozen=True, slots=True)
class Change:
    """A PropertiesChanged signal of NetworkManager, with its monotonic time."""

    at: float
    path: str
    interface: str
    values: dict[str, Any]


class NmBus:
    """A connection to the lab's system bus; a context manager. Blocking, for tests."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._bus = self._runner.run(self._connect())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.run(self._disconnect())
        self._runner.close()

    def call(self, path: str, interface: str, member: str, signature: str = "", *args: Any) -> Any:
        """Call a method of NetworkManager; return what it answers: None, a value, or a list."""
        message = Message(NM, path, interface, member, signature=signature, body=list(args))
        body = self._runner.run(self._call(message))
        return None if not body else body[0] if len(body) == 1 else body

    def get(self, path: str, interface: str, name: str) -> Any:
        """Return a property's plain value."""
        return plain(self.call(path, PROPERTIES, "Get", "ss", interface, name))

    def device(self, name: str) -> str:
        """Return the path of a device."""
        return str(self.call(NM_PATH, NM, "GetDeviceByIpIface", "s", name))

    def applied(self, name: str) -> tuple[Settings, int]:
        """Return the settings in force on a device, and their version."""
        call = self.call(self.device(name), DEVICE, "GetAppliedConnection", "u", 0)
        return call[0], call[1]

    def reapply(self, name: str, changes: Settings, flags: int = 0) -> float:
        """Change the settings in force on a device; return the seconds that the call took."""
        settings, version = self.applied(name)
        for group, values in changes.items():
            settings.setdefault(group, {}).update(values)
        started = time.monotonic()
        self.call(self.device(name), DEVICE, "Reapply", "a{sa{sv}}tu", settings, version, flags)
        return time.monotonic() - started

    def ip4(self, name: str, prop: str) -> Any:
        """Return a property of a device's IP4Config."""
        return self.get(self.get(self.device(name), DEVICE, "Ip4Config"), IP4, prop)

    def metrics(self, name: str) -> list[int]:
        """Return the metrics of a device's IPv4 default routes as NetworkManager tells them."""
        return [
            route["metric"]
            for route in self.ip4(name, "RouteData")
            if route["prefix"] == 0 and "table" not in route
        ]

    def record(self, for_s: float) -> list[Change]:
        """Let signals come in for a while; return all recorded so far."""
        self._runner.run(asyncio.sleep(for_s))
        return self.changes

    async def _connect(self) -> MessageBus:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        rule = f"type='signal',sender='{NM}',interface='{PROPERTIES}'"
        bus.add_message_handler(self._record)
        await bus.call(
            Message(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "AddMatch",
                signature="s",
                body=[rule],
            )
        )
        return bus

    async def _disconnect(self) -> None:
        self._bus.disconnect()
        # dbus-next 0.2.3 leaves the descriptor to the garbage collector.
        self._bus._stream.close()  # which keeps the descriptor, too
        self._bus._sock.close()

    async def _call(self, message: Message) -> list[Any]:
        reply = await asyncio.wait_for(self._bus.call(message), CALL_TIMEOUT_S)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise CallFailedError(f"{message.member}: {reply.error_name}: {reply.body}")
        return list(reply.body)

    def _record(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member == "PropertiesChanged":
            interface, values, _ = message.body
            self.changes.append(Change(time.monotonic(), message.path, interface, plain(values)))


def plain(value: Any) -> Any:
    """Return a value without its variants."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
