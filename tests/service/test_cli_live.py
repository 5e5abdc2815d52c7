"""The commands that stay: --follow, watch, and the questions of setup, on a real terminal."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from netswap import config
from netswap.cli.setup import write
from netswap.cli.toml import written
from netswap.core.settings import LinkSettings, Match
from tests.service.ctl import COMMAND, InPipe, OnTerminal, netswapctl
from tests.service.fake import FakeNetswapd, PrivateBus

SWAP = ("swap", "phone", "Changing default interface from eth0 to usb0: cable: 2 probes lost")
ON_BACKUP = {"ActiveLink": "phone", "State": "backup", "Reason": "cable: 2 probes lost"}


def test_status_follow_prints_every_change_until_interrupted(netswapd: FakeNetswapd) -> None:
    with OnTerminal("status", "--follow") as screen:
        screen.wait_for("* cable")
        netswapd.happen(*SWAP)
        screen.wait_for("Changing default interface from eth0 to usb0")
        screen.type("\x03")
        assert screen.end() == 130
        assert "Traceback" not in screen.out
        assert "Aborted" not in screen.out


def test_status_follow_outlives_the_service(bus: PrivateBus) -> None:
    with OnTerminal("status", "--follow") as screen:
        screen.wait_for("netswapd is not running; waiting for it")
        with FakeNetswapd():
            screen.wait_for("* cable")
        screen.wait_for("netswapd is not running; waiting for it")
        with FakeNetswapd() as again:
            screen.wait_for("* cable")
            again.happen(*SWAP)
            screen.wait_for("Changing default interface")
        screen.signal(signal.SIGINT)
        assert screen.end() == 130


def test_status_follow_ends_with_the_bus(bus: PrivateBus) -> None:
    with OnTerminal("status", "--follow") as screen:
        screen.wait_for("waiting for it")
        bus.stop()
        screen.wait_for("netswapd is not running: the system bus is gone")
        assert screen.end() == 3


def test_status_follow_as_json_is_a_line_for_each_change(netswapd: FakeNetswapd) -> None:
    with InPipe("status", "--follow", "--json") as following:
        assert json.loads(following.line())["state"] == "preferred"
        netswapd.change(**ON_BACKUP)
        assert json.loads(following.line())["active_link"] == "phone"
        following.signal(signal.SIGINT)
        assert following.end() == 130


def test_log_follow_tells_each_thing_once(netswapd: FakeNetswapd) -> None:
    with InPipe("log", "--follow") as following:
        assert "is up: it replies" in following.line()
        for number in range(20):
            netswapd.happen("link", "cable", f"event {number}.")
        lines = [following.line() for _ in range(20)]
        assert [line.split()[-1] for line in lines] == [f"{n}." for n in range(20)]
        following.signal(signal.SIGINT)
        assert following.end() == 130


def test_it_ends_quietly_when_nobody_reads(netswapd: FakeNetswapd) -> None:
    for number in range(3000):
        netswapd.table.the_transitions.append((float(number), "link", "cable", "x" * 80))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nowhere:
        done = subprocess.run(
            [*COMMAND, "log"], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_watch_shows_what_happens_and_q_quits(netswapd: FakeNetswapd) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("cable is active since")
        screen.wait_for("ROUND TRIPS")
        screen.wait_for("q quits")
        netswapd.happen(*SWAP)
        netswapd.change(**ON_BACKUP)
        screen.wait_for("On a backup: phone is active since")
        screen.wait_for("Changing default interface from eth0 to usb0")
        screen.type("q")
        assert screen.end() == 0


def test_watch_follows_the_size_of_the_terminal(netswapd: FakeNetswapd) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("q quits" + " " * 65)
        screen.resize(120, 30)
        screen.wait_for("q quits" + " " * 105)
        screen.type("q")
        assert screen.end() == 0


def test_watch_waits_for_the_service(bus: PrivateBus) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("netswapd is not running")
        with FakeNetswapd():
            screen.wait_for("cable is active since")
        screen.wait_for("netswapd is not running")
        screen.type("q")
        assert screen.end() == 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)]
)
def test_watch_gives_the_terminal_back(netswapd: FakeNetswapd, number: int, status: int) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("\x1b[?1049h")
        screen.wait_for("q quits")
        screen.signal(number)
        assert screen.end() == status
        assert "\x1b[?25h\x1b[?1049l" in screen.out
        assert "Traceback" not in screen.out


def test_watch_gives_the_terminal_back_when_the_bus_goes(bus: PrivateBus) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("netswapd is not running")
        bus.stop()
        screen.wait_for("\x1b[?1049l")
        screen.wait_for("netswapctl: netswapd is not running: ")
        assert screen.end() == 3


def test_watch_without_a_terminal_prints_lines(netswapd: FakeNetswapd) -> None:
    with InPipe("watch") as watching:
        assert watching.line().startswith("cable is active since")
        watching.signal(signal.SIGINT)
        assert watching.end() == 130


def test_colours_on_a_terminal(netswapd: FakeNetswapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with OnTerminal("status") as screen:
        screen.wait_for("\x1b[32mcable is active")
        assert screen.end() == 0
        monkeypatch.setenv("NO_COLOR", "1")
    with OnTerminal("status") as screen:
        screen.wait_for("cable is active")
        assert screen.end() == 0
        assert "\x1b" not in screen.out


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


def test_setup_refuses_a_name_that_cannot_be_one(netswapd: FakeNetswapd, path: Path) -> None:
    answers = "\nmy cable\n\n"
    status, _, err = netswapctl("setup", "--file", str(path), typed=answers)
    assert status == 2
    assert "'my cable' cannot be a name" in err
    assert not path.exists()


def test_setup_with_nobody_to_ask_writes_nothing(netswapd: FakeNetswapd, path: Path) -> None:
    status, _, err = netswapctl("setup", "--file", str(path))
    assert status == 130
    assert not path.exists()
    assert "Traceback" not in err


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


def test_setup_needs_the_service(bus: PrivateBus, path: Path) -> None:
    status, _, err = netswapctl("setup", "--yes", "--file", str(path))
    assert status == 3
    assert "Hint: start it with `sudo systemctl start netswapd`" in err
    assert not path.exists()


def test_setup_where_it_may_not_write(netswapd: FakeNetswapd) -> None:
    status, _, err = netswapctl("setup", "--yes", "--file", "/proc/netswap/netswap.toml")
    assert status == 4
    assert err.startswith("netswapctl: /proc/netswap/netswap.toml cannot be written: ")
    assert "Hint: run it as root: sudo netswapctl setup\n" in err
