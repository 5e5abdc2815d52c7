"""netswap-hooks against the service: what is run, with what, for how long."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.commands import holds, wait_until
from tests.service.ctl import Program
from tests.service.fake import FakeNetswapd, PrivateBus

OUTAGE = ("cable", "phone", "cable: 4 probes lost")
BACK = ("phone", "cable", "3 replies in a row")
HANG = "echo $$ >>{0}/pids\ntail -f /dev/null &\necho $! >>{0}/pids\nwait"
"""A hook that never ends, nor does what it started."""


class Folder:
    """A folder of hooks, and what they write."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.hooks = top / "hooks.d"
        self.hooks.mkdir(mode=0o755)

    def add(self, name: str, script: str) -> Path:
        """Add a hook; {0} in it is where it may write."""
        path = self.hooks / name
        path.write_text(f"#!/bin/sh\n{script.format(self.top)}\n")
        path.chmod(0o755)
        return path

    def lines(self, name: str) -> list[str]:
        """Return the lines that hooks have written to a file."""
        path = self.top / name
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, name: str, lines: list[str]) -> None:
        """Wait until the hooks have written these lines, and no others."""
        wait_until(lambda: len(self.lines(name)) >= len(lines), 5, f"{lines} in {name}")
        assert self.lines(name) == lines


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def swaps(netswapd: FakeNetswapd, folder: Folder) -> Iterator[FakeNetswapd]:
    """Return a service whose swaps netswap-hooks has begun to listen to, with a time-out of 1 s."""
    with running(folder):
        yield netswapd


def running(folder: Folder, timeout: str = "1s") -> Program:
    program = Program("netswap.hooks", "--dir", str(folder.hooks), "--timeout", timeout)
    program.wait_for("netswapd is there")
    return program


def alive(pid: str) -> bool:
    """Tell whether a process runs: it is there, and no zombie (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_hook_is_told_the_facts(swaps: FakeNetswapd, folder: Folder) -> None:
    folder.add("10-tell", 'echo "$NETSWAP_FROM>$NETSWAP_TO:$NETSWAP_REASON $PWD" >>{0}/told')
    folder.add("20-more", 'echo "$NETSWAP_TO_CONNECTION $NETSWAP_TO_METERED $HOME." >>{0}/more')
    swaps.swap(*OUTAGE)
    folder.wait_for("told", ["cable>phone:cable: 4 probes lost /"])
    folder.wait_for("more", ["Phone yes ."])


def test_the_folder_may_be_told_from_where_one_is(
    netswapd: FakeNetswapd, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add("10-tell", "echo ran >>{0}/told")
    monkeypatch.chdir(folder.top)
    with Program("netswap.hooks", "--dir", folder.hooks.name) as program:
        program.wait_for("netswapd is there")
        netswapd.swap(*OUTAGE)
        folder.wait_for("told", ["ran"])


def test_nothing_in_a_fact_is_obeyed(swaps: FakeNetswapd, folder: Folder) -> None:
    evil = f"$(touch {folder.top}/owned) `id`; \\ \x1b[2J\n%s"
    folder.add("10-tell", 'printf "%s\\n" "$NETSWAP_REASON" >>{0}/told')
    swaps.swap("cable", "phone", evil)
    folder.wait_for("told", [evil.replace("\x1b", "\ufffd").replace("\n", "\ufffd")])
    assert not (folder.top / "owned").exists()


def test_a_hung_hook_ends_at_its_time_with_all_it_started(
    swaps: FakeNetswapd, folder: Folder
) -> None:
    folder.add("10-hang", HANG)
    swaps.swap(*OUTAGE)
    wait_until(lambda: len(folder.lines("pids")) == 2, 5, "the hook runs")
    wait_until(lambda: not any(map(alive, folder.lines("pids"))), 5, "it was ended")


def test_a_hung_hook_holds_up_no_other_hook(netswapd: FakeNetswapd, folder: Folder) -> None:
    folder.add("10-hang", HANG)
    folder.add("20-tell", 'echo "$NETSWAP_TO" >>{0}/told')
    with running(folder, "1h") as program:
        netswapd.swap(*OUTAGE)
        netswapd.swap(*BACK)
        folder.wait_for("told", ["phone", "cable"])
        assert all(map(alive, folder.lines("pids")))
        program.signal(signal.SIGTERM)
        assert program.end() == 0
    wait_until(lambda: not any(map(alive, folder.lines("pids"))), 5, "its hooks end with it")


def test_a_hook_never_runs_twice_at_once_and_misses_nothing(
    netswapd: FakeNetswapd, folder: Folder
) -> None:
    folder.add(
        "10-wait",
        'echo "begin $NETSWAP_TO" >>{0}/told; read _ <{0}/go; echo "end $NETSWAP_TO" >>{0}/told',
    )
    os.mkfifo(folder.top / "go")
    with running(folder, "1h"):
        netswapd.swap(*OUTAGE)
        netswapd.swap(*BACK)
        folder.wait_for("told", ["begin phone"])
        assert holds(lambda: folder.lines("told") == ["begin phone"], 0.3)
        (folder.top / "go").write_text("\n")
        folder.wait_for("told", ["begin phone", "end phone", "begin cable"])
        (folder.top / "go").write_text("\n")
        folder.wait_for("told", ["begin phone", "end phone", "begin cable", "end cable"])


def test_few_run_at_once(netswapd: FakeNetswapd, folder: Folder) -> None:
    for number in range(6):
        folder.add(f"{number}-hang", HANG)
    with running(folder, "1h"):
        netswapd.swap(*OUTAGE)
        wait_until(lambda: len(folder.lines("pids")) == 8, 5, "four run")
        assert holds(lambda: len(folder.lines("pids")) == 8, 0.3)


def test_what_may_not_be_run_is_said(netswapd: FakeNetswapd, folder: Folder) -> None:
    folder.add("10-open", "echo >>{0}/told").chmod(0o777)
    folder.add("20-broken", "exit 3")
    folder.add("30-tell", "echo run >>{0}/told")
    program = Program("netswap.hooks", "--dir", str(folder.hooks))
    with program:
        program.wait_for("10-open: others may write to ")
        program.wait_for("netswapd is there")
        netswapd.swap(*OUTAGE)
        program.wait_for("20-broken ended with status 3")
        folder.wait_for("told", ["run"])


def test_a_folder_that_is_missing_is_told_of_and_may_come_later(
    netswapd: FakeNetswapd, folder: Folder
) -> None:
    folder.hooks.rmdir()
    with Program("netswap.hooks", "--dir", str(folder.hooks)) as program:
        program.wait_for(f"There is nothing to run in {folder.hooks}: No such file or directory")
        program.wait_for("netswapd is there\n")
        folder.hooks.mkdir(mode=0o755)
        folder.add("10-tell", "echo run >>{0}/told")
        netswapd.swap(*OUTAGE)
        folder.wait_for("told", ["run"])
        assert program.news() == ""


def test_it_waits_for_the_service(bus: PrivateBus, folder: Folder) -> None:
    folder.add("10-tell", 'echo "$NETSWAP_TO" >>{0}/told')
    with Program("netswap.hooks", "--dir", str(folder.hooks)) as program:
        program.wait_for("netswapd is not running")
        with FakeNetswapd() as netswapd:
            program.wait_for("netswapd is there")
            netswapd.swap(*OUTAGE)
            folder.wait_for("told", ["phone"])
        program.wait_for("netswapd is not running")
        bus.stop()
        assert program.end() == 3
