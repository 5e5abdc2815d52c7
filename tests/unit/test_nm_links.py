"""Which device is which link: picked by itself, or told by netswap.toml."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap.adapters.nm import links
from netswap.adapters.nm.links import Metrics, Picker
from netswap.adapters.nm.names import DeviceState
from netswap.adapters.nm.view import Device
from netswap.core.model import Route
from netswap.core.settings import LinkSettings, Match


def device(ifname: str, number: int = 1, metric: int | None = 100, **rest: object) -> Device:
    kinds = {1: "ethernet", 2: "wifi", 5: "bluetooth", 8: "modem", 20: "ethernet"}
    metrics = frozenset() if metric is None else frozenset({metric})
    known = Device(
        path=f"/Devices/{ifname}",
        interface=ifname,
        ifname=ifname,
        number=number,
        kind=kinds.get(number, "other"),
        driver="",
        state=DeviceState.ACTIVATED,
        carrier=True,
        metered=False,
        connection=f"{ifname}'s profile",
        activation=f"/ActiveConnection/{ifname}",
        uuid="",
        addresses=("198.51.100.7",),
        metrics4=metrics,
        metrics6=frozenset(),
        gateway="198.51.100.1",
        dns4=metric,
        dns6=None,
    )
    return replace(known, **rest)  # type: ignore[arg-type]


def names(*devices: Device, picker: Picker | None = None) -> list[str]:
    return [link.name for link in (picker or Picker()).pick(devices)]


# picked


def test_ethernet_before_wifi_before_what_is_metered() -> None:
    assert names(
        device("tether0", metric=100, metered=True),
        device("bnep0", 5, 750),
        device("wwan0", 8, 700),
        device("wlan0", 2, 600),
        device("eth0", 1, 101),
    ) == ["eth0", "wlan0", "tether0", "wwan0", "bnep0"]


def test_of_one_class_the_lower_metric_goes_first() -> None:
    assert names(device("eth0", metric=101), device("eth1", metric=100)) == ["eth1", "eth0"]


@pytest.mark.parametrize("number", [14, 16, 29, 32])
def test_tunnels_are_not_picked(number: int) -> None:
    # generic, tun, WireGuard, loopback: NMDeviceType
    assert names(device("tun0", number, 50), device("eth0")) == ["eth0"]


@pytest.mark.parametrize("number", [10, 11, 13, 15])
def test_what_is_built_over_devices_is_picked(number: int) -> None:
    # bond, VLAN, bridge, team
    assert names(device("br0", number), device("eth0", metric=None)) == ["br0"]


def test_without_a_default_route_a_device_is_not_picked() -> None:
    assert names(device("eth0", metric=None)) == []


def test_what_was_picked_stays_while_it_is_there() -> None:
    picker = Picker()
    cable, phone = device("eth0"), device("tether0", metered=True, metric=101)
    assert names(cable, phone, picker=picker) == ["eth0", "tether0"]
    lost = replace(cable, metrics4=frozenset(), state=DeviceState.UNAVAILABLE)
    assert names(lost, phone, picker=picker) == ["eth0", "tether0"]
    assert names(phone, picker=picker) == ["tether0"]
    assert names(phone, replace(cable, metrics4=frozenset({105})), picker=picker) == [
        "eth0",
        "tether0",
    ]


def test_a_changed_metric_does_not_change_the_order() -> None:
    picker = Picker()
    first, second = device("eth0", metric=100), device("eth1", metric=101)
    assert names(first, second, picker=picker) == ["eth0", "eth1"]
    raised = replace(first, metrics4=frozenset({200}))
    assert names(raised, second, picker=picker) == ["eth0", "eth1"]


def test_a_link_that_turns_out_to_be_metered_goes_to_the_end() -> None:
    picker = Picker()
    first, second = device("eth0", metric=100), device("eth1", metric=101)
    assert names(first, second, picker=picker) == ["eth0", "eth1"]
    assert names(replace(first, metered=True), second, picker=picker) == ["eth1", "eth0"]


# told


def told(name: str, **match: str) -> LinkSettings:
    return LinkSettings(name, Match(**match))


def assigned(wanted: list[LinkSettings], *devices: Device) -> dict[str, str | None]:
    found = links.assign(wanted, devices)
    return {link.name: device.ifname if device else None for link, device in found}


@pytest.mark.parametrize(
    "match",
    [
        {"interface": "cdc-wdm0"},
        {"interface": "wwan0"},
        {"connection": "LTE"},
        {"uuid": "7c4a"},
        {"type": "modem"},
        {"driver": "qmi_wwan"},
        {"type": "modem", "driver": "qmi_wwan"},
    ],
)
def test_matches(match: dict[str, str]) -> None:
    modem = device(
        "wwan0", 8, interface="cdc-wdm0", connection="LTE", uuid="7c4a", driver="qmi_wwan"
    )
    assert assigned([told("phone", **match)], device("eth0"), modem) == {"phone": "wwan0"}


def test_all_that_is_given_must_match() -> None:
    wanted = [told("phone", type="ethernet", driver="rndis_host")]
    assert assigned(wanted, device("eth0", driver="e1000e")) == {"phone": None}


def test_no_device_is_two_links() -> None:
    wanted = [told("cable", type="ethernet"), told("spare", type="ethernet")]
    assert assigned(wanted, device("eth0")) == {"cable": "eth0", "spare": None}
    assert assigned(wanted, device("eth0"), device("eth1")) == {"cable": "eth0", "spare": "eth1"}


CABLE_AND_PHONE = [told("cable", type="ethernet"), told("phone", connection="Phone")]
"""As in the example that comes with netswap; a phone on USB is of type ethernet."""


def test_a_named_link_has_its_device_before_one_that_names_a_kind() -> None:
    phone = device("enp0s20f0u1", connection="Phone")
    seen = assigned(CABLE_AND_PHONE, phone, device("enp0s31f6"))
    assert seen == {"cable": "enp0s31f6", "phone": "enp0s20f0u1"}


def test_a_pulled_cable_makes_no_cable_of_the_phone() -> None:
    pulled = device("eth0", state=DeviceState.UNAVAILABLE)
    seen = assigned(CABLE_AND_PHONE, pulled, device("usb0", connection="Phone"))
    assert seen == {"cable": "eth0", "phone": "usb0"}


def test_with_the_phone_alone_nothing_is_in_conflict() -> None:
    phone = device("usb0", connection="Phone")
    assert links.conflicts(CABLE_AND_PHONE, [phone]) == []
    assert assigned(CABLE_AND_PHONE, phone) == {"cable": None, "phone": "usb0"}


def test_a_connected_device_goes_before_one_that_is_not() -> None:
    idle = device("eth0", state=DeviceState.DISCONNECTED)
    assert assigned([told("cable", type="ethernet")], idle, device("eth1")) == {"cable": "eth1"}


def test_a_renamed_device_is_still_its_link() -> None:
    wanted = [told("phone", connection="Phone")]
    assert assigned(wanted, device("enx1", connection="Phone")) == {"phone": "enx1"}
    assert assigned(wanted, device("enx2", connection="Phone")) == {"phone": "enx2"}


def test_links_that_want_the_same_device_are_in_conflict() -> None:
    wanted = [told("cable", interface="eth0"), told("office", connection="Office")]
    office = device("eth0", connection="Office")
    assert links.conflicts(wanted, [office, device("eth1")]) == [("cable", "office")]
    assert links.conflicts(wanted, [device("eth0"), device("eth1", connection="Office")]) == []


def test_a_link_that_could_have_another_device_is_in_no_conflict() -> None:
    wanted = [told("cable", interface="eth0"), told("any", type="ethernet")]
    assert links.conflicts(wanted, [device("eth0"), device("eth1")]) == []


# observed

CABLE = told("cable", interface="eth0")


def test_a_link_without_a_device() -> None:
    seen = links.observe(CABLE, None, {})
    assert (seen.name, seen.ifname, seen.obstacle) == ("cable", "", "no such device")
    assert not seen.usable


def test_a_link_on_demand_is_told_from_others_connected_or_not() -> None:
    phone = replace(CABLE, connect="on-demand")
    for found in (device("eth0"), None):
        seen = [links.observe(wanted, found, {}).on_demand for wanted in (CABLE, phone)]
        assert seen == [False, True]


def test_metrics_are_the_kernels_and_name_servers_network_managers() -> None:
    metrics: Metrics = {("eth0", 4): [20100], ("eth0", 6): [101], ("eth1", 4): [1]}
    seen = links.observe(CABLE, device("eth0", dns4=60, dns6=61), metrics)
    assert (seen.v4, seen.v6) == (Route(20100, 60), Route(101, 61))
    assert seen.usable


def test_without_a_route_in_the_kernel_there_is_none() -> None:
    seen = links.observe(CABLE, device("eth0"), {})
    assert (seen.v4, seen.v6, seen.usable) == (None, None, False)


def test_an_obstacle_is_passed_on() -> None:
    seen = links.observe(CABLE, device("eth0", carrier=False), {("eth0", 4): [100]})
    assert seen.obstacle == "carrier lost"
    assert not seen.usable


@pytest.mark.parametrize(
    ("settings", "device_is", "link_is"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_metered_is_what_the_user_says_or_else_network_manager(
    settings: bool | None, device_is: bool, link_is: bool
) -> None:
    wanted = LinkSettings("cable", Match(interface="eth0"), metered=settings)
    assert links.observe(wanted, device("eth0", metered=device_is), {}).metered is link_is


@pytest.mark.parametrize(
    ("kernel", "dns", "stale"),
    [
        ([60, 101], 100, True),  # restarted after a takeover
        ([101], 100, False),
        ([60], 60, False),
        ([60, 60], 100, False),
        ([101, 200], 100, False),  # restarted at rest: the old route is behind
        ([60, 101], None, False),
    ],
)
def test_stale_routes(kernel: list[int], dns: int | None, stale: bool) -> None:
    seen = links.observe(CABLE, device("eth0", dns4=dns), {("eth0", 4): kernel})
    assert seen.stale is stale


def test_a_port_of_a_bridge_is_no_phone() -> None:
    """Both are of type ethernet, and connected."""
    phone = LinkSettings("phone", Match(type="ethernet"))
    port, tether = device("eth0", metric=None, port=True), device("usb0")
    assert links.assign([phone], [port, tether]) == [(phone, tether)]
