"""Connecting and disconnecting links on demand, through NetworkManager.

Which activations are netswap's own is noted in the applied connection, as what was found is (see
`settings`): the note survives a crash of netswap, and goes with the activation that it is about.
Until there can be one, the profile is on file (see `intentions`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from netswap.adapters.bus import TIMED_OUT, Bus, BusError, plain
from netswap.adapters.nm import names
from netswap.adapters.nm.intentions import Intentions
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device

ANY = "/"
"""NetworkManager chooses the device."""
NOT_FOR_US = frozenset({"UnknownMethod", "UnknownObject", "PermissionDenied", "AccessDenied"})
"""How the errors end that a profile is answered with which is gone, or another user's."""
CONNECT_S = 2.0
LATE_S = 300.0
"""For so long an activation may still come that NetworkManager was asked for and hung."""
KEPT = 64
"""So many activations of its own are remembered, whether they are over or not."""


class Profile(NamedTuple):
    """A connection that NetworkManager has stored."""

    path: str
    uuid: str


class Dialler:
    """Knows which activations are netswap's. `on_change` is called when it learns of one."""

    def __init__(
        self, bus: Bus, router: Router, on_change: Callable[[], None], intentions: Intentions
    ) -> None:
        self.own: set[str] = set()
        """Paths of the active connections that netswap made."""
        self._met: set[str] = set()
        """Those of which it is known whether they are netswap's, and noted if they are."""
        self._meeting: dict[str, asyncio.Task[None]] = {}
        self._bus = bus
        self._router = router
        self._on_change = on_change
        self._intentions = intentions
        self._orphans = intentions.read()
        """Profiles that a netswapd was about to connect when it died."""
        self._late: dict[str, float] = {}
        """Profiles of which NetworkManager has not said what comes of them → until when it may."""
        self._active: dict[str, str] = {}
        """Devices' paths → their activations, as seen last."""

    async def connect(self, uuid: str | None, connection: str | None) -> None:
        """Begin to connect, on whichever device fits. Raises BusError, LookupError.

        A NetworkManager that hangs must not hold up a takeover by another link that comes first.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._connect(uuid, connection)
        except TimeoutError:
            raise BusError(TIMED_OUT, f"no answer within {CONNECT_S:g} s") from None

    async def _connect(self, uuid: str | None, connection: str | None) -> None:
        profile = await self.find(uuid, connection)
        if profile is None:
            raise LookupError("NetworkManager has no such connection: see `nmcli connection`")
        self._intentions.add(profile.uuid)
        try:
            (active,) = await self._bus.call(
                names.SERVICE, names.PATH, names.MANAGER, "ActivateConnection", "ooo",
                profile.path, ANY, ANY,
            )  # fmt: skip
        except (BusError, asyncio.CancelledError) as error:
            if not isinstance(error, BusError) or error.name == TIMED_OUT:
                self._late[profile.uuid] = asyncio.get_running_loop().time() + LATE_S
            else:
                self._intentions.discard(profile.uuid)
            raise
        self._late.pop(profile.uuid, None)
        if len(self.own) >= KEPT:  # what is over never comes back under its path
            self.own &= set(self._active.values())
        self.own.add(active)

    async def disconnect(self, device: Device) -> None:
        """Disconnect what netswap connected. Raises BusError, LookupError where it did not."""
        if device.activation not in self.own:
            raise LookupError("it was connected by somebody else")
        owner = self._router.owner()
        await self._bus.call(
            owner, names.PATH, names.MANAGER, "DeactivateConnection", "o", device.activation,
            timeout_s=CONNECT_S,
        )  # fmt: skip
        self._intentions.discard(device.uuid)

    async def find(self, uuid: str | None, connection: str | None) -> Profile | None:
        """Return the profile with this UUID and name, None if there is none.

        One of the two is enough. They are asked one by one: the bus lets nobody have more than some
        calls under way, and there may be hundreds. Raises BusError.
        """
        (paths,) = await self._bus.call(
            names.SERVICE, names.SETTINGS_PATH, names.SETTINGS, "ListConnections"
        )
        for path in paths:
            profile = await self._profile(path)
            if uuid in (None, profile.get("uuid")) and connection in (None, profile.get("id")):
                return Profile(path, profile.get("uuid", ""))
        return None

    async def _profile(self, path: str) -> dict[str, Any]:
        """Return who a profile is, {} where it is gone or not for us."""
        try:
            (found,) = await self._bus.call(names.SERVICE, path, names.PROFILE, "GetSettings")
        except BusError as error:
            if error.name.rpartition(".")[2] in NOT_FOR_US:
                return {}
            raise
        identity = plain(found).get("connection", {})
        return identity if isinstance(identity, dict) else {}

    def look(self, devices: Iterable[Device]) -> None:
        """Read the note of every activation that is not known, and write what is missing."""
        devices = list(devices)
        self._active = {device.path: device.activation for device in devices}
        self._met &= set(self._active.values())
        self._adopt(devices)
        for device in devices:
            path = device.activation
            if device.state in names.NOTABLE and path not in self._met | self._meeting.keys():
                self._meeting[path] = asyncio.create_task(self._meet(device))

    def _adopt(self, devices: Iterable[Device]) -> None:
        """Take over what came of calls whose answer never came.

        NetworkManager hung, or a netswapd died when it was about to connect: that now or never.
        """
        now_s = asyncio.get_running_loop().time()
        late = {uuid for uuid, until_s in self._late.items() if now_s < until_s}
        adopted = {d.activation: d.uuid for d in devices if d.uuid in self._orphans | late}
        self._orphans = frozenset()
        if adopted:
            self.own |= adopted.keys()
            self._late = {u: s for u, s in self._late.items() if u not in adopted.values()}
            self._on_change()

    async def _meet(self, device: Device) -> None:
        path = device.activation
        try:
            noted = await self._router.dialled(
                device.path, note=lambda: path in self.own and self._active.get(device.path) == path
            )
        except BusError:
            return  # it is about to go, or to change: the next look tries again
        finally:
            del self._meeting[path]
        if self._active.get(device.path) != path:
            return  # what was read may be another one's
        self._met.add(path)
        self._intentions.discard(device.uuid)
        if noted and path not in self.own:
            self.own.add(path)
            self._on_change()

    def forget(self) -> None:
        """Forget all: another NetworkManager gives the same paths to other activations."""
        self.own.clear()
        self._met.clear()
        self._late.clear()
        self._intentions.clear()
