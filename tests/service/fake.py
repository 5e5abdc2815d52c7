"""A netswapd without a network: the real service on a real bus, answering from a table.

What cannot be had from a whole daemon at will (hostile names, refusals, another version) comes from
here; everything else is tested with the daemon, in the lab.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

from netswap.adapters.bus import Answer, Bus, Call, CallError, Variant
from netswap.service import access
from netswap.service.service import Service
from netswap.service.state import Properties
from tests.lab.commands import wait_until

BUS_CONFIG = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*" eavesdrop="false"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/>
    <allow receive_type="error"/> <allow receive_type="signal"/>
    {refusals}
  </policy>
</busconfig>
"""
REFUSE_ALL = '<deny send_destination="org.netswap1"/>'


class PrivateBus:
    """A system bus of our own, in a folder; the environment says where."""

    def __init__(self, folder: Path, refusals: str = "") -> None:
        self.socket = folder / "bus"
        self._config = folder / "bus.conf"
        self._config.write_text(BUS_CONFIG.format(address=self.address, refusals=refusals))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--nopidfile"]
        )
        wait_until(self._listens, 10, "the bus listens")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; everybody's connection ends with it."""
        assert self._process
        self._process.terminate()
        self._process.wait(10)
        self.socket.unlink(missing_ok=True)

    def _listens(self) -> bool:
        """Tell whether it takes connections: its socket is there a moment before."""
        with socket.socket(socket.AF_UNIX) as trial:
            return trial.connect_ex(str(self.socket)) == 0

    @property
    def address(self) -> str:
        """Its address."""
        return f"unix:path={self.socket}"


class Table:
    """What the service answers; it remembers what it was asked to do."""

    def __init__(self) -> None:
        began_s = time.time() - 600
        self.properties: Properties = {
            "Version": "0.1.0", "ActiveLink": "cable", "Mode": "auto", "ModeUntil": 0.0,
            "State": "preferred", "Reason": "3 replies in a row", "Since": began_s,
            "NetworkManagerRunning": True, "DryRun": False,
            "RestsUntil": 0.0,
        }  # fmt: skip
        cable: Properties = {
            "Name": "cable", "Preference": 0, "Device": "eth0", "Connection": "Wired",
            "Type": "ethernet", "Metered": False, "Role": "active", "Health": "up",
            "Resting": False, "Reason": "3 replies in a row", "Since": began_s,
            "Guarded": False, "Metric4": 100, "Metric6": -1, "Degraded": False, "Fault": "",
            "HeldBackUntil": 0.0, "Health6": "", "Reason6": "", "Rtt": 0.0004, "Loss": 0.0,
            "TargetLoss": {"198.51.100.1": 0.0}, "LastReply": began_s + 600,
            "ProbesSent": 600, "ProbesLost": 0, "RepliesInRow": 9, "LossesInRow": 0,
            "BytesReceived": 1, "BytesSent": 2, "DataUsed": 3, "DataCap": 0, "DataSince": began_s,
        }  # fmt: skip
        phone = {
            "Name": "phone", "Preference": 1, "Device": "usb0", "Connection": "Phone",
            "Metered": True, "Role": "standby", "Guarded": True, "Metric4": 200, "Rtt": 0.031,
        }  # fmt: skip
        self.the_links = [cable, {**cable, **phone}]
        self.the_transitions = [(began_s, "link", "cable", "Link cable (eth0) is up: it replies")]
        self.the_settings = [("probe.fall", "2", "default"), ("probe.rise", "4", "default")]
        self.the_offers = [
            ("eth0", "ethernet", "Wired", "connected", False, "cable"),
            ("usb0", "ethernet", "Phone", "connected", True, "phone"),
        ]
        self.the_findings = [("rp_filter", "ok", "not strict on any link", "")]
        self.the_replies = [("198.51.100.1", 0.0312), ("198.51.100.2", -1.0)]
        self.error: CallError | None = None
        """What every order is answered with."""
        self.asked: list[tuple[Any, ...]] = []

    def manager(self) -> Properties:
        return dict(self.properties)

    def links(self, *, traffic: bool = True) -> list[Properties]:
        return [dict(link) for link in self.the_links]

    async def resync(self, reason: str) -> None:
        self._order("resync", reason)

    async def use(self, link: str, seconds: float, *, even_if_dead: bool) -> None:
        self._order("use", link, seconds, even_if_dead)
        self.properties |= {"ActiveLink": link, "Mode": "pinned", "Reason": "asked by the user"}

    async def auto(self) -> None:
        self._order("auto")

    async def resume(self) -> None:
        self._order("resume")

    async def forgive(self) -> None:
        self._order("forgive")

    async def pause(self, seconds: float) -> None:
        self._order("pause", seconds)
        self.properties |= {"Mode": "paused", "ModeUntil": time.time() + seconds}

    def reload(self) -> None:
        self._order("reload")

    async def probe(self, link: str) -> list[tuple[str, float]]:
        self._order("probe", link)
        return self.the_replies

    def transitions(self, since: float) -> list[tuple[float, str, str, str]]:
        return [entry for entry in self.the_transitions if entry[0] >= since]

    def settings(self) -> list[tuple[str, str, str]]:
        return self.the_settings

    def offers(self) -> list[tuple[str, str, str, str, bool, str]]:
        return self.the_offers

    def diagnose(self) -> list[tuple[str, str, str, str]]:
        return self.the_findings

    def _order(self, *what: Any) -> None:
        self.asked.append(what)
        if self.error:
            raise self.error


