"""Calls netswapd's service as fast as it answers, sense and nonsense, until killed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from netswap.adapters.bus import Bus, BusError
from netswap.service import api

CALLS: tuple[tuple[Any, ...], ...] = (
    (api.MANAGER, "Resync", "s", "flood"),
    (api.MANAGER, "Reload"),
    (api.MANAGER, "Settings"),
    (api.MANAGER, "Probe", "s", "phone"),
    (api.MANAGER, "Use", "s", "nonsense"),
    (api.MANAGER, "Nonsense", "as", ["x"] * 1000),
    (api.PROPERTIES, "GetAll", "s", api.MANAGER),
)


async def caller() -> None:
    """Call for ever, every now and then over another connection."""
    while True:
        with contextlib.suppress(BusError, OSError):
            bus = await Bus.connect()
            for interface, *call in CALLS * 20:
                with contextlib.suppress(BusError):
                    await bus.call(api.NAME, api.PATH, interface, *call, timeout_s=5)
            await bus.close()
        await asyncio.sleep(0.1)


async def main() -> None:
    """Call from four sides."""
    await asyncio.gather(*(caller() for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main())
