"""From what NetworkManager offers to a netswap.toml."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from netswap import config
from netswap.cli import setup, toml
from netswap.cli.client import Offer
from netswap.config import Configuration
from netswap.core.settings import (
    CheckSettings,
    LinkSettings,
    Match,
    MetricSettings,
    ProbeSettings,
    Settings,
)
from netswap.errors import UserError

ETH0 = Offer("eth0", "ethernet", "Wired connection 1", "connected", False, "eth0")
TETHER = Offer("enx0a1b2c", "ethernet", "Phone", "connected", True, "enx0a1b2c")
WLAN0 = Offer("wlan0", "wifi", "", "not connected", False, "")
LO = Offer("lo", "other", "lo", "connected", False, "")

CABLE = LinkSettings("cable", Match(interface="eth0"))
PHONE = LinkSettings("phone", Match(connection="Phone"), metered=True)


def chosen(offers: list[Offer], *old: LinkSettings) -> list[LinkSettings]:
    return [item.link for item in setup.candidates(offers, old) if item.is_link]


def test_what_netswap_picked_is_named_and_matched_by_what_does_not_change() -> None:
    assert chosen([ETH0, TETHER, WLAN0, LO]) == [
        LinkSettings("cable", Match(interface="eth0")),
        LinkSettings("phone", Match(connection="Phone")),
    ]


def test_other_devices_that_could_be_links_are_offered() -> None:
    found = setup.candidates([ETH0, WLAN0, LO], [])
    assert [(item.link.name, item.about, item.is_link) for item in found] == [
        ("cable", "eth0: ethernet, Wired connection 1, connected", True),
        ("wifi", "wlan0: wifi, not connected", False),
    ]


def test_links_of_the_old_file_stay_as_they_are_even_when_they_are_away() -> None:
    offers = [ETH0._replace(link="home")]
    old = (LinkSettings("lte", Match(type="modem"), True), LinkSettings("home", Match(uuid="1")))
    found = setup.candidates(offers, old)
    assert [item.link for item in found] == list(old)
    assert [item.about for item in found] == [
        "not there now",
        "eth0: ethernet, Wired connection 1, connected",
    ]


def test_names_differ() -> None:
    offers = [ETH0._replace(device=f"eth{n}", link=f"eth{n}") for n in range(3)]
    assert [link.name for link in chosen(offers)] == ["cable", "cable2", "cable3"]


def test_a_connection_whose_name_cannot_be_written_is_matched_by_its_interface() -> None:
    (link,) = chosen([TETHER._replace(connection="Pho\ufffdne")])
    assert link.match == Match(interface="enx0a1b2c")


KEPT_CLOSED = LinkSettings(
    "lte",
    Match(type="modem", driver="x"),
    metered=False,
    guard="drop",
    allow_lan=False,
    allow=("192.0.2.0/24", "192.0.2.1"),
)


@pytest.mark.parametrize(
    "links",
    [
        [],
        [CABLE, PHONE],
        [KEPT_CLOSED],
        [LinkSettings("a", Match(connection='quoted "and" \\back ☕ \x7f'))],
    ],
)
def test_what_is_written_is_read_back(links: list[LinkSettings]) -> None:
    read = config.parse(toml.written(links, {"probe.fall": "7"}))
    assert read == Settings(link=tuple(links), probe=ProbeSettings(fall=7))


def test_every_setting_is_there_with_its_explanation_and_default() -> None:
    text = toml.written([CABLE], {})
    assert config.parse(text) == Settings(link=(CABLE,))
    uncommented = re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)
    assert uncommented != text
    assert config.parse(uncommented) == Settings(link=(CABLE,))
    for table in fields(Settings):
        value = getattr(Settings(), table.name)
        if is_dataclass(value):
            for item in fields(value):
                assert re.search(rf"^#{item.name} = ", text, re.MULTILINE), item.name
        else:
            assert table.name in ("link", "check"), (
                "a setting outside of any table must be written, too"
            )
    flat = " ".join(text.replace("#", " ").split())
    for cls in (LinkSettings, Match, ProbeSettings, MetricSettings):
        for _, _, doc in config.documented(cls):
            assert " ".join(doc.text.split()) in flat


def test_the_example_links_are_right_once_uncommented() -> None:
    text = re.sub(r"^#(?=\[\[|name|match)", "", toml.written([], {}), flags=re.MULTILINE)
    assert len(config.parse(text).link) == 2


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, toml.written([CABLE, PHONE], {}).splitlines())) <= 80


def test_checks_of_an_old_file_are_kept_for_the_links_that_there_are() -> None:
    everywhere = CheckSettings("http", "http://example.org/page", expect_body='<p class="ok">')
    some = CheckSettings("dns", "example.org", links=("cable", "gone"), fall=4)
    old = Settings(check=(everywhere, some, CheckSettings("dns", "example.com", links=("gone",))))
    kept = setup.checks(old, {"cable": "cable", "phone": "phone"})
    assert kept == [everywhere, replace(some, links=("cable",))]
    assert config.parse(toml.written([CABLE, PHONE], {}, kept)).check == tuple(kept)
    assert setup.checks(old, {}) == list(old.check)
    assert setup.checks(old, {"gone": "back"})[1:] == [
        replace(check, links=("back",)) for check in old.check[1:]
    ]


def test_values_of_an_old_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_text('[probe]\nfall = 4\ntargets = ["198.51.100.1"]\n[metric]\nstandby = 300\n')
    old = config.load(path)
    text = toml.written([], setup.given(old))
    assert config.parse(text) == old.settings
    assert setup.given(Configuration()) == {}


def test_a_file_is_written_whole_readable_and_the_old_one_kept(tmp_path: Path) -> None:
    path = tmp_path / "etc/netswap/netswap.toml"
    old_umask = os.umask(0o077)
    try:
        setup.write(path, "one\n")
        setup.write(path, "two\n")
    finally:
        os.umask(old_umask)
    assert path.read_text() == "two\n"
    assert Path(f"{path}.old").read_text() == "one\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(item.name for item in path.parent.iterdir()) == [
        "netswap.toml",
        "netswap.toml.old",
    ]


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.symlink_to(tmp_path / "real.toml")
    setup.write(path, "text\n")
    assert path.is_symlink()
    assert (tmp_path / "real.toml").read_text() == "text\n"


def test_a_folder_that_is_a_file_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("")
    with pytest.raises(UserError, match="cannot be written: ") as caught:
        setup.write(tmp_path / "etc/netswap.toml", "text\n")
    assert caught.value.status == 4


def test_what_does_not_fit_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "netswap.toml.old").mkdir()
    (tmp_path / "netswap.toml").write_text("one\n")
    with pytest.raises(UserError, match="cannot be written: "):
        setup.write(tmp_path / "netswap.toml", "two\n")
    assert (tmp_path / "netswap.toml").read_text() == "one\n"
    assert not (tmp_path / "netswap.toml.new").exists()
