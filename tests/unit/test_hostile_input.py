"""What fuzzing found: each input that was once a crash, by name."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import pytest

from netswap import config
from netswap.adapters.bus import Signal, Variant, plain
from netswap.adapters.nm import names, settings
from netswap.adapters.nm.view import View
from netswap.daemon import log
from netswap.errors import ConfigurationError
from netswap.service import api
from tests.unit.test_nm_view import DEVICE, objects, only, view

WRONG_FILES = {
    "nested too deep": ("fall = " + "[" * 5000, "not valid TOML"),
    "a number of 5000 digits": ("fall = " + "9" * 5000, "not valid TOML"),
    "a line break in a key": ('"a\\nb" = 1', "a?b: unknown setting"),
    "a terminal's command in a key": ('"\\u001b[2J" = 1', "?[2J: unknown setting"),
    "a position of 5000 digits": (f'"a[{"1" * 5000}]" = 1', "unknown setting"),
    "a line break in an address": (
        '[probe]\ntargets6 = ["::1%\\nx"]', "::1%?x would not tell whether",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_is_wrong_in_an_odd_way_gets_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.parse(text)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_route_metric_of_32_bits_can_be_told() -> None:
    assert api.LINK_API.variants({"Metric4": 2**32 - 1, "Metric6": -1})


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {"Interface": 5}])
def test_an_interface_that_is_no_table_is_not_there(wrong: object) -> None:
    seen = View()
    seen.replace({**objects(), "/Devices/2": {names.DEVICE: wrong}, "/Devices/3": wrong})
    assert [device.ifname for device in seen.devices() if device.ifname] == ["cable0"]
    seen.replace(wrong)
    assert [device.ifname for device in seen.devices() if device.ifname] == []


def test_an_object_is_added_that_is_no_table() -> None:
    seen = view()
    manager = (names.OBJECTS_PATH, names.OBJECT_MANAGER)
    seen.apply(Signal(":1.5", *manager, "InterfacesAdded", (DEVICE, {names.DEVICE: 5})))
    seen.apply(Signal(":1.5", *manager, "InterfacesRemoved", (DEVICE, [[], {}, 7])))
    assert only(seen).ifname == "cable0"


NOTES = (
    "ipv4.route-metric=²",
    "ipv4.route-metric=--5",
    "ipv4.dns-priority=9999999999",
    f"ipv4.route-metric={'9' * 5000}",
    "connection.route-metric=5",
    "=",
    "ipv4.=1",
)


@pytest.mark.parametrize("note", NOTES)
def test_a_note_in_a_profile_that_netswap_did_not_write_is_passed_over(note: str) -> None:
    """It ended the step without a word, and the engine waited for it for ever."""
    applied = {
        "ipv4": {"route-metric": Variant("x", 60)},
        "user": {"data": Variant("a{ss}", {settings.NOTE: note})},
    }
    assert settings.restore(applied) is None
    ranked = settings.rank(applied, 70, None)
    restored = settings.restore(ranked)
    assert restored is not None
    assert plain(restored["ipv4"]["route-metric"]) == 60


def test_a_connections_name_cannot_forge_a_line_of_the_log() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        log.set_up("info")
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(out := io.StringIO())
        logging.getLogger("netswapd").info("Connecting %s", "Phone\n<3>all is lost\x1b[2J")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert out.getvalue().endswith("Connecting Phone?<3>all is lost?[2J\n")


def test_a_device_that_is_its_own_connection_and_its_own_addresses() -> None:
    seen = view()
    circle = {"ActiveConnection": DEVICE, "Ip4Config": DEVICE, "Ip6Config": DEVICE}
    changed: tuple[object, ...] = (names.DEVICE, circle, [])
    assert seen.apply(Signal(":1.5", DEVICE, names.PROPERTIES, "PropertiesChanged", changed))
    device = only(seen)
    assert replace(device, activation="", path="").addresses == ()
