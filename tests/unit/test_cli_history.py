"""What `netswapctl history` prints."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netswap.cli.history import history, listed
from netswap.errors import UserError
from netswap.history.facts import Fact, Standing, What
from netswap.history.outages import Outage
from netswap.history.store import Batch, Store
from tests.unit.cli_samples import NOW_S

LOST = Outage(
    "cable", NOW_S - 3600, NOW_S - 3000, Standing.DOWN, "4 probes lost", active=True,
    took_over="phone", took_over_s=NOW_S - 3600,
)  # fmt: skip
PULLED = Outage("phone", NOW_S - 60, NOW_S, Standing.AWAY, "no carrier\x1b[2J", over=False)


def test_outages_for_people() -> None:
    assert listed([LOST, PULLED], 86400, NOW_S) == [
        "BEGAN  LASTED   LINK   REASON          NETSWAP",
        "15:13  10 min   cable  4 probes lost   moved to phone",
        "16:12  1 min +  phone  no carrier�[2J  nothing to do, it was not in use",
        "",
        "cable: 1 outage, 10 min in all",
        "phone: 1 outage, 1 min in all",
        "+ it goes on, or its end was not seen",
    ]
    assert listed([], 7 * 86400, NOW_S) == ["No outage in the last 7 d"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    facts = [
        Fact(NOW_S, What.BEGIN),
        Fact(NOW_S + 10, What.LINK, "cable", "down", '4 "probes", lost'),
        Fact(NOW_S + 70, What.LINK, "cable", "up", "it replies"),
    ]
    with Store(path) as writer:
        writer.write([Batch(NOW_S + 100, facts, links=("cable", "phone"))])
    return path


def run(database: Path, *options: str) -> Result:
    arguments = ["--since", "99999d", "--database", str(database), *options]
    return CliRunner().invoke(history, arguments)


def test_outages_for_programs(database: Path) -> None:
    (found,) = json.loads(run(database, "--json").output)
    assert (found["link"], found["start_s"], found["end_s"]) == ("cable", NOW_S + 10, NOW_S + 70)
    (row,) = csv.DictReader(io.StringIO(run(database, "--csv").output))
    assert row["reason"] == '4 "probes", lost'
    assert set(row) == set(found)


def test_only_one_link(database: Path) -> None:
    assert json.loads(run(database, "--json", "--link", "phone").output) == []
    error = run(database, "--link", "fone").exception
    assert isinstance(error, UserError)
    assert error.hint == "links: cable, phone"


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    error = run(tmp_path / "none.db").exception
    assert isinstance(error, UserError)
    assert "no such file" in str(error)
