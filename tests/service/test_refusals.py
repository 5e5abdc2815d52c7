"""Whatever error NetworkManager answers a Reapply with: it is told, and the network is left alone.

The error names are those of libnm's `NMDeviceError`, of polkit's refusal, and of the bus itself.
"""

from __future__ import annotations

import asyncio

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from netswap.adapters.bus import Bus, BusError
from netswap.adapters.nm import names
from netswap.adapters.nm.router import Router
from tests.service.fake import PrivateBus

DEVICE = f"{names.PATH}/Devices/2"
OF_A_DEVICE = (
    "Failed", "CreationFailed", "InvalidConnection", "IncompatibleConnection", "NotActive",
    "NotSoftware", "NotAllowed", "SpecificObjectNotFound", "MissingDependenciesError",
    "InvalidArgument", "VersionIdMismatch",
)  # fmt: skip
ERRORS = (
    *(f"{names.DEVICE}.{name}" for name in OF_A_DEVICE),
    f"{names.SERVICE}.PermissionDenied",
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownObject",
)
TRIES = {f"{names.DEVICE}.VersionIdMismatch": 2}
"""Somebody else changed the link between reading and writing: read again, and once more."""


class Refuser:
    """Is NetworkManager on this bus; gives settings, and answers every Reapply with an error."""

    def __init__(self, error: str) -> None:
        self.error = error
        self.asked = 0
        self.bus = MessageBus(bus_type=BusType.SYSTEM)

    async def start(self) -> None:
        await self.bus.connect()
        self.bus.add_message_handler(self._answer)
        await self.bus.request_name(names.SERVICE)

    def stop(self) -> None:
        self.bus.disconnect()
        # dbus-next 0.2.3 leaves the descriptor to the garbage collector.
        self.bus._stream.close()
        self.bus._sock.close()

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != DEVICE:
            return None
        if message.member == "GetAppliedConnection":
            applied = {"ipv4": {"method": Variant("s", "auto")}}
            return Message.new_method_return(message, "a{sa{sv}}t", [applied, 7])
        self.asked += 1
        return Message.new_error(message, self.error, "so there")


@pytest.mark.parametrize("error", ERRORS, ids=lambda name: name.rpartition(".")[2])
def test_a_refusal_is_told_by_its_name_and_not_repeated(bus: PrivateBus, error: str) -> None:
    async def refused() -> tuple[BusError, int]:
        refuser = Refuser(error)
        await refuser.start()
        ours = await Bus.connect()
        try:
            with pytest.raises(BusError) as told:
                await Router(ours).set_metric(DEVICE, 60, None)
        finally:
            await ours.close()
            refuser.stop()
        return told.value, refuser.asked

    told, asked = asyncio.run(refused())
    assert (told.name, asked) == (error, TRIES.get(error, 1))
    assert "so there" in str(told)


def test_a_networkmanager_that_came_since_is_not_asked(bus: PrivateBus) -> None:
    """By the path of a device it may mean another one."""

    async def asked() -> int:
        refuser = Refuser(ERRORS[0])
        await refuser.start()
        ours = await Bus.connect()
        try:
            with pytest.raises(BusError, match=r":9\.9"):
                await Router(ours, lambda: ":9.9").set_metric(DEVICE, 60, None)
        finally:
            await ours.close()
            refuser.stop()
        return refuser.asked

    assert asyncio.run(asked()) == 0
