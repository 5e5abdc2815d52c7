"""The history on a disk that is full, and for a user who may only read."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netswap.adapters import counters
from netswap.daemon.writer import Writer
from netswap.history.facts import Fact, What
from netswap.history.store import Batch, Reader, Store, StoreError
from tests.lab.commands import wait_until

FOLDER = Path("/run/history")
PATH = FOLDER / "history.db"
BEGIN = Fact(1000.0, What.BEGIN, reason="netswapd started")
LONG = "x" * 4000

READ_ONLY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""There is no other user in a sandbox (user_namespaces(7)): root without any capability is one,
where its own permissions do not allow it to write."""


@pytest.fixture
def folder() -> Path:
    FOLDER.mkdir()
    return FOLDER


def sh(*command: str) -> None:
    subprocess.run(command, check=True)


def read_by_another_user() -> str:
    """Return the reasons of all outages, read by a user who may write neither file nor folder."""
    for file in FOLDER.iterdir():
        file.chmod(0o444)
    FOLDER.chmod(0o555)
    command = [*READ_ONLY, sys.executable, "-m", "netswap.cli.main", "history", "--json"]
    since = ("--since", "40000d", "--database", str(PATH))
    done = subprocess.run([*command, *since], capture_output=True, text=True, check=False)
    FOLDER.chmod(0o755)
    for file in FOLDER.iterdir():
        file.chmod(0o644)
    assert done.returncode == 0, done.stderr
    return ", ".join(outage["reason"] for outage in json.loads(done.stdout))


def down(at_s: float, reason: str) -> list[Fact]:
    return [
        Fact(at_s, What.LINK, "cable", "down", reason),
        Fact(at_s + 1, What.LINK, "cable", "up"),
    ]


@pytest.mark.usefixtures("folder")
def test_another_user_reads_while_it_is_written_and_afterwards() -> None:
    with Store(PATH) as writer:
        writer.write([Batch(2000.0, [BEGIN, *down(1100, "one")])])
        assert read_by_another_user() == "one"
        writer.write([Batch(2000.0, down(1200, "two"))])
        assert read_by_another_user() == "one, two"
    assert [file.name for file in FOLDER.iterdir()] == ["history.db"]
    assert read_by_another_user() == "one, two"
    assert [file.name for file in FOLDER.iterdir()] == ["history.db"]


KILLED = """
import os, signal
from tests.contract.test_history import BEGIN, PATH, down
from netswap.history.store import Batch, Store
Store(PATH).write([Batch(2000.0, [BEGIN, *down(1100, "one")])])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("folder")
def test_another_user_reads_what_a_kill_left_behind() -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert (FOLDER / "history.db-wal").stat().st_size > 0
    assert read_by_another_user() == "one"


def test_the_kernel_numbers_interfaces_upwards_and_counts_each_from_0() -> None:
    """By this `netswap.history.traffic` tells an interface that was made anew."""
    make_cable()
    wait_until(lambda: counters.read()["cable0"].sent > 0, 5, "IPv6 says hello")
    first = counters.read()["cable0"]
    sh("ip", "link", "set", "cable0", "down")
    sh("ip", "link", "set", "cable0", "up")
    kept = counters.read()["cable0"]
    assert kept.number == first.number
    assert kept.sent >= first.sent
    sh("ip", "link", "del", "cable0")
    assert "cable0" not in counters.read()
    sh("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "far0")
    fresh = counters.read()["cable0"]
    assert fresh.number > first.number
    assert (fresh.received, fresh.sent) == (0, 0)
    assert counters.boot()


def make_cable() -> None:
    sh("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "far0")
    sh("ip", "link", "set", "cable0", "up")
    sh("ip", "link", "set", "far0", "up")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    sh("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    yield folder
    sh("umount", str(folder))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_an_error_and_what_is_there_stays() -> None:
    with Store(PATH) as writer:
        writer.write([Batch(1000.0, [BEGIN])])
        too_much = [Batch(2000.0, down(1100, LONG))] * 1000
        with pytest.raises(StoreError, match="full"):
            writer.write(too_much)
        with Reader(PATH) as reader:
            assert reader.facts(0)[0] == BEGIN


@pytest.mark.usefixtures("small_disk")
def test_what_could_not_be_written_is_written_when_there_is_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    filler = FOLDER / "filler"
    ready = threading.Event()
    writer = Writer(PATH, lambda _: ready.set())
    writer.start()
    assert ready.wait(5)
    writer.put(Batch(1000.0, [BEGIN]))
    wait_until(lambda: count() == 1, 5, "the first fact is there")
    fill(filler)
    for number in range(60):
        writer.put(Batch(1000.0, [Fact(1000.0 + number, What.CONDITION, reason=LONG)]))
    wait_until(lambda: "cannot be written" in caplog.text, 10, "it is told")
    filler.unlink()
    writer.put(Batch(1000.0))
    writer.close()
    assert count() == 61
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def count() -> int:
    with Reader(PATH) as reader:
        return len(reader.facts(0))


@pytest.mark.usefixtures("folder")
def test_a_damaged_database_is_put_aside(caplog: pytest.LogCaptureFixture) -> None:
    PATH.write_bytes(b"no database" * 1000)
    writer = Writer(PATH, lambda _: None)
    writer.start()
    writer.put(Batch(1000.0, [BEGIN]))
    wait_until(lambda: "damaged" in caplog.text, 5, "it is told")
    writer.put(Batch(1060.0))
    writer.close()
    assert count() == 1
    assert (FOLDER / "history.broken").read_bytes().startswith(b"no database")
