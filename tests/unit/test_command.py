"""Every program tells of every error in one line, with a hint and an exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netswap.cli.main import cli
from netswap.command import INTERRUPTED, Complaining
from netswap.daemon.__main__ import main as netswapd
from netswap.errors import UserError
from netswap.hooks.__main__ import main as hooks
from netswap.notify.__main__ import main as notify

FULL = Path("/dev/full")
PRINTING = "from tests.unit.test_command import tool; tool(['print'])"


@click.command("tool", cls=Complaining)
@click.argument("what")
def tool(what: str) -> None:
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "print":
        print("much")
    if what == "fail":
        raise UserError("it\nfailed", hint="do otherwise", status=4)


@pytest.mark.parametrize(
    ("program", "given", "said"),
    [
        (netswapd, "--foo", "netswapd: No such option '--foo'.\nHint: see `netswapd --help`\n"),
        (
            netswapd,
            "--config /nowhere",
            "netswapd: /nowhere: no such file\n"
            "Hint: without --config, netswap picks its links itself\n",
        ),
        (hooks, "--timeout", "netswap-hooks: Option '--timeout' requires an argument.\n"),
        (notify, "now", "netswap-notify: Got unexpected extra argument (now)\n"),
        (
            cli,
            "completion",
            "netswapctl: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n"
            "Hint: see `netswapctl completion --help`\n",
        ),
        (cli, "metrics --listen 127.0.0.1:99999", "netswapctl: Invalid value for '--listen'"),
        (
            cli,
            "metrics --listen unix:",
            "netswapctl: Invalid value for '--listen': 'unix:' is none",
        ),
        (
            cli,
            "pause --for",
            "netswapctl: Option '--for' requires an argument.\n"
            "Hint: see `netswapctl pause --help`\n",
        ),
        (cli, "status --json --format plain", "netswapctl: --format and --template exclude each"),
    ],
)
def test_wrong_usage_is_a_line_and_a_hint(program: click.Command, given: str, said: str) -> None:
    result = CliRunner().invoke(program, given.split())
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 2
    assert result.exit_code == 2


def test_what_cannot_be_done_has_its_own_status() -> None:
    result = CliRunner().invoke(tool, ["fail"])
    assert (result.stderr, result.exit_code) == ("tool: it?failed\nHint: do otherwise\n", 4)


def test_whoever_is_interrupted_says_nothing() -> None:
    assert CliRunner().invoke(tool, ["interrupt"]).exit_code == INTERRUPTED


def test_output_that_cannot_be_written_is_a_line_too() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTING], stdout=full, stderr=subprocess.PIPE, check=False
        )
    said = b"tool: the output cannot be written: No space left on device\n"
    assert (done.stderr, done.returncode) == (said, 1)


def test_nobody_is_told_who_has_read_enough() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", PRINTING], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 1)


def test_what_is_done_is_fine() -> None:
    assert CliRunner().invoke(tool, ["work"]).exit_code == 0
