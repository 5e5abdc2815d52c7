"""Netswap's side of a real bus."""

from __future__ import annotations

import asyncio
import gc

from netswap.adapters import bus as buses
from netswap.adapters.bus import Bus
from tests.service.fake import PrivateBus


def test_messages_leave_nothing_for_the_garbage_collector(bus: PrivateBus) -> None:
    """What was read would stay in memory until it looks, with all that the message said."""

    async def talk() -> None:
        client = await Bus.connect()
        for _ in range(50):
            await client.call(buses.DBUS, buses.DBUS_PATH, buses.DBUS, "ListNames")
        await client.close()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(talk())
        kept = sum(type(thing).__name__ == "Unmarshaller" for thing in gc.get_objects())
    finally:
        gc.enable()
    assert kept < 5
