"""Netswap's side of a real bus."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from socketserver import StreamRequestHandler, UnixStreamServer

import pytest
from dbus_next._private.marshaller import Marshaller
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import SignatureTree

from netswap.adapters import bus as buses
from netswap.adapters.bus import Answer, Bus, BusError, Call, Signal, Variant
from tests.service.fake import PrivateBus


def test_messages_leave_nothing_for_the_garbage_collector(bus: PrivateBus) -> None:
    """What was read or sent would stay in memory until it looks, with all that it said."""

    async def talk() -> None:
        client = await Bus.connect()
        for _ in range(50):
            await client.call(buses.DBUS, buses.DBUS_PATH, buses.DBUS, "ListNames")
        await client.close()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(talk())
        kept = sum(isinstance(thing, Marshaller | Unmarshaller) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert kept < 5


def calls(count: int) -> Iterator[bytes]:
    """Yield calls, each with 300 variants of types that nobody uses."""
    kinds = itertools.product("ynq", repeat=12)
    for serial in range(1, count + 1):
        some = [Variant(f"({''.join(kind)})", [0] * 12) for kind in itertools.islice(kinds, 300)]
        call = Message(NAME, PATH, NAME, "Nothing", signature="av", body=[some], serial=serial)
        yield bytes(buses._marshalled(call))


def test_what_strangers_make_up_is_not_remembered_for_ever() -> None:
    """The library keeps every type that it reads; one call may have some hundreds."""
    told = list(calls(20))
    assert max(map(len, told)) < buses.LARGEST[MessageType.METHOD_CALL.value]
    for call in told:
        reader = buses._Reader(BytesIO(call))
        assert reader.unmarshall() is not None
        reader.readers.clear()
    assert len(SignatureTree._cache) < 1000


NAME, PATH = "org.netswap1", "/org/netswap1"


async def connected(count: int) -> list[Bus]:
    clients = [await Bus.connect() for _ in range(count)]
    assert await clients[0].request_name(NAME)
    return clients


async def answers(call: Call) -> Answer:
    return "s", [call.member]


def test_a_call_that_is_too_large_is_not_even_read(bus: PrivateBus) -> None:
    async def talk() -> None:
        service, client = await connected(2)
        service.answer(answers)
        much = [Variant("y", 1)] * (1 << 18)
        with pytest.raises(BusError, match="the message is too large"):
            await client.call(NAME, PATH, NAME, "Swallow", "av", much, timeout_s=60)
        assert await client.call(NAME, PATH, NAME, "Next") == ["Next"]
        path = f"/{'a' * (1 << 16)}"
        lost = asyncio.create_task(client.call(NAME, path, NAME, "Lost", timeout_s=60))
        assert await client.call(NAME, PATH, NAME, "Next") == ["Next"]
        lost.cancel()
        await asyncio.gather(service.close(), client.close(), lost, return_exceptions=True)

    asyncio.run(talk())


def test_a_signal_that_is_too_large_is_passed_over(bus: PrivateBus) -> None:
    async def talk() -> None:
        listener, sender = await connected(2)
        heard: asyncio.Queue[Signal] = asyncio.Queue()
        listener.listen(heard.put_nowait)
        await listener.subscribe(f"type='signal',interface='{NAME}'")
        sender.emit(PATH, NAME, "Large", "ay", bytes(1 << 19))
        sender.emit(PATH, NAME, "Small", "ay", bytes(1 << 10))
        assert (await heard.get()).member == "Small"
        await asyncio.gather(listener.close(), sender.close())

    asyncio.run(talk())


def test_a_flood_is_read_in_turn_with_all_else(bus: PrivateBus) -> None:
    """Each time that the selector saw more, it was read once more in each turn from then on."""

    async def talk() -> int:
        service, *clients = await connected(3)
        service.answer(answers)
        library, reads, most = service._bus, 0, 0
        read_on = library._read_on

        def counted() -> None:
            nonlocal reads
            reads += 1
            read_on()

        library._read_on = counted
        for client in clients:
            for _ in range(6_000):
                client.send(NAME, PATH, NAME, "Flood")
        last = [client.call(NAME, PATH, NAME, "Last", timeout_s=60) for client in clients]
        ended = asyncio.gather(*last, return_exceptions=True)
        while not ended.done():
            reads = 0
            await asyncio.sleep(0)
            most = max(most, reads)
        await asyncio.gather(*(one.close() for one in (service, *clients)))
        return most

    assert asyncio.run(talk()) == 1


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"OK 0123456789abcdef\r\n", "no answer"),
        (b"\xff\xfe\r\n", ".* is not a valid"),
        (b"OK 0123456789abcdef\r\n" + b"nonsense" * 9, "what came cannot be read"),
    ],
    ids=["nothing more", "no greeting", "nonsense"],
)
def test_a_bus_that_cannot_be_talked_to_costs_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes, why: str
) -> None:
    class Strange(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(says)
            with contextlib.suppress(ConnectionError):
                while self.rfile.read(1):
                    pass

    def descriptors() -> int:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with pytest.raises(BusError, match=f"no system bus: {why}"):
            asyncio.run(Bus.connect(0.1))
        answering.join(10)
        return len(os.listdir("/proc/self/fd"))

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    with UnixStreamServer(f"{tmp_path}/bus", Strange) as server:
        first, *others = (descriptors() for _ in range(3))
    assert others == [first, first]


def test_what_is_newer_than_the_library_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbus-broker hands on header fields that it does not know, and whoever likes may send them."""

    def signal(member: str) -> bytearray:
        message: bytearray = Message.new_signal(PATH, NAME, member)._marshall()
        return message

    hello = Message(
        message_type=MessageType.METHOD_RETURN, reply_serial=1, signature="s", body=[":1.1"]
    )
    field, kind = signal("Field"), signal("Kind")
    field[16] = 99  # PATH is the first field
    kind[1] = 5

    class Newer(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"OK 0123456789abcdef\r\n" + hello._marshall())
            while (said := self.rfile.read1(4096)) and b"Go" not in said:
                pass
            self.wfile.write(field + kind + signal("Known"))

    async def talk() -> None:
        ours = await Bus.connect()
        heard: asyncio.Queue[Signal] = asyncio.Queue()
        ours.listen(heard.put_nowait)
        ours.send(NAME, PATH, NAME, "Go")
        async with asyncio.timeout(10):
            assert (await heard.get()).member == "Known"
            await ours.disconnected()
        await ours.close()

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    with UnixStreamServer(f"{tmp_path}/bus", Newer) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        asyncio.run(talk())
        answering.join(10)