async def allow(_: Call) -> Answer:
    """Answer as polkit would that somebody may do something; root is not even asked about."""
    return "(bba{ss})", [[True, False, {}]]


class FakeNetswapd:
    """The service on a private bus, answering from its table, in a thread of its own."""

    def __init__(self) -> None:
        self.table = Table()
        self._locked = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._bus.close())
        self._do(self._polkit.close())
        self._do(self._login.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def happen(self, kind: str, link: str, text: str) -> None:
        """Have something happen, and tell of it."""
        entry = time.time(), kind, link, text
        self.table.the_transitions.append(entry)
        self._in_loop(lambda: self._service.transition(*entry))

    def swap(self, source: str, target: str, reason: str) -> None:
        """Tell of a swap."""
        self._in_loop(lambda: self._service.swapped(source, target, reason))

    def lock(self, *, locked: bool) -> None:
        """Have logind say that the session is locked, or not."""
        self._locked = locked

    def change(self, **properties: Any) -> None:
        """Change properties of the manager, and tell of it."""
        self.table.properties.update(properties)
        self._in_loop(self._service.publish)

    def hang(self, for_s: float) -> threading.Event:
        """Answer nobody for so long; return what is set when it is over."""
        over = threading.Event()
        self._loop.call_soon_threadsafe(time.sleep, for_s)
        self._loop.call_soon_threadsafe(over.set)
        return over

    async def _start(self) -> None:
        self._polkit = await Bus.connect()
        self._polkit.answer(allow)
        assert await self._polkit.request_name(access.POLKIT)
        self._login = await Bus.connect()
        self._login.answer(self._login_session)
        assert await self._login.request_name("org.freedesktop.login1")
        self._bus = await Bus.connect()
        self._service = Service(self._bus, self.table)
        assert await self._service.start()

    async def _login_session(self, call: Call) -> Answer:
        """Answer as logind, which is asked for the property LockedHint of a session."""
        return "v", [Variant("b", self._locked)]

    def _in_loop(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self._do(run())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def come_and_die(member: str) -> None:
    """Own netswapd's name until somebody calls a method, and leave the bus without an answer."""

    async def live() -> None:
        asked = asyncio.Event()

        async def take(call: Call) -> Answer:
            if call.member == member:
                asked.set()
            await asyncio.sleep(60)
            raise AssertionError("it lives on")

        bus = await Bus.connect()
        bus.answer(take)
        assert await bus.request_name("org.netswap1")
        async with asyncio.timeout(10):
            await asked.wait()
        await bus.close()

    asyncio.run(live())
