"""What NetworkManager says, from snapshot and signals; and whatever else may come over a bus."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.bus import Signal
from netswap.adapters.nm import names
from netswap.adapters.nm.names import DeviceState
from netswap.adapters.nm.view import Device, Objects, View
from tests.unit.worlds import FIXED

DEVICE, ACTIVE, IP4, IP6 = "/Devices/1", "/ActiveConnection/1", "/IP4Config/1", "/IP6Config/1"


def objects() -> Objects:
    """Return what GetManagedObjects gives, shortened: one connected cable."""
    default = {"dest": "0.0.0.0", "prefix": 0, "metric": 100}
    return {
        names.PATH: {names.MANAGER: {"Version": "1.42.4", "ConnectivityCheckEnabled": True}},
        DEVICE: {
            names.DEVICE: {
                "Interface": "cable0",
                "IpInterface": "cable0",
                "DeviceType": 1,
                "Driver": "e1000e",
                "State": 100,
                "Metered": 4,
                "ActiveConnection": ACTIVE,
                "Ip4Config": IP4,
                "Ip6Config": IP6,
            },
            names.WIRED: {"Carrier": True},
        },
        ACTIVE: {names.ACTIVE: {"Id": "Office", "Uuid": "7c4a5d5e"}},
        IP4: {
            names.IP4: {
                "AddressData": [{"address": "198.51.100.7", "prefix": 24}],
                "RouteData": [default, {"dest": "198.51.100.0", "prefix": 24, "metric": 100}],
                "Gateway": "198.51.100.1",
                "DnsPriority": 100,
                "NameserverData": [{"address": "198.51.100.53"}, {"address": "x"}, {}],
            }
        },
        IP6: {
            names.IP6: {
                "AddressData": [{"address": "fe80::1"}, {"address": "2001:db8::7"}],
                "RouteData": [{"dest": "::", "prefix": 0, "metric": 20100}],
                "DnsPriority": 100,
            }
        },
    }


def view(changed: Objects | None = None) -> View:
    view = View()
    view.replace(objects() | (changed or {}))
    return view


def only(view: View) -> Device:
    (device,) = view.devices()
    return device


def changed(path: str, interface: str, **properties: object) -> Signal:
    return Signal(":1.5", path, names.PROPERTIES, "PropertiesChanged", (interface, properties, []))


def test_a_connected_device() -> None:
    assert only(view()) == Device(
        path=DEVICE,
        interface="cable0",
        ifname="cable0",
        number=1,
        kind="ethernet",
        driver="e1000e",
        state=DeviceState.ACTIVATED,
        carrier=True,
        metered=False,
        connection="Office",
        activation=ACTIVE,
        uuid="7c4a5d5e",
        addresses=("198.51.100.7", "2001:db8::7"),
        metrics4=frozenset({100}),
        metrics6=frozenset({20100}),
        gateway="198.51.100.1",
        dns4=100,
        dns6=100,
        servers=("198.51.100.53",),
        networks=("198.51.100.7/24",),
    )


@pytest.mark.parametrize(
    ("connectivity", "limited"), [(0, False), (1, True), (2, True), (3, True), (4, False)]
)
def test_what_networkmanagers_own_check_finds(connectivity: int, limited: bool) -> None:
    seen = view()
    seen.apply(changed(DEVICE, names.DEVICE, Ip4Connectivity=connectivity))
    assert only(seen).limited is limited


def test_how_names_are_resolved() -> None:
    seen = view({names.DNS_PATH: {names.DNS: {"Mode": "systemd-resolved"}}})
    assert seen.dns_mode == "systemd-resolved"
    assert View().dns_mode == ""


def test_the_manager_itself() -> None:
    assert view().version == "1.42.4"
    assert view().checks_connectivity
    assert View().version == ""
    assert not View().checks_connectivity


@pytest.mark.parametrize(
    ("state", "carrier", "obstacle"),
    [
        (100, True, ""),
        (100, False, "carrier lost"),
        (70, True, "waiting for an address"),
        (30, True, "not connected"),
        (999, True, "state unknown"),
    ],
)
def test_obstacles(state: int, carrier: bool, obstacle: str) -> None:
    seen = view()
    seen.apply(changed(DEVICE, names.DEVICE, State=state))
    seen.apply(changed(DEVICE, names.WIRED, Carrier=carrier))
    assert only(seen).obstacle == obstacle


@pytest.mark.parametrize("kind", ["Bond", "Bridge", "Team", "Vlan"])
def test_the_carrier_of_what_lies_over_other_devices(kind: str) -> None:
    device = objects()[DEVICE]
    seen = view({DEVICE: {names.DEVICE: device[names.DEVICE], f"{names.DEVICE}.{kind}": {}}})
    assert only(seen).carrier
    seen.apply(changed(DEVICE, f"{names.DEVICE}.{kind}", Carrier=False))
    assert only(seen).obstacle == "carrier lost"


@pytest.mark.parametrize("word", ["Master", "Controller"])
def test_a_port_of_another_device_carries_no_ip(word: str) -> None:
    seen = view()
    seen.apply(changed(ACTIVE, names.ACTIVE, Master="/", Controller="/"))
    assert only(seen).obstacle == ""
    seen.apply(changed(ACTIVE, names.ACTIVE, **{word: "/Devices/4"}))
    assert only(seen).obstacle == "part of another device"


def test_from_ip_check_on_a_device_carries_traffic() -> None:
    carries = {DeviceState.IP_CHECK, DeviceState.SECONDARIES, DeviceState.ACTIVATED}
    assert set(names.OBSTACLES) == set(DeviceState) - carries


@pytest.mark.parametrize(("value", "metered"), [(0, False), (1, True), (2, False), (3, True)])
def test_metered(value: int, metered: bool) -> None:
    seen = view()
    seen.apply(changed(DEVICE, names.DEVICE, Metered=value))
    assert only(seen).metered is metered


def test_a_modem_carries_ip_on_another_interface() -> None:
    seen = view()
    seen.apply(changed(DEVICE, names.DEVICE, Interface="cdc-wdm0", IpInterface="wwan0"))
    assert (only(seen).interface, only(seen).ifname) == ("cdc-wdm0", "wwan0")


def test_without_an_ip_interface_the_device_has_its_own_name() -> None:
    seen = view()
    seen.apply(changed(DEVICE, names.DEVICE, IpInterface=""))
    assert only(seen).ifname == "cable0"


def test_a_default_route_in_another_table_is_none() -> None:
    seen = view()
    seen.apply(changed(IP4, names.IP4, RouteData=[{"prefix": 0, "metric": 5, "table": 100}]))
    assert only(seen).metrics4 == frozenset()


# signals


def test_only_what_changes_something_counts() -> None:
    seen = view()
    assert seen.apply(changed(DEVICE, names.DEVICE, State=30))
    assert not seen.apply(changed("/Devices/9", names.DEVICE, State=30))
    assert not seen.apply(Signal(":1.5", DEVICE, names.DEVICE, "StateChanged", (30, 100, 0)))
    assert not seen.apply(Signal(":1.5", DEVICE, names.PROPERTIES, "PropertiesChanged", ()))


def test_a_device_comes_and_goes() -> None:
    seen = View()
    added = objects()[DEVICE]
    manager = (names.OBJECTS_PATH, names.OBJECT_MANAGER)
    assert seen.apply(Signal(":1.5", *manager, "InterfacesAdded", (DEVICE, added)))
    assert only(seen).ifname == "cable0"
    seen.apply(Signal(":1.5", *manager, "InterfacesRemoved", (DEVICE, [names.WIRED])))
    assert only(seen).ifname == "cable0"
    assert seen.apply(Signal(":1.5", *manager, "InterfacesRemoved", (DEVICE, [names.DEVICE])))
    assert list(seen.devices()) == []


def test_objects_that_went_are_not_missed() -> None:
    seen = view({ACTIVE: {}, IP4: {}, IP6: {}})
    device = only(seen)
    assert (device.connection, device.addresses, device.metrics4) == ("", (), frozenset())
    assert device.dns4 is None


# whatever comes over the bus

PROPERTIES = [
    "Interface", "IpInterface", "DeviceType", "Driver", "State", "Metered", "ActiveConnection",
    "Ip4Config", "Ip6Config", "Carrier", "Id", "Uuid", "AddressData", "RouteData", "DnsPriority",
    "Gateway",
]  # fmt: skip
RUBBISH: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["address", "prefix", "metric", "table"]) | st.text(max_size=3),
            inner | st.sampled_from([0, 254, 100]),
            max_size=4,
        )
    ),
    max_leaves=5,
)
SIGNALS = st.builds(
    Signal,
    st.just(":1.5"),
    st.sampled_from([DEVICE, ACTIVE, IP4, IP6, "/other"]),
    st.sampled_from([names.PROPERTIES, names.OBJECT_MANAGER]),
    st.sampled_from(["PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"]),
    st.tuples(
        st.sampled_from([names.DEVICE, names.WIRED, names.ACTIVE, names.IP4, names.IP6, DEVICE])
        | RUBBISH,
        st.dictionaries(st.sampled_from(PROPERTIES), RUBBISH, max_size=3) | RUBBISH,
        RUBBISH,
    )
    | st.lists(RUBBISH, max_size=3).map(tuple),
)
TYPES = {"str": str, "int": int, "bool": bool, "DeviceState": DeviceState}


@FIXED
@given(st.lists(SIGNALS, max_size=4))
def test_whatever_comes_devices_have_the_types_they_should_have(signals: list[Signal]) -> None:
    seen = view()
    for signal in signals:
        seen.apply(signal)
    for device in seen.devices():
        assert isinstance(device.obstacle, str)
        for field in fields(device):
            value = getattr(device, field.name)
            if field.name in ("metrics4", "metrics6", "dns_in_use"):
                assert all(isinstance(metric, int) for metric in value)
            elif field.name in ("addresses", "networks", "servers"):
                assert all(isinstance(address, str) for address in value)
            elif field.name in ("dns4", "dns6"):
                assert value is None or isinstance(value, int)
            else:
                assert isinstance(value, TYPES[str(field.type)])
