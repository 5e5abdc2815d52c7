"""org.netswap1 as its clients find it: what it tells, what it does, what it refuses."""

from __future__ import annotations

import asyncio
import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGKILL
from typing import Any

import pytest

from netswap.adapters.bus import Bus, BusError, plain
from netswap.service import api
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.witness import Capture, HeldConnection, NewConnections


async def call(member: str, signature: str = "", *args: Any, **where: str) -> Any:
    """Call a method on a connection of its own; return the result, or the list of results."""
    bus = await Bus.connect()
    try:
        path, interface = where.get("path", api.PATH), where.get("interface", api.MANAGER)
        results = plain(await bus.call(api.NAME, path, interface, member, signature, *args))
        return results[0] if len(results) == 1 else results
    finally:
        await bus.close()


def ask(member: str, signature: str = "", *args: Any, **where: str) -> Any:
    """Call a method."""
    return asyncio.run(call(member, signature, *args, **where))


def get(name: str, path: str = api.PATH) -> Any:
    """Read a property."""
    interface = api.MANAGER if path == api.PATH else api.LINK
    return ask("Get", "ss", interface, name, path=path, interface=api.PROPERTIES)


def refused(member: str, signature: str = "", *args: Any, **where: str) -> str:
    """Call a method that is refused; return the name of the error."""
    with pytest.raises(BusError) as caught:
        ask(member, signature, *args, **where)
    return caught.value.name


def take_the_phone_out(daemon: Netswapd) -> None:
    """Leave the phone no link in the configuration, which is not read yet."""
    path = next(part for part in daemon.command if part.endswith(".toml"))
    Path(path).write_text(NAMED[: NAMED.index('[[link]]\nname = "phone"')])


def without_the_phone_that_traffic_needs(lab: Lab) -> Netswapd:
    """Take the phone out of the configuration while the cable is dead."""
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")
    take_the_phone_out(daemon)
    ask("Reload")
    daemon.wait_for("Link phone is none any more; it is put back when traffic does not need it", 2)
    return daemon


@pytest.fixture
def running(lab: Lab) -> Iterator[Lab]:
    """Return a lab in which netswapd runs at rest, and see that it still does afterwards."""
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    yield lab
    assert daemon.running


def test_one_call_tells_everything(running: Lab) -> None:
    objects = ask("GetManagedObjects", interface=api.OBJECT_MANAGER)
    manager = objects[api.PATH][api.MANAGER]
    phone = objects[api.link_path("phone")][api.LINK]
    assert (manager["ActiveLink"], manager["State"], manager["Mode"]) == (
        "cable", "preferred", "auto",
    )  # fmt: skip
    assert (phone["Device"], phone["Role"], phone["Health"]) == ("tether0", "standby", "up")
    assert (phone["Guarded"], phone["Metered"], phone["Metric4"]) == (True, True, 200)
    assert 0 < phone["Rtt"] < 1
    assert phone["BytesSent"] > 0


def test_live_introspection_is_the_contract(running: Lab) -> None:
    def names(xml: str) -> set[str]:
        return {node.get("name", "") for node in ET.fromstring(xml).iter("interface")}

    where = {"interface": api.INTROSPECTABLE}
    root = ask("Introspect", path=api.PATH, **where)
    assert {api.MANAGER, api.OBJECT_MANAGER, api.PROPERTIES} <= names(root)
    assert [n.get("name") for n in ET.fromstring(root).findall("node")] == ["link"]
    link = ask("Introspect", path=api.link_path("cable"), **where)
    assert api.LINK in names(link)


def test_use_and_auto(running: Lab) -> None:
    ask("Use", "sdb", "phone", 0.0, False)
    wait_until(lambda: running.active() == "tether0", 3, "the phone is active")
    assert (get("Mode"), get("State"), get("Reason")) == ("pinned", "backup", "asked by the user")
    ask("Auto")
    wait_until(lambda: running.active() == "cable0", 3, "the cable is active")
    assert get("Mode") == "auto"


def test_use_ends_by_itself(running: Lab) -> None:
    ask("Use", "sdb", "phone", 1.5, False)
    wait_until(lambda: running.active() == "tether0", 3, "the phone is active")
    wait_until(lambda: running.active() == "cable0", 5, "the time is over")


def test_use_holds_until_the_link_is_dead(running: Lab) -> None:
    ask("Use", "sdb", "phone", 0.0, False)
    wait_until(lambda: running.active() == "tether0", 3, "the phone is active")
    running.link("tether0").cut()
    wait_until(lambda: running.active() == "cable0", 3, "back to the cable")
    assert get("Mode") == "auto"


