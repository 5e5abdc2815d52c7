"""Links on demand: what NetworkManager may do in the middle of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from netswap.adapters.bus import TIMED_OUT, Bus, BusError
from netswap.adapters.nm import names
from netswap.adapters.nm.dialler import CONNECT_S, KEPT, LATE_S, Dialler
from netswap.adapters.nm.intentions import Intentions
from netswap.adapters.nm.names import DeviceState
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device

PERMISSION_DENIED = "org.freedesktop.NetworkManager.Settings.PermissionDenied"


class Connected:
    """What the dialler asks of a device."""

    path, uuid, state = "/Devices/3", "phone-uuid", DeviceState.ACTIVATED

    def __init__(self, activation: str) -> None:
        self.activation = activation


def devices(*activations: str) -> list[Device]:
    return [cast("Device", Connected(activation)) for activation in activations]


class Answers:
    """Answers as NetworkManager does, with two profiles; each call may be something's moment."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        """What is called → the error that it is answered with."""
        self.moments: dict[str, Callable[[], None]] = {}
        """What is called → what happens just before it is answered."""
        self.versions = [7, 8]
        """That of what is applied now, and of what will be next."""
        self.applied: list[Any] = []

    async def call(self, _to: str, path: str, _of: str, member: str, *args: Any) -> list[Any]:
        for called in (member, f"{member} {path}"):
            if called in self.refused:
                raise BusError(self.refused[called], "so there")
        if moment := self.moments.pop(member, None):
            moment()
        answer: Callable[..., list[Any]] = getattr(self, member)
        return answer(path, *args)

    def ListConnections(self, _path: str) -> list[Any]:  # noqa: N802
        return [["/Settings/1", "/Settings/2"]]

    def GetSettings(self, path: str) -> list[Any]:  # noqa: N802
        name = "office" if path == "/Settings/1" else "phone"
        return [{"connection": {"id": name, "uuid": f"{name}-uuid"}}]

    def GetAppliedConnection(self, *_: object) -> list[Any]:  # noqa: N802
        return [{"connection": {}}, self.versions[0]]

    def Reapply(self, _path: str, _signature: str, applied: Any, version: int, _flags: int) -> list[Any]:  # noqa: E501, N802  # fmt: skip
        if version != self.versions[0]:
            raise BusError(names.VERSION_ID_MISMATCH, "")
        self.applied.append(applied)
        return []


@pytest.fixture
def manager() -> Answers:
    return Answers()


def dialler(manager: Answers, folder: Path | None = None) -> Dialler:
    bus = cast("Bus", manager)
    return Dialler(bus, Router(bus), lambda: None, Intentions(folder))


def test_a_profile_that_is_another_users_hides_no_other(manager: Answers) -> None:
    manager.refused["GetSettings /Settings/1"] = PERMISSION_DENIED
    profile = asyncio.run(dialler(manager).find(None, "phone"))
    assert profile == ("/Settings/2", "phone-uuid")


def test_a_profile_of_which_nothing_is_told_is_not_taken_for_none(manager: Answers) -> None:
    manager.refused["GetSettings /Settings/2"] = "org.freedesktop.DBus.Error.LimitsExceeded"
    with pytest.raises(BusError):
        asyncio.run(dialler(manager).find(None, "phone"))


def test_what_networkmanager_connects_too_late_is_netswaps_all_the_same(
    manager: Answers, tmp_path: Path
) -> None:
    async def run() -> None:
        dial = dialler(manager, tmp_path)
        dial.look([])
        manager.refused["ActivateConnection"] = TIMED_OUT
        with pytest.raises(BusError):
            await dial.connect(None, "phone")
        assert Intentions(tmp_path).read() == {"phone-uuid"}
        dial.look([])
        dial.look(devices("/ActiveConnection/7"))
        assert dial.own == {"/ActiveConnection/7"}

    asyncio.run(run())


def test_what_comes_much_later_is_somebody_elses(manager: Answers) -> None:
    async def run() -> None:
        dial = dialler(manager)
        manager.refused["ActivateConnection"] = TIMED_OUT
        with pytest.raises(BusError):
            await dial.connect(None, "phone")
        dial._late = {uuid: until_s - LATE_S for uuid, until_s in dial._late.items()}
        dial.look(devices("/ActiveConnection/7"))
        assert dial.own == set()

    asyncio.run(run())


@pytest.mark.parametrize("member", ["GetAppliedConnection", "Reapply"])
def test_what_the_user_connects_meanwhile_stays_the_users(manager: Answers, member: str) -> None:
    def replaced() -> None:
        manager.versions.pop(0)
        dial.look(devices("/ActiveConnection/2"))

    async def run() -> None:
        dial.own.add("/ActiveConnection/1")
        manager.moments[member] = replaced
        dial.look(devices("/ActiveConnection/1"))
        for _ in range(10):
            await asyncio.sleep(0)
        dial.look(devices("/ActiveConnection/2"))
        for _ in range(10):
            await asyncio.sleep(0)

    dial = dialler(manager)
    asyncio.run(run())
    assert manager.applied == []
    assert dial.own == {"/ActiveConnection/1"}


def test_a_networkmanager_that_hangs_is_not_waited_for_long(manager: Answers) -> None:
    """Another link may come first, and its takeover waits for this."""

    class Hangs(Answers):
        async def call(self, *_: Any) -> list[Any]:
            return await asyncio.Future()

    async def run() -> None:
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(BusError, match="no answer within 2 s"):
            await dialler(Hangs()).connect(None, "phone")
        assert asyncio.get_running_loop().time() - began_s < 4

    asyncio.run(run())


def test_activations_that_are_over_are_forgotten() -> None:
    """As of a link on demand that comes to nothing each minute while the preferred one is away."""

    class Countless(Answers):
        count = 0

        def ActivateConnection(self, *_: object) -> list[Any]:  # noqa: N802
            self.count += 1
            return [f"/Active/{self.count}"]

    async def run() -> None:
        dials = dialler(Countless())
        for _ in range(1000):
            await dials.connect(None, "phone")
            dials.look([])
        assert len(dials.own) <= KEPT

    asyncio.run(run())


class Hanging:
    """A NetworkManager that does not answer."""

    async def call(self, *_: object, timeout_s: float = 5.0) -> list[object]:
        await asyncio.sleep(timeout_s)
        raise BusError(TIMED_OUT, "no answer")


def test_disconnecting_holds_nothing_up_for_longer_than_connecting() -> None:
    async def run() -> None:
        bus = cast("Bus", Hanging())
        dialler = Dialler(bus, Router(bus), lambda: None, Intentions(None))
        dialler.own.add("/A/1")
        async with asyncio.timeout(CONNECT_S + 1):
            await dialler.disconnect(devices("/A/1")[0])

    with pytest.raises(BusError):
        asyncio.run(run())
