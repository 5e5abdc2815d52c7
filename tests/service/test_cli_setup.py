"""`netswapctl setup`: its questions on a terminal, its answers in a file."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from netswap import config
from netswap.cli.setup import write
from netswap.cli.toml import written
from netswap.core.settings import LinkSettings, Match
from tests.service.ctl import COMMAND, OnTerminal, netswapctl
from tests.service.fake import FakeNetswapd, PrivateBus
from tests.unit.test_history_store import POWERLESS

CABLE = LinkSettings("cable", Match(interface="eth0"))
PHONE = LinkSettings("phone", Match(connection="Phone"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc/netswap.toml"


def links_in(path: Path) -> tuple[LinkSettings, ...]:
    return config.load(path).settings.link


def test_setup_without_questions(netswapd: FakeNetswapd, path: Path) -> None:
    status, out, err = netswapctl("setup", "--yes", "--file", str(path))
    assert (status, err) == (0, "")
    assert path.read_text() in out
    assert links_in(path) == (CABLE, PHONE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_setup_asks_which_links_and_what_to_call_them(netswapd: FakeNetswapd, path: Path) -> None:
    with OnTerminal("setup", "--file", str(path)) as screen:
        screen.wait_for("  1  cable         eth0: ethernet, Wired, connected")
        screen.wait_for("  2  phone         usb0: ethernet, Phone, connected, metered")
        screen.wait_for("Which links, the preferred one first? [1 2]: ")
        screen.type("3\n")
        screen.wait_for("1 to 2 are possible")
        screen.type("two one\n")
        screen.wait_for("write numbers, such as: 1 2")
        screen.type("2 1\n")
        screen.wait_for("What do you call usb0: ethernet, Phone, connected, metered? [phone]: ")
        screen.type("pixel\n")
        screen.wait_for("What do you call eth0: ethernet, Wired, connected? [cable]: ")
        screen.type("\n")
        screen.wait_for('name = "pixel"')
        screen.wait_for(f"Write this to {path}? [Y/n]: ")
        assert not path.exists()
        screen.type("y\n")
        screen.wait_for(f"Written to {path}.")
        assert screen.end() == 0
        assert links_in(path) == (LinkSettings("pixel", Match(connection="Phone")), CABLE)


def test_setup_again_changes_nothing_but_what_is_answered(
    netswapd: FakeNetswapd, path: Path
) -> None:
    old = (CABLE, replace(PHONE, guard="drop", allow_lan=False))
    write(path, written(old, {"probe.fall": "7"}))
    answers = "y\n\n\nmobile\n\n"
    assert netswapctl("setup", "--file", str(path), typed=answers).status == 0
    assert links_in(path) == (CABLE, replace(old[1], name="mobile"))
    assert config.load(path).settings.probe.fall == 7


def test_setup_that_is_declined_writes_nothing(netswapd: FakeNetswapd, path: Path) -> None:
    with OnTerminal("setup", "--file", str(path)) as screen:
        for question in ("[1 2]: ", "[cable]: ", "[phone]: "):
            screen.wait_for(question)
            screen.type("\n")
        screen.wait_for("[Y/n]: ")
        screen.type("n\n")
        assert screen.end() == 130
        assert not path.exists()


def test_setup_asks_again_for_a_name_that_cannot_be_one(netswapd: FakeNetswapd, path: Path) -> None:
    answers = "\nmy cable\nhome\nhome\npixel\n\n"
    status, out, err = netswapctl("setup", "--file", str(path), typed=answers)
    assert (status, err) == (0, "")
    assert "Error: 'my cable' cannot be a name; up to 32 letters, digits and -_. that start" in out
    assert "Error: 'home' names two links; names must differ" in out
    assert [link.name for link in links_in(path)] == ["home", "pixel"]


@pytest.mark.parametrize("answers", ["", "\n", "\n\n\n"])
def test_setup_with_nobody_to_ask_writes_nothing(
    netswapd: FakeNetswapd, path: Path, answers: str
) -> None:
    status, _, err = netswapctl("setup", "--file", str(path), typed=answers)
    assert status == 1
    assert err == (
        "netswapctl: the input ended before all was answered\nHint: --yes asks nothing\n"
    )
    assert not path.exists()


def test_setup_never_overwrites_unasked(netswapd: FakeNetswapd, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[probe]\nfall = 7\n")
    for arguments, typed in ((["--yes"], ""), ([], "n\n")):
        status, _, err = netswapctl("setup", *arguments, "--file", str(path), typed=typed)
        assert status == 1
        assert err == f"netswapctl: {path} is there already\nHint: --force replaces it\n"
    assert path.read_text() == "[probe]\nfall = 7\n"
    assert netswapctl("setup", "--yes", "--force", "--file", str(path)).status == 0
    assert config.load(path).settings.probe.fall == 7
    assert links_in(path) == (CABLE, PHONE)
    assert Path(f"{path}.old").read_text() == "[probe]\nfall = 7\n"


def test_setup_replaces_a_file_that_cannot_be_read(netswapd: FakeNetswapd, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("= broken")
    status, out, _ = netswapctl("setup", "--yes", "--force", "--file", str(path))
    assert status == 0
    assert "Nothing of the old file is kept: " in out
    assert links_in(path) == (CABLE, PHONE)


def test_setup_with_one_link_names_none(netswapd: FakeNetswapd, path: Path) -> None:
    del netswapd.table.the_offers[1]
    out = netswapctl("setup", "--yes", "--file", str(path)).out
    assert "Fewer than two links: none is named, netswap picks them as they come." in out
    assert links_in(path) == ()


def test_setup_with_one_link_keeps_that_of_the_old_file(netswapd: FakeNetswapd, path: Path) -> None:
    """Else its settings would be gone, and a check of it never run."""
    path.parent.mkdir()
    path.write_text(
        '[[link]]\nname = "cable"\nmatch = { interface = "eth0" }\ndata_cap = "5 GB"\n'
        '[[check]]\nmethod = "dns"\ntarget = "example.org"\nlinks = ["cable"]\n'
    )
    del netswapd.table.the_offers[1]
    before = config.load(path).settings
    assert netswapctl("setup", "--yes", "--force", "--file", str(path)).status == 0
    assert config.load(path).settings == before


def test_setup_where_links_lead_in_a_circle(netswapd: FakeNetswapd, path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path)
    status, _, err = netswapctl("setup", "--yes", "--file", str(path))
    assert status == 4
    assert "circle" in err


def test_setup_follows_nobody_elses_link(netswapd: FakeNetswapd, path: Path) -> None:
    path.parent.mkdir()
    precious = path.parent / "precious"
    precious.write_text("kept")
    Path(f"{path}.new").symlink_to(precious)
    assert netswapctl("setup", "--yes", "--file", str(path)).status == 0
    assert precious.read_text() == "kept"
    assert not path.is_symlink()


def test_setup_needs_the_service(bus: PrivateBus, path: Path) -> None:
    status, _, err = netswapctl("setup", "--yes", "--file", str(path))
    assert status == 3
    assert "Hint: start it with `sudo systemctl start netswapd`" in err
    assert not path.exists()


def test_setup_where_it_may_not_write(netswapd: FakeNetswapd) -> None:
    status, _, err = netswapctl("setup", "--yes", "--file", "/proc/netswap/netswap.toml")
    assert status == 4
    assert err.startswith("netswapctl: /proc/netswap/netswap.toml cannot be written: ")
    hint = "run it as root: sudo netswapctl setup --file /proc/netswap/netswap.toml"
    mend = "--file names another one" if os.geteuid() == 0 else hint
    assert f"Hint: {mend}" in err


def test_setup_in_a_folder_that_may_not_be_entered(netswapd: FakeNetswapd, tmp_path: Path) -> None:
    folder = tmp_path / "netswap"
    folder.mkdir(mode=0)
    command = [*POWERLESS, *COMMAND, "setup", "--yes", "--file", f"{folder}/netswap.toml"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    folder.chmod(0o755)
    assert done.stderr.startswith(f"netswapctl: {folder}/netswap.toml cannot be written: Perm"), (
        done.stderr
    )
    assert done.returncode == 4


def test_setup_to_a_name_that_is_too_long(netswapd: FakeNetswapd, tmp_path: Path) -> None:
    status, _, err = netswapctl("setup", "--yes", "--file", str(tmp_path / ("x" * 300)))
    assert "cannot be written: File name too long" in err, err
    assert status == 4


CHECK = '[[check]]\nmethod = "http"\ntarget = "http://detectportal.example/x"\nlinks = ["{}"]\n'


def test_a_check_of_a_link_that_is_called_otherwise_is_kept(
    netswapd: FakeNetswapd, tmp_path: Path
) -> None:
    path = tmp_path / "netswap.toml"
    link = '[[link]]\nname = "{}"\nmatch = {{ {} = "{}" }}\n'
    cable, phone = (
        link.format("cable", "interface", "eth0"),
        link.format("phone", "connection", "Phone"),
    )
    path.write_text(cable + phone + CHECK.format("phone"))
    assert netswapctl("setup", "--file", str(path), typed="y\n\n\nmobile\n\n").status == 0
    settings = config.load(path).settings
    assert [one.name for one in settings.link] == ["cable", "mobile"]
    assert [check.links for check in settings.check] == [("mobile",)]


def test_a_check_of_a_link_that_netswap_picked_is_kept(
    netswapd: FakeNetswapd, tmp_path: Path
) -> None:
    path = tmp_path / "netswap.toml"
    netswapd.table.the_offers = [  # as netswap calls them that it picks: by the interface
        ("eth0", "ethernet", "Wired", "connected", False, "eth0"),
        ("usb0", "ethernet", "Phone", "connected", True, "usb0"),
    ]
    path.write_text(CHECK.format("eth0"))
    assert netswapctl("setup", "--yes", "--force", "--file", str(path)).status == 0
    settings = config.load(path).settings
    assert [one.name for one in settings.link] == ["cable", "phone"]
    assert [check.links for check in settings.check] == [("cable",)]


def test_a_check_goes_with_its_link_though_a_new_one_takes_the_name(
    netswapd: FakeNetswapd, tmp_path: Path
) -> None:
    path = tmp_path / "netswap.toml"
    link = '[[link]]\nname = "{0}"\nmatch = {{ interface = "{0}0" }}\n'
    path.write_text(link.format("cable") + link.format("phone") + CHECK.format("phone"))
    netswapd.table.the_offers = [("wlan0", "wifi", "Home", "connected", False, "")]
    typed = "y\n1 2 3\n\nmobile\nphone\n\n"
    assert netswapctl("setup", "--file", str(path), typed=typed).status == 0
    settings = config.load(path).settings
    assert [one.name for one in settings.link] == ["cable", "mobile", "phone"]
    assert [check.links for check in settings.check] == [("mobile",)]