def test_pause_guards_nothing_and_changes_nothing(running: Lab) -> None:
    ask("Pause", "d", 0.0)
    wait_until(lambda: not get("Guarded", api.link_path("phone")), 2, "the guard is lifted")
    running.link("cable0").cut()
    wait_until(lambda: get("State") == "offline", 5, "the outage is seen")
    assert holds(lambda: running.active() == "cable0", for_s=1)
    ask("Resume")
    wait_until(lambda: running.active() == "tether0", 3, "failover")


def test_probe_tells_each_targets_round_trip(running: Lab) -> None:
    ((target, seconds),) = ask("Probe", "s", "phone")
    assert target == "198.51.100.1"
    assert 0 < seconds < 1
    running.link("tether0").cut()
    assert ask("Probe", "s", "phone") == [["198.51.100.1", -1.0]]


def test_transitions_are_kept_and_told(running: Lab) -> None:
    async def listen() -> list[str]:
        bus = await Bus.connect()
        told = asyncio.Queue[str]()
        bus.listen(lambda signal: told.put_nowait(signal.member))
        await bus.subscribe(f"type='signal',interface='{api.MANAGER}'")
        await call("Use", "sdb", "phone", 0.0, False)
        heard: list[str] = []
        async with asyncio.timeout(3):
            while not {"Swapped", "Transition"} <= set(heard):
                heard.append(await told.get())
        await bus.close()
        return heard

    before = ask("Transitions", "d", 0.0)
    assert "Swapped" in asyncio.run(listen())
    after = ask("Transitions", "d", before[-1][0] + 0.0001)
    assert [kind for _, kind, _, _ in after][:2] == ["mode", "swap"]
    assert after[1][2:] == [
        "phone", "Changing default interface from cable0 to tether0: asked by the user",
    ]  # fmt: skip


def test_settings_tell_their_source(running: Lab) -> None:
    settings = {name: (value, source) for name, value, source in ask("Settings")}
    assert settings["probe.fall"] == ("4", "default")
    value, source = settings["probe.interval_s"]
    assert value == "0.2"
    assert source.endswith(".toml")


def test_nothing_is_taken_on_trust(running: Lab) -> None:
    error = "org.netswap1.Error"
    dbus = "org.freedesktop.DBus.Error"
    assert refused("Use", "sdb", "nowhere", 0.0, False) == f"{error}.NoSuchLink"
    assert refused("Use", "sdb", "phone", -1.0, False) == f"{error}.InvalidArgument"
    assert refused("Pause", "d", float("nan")) == f"{error}.InvalidArgument"
    assert refused("Pause", "d", float("inf")) == f"{error}.InvalidArgument"
    assert refused("Pause", "s", "soon") == f"{dbus}.InvalidArgs"
    assert refused("Resync", "s", "x" * 201) == f"{error}.InvalidArgument"
    assert refused("Resync", "s", "two\nlines") == f"{error}.InvalidArgument"
    assert refused("Probe", "s", "") == f"{error}.NoSuchLink"
    assert refused("Explode") == f"{dbus}.UnknownMethod"
    assert refused("Ping", path="/org/netswap1/link/none", interface=api.PEER) == (
        f"{dbus}.UnknownObject"
    )
    arguments = (api.MANAGER, "ActiveLink", api.MANAGER_API.variants({"ActiveLink": "x"}))
    value = arguments[2]["ActiveLink"]
    where = {"interface": api.PROPERTIES}
    assert refused("Set", "ssv", api.MANAGER, "ActiveLink", value, **where) == (
        f"{dbus}.PropertyReadOnly"
    )
    assert refused("Get", "ss", api.MANAGER, "Colour", **where) == f"{dbus}.UnknownProperty"


