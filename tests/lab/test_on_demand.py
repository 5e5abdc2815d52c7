"""Links on demand, on the real NetworkManager: connected when they are needed, and only then."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from signal import SIGHUP

import pytest

from netswap.adapters.bus import Bus
from netswap.adapters.nm.dialler import Dialler
from netswap.adapters.nm.intentions import Intentions
from netswap.adapters.nm.router import Router
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.nmbus import NmBus
from tests.lab.nmsettings import note
from tests.lab.spec import CABLE, LabSpec, LinkSpec
from tests.service.ctl import netswapctl

PHONE = LinkSpec("phone0", metered=True, autoconnect=False)
MUTE = LinkSpec("lte0", metered=True, autoconnect=False, has_dhcp=False, dhcp_timeout_s=3)

RUN = Path("/run/netswap")
CABLE_TOML = """\
[[link]]
name = "cable"
match = { interface = "cable0" }
"""
PHONE_TOML = """\
[[link]]
name = "phone"
match = { connection = "phone0" }
connect = "on-demand"
release_after_s = 1
"""
CONFIG = QUICK + CABLE_TOML + PHONE_TOML
FOUR = (
    QUICK
    + CABLE_TOML
    + """\
[[link]]
name = "dsl"
match = { type = "ethernet", connection = "dsl0" }
[[link]]
name = "lte"
match = { connection = "lte0" }
connect = "on-demand"
"""
    + PHONE_TOML
)


def start(lab: Lab, config: str = CONFIG) -> Netswapd:
    """Start netswapd; wait until the cable is up, and nothing else holds a link on demand back."""
    daemon = lab.netswapd(config)
    daemon.wait_for("Link cable (cable0) is up", 5)
    return daemon


def fail_over(lab: Lab) -> None:
    """Cut the cable and wait until the phone has taken over; print how long that took.

    The first 10 s after its start netswapd leaves connecting to NetworkManager, hence the time.
    """
    begun = time.monotonic()
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "phone0", 25, "the phone takes over")
    daemon = lab.daemons[-1]
    asked = daemon.wait_for("Connecting phone", 1, since=begun)
    up = daemon.wait_for("Link phone (phone0) is up", 1, since=begun)
    print(
        f"asked {asked - begun:.2f} s after the cut, connected and proven {up - asked:.2f} s later"
    )


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_connected_when_the_preferred_link_dies_and_released_afterwards(
    lab: Lab, nm: NmBus
) -> None:
    phone = lab.link("phone0")
    daemon = start(lab)
    assert phone.nm_state() == "disconnected"
    assert re.search(r"phone +- +resting", netswapctl("status").out)
    fail_over(lab)
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: phone.nm_state() == "disconnected", 5, "the phone is disconnected")
    wait_until(lambda: lab.guarded() == set(), 2, "nothing is left in the guard")
    assert phone.address() is None
    assert not [line for line in daemon.lines if "Holding" in line]
    fail_over(lab)


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_what_the_user_connected_is_used_and_left_alone(lab: Lab) -> None:
    phone = lab.link("phone0")
    daemon = start(lab)
    lab.nmcli("connection", "up", "phone0")
    daemon.wait_for("Link phone (phone0) is up", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "phone0", 5, "the phone takes over")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    assert holds(lambda: phone.address() is not None, for_s=3)
    assert daemon.stop() == 0
    assert phone.nm_state() == "connected"
    assert not [line for line in daemon.lines if "onnecting phone" in line]


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_one_that_is_taken_out_of_the_configuration_is_disconnected(lab: Lab) -> None:
    daemon = start(lab, CONFIG.replace("release_after_s = 1", "release_after_s = 600"))
    fail_over(lab)
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    path = next(part for part in daemon.command if part.endswith(".toml"))
    Path(path).write_text(QUICK + CABLE_TOML)
    daemon.signal(SIGHUP)
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 5, "it is disconnected")


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_one_that_is_taken_out_while_it_does_not_work_is_disconnected_too(lab: Lab) -> None:
    daemon = start(lab)
    lab.link("phone0").cut()
    lab.link("cable0").cut()
    wait_until(lambda: lab.link("phone0").nm_state() == "connected", 25, "netswap connects it")
    daemon.wait_for("Ping failure on phone0 (4/4)", 10)
    path = next(part for part in daemon.command if part.endswith(".toml"))
    Path(path).write_text(QUICK + CABLE_TOML)
    daemon.signal(SIGHUP)
    daemon.wait_for("Configuration read again", 3)
    lab.link("cable0").heal()
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 10, "it is disconnected")


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_the_user_has_it_connected_and_held_until_he_lets_go(lab: Lab) -> None:
    daemon = start(lab)
    assert netswapctl("use", "phone").status == 0
    wait_until(lambda: lab.active() == "phone0", 15, "the phone carries traffic")
    assert holds(lambda: lab.active() == "phone0", for_s=3)
    assert netswapctl("auto").status == 0
    wait_until(lambda: lab.active() == "cable0", 5, "back to the cable")
    daemon.wait_for("Disconnecting phone: it is not needed any more", 5)
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 5, "it is disconnected")


@pytest.mark.lab(LabSpec(links=(CABLE, LinkSpec("dsl0"), MUTE, PHONE)))
def test_four_links_are_gone_through_in_order(lab: Lab) -> None:
    """The third gets no address, so the fourth is connected; each better one takes over again."""
    daemon = start(lab, FOUR)
    daemon.wait_for("Link dsl (dsl0) is up", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "dsl0", 5, "the second one takes over")
    assert not [line for line in daemon.lines if "Connecting" in line]
    lab.link("dsl0").cut()
    wait_until(lambda: lab.active() == "phone0", 40, "the fourth one takes over")
    told = "\n".join(daemon.lines)
    assert "Could not connect lte" in told
    assert told.index("Connecting lte") < told.index("Could not connect lte")
    assert told.index("Could not connect lte") < told.index("Connecting phone")
    lab.link("dsl0").heal()
    wait_until(lambda: lab.active() == "dsl0", 10, "back to the second one")
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 10, "the fourth one rests")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 10, "back to the first one")


@pytest.mark.lab(LabSpec(links=(CABLE, MUTE, PHONE)))
def test_one_that_does_not_get_connected_in_time_is_let_go(lab: Lab) -> None:
    lte = '[[link]]\nname = "lte"\nmatch = { connection = "lte0" }\nconnect = "on-demand"\n'
    start(lab, QUICK + CABLE_TOML + lte + "connect_timeout_s = 1\n" + PHONE_TOML)
    fail_over(lab)
    lab.daemons[0].wait_for("Disconnecting lte: it took too long", 1)


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_after_a_crash_the_next_one_knows_what_was_connected(lab: Lab) -> None:
    start(lab)
    fail_over(lab)
    wait_until(lambda: "netswap.dialled" in _notes(), 5, "it is noted")
    wait_until(lambda: Intentions(RUN).read() == frozenset(), 5, "it need not be on file any more")
    lab.daemons[0].kill()
    lab.link("cable0").heal()
    second = lab.netswapd(CONFIG)
    wait_until(lambda: lab.active() == "cable0", 10, "swap back")
    second.wait_for("Disconnecting phone: it is not needed any more", 5)
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 5, "it is disconnected")


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_a_crash_before_it_could_be_noted_is_made_up_for(lab: Lab) -> None:
    async def connect_and_die() -> None:
        bus = await Bus.connect()
        dialler = Dialler(bus, Router(bus), lambda: None, Intentions(RUN))
        await dialler.connect(None, "phone0")
        await bus.close()

    asyncio.run(connect_and_die())
    wait_until(lambda: lab.link("phone0").nm_state() == "connected", 10, "it is connected")
    assert "netswap.dialled" not in _notes()
    start(lab).wait_for("Disconnecting phone: it is not needed any more", 10)
    wait_until(lambda: lab.link("phone0").nm_state() == "disconnected", 5, "it is disconnected")
    assert Intentions(RUN).read() == frozenset()


@pytest.mark.lab(LabSpec(links=(CABLE, MUTE)))
def test_a_note_while_waiting_for_an_address_disturbs_nothing(lab: Lab, nm: NmBus) -> None:
    lab.nmcli("--wait", "0", "connection", "up", "lte0")
    wait_until(lambda: "getting IP" in lab.link("lte0").nm_state(), 5, "it waits for an address")
    nm.reapply("lte0", note("yes"))
    assert "getting IP" in lab.link("lte0").nm_state()
    assert "user" in nm.applied("lte0")[0]


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_a_stop_disconnects_it_unless_traffic_needs_it(lab: Lab) -> None:
    phone = lab.link("phone0")
    first = start(lab)
    fail_over(lab)
    assert first.stop() == 0
    assert "Leaving phone (phone0) connected: traffic needs it" in "\n".join(first.lines)
    assert lab.active() == "phone0"
    lab.link("cable0").heal()
    second = lab.netswapd(CONFIG.replace("release_after_s = 1", "release_after_s = 600"))
    wait_until(lambda: lab.active() == "cable0", 10, "swap back")
    wait_until(lambda: phone.metrics() == [200], 5, "the phone stands by")
    assert second.stop() == 0
    wait_until(lambda: phone.nm_state() == "disconnected", 5, "the phone is disconnected")


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", metric=600), PHONE)))
def test_a_stop_disconnects_what_was_asked_for_where_the_preferred_link_works(lab: Lab) -> None:
    """It is a Wi-Fi by its metric: a phone that is tethered by USB would lead for good."""
    phone = lab.link("phone0")
    daemon = start(lab)
    assert netswapctl("use", "phone").status == 0
    wait_until(lambda: lab.active() == "phone0", 15, "the phone carries traffic")
    assert daemon.stop() == 0
    assert lab.active() == "cable0"
    wait_until(lambda: phone.nm_state() == "disconnected", 5, "the phone is disconnected")


@pytest.mark.lab(LabSpec(links=(CABLE, PHONE)))
def test_a_connection_that_is_not_there_is_told_at_the_start(lab: Lab) -> None:
    daemon = start(lab, CONFIG.replace('"phone0"', '"Phone"'))
    daemon.wait_for("Link phone cannot be connected: NetworkManager has no connection 'Phone'", 1)
    lab.link("cable0").cut()
    daemon.wait_for("Failed: Connecting phone by the profile Phone", 25)
    assert ": could not be connected: " in netswapctl("status").out


def _notes() -> str:
    """Return what is noted with the phone's activation."""
    with NmBus() as bus:
        return str(bus.applied("phone0")[0].get("user", {}))
