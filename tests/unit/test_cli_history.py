"""What `netswapctl history` prints."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netswap.cli.history import history, listed
from netswap.cli.report import write
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


def test_a_report_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, "the one of last month")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))  # as a full disk does
    try:
        with pytest.raises(UserError, match="cannot be written"):
            write(path, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "the one of last month"
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_can_be_written_into_a_pipe() -> None:
    told = "from pathlib import Path; from netswap.cli.report import write"
    program = f"{told}; write(Path('/dev/stdout'), 'page')"
    assert subprocess.check_output([sys.executable, "-c", program]) == b"page"


def test_a_report_that_is_replaced_stays_as_readable_as_it_was(tmp_path: Path) -> None:
    path, link = tmp_path / "report.html", tmp_path / "newest.html"
    path.touch()
    path.chmod(0o604)
    link.symlink_to(path)
    write(link, "after")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o604)
    assert link.is_symlink()


def test_a_circle_of_links_ends_in_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.symlink_to(path)
    write(path, "page")
    assert path.read_text() == "page"


def test_a_link_that_somebody_put_into_the_way_is_not_followed(tmp_path: Path) -> None:
    path, theirs = tmp_path / "report.html", tmp_path / "shadow"
    theirs.write_text("secret")
    Path(f"{path}.{os.getpid()}").symlink_to(theirs)
    write(path, "page")
    assert (path.read_text(), theirs.read_text()) == ("page", "secret")
