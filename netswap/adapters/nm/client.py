"""Watching NetworkManager: match rules first, then the snapshot, then every signal.

A signal that comes in while a snapshot is being taken may be older or newer than it: all of them
are applied again, in their order, after it. NetworkManager leaving the bus, and coming back, is one
more thing that changes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from netswap.adapters.bus import DBUS, DBUS_PATH, Bus, BusError, Signal, plain
from netswap.adapters.nm import names
from netswap.adapters.nm.view import View

TAKE_UP_S = 0.5
"""How long a NetworkManager that comes back may need to take up the links that it left."""


class Client:
    """NetworkManager's state, always current. `on_change` is called after each change."""

    def __init__(self, bus: Bus, on_change: Callable[[], None]) -> None:
        self.view = View()
        self.running = False
        self._bus = bus
        self._owner: str | None = None
        """Its unique name, "" while it is not on the bus; None before anything is known."""
        self._newcomer: str | None = None
        """The owner, if it came while this one looked on."""
        self._on_change = on_change
        self._refreshing: asyncio.Task[None] | None = None
        self._meanwhile: list[Signal] | None = None
        """The signals that came in while a snapshot is being taken; None when none is."""

    async def start(self, *, again: bool = False) -> None:
        """Subscribe and take the first snapshot. Raises BusError where there is no NM.

        `again`: it may have come back while there was no bus.
        """
        self._bus.listen(self._on_signal)
        await self._bus.subscribe(f"type='signal',sender='{names.SERVICE}'")
        await self._bus.subscribe(
            f"type='signal',sender='{DBUS}',interface='{DBUS}',path='{DBUS_PATH}',"
            f"member='NameOwnerChanged',arg0='{names.SERVICE}'"
        )
        owner = await self._bus.owner(names.SERVICE)
        if self._owner is None:  # else a signal has told something newer
            self._owner = owner
        if again:
            self._newcomer = self._owner
        await self.refresh()

    async def refresh(self) -> None:
        """Look at everything again. Raises BusError where there is no NM.

        Who asks while somebody else's look is under way waits for that one.
        """
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        try:
            await asyncio.shield(self._refreshing)
        finally:
            if self._refreshing is not None and self._refreshing.done():
                self._refreshing = None

    async def _refresh(self) -> None:
        answered: str | None = None
        while answered != self._owner:  # else another one has come while this one answered
            answered = self._owner
            if not answered:
                self.running = False
                raise BusError(f"{DBUS}.Error.ServiceUnknown", "NetworkManager is not running")
            try:
                await self._read(answered)
                if answered == self._newcomer:
                    await self._taken_up(answered)
            except BusError:
                if answered == self._owner:
                    raise
        self.running = True

    async def _taken_up(self, owner: str) -> None:
        """Wait, not for long, until it is through its start.

        Until then a link that has carried traffic all the time is said to wait for an address.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKE_UP_S):
                while owner == self._owner and self.view.starting:  # noqa: ASYNC110 (bounded)
                    await asyncio.sleep(0.005)

    async def _read(self, owner: str) -> None:
        self._meanwhile = []
        try:
            (objects,) = await self._bus.call(
                owner, names.OBJECTS_PATH, names.OBJECT_MANAGER, "GetManagedObjects"
            )
            self.view.replace(plain(objects))
            for signal in self._meanwhile:
                self.view.apply(signal)
        finally:
            self._meanwhile = None

    def _on_signal(self, signal: Signal) -> None:
        if signal.member == "NameOwnerChanged" and signal.sender == DBUS:
            _, _, self._owner = signal.args
            self._newcomer = self._owner
            self.running = False
            self._on_change()
        elif signal.sender == self._owner:
            if self._meanwhile is not None:
                self._meanwhile.append(signal)
            if self.view.apply(signal):
                self._on_change()

    @property
    def owner(self) -> str:
        """The name of the very NetworkManager that is watched: another one has other objects."""
        return self._owner or names.SERVICE

    @property
    def needs_refresh(self) -> bool:
        """Whether NetworkManager is on the bus and its state is still to be read."""
        return bool(self._owner) and not self.running
