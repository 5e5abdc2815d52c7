"""The demo as a user runs it. These tests run on the host, and know only what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.lab import sandbox
from tests.service.ctl import OnTerminal

ROW = re.compile(
    r"^(?P<mark>[✓✗]) (?P<step>[a-z ]*[a-z]) +(?P<offline>all along|[\d.]+ s) +(?P<failed>\d+)"
    r" +(?P<ended>\d of \d) +(?P<leaked>\d+) >(?P<before>\S+ \d+) +>(?P<after>\S+ \d+) *$"
)
SWAPS = {
    "upstream dies": ("cable0 100", "tether0 60"),
    "it works again": ("tether0 60", "cable0 100"),
    "cable pulled": ("cable0 100", "tether0 60"),
    "cable put back": ("tether0 60", "cable0 100"),
}
STEPS = ["start", *SWAPS, "stop"]


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has ended."""

    status: int
    output: str

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        """The table: by step, the first line of its row."""
        matches = map(ROW.match, self.output.splitlines())
        return {match["step"]: match.groupdict() for match in matches if match}


def demo(*options: str, encoding: str = "utf-8") -> Demo:
    inherited = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.lab.demo", *options],
        cwd=sandbox.ROOT,
        env={**inherited, "PYTHONIOENCODING": encoding},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding=encoding,
        timeout=110,
        check=False,
    )
    return Demo(done.returncode, done.stdout)


def test_every_step_does_what_it_should() -> None:
    shown = demo()
    rows = shown.rows
    assert shown.status == 0, shown.output
    assert list(rows) == STEPS, shown.output
    assert {row["mark"] for row in rows.values()} == {"✓"}
    assert {row["leaked"] for row in rows.values()} == {"0"}
    for step, (before, after) in SWAPS.items():
        assert (rows[step]["before"], rows[step]["after"]) == (before, after)
        assert rows[step]["ended"] == "3 of 3"
    assert rows["stop"]["ended"] == "0 of 3"
    assert float(rows["upstream dies"]["offline"].removesuffix(" s")) > 0.5
    for step in ("start", "it works again", "cable put back", "stop"):
        assert rows[step]["failed"] == "0"
    assert "\x1b" not in shown.output, "no colour where there is no terminal"
    assert max(map(len, shown.output.splitlines())) <= 80


class DemoOnTerminal(OnTerminal):
    COMMAND = (sys.executable, "-m", "tests.lab.demo")


def test_on_a_terminal_it_hands_over() -> None:
    with DemoOnTerminal() as terminal:
        terminal.wait_for("Press Enter to make trouble yourself", timeout_s=110)
        terminal.type("\n")
        terminal.wait_for("c cut  h heal  x pull  i plug", timeout_s=30)
        terminal.type("c")
        terminal.wait_for("On a backup: tether0 is active", timeout_s=30)
        terminal.type("h")
        terminal.wait_for("cable0 is active since", timeout_s=30)
        terminal.type("q")
        assert terminal.end(timeout_s=30) == 0


def test_it_fails_where_netswapd_does_not_start() -> None:
    shown = demo("--config", "/no/such/file")
    assert shown.status == 1, shown.output
    assert "no such file" in shown.output
    assert list(shown.rows) == ["start"], "it goes no further"
    assert shown.rows["start"]["mark"] == "✗"


def test_it_is_readable_without_unicode() -> None:
    shown = demo("--config", "/no/such/file", encoding="ascii")
    assert "\n> netswapd starts" in shown.output
    assert "\n! start" in shown.output


@pytest.mark.timeout(150)
def test_it_fails_at_every_step_where_netswapd_only_pretends() -> None:
    """With --dry-run netswapd logs all that it would do; only the witnesses know better."""
    shown = demo("--dry-run")
    assert shown.status == 1, shown.output
    assert list(shown.rows) == STEPS, shown.output
    assert {row["mark"] for row in shown.rows.values()} == {"✗"}
    assert int(shown.rows["start"]["leaked"]) > 0
    assert shown.rows["upstream dies"]["offline"] == "all along"
