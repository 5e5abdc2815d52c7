"""What netswapd keeps of what happened, and what netswapctl makes of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from netswap.history.store import Reader
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED
from tests.lab.sandbox import STATE

DATABASE = STATE / "history.db"


def outages() -> list[dict[str, Any]]:
    """Return what `netswapctl history` tells."""
    command = [sys.executable, "-m", "netswap.cli.main", "history", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


HEAP = 64 << 20
"""Bytes that the C library sets aside for each heap of threads, and at a multiple of them."""


def heaps_of_threads(pid: int) -> int:
    """Count the heaps that a process has beside its first one (proc(5), maps)."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    pairs = re.findall(r"^(\w+)-\w+ rw-p .*\n\w+-(\w+) ---p ", maps, re.MULTILINE)
    spans = [(int(start, 16), int(end, 16)) for start, end in pairs]
    return sum(start % HEAP == 0 and end - start == HEAP for start, end in spans)


def test_the_thread_that_writes_it_has_no_heap_of_its_own(lab: Lab) -> None:
    """It would creep up; in the first one there is room enough."""
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 10)
    wait_until(DATABASE.exists, 5, "the history begins")
    assert heaps_of_threads(daemon.pid) == 0


def test_an_outage_shows_while_it_lasts_and_afterwards(lab: Lab) -> None:
    began_s = time.time()
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 10)
    lab.link("cable0").cut()
    daemon.wait_for("Changing default interface from cable0 to tether0", 10)
    wait_until(outages, 5, "the outage is listed")
    (now,) = outages()
    assert (now["link"], now["standing"], now["over"]) == ("cable", "down", False)
    assert (now["active"], now["took_over"]) == (True, "phone")
    lab.link("cable0").heal()
    daemon.wait_for("Changing default interface from tether0 to cable0", 30)
    wait_until(lambda: outages()[0]["over"], 5, "the outage is over")
    (then,) = outages()
    assert began_s < then["start_s"] <= then["took_over_s"] <= then["end_s"] < time.time()
    assert "lost" in then["reason"]


def test_history_survives_a_kill_and_is_read_without_the_daemon(lab: Lab) -> None:
    first = lab.netswapd(NAMED)
    first.wait_for("Blocking", 10)
    lab.link("cable0").cut()
    first.wait_for("Changing default interface", 10)
    wait_until(outages, 5, "the outage is listed")
    first.kill()
    assert len(outages()) == 1
    second = lab.netswapd(NAMED)
    second.wait_for("Link cable (cable0) is down", 20)
    wait_until(lambda: len(outages()) == 2, 5, "it is an outage again")
    second.stop()
    assert [outage["over"] for outage in outages()] == [False, False]
    assert not DATABASE.with_name("history.db-wal").exists()
    with Reader(DATABASE) as reader:
        begun = [fact.reason for fact in reader.facts(0) if fact.what.value in ("begin", "end")]
    assert begun == [
        "netswapd started",
        "netswapd was killed, or the power went",
        "netswapd started",
        "netswapd was stopped",
    ]


def test_a_state_folder_that_cannot_be_written_holds_nothing_up(lab: Lab) -> None:
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text("no folder")
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("The history cannot be written", 10)
    daemon.wait_for("Blocking", 10)
    lab.link("cable0").cut()
    daemon.wait_for("Changing default interface from cable0 to tether0", 10)
    assert len([line for line in daemon.lines if "history" in line]) == 1
    STATE.unlink()
    lab.link("cable0").heal()
    daemon.wait_for("The history is written again", 30)
    wait_until(lambda: len(outages()) == 1, 5, "what waited is there")
    assert daemon.stop() == 0


CAPPED = NAMED.replace(
    'match = { connection = "tether0" }',
    'match = { connection = "tether0" }\ndata_cap = "1 kB"\nat_cap = "avoid"\ncycle_start = 17',
)


def used() -> int:
    """Return how much of its data the phone has used, as `status` has it."""
    command = [sys.executable, "-m", "netswap.cli.main", "status", "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (phone,) = [link for link in told["links"] if link["name"] == "phone"]
    count: int = phone["data_used"]
    return count


def test_the_data_of_a_link_is_counted_over_a_restart_and_a_kill(lab: Lab) -> None:
    daemon = lab.netswapd(CAPPED)
    daemon.wait_for("of data: it is used only if no other link works", 20)
    before = used()
    assert before >= 1000
    assert daemon.stop() == 0
    daemon = lab.netswapd(CAPPED)
    daemon.wait_for("of data: it is used only", 20)
    assert used() >= before
    daemon.kill()
    daemon = lab.netswapd(CAPPED)
    daemon.wait_for("of data: it is used only", 20)
    assert used() >= before
    lab.link("cable0").cut()
    daemon.wait_for("Changing default interface from cable0 to tether0", 10)
