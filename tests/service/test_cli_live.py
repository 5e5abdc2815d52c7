"""The commands that stay, --follow and watch, and what only a terminal shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from tests.service.ctl import COMMAND, InPipe, OnTerminal
from tests.service.fake import FakeNetswapd, PrivateBus, come_and_die

SWAP = ("swap", "phone", "Changing default interface from eth0 to usb0: cable: 2 probes lost")
ON_BACKUP = {"ActiveLink": "phone", "State": "backup", "Reason": "cable: 2 probes lost"}


def test_status_follow_prints_every_change_until_interrupted(netswapd: FakeNetswapd) -> None:
    with OnTerminal("status", "--follow") as screen:
        screen.wait_for("* cable")
        netswapd.happen(*SWAP)
        screen.wait_for("Changing default interface from eth0 to usb0")
        screen.type("\x03")
        assert screen.end() == -signal.SIGINT
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
        assert screen.end() == -signal.SIGINT


@pytest.mark.parametrize(
    ("command", "member"), [("status", "GetManagedObjects"), ("log", "Transitions")]
)
def test_it_is_followed_though_netswapd_dies_as_soon_as_it_is_asked(
    bus: PrivateBus, command: str, member: str
) -> None:
    with InPipe(command, "--follow") as following:
        come_and_die(member)
        with FakeNetswapd():
            following.wait_for("cable")


def test_watch_goes_on_though_netswapd_dies_as_soon_as_it_is_asked(bus: PrivateBus) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("netswapd is not running")
        come_and_die("Transitions")
        with FakeNetswapd():
            screen.wait_for("cable is active since")
        screen.type("q")
        assert screen.end() == 0


def test_what_runs_in_the_background_of_a_script_is_not_interrupted(
    netswapd: FakeNetswapd,
) -> None:
    """The shell has it ignore Ctrl-C (POSIX.1-2017, 2.11)."""
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND, "status", "--follow"]
    with subprocess.Popen(ignoring, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        netswapd.happen(*SWAP)
        assert any(b"Changing default interface" in line for line in process.stdout)
        process.terminate()


def test_status_follow_ends_with_the_bus(bus: PrivateBus) -> None:
    with OnTerminal("status", "--follow") as screen:
        screen.wait_for("waiting for it")
        bus.stop()
        screen.wait_for("netswapd cannot be asked: the system bus is gone")
        assert screen.end() == 3


def test_status_follow_as_json_is_a_line_for_each_change(netswapd: FakeNetswapd) -> None:
    with InPipe("status", "--follow", "--json") as following:
        assert json.loads(following.line())["state"] == "preferred"
        netswapd.change(**ON_BACKUP)
        assert json.loads(following.line())["active_link"] == "phone"
        following.signal(signal.SIGINT)
        assert following.end() == -signal.SIGINT


def test_log_follow_tells_each_thing_once(netswapd: FakeNetswapd) -> None:
    with InPipe("log", "--follow") as following:
        assert "is up: it replies" in following.line()
        for number in range(20):
            netswapd.happen("link", "cable", f"event {number}.")
        lines = [following.line() for _ in range(20)]
        assert [line.split()[-1] for line in lines] == [f"{n}." for n in range(20)]
        following.signal(signal.SIGINT)
        assert following.end() == -signal.SIGINT


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
        screen.wait_for("q quit")
        netswapd.happen(*SWAP)
        netswapd.change(**ON_BACKUP)
        screen.wait_for("On a backup: phone is active since")
        screen.wait_for("Changing default interface from eth0 to usb0")
        screen.type("q")
        assert screen.end() == 0


def test_watch_follows_the_size_of_the_terminal(netswapd: FakeNetswapd) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("q quit" + " " * 25)
        screen.resize(120, 30)
        screen.wait_for("q quit" + " " * 65)
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
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_watch_gives_the_terminal_back(netswapd: FakeNetswapd, number: int, status: int) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("\x1b[?1049h")
        screen.wait_for("q quit")
        screen.signal(number)
        assert screen.end() == status
        assert "\x1b[?25h\x1b[?1049l" in screen.out
        assert "Traceback" not in screen.out


class UnderShell(OnTerminal):
    """The same started from a shell, which goes on with it at the next line."""

    COMMAND = ("sh", "-mc", '"$@"; echo "it rests"; read line; fg', "sh", *COMMAND)


def test_watch_gives_the_shell_its_terminal_while_it_is_stopped(netswapd: FakeNetswapd) -> None:
    with UnderShell("watch") as screen:
        screen.wait_for("q quit")
        screen.type("\x1a")
        screen.wait_for("\x1b[?25h\x1b[?1049l")
        screen.wait_for("it rests")
        screen.type("\n")
        screen.wait_for("\x1b[?1049h")
        screen.wait_for("q quit")
        screen.type("q")
        assert screen.end() == 0


def test_watch_does_not_stop_where_no_shell_could_let_it_go_on(netswapd: FakeNetswapd) -> None:
    """Such as `xterm -e netswapctl watch` (POSIX.1-2017, 2.4.3: orphaned process groups)."""
    with OnTerminal("watch") as screen:
        screen.wait_for("q quit")
        screen.type("\x1a")
        screen.wait_for("\x1b[?25h\x1b[?1049l")
        screen.wait_for("q quit")
        assert not screen.stopped
        screen.type("q")
        assert screen.end() == 0


def test_watch_makes_up_for_no_second_in_which_it_was_stopped(netswapd: FakeNetswapd) -> None:
    frame = "\x1b[H"
    with OnTerminal("watch") as screen:
        screen.wait_for("q quit")
        screen.signal(signal.SIGSTOP)
        time.sleep(6)
        screen.signal(signal.SIGCONT)
        screen.wait_for(frame)
        time.sleep(1.5)
        assert screen.news().count(frame) <= 3
        screen.type("q")
        assert screen.end() == 0


def test_watch_gives_the_terminal_back_when_the_bus_goes(bus: PrivateBus) -> None:
    with OnTerminal("watch") as screen:
        screen.wait_for("netswapd is not running")
        bus.stop()
        screen.wait_for("\x1b[?1049l")
        screen.wait_for("netswapctl: netswapd cannot be asked: ")
        assert screen.end() == 3


def test_watch_without_a_terminal_prints_lines(netswapd: FakeNetswapd) -> None:
    with InPipe("watch") as watching:
        assert watching.line().startswith("cable is active since")
        watching.signal(signal.SIGINT)
        assert watching.end() == -signal.SIGINT


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


def test_a_bar_is_told_of_every_change_once(netswapd: FakeNetswapd) -> None:
    with InPipe("status", "--follow", "--format", "plain") as bar:
        assert bar.line() == "cable"
        netswapd.happen(*SWAP)  # which alone changes nothing
        netswapd.change(**ON_BACKUP)
        assert bar.line() == "phone (backup)"
        netswapd.change(Mode="paused")
        assert bar.line() == "phone (backup, paused)"


def test_a_bar_outlives_the_service(bus: PrivateBus) -> None:
    with InPipe("status", "--follow", "--template", "{state} {link}") as bar:
        assert bar.line() == "absent "
        with FakeNetswapd():
            assert bar.line() == "preferred cable"
        assert bar.line() == "absent "
