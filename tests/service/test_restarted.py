"""NetworkManager is replaced by another one, be it just while it answers.

netswapd takes in many messages at a time: on a busy machine the answer of the old one and the news
that there is a new one come together, and who waited for the answer goes on after that news.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from netswap.adapters.bus import Bus, BusError
from netswap.adapters.nm import names
from netswap.adapters.nm.client import Client
from netswap.daemon.connection import Connection
from tests.service.fake import PrivateBus

Act = Callable[[], Awaitable[None]]


class Manager:
    """Is NetworkManager on this bus, of some version."""

    def __init__(self, version: str, *, starting: bool = False) -> None:
        self.properties = {"Version": Variant("s", version), "Startup": Variant("b", starting)}
        self.bus = MessageBus(bus_type=BusType.SYSTEM)

    async def start(self) -> None:
        await self.bus.connect()
        self.bus.add_message_handler(self._answer)
        await self.bus.request_name(names.SERVICE)

    def say(self, name: str, value: Variant) -> None:
        """Tell that a property has changed."""
        body = [names.SERVICE, {name: value}, []]
        self.bus.send(
            Message.new_signal(names.PATH, names.PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
        )

    def stop(self) -> None:
        self.bus.disconnect()
        self.bus._stream.close()  # dbus-next 0.2.3 leaves the descriptor to the garbage collector
        self.bus._sock.close()

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        objects = {names.PATH: {names.SERVICE: self.properties}}
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])


class Interrupted(Bus):
    """Something happens between the first answer to a call, and whoever waits for it."""

    member = ""
    meanwhile: Act

    async def call(self, destination: str, path: str, interface: str, member: str, signature: str = "", *args: Any, timeout_s: float = 5.0) -> list[Any]:  # noqa: E501  # fmt: skip
        answer = await super().call(
            destination, path, interface, member, signature, *args, timeout_s=timeout_s
        )
        if member == self.member:
            self.member = ""
            await self.meanwhile()
        return answer


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110 (looks at what tells nobody)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("member", ["GetNameOwner", "GetManagedObjects"])
def test_the_new_one_is_read_and_heard(bus: PrivateBus, member: str) -> None:
    async def run() -> None:
        old, new = Manager("1.2"), Manager("1.4")
        await old.start()
        ours = await Interrupted.connect()
        assert isinstance(ours, Interrupted)
        client = Client(ours, on_change=lambda: None)

        async def replaced() -> None:
            old.stop()
            await new.start()
            await until(lambda: client._owner == new.bus.unique_name)

        ours.member, ours.meanwhile = member, replaced
        async with asyncio.timeout(10):
            await client.start()
            assert (client.running, client.view.version) == (True, "1.4")
            new.say("Version", Variant("s", "1.6"))
            await until(lambda: client.view.version == "1.6")
        await ours.close()
        new.stop()

    asyncio.run(run())


def test_one_that_goes_while_it_answers_is_gone(bus: PrivateBus) -> None:
    async def run() -> None:
        old = Manager("1.2")
        await old.start()
        ours = await Interrupted.connect()
        assert isinstance(ours, Interrupted)
        client = Client(ours, on_change=lambda: None)

        async def gone() -> None:
            old.stop()
            await until(lambda: not client._owner)

        ours.member, ours.meanwhile = "GetManagedObjects", gone
        async with asyncio.timeout(10):
            with pytest.raises(BusError, match="NetworkManager is not running"):
                await client.start()
        assert not client.running
        await ours.close()

    asyncio.run(run())


@pytest.mark.parametrize("ends", [True, False])
def test_one_that_comes_back_is_heard_when_it_has_started_or_takes_too_long(
    bus: PrivateBus, ends: bool
) -> None:
    async def run() -> None:
        old, new = Manager("1.2"), Manager("1.4", starting=True)
        await old.start()
        ours = await Bus.connect()
        client = Client(ours, on_change=lambda: None)
        async with asyncio.timeout(10):
            await client.start()
            old.stop()
            await new.start()
            await until(lambda: client.needs_refresh)
            reading = asyncio.create_task(client.refresh())
            await until(lambda: client.view.version == "1.4")
            assert not client.running
            if ends:
                new.say("Startup", Variant("b", False))
            await reading
        assert (client.running, client.view.starting) == (True, not ends)
        await ours.close()
        new.stop()

    asyncio.run(run())


class Nothing:
    """The steps, and what the service is told of: neither matters."""

    router = dialler = None

    def manager(self) -> dict[str, Any]:
        return {}

    def links(self, *, traffic: bool = True) -> list[Any]:
        return []


def test_one_that_comes_back_with_the_bus_is_heard_when_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = PrivateBus(tmp_path), PrivateBus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", first.address)
    nothing = cast("Any", Nothing())

    async def run() -> None:
        old = Manager("1.52")
        await old.start()
        ours = Connection(Bus.connect, nothing, lambda: None, None)
        await ours.begin()
        keeping = asyncio.create_task(ours.keep(nothing))
        await asyncio.to_thread(first.stop)
        with contextlib.suppress(EOFError):
            await old.bus.wait_for_disconnect()
        old.stop()
        await until(lambda: ours.client is None)
        first.socket.unlink(missing_ok=True)
        await asyncio.to_thread(second.__enter__)
        new = Manager("1.58", starting=True)
        await new.start()
        asyncio.get_running_loop().call_later(1.2, new.say, "Startup", Variant("b", False))
        async with asyncio.timeout(10):
            await until(lambda: ours.client is not None)
        assert ours.client is not None
        assert not ours.client.view.starting
        keeping.cancel()
        await ours.close()
        new.stop()

    with first:
        asyncio.run(run())
    second.stop()