def test_flood_of_calls_is_answered_and_disturbs_no_probe(running: Lab) -> None:
    async def flood() -> list[str]:
        bus = await Bus.connect()
        asked = [
            bus.call(api.NAME, api.PATH, api.MANAGER, "Resync", "s", "flood", timeout_s=60)
            for _ in range(10_000)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        await bus.close()
        return [a.name if isinstance(a, BusError) else "answered" for a in answers]

    with Capture(running.link("cable0")) as wire, NewConnections() as clicks:
        wait_until(lambda: len(wire.of_kind("echo")) > 3, 5, "some probes")
        names = asyncio.run(flood())
        wait_until(lambda: len(wire.of_kind("echo")) > 10, 5, "some more probes")
        assert len(names) == 10_000
        limits = "org.freedesktop.DBus.Error.LimitsExceeded"
        assert set(names) <= {"answered", api.BUSY, limits}
        assert "answered" in names
        times = [packet.at for packet in wire.of_kind("echo")]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert max(gaps) < 1
        assert clicks.failures() == []
    assert not [line for line in running.daemons[0].lines if "Changing" in line]


def test_reload_puts_back_what_is_no_link_any_more(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the phone stands by")
    take_the_phone_out(daemon)
    ask("Reload")
    wait_until(lambda: lab.link("tether0").metrics() == [101], 5, "its metric is as it was found")
    assert lab.guarded() == set()
    assert daemon.stop() == 0


@pytest.mark.parametrize("away", ["refuses", "is restarted"])
def test_what_is_no_link_any_more_is_put_back_when_networkmanager_lets_it(
    lab: Lab, away: str
) -> None:
    daemon = lab.netswapd(NAMED)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the phone stands by")
    take_the_phone_out(daemon)
    if away == "refuses":
        lab.services.refuse(reapply=True)
        daemon.signal(SIGHUP)
        daemon.wait_for("Metric and DNS priority of phone stay as they are", 5)
        lab.services.refuse(reapply=False)
    else:
        lab.stop_nm(SIGKILL)
        daemon.signal(SIGHUP)
        daemon.wait_for("Link phone is none any more", 5)
        lab.start_nm()
    wait_until(lambda: set(lab.link("tether0").metrics()) == {101}, 20, "as it was found")
    assert lab.guarded() == set()
    assert daemon.stop() == 0


def test_reload_during_an_outage_does_not_cut_off(lab: Lab) -> None:
    daemon = without_the_phone_that_traffic_needs(lab)
    assert holds(lambda: lab.active() == "tether0", 1)
    lab.link("cable0").heal()
    wait_until(lambda: lab.link("tether0").metrics() == [101], 10, "its metric is as it was found")
    assert lab.active() == "cable0"
    assert daemon.stop() == 0


def test_what_is_no_link_any_more_is_put_back_though_its_carrier_was_away(lab: Lab) -> None:
    """NetworkManager keeps the activation for some seconds, and with it netswap's metric."""
    without_the_phone_that_traffic_needs(lab)
    lab.link("tether0").pull()
    wait_until(lambda: not lab.link("tether0").carrier(), 2, "no carrier")
    assert holds(lambda: lab.active() == "tether0", 0.5), "NetworkManager has not given it up"
    lab.link("tether0").plug()
    lab.link("cable0").heal()
    wait_until(lambda: lab.link("tether0").metrics() == [101], 10, "its metric is as it was found")


def test_a_link_that_is_none_any_more_keeps_traffic_at_a_stop_if_the_others_are_dead(
    lab: Lab,
) -> None:
    daemon = without_the_phone_that_traffic_needs(lab)
    assert daemon.stop() == 0
    assert lab.active() == "tether0"


def test_reload_lets_connections_linger_from_then_on(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 5)
    assert "oifname @lingering" not in lab.ruleset()
    path = next(part for part in daemon.command if part.endswith(".toml"))
    with open(path, "a") as file:
        file.write("[guard]\nlinger_s = 5\n")
    ask("Reload")
    assert "oifname @lingering" in lab.ruleset()
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded again")


def test_reload_with_other_names_disturbs_nothing(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the phone stands by")
    path = next(part for part in daemon.command if part.endswith(".toml"))
    with HeldConnection() as download:
        with open(path, "w") as file:
            file.write(NAMED.replace('"cable"', '"dsl"').replace('"phone"', '"tel"'))
        ask("Reload")
        daemon.wait_for("Link cable (cable0) is called dsl now", 3)
        assert holds(lambda: lab.guarded() == {"tether0"}, 2)
        assert lab.link("tether0").metrics() == [200]
        assert download.ended is None
    assert get("ActiveLink") == "dsl"
    assert not [line for line in daemon.lines if "Changing" in line or " is down" in line]


def test_reload_takes_what_is_right_and_refuses_what_is_wrong(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    path = next(part for part in daemon.command if part.endswith(".toml"))
    with open(path, "w") as file:
        file.write(QUICK.replace("[probe]", "[probe]\nfall = 0"))
    with pytest.raises(BusError, match=r"fall: must be a whole number >= 1.*the old one stays"):
        ask("Reload")
    with open(path, "w") as file:
        file.write(QUICK.replace("[probe]", "[probe]\nfall = 7"))
    ask("Reload")
    assert ["probe.fall", "7", path] in ask("Settings")
    lab.link("cable0").cut()
    daemon.wait_for("(6/7)", 5)
