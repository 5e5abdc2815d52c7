"""The dispatcher hook: quick, harmless, and what it is for, with the real nm-dispatcher."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.message import Message

from tests.lab.commands import holds, wait_until
from tests.lab.hook import CHEAP_BACKUP, install_hook, run_hook
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import LabSpec
from tests.lab.witness import RouteWatch

HOOKED = LabSpec(dispatcher=True)
ACTIONS = (
    "up", "down", "pre-up", "dhcp4-change", "dhcp6-change", "connectivity-change", "reapply",
    "vpn-up", "vpn-down", "dns-change",
)  # fmt: skip
HANG_S = 5.0
"""How long the stand-in's answer is away: the hook must not wait for that long."""


class Service:
    """Owns org.netswap1 and notes each Resync; answers as late as told. A context manager."""

    def __init__(self, delay_s: float = 0) -> None:
        self.reasons: list[str] = []
        self.answered: list[float] = []
        """The monotonic times of the answers."""
        self._delay_s = delay_s
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5), "the stand-in for netswapd is on the bus"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name("org.netswap1")
        self._ready.set()
        await self._over.wait()
        self._bus.disconnect()
        self._bus._sock.close()  # dbus-next 0.2.3 leaves it to the garbage collector

    def _handle(self, message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL or message.member != "Resync":
            return False
        address = (message.path, message.interface, message.signature)
        assert address == ("/org/netswap1", "org.netswap1.Manager", "s")
        self.reasons.append(message.body[0])
        self._loop.call_later(self._delay_s, self._answer, message)
        return True

    def _answer(self, message: Message) -> None:
        self._bus.send(Message.new_method_return(message))
        self.answered.append(time.monotonic())


@pytest.fixture(params=["busctl", "dbus-send"])
def tools(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a PATH with all that the hook needs, and one of the two programs it may use."""
    for tool in (request.param, "sh", "timeout"):
        real = subprocess.run(["which", tool], capture_output=True, text=True, check=True)
        (tmp_path / tool).symlink_to(real.stdout.strip())
    return str(tmp_path)


def test_it_hands_on_interface_and_action(lab: Lab, tools: str) -> None:
    with Service() as service:
        for action in ACTIONS:
            run_hook("tether0", action, path=tools)
        wait_until(lambda: len(service.reasons) == len(ACTIONS), 2, "all have come in")
        assert service.reasons == [f"tether0 {action}" for action in ACTIONS]


def test_it_ignores_what_does_not_concern_netswap(lab: Lab) -> None:
    with Service() as service:
        for arguments in (["none", "hostname"], ["tether0", "pre-down"], ["tether0"], [], ["", ""]):
            run_hook(*arguments)
        run_hook("last", "up")
        wait_until(lambda: service.reasons, 2, "the last one has come in")
        assert service.reasons == ["last up"]


NAMES: dict[str | bytes, str] = {
    "": "up",
    "-x": "-x up",
    "--help": "--help up",
    "eth0.10": "eth0.10 up",
    "$(reboot)": "oddly named interface up",
    "`reboot`;'\"\\*": "oddly named interface up",
    "büro0": "oddly named interface up",
    b"\xff\xfe\n": "oddly named interface up",
    "x" * 15: "xxxxxxxxxxxxxxx up",
    "x" * 5000: "oddly named interface up",
}
"""Names of interfaces, and what the service is to be told."""


def test_no_interface_name_can_harm_it(lab: Lab, tools: str) -> None:
    with Service() as service:
        for name in NAMES:
            run_hook(name, "up", path=tools)
        wait_until(lambda: len(service.reasons) == len(NAMES), 2, "all have come in")
        assert service.reasons == list(NAMES.values())


def test_it_runs_without_a_bus(lab: Lab, tools: str) -> None:
    lab.services.stop_bus()
    run_hook("tether0", "pre-up", path=tools)


def test_only_pre_up_waits_for_the_answer(lab: Lab, tools: str) -> None:
    with Service(delay_s=0.7) as service:
        run_hook("tether0", "up", path=tools)
        assert not service.answered
        wait_until(lambda: service.answered, 5, "the first answer")
        run_hook("tether0", "pre-up", path=tools)
        assert len(service.answered) == 2


def test_a_service_that_hangs_holds_nothing_up_for_long(lab: Lab, tools: str) -> None:
    with Service(delay_s=HANG_S) as service:
        run_hook("tether0", "pre-up", path=tools)
        assert service.reasons
        assert not service.answered


def start_hooked(lab: Lab) -> Netswapd:
    """Start netswapd with the hook in place; the tether stands by."""
    install_hook()
    daemon = lab.netswapd(QUICK, "--log-level=debug")
    tether = lab.link("tether0")
    wait_until(lambda: tether.metrics() == [200], 5, "the tether stands by")
    assert holds(lambda: tether.metrics() == [200], for_s=1.2)
    return daemon


@pytest.mark.lab(CHEAP_BACKUP)
def test_a_backup_activated_again_is_put_right_before_it_is_up(lab: Lab) -> None:
    """NetworkManager gives it the profile's metric (70), which takes it before the cable."""
    daemon = start_hooked(lab)
    with RouteWatch() as watch:
        started = time.monotonic()
        lab.nmcli("connection", "up", "tether0")
        called_up = time.monotonic()
        wrong = watch.wait_for("tether0", 1)
        right = watch.wait_for("cable0", 5, since=wrong)
        assert right < called_up
        hook = "Looking at everything again: tether0 pre-up"
        assert daemon.wait_for(hook, 1, since=started) < called_up
        assert holds(lambda: lab.active() == "cable0", for_s=1)
        assert [active for _, active in watch.changes] == ["cable0", "tether0", "cable0"]
    assert "Traceback" not in str(daemon)


@pytest.mark.lab(CHEAP_BACKUP)
def test_a_backup_that_comes_back_with_its_carrier_is_put_right(lab: Lab) -> None:
    start_hooked(lab)
    tether = lab.link("tether0")
    tether.pull()
    wait_until(lambda: tether.metrics() == [], 10, "NetworkManager gives the tether up")
    tether.plug()
    wait_until(lambda: tether.metrics() == [200], 10, "the tether stands by again")
    assert lab.active() == "cable0"
    assert holds(lambda: lab.active() == "cable0", for_s=1)


@pytest.mark.lab(HOOKED)
def test_the_hook_does_not_loop(lab: Lab) -> None:
    """A Reapply makes the dispatcher run the hook, and that must not lead to another Reapply."""
    daemon = start_hooked(lab)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    moved = daemon.wait_for("Setting the metric of tether0: IPv4 60", 3)
    hooked = daemon.wait_for("Looking at everything again: tether0 reapply", 3, since=moved)
    daemon.wait_for("Looking at everything again: tether0 dhcp4-change", 3, since=moved)
    assert holds(lambda: len(changes(daemon, since=hooked)) == 0, for_s=3)


def changes(daemon: Netswapd, since: float) -> list[str]:
    """Return what the daemon logs of metrics it sets."""
    return [line for at, line in list(daemon.log) if at > since and "Setting the metric" in line]


@pytest.mark.lab(HOOKED)
def test_nmcli_tells_the_truth_after_a_swap(lab: Lab) -> None:
    """NetworkManager tells the bus a moment after the kernel has the route (1.52)."""
    start_hooked(lab)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    wait_until(lambda: shown(lab, "tether0") == "nh = 10.2.0.1, mt = 60", 1, "nmcli tells of it")
    assert shown(lab, "cable0") == "nh = 10.1.0.1, mt = 100"
    lab.link("cable0").heal()
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "swap back")
    wait_until(lambda: shown(lab, "tether0") == "nh = 10.2.0.1, mt = 200", 1, "and of that")


def shown(lab: Lab, device: str) -> str:
    """Return the IPv4 default route of a device as nmcli shows it."""
    routes = lab.nmcli("-g", "IP4.ROUTE", "device", "show", device).strip().split(" | ")
    defaults = [route for route in routes if route.startswith("dst = 0.0.0.0/0, ")]
    return " | ".join(route.removeprefix("dst = 0.0.0.0/0, ") for route in defaults)
