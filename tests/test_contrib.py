"""What is in contrib: it parses, and the commands in it are ones that netswapctl has."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
from pathlib import Path

import click
import pytest

from netswap.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
CONTRIB = ROOT / "contrib"
WORD = r"""(?:[\w.:/-]+|'[^']*'|"[^"]*")"""
CALL = re.compile(rf"\bnetswapctl ({WORD}(?: {WORD})*)")


def calls() -> list[tuple[str, str]]:
    """Name every file with each command of netswapctl that stands in it."""
    files = [path for path in sorted(CONTRIB.rglob("*")) if path.is_file()]
    return [
        (str(path.relative_to(CONTRIB)), call)
        for path in files
        for call in CALL.findall(path.read_text())
    ]


def test_there_are_commands() -> None:
    assert ("bars/polybar.ini", "pause --for 30m") in calls()


@pytest.mark.parametrize(("file", "call"), calls())
def test_every_command_exists(file: str, call: str) -> None:
    name, *rest = shlex.split(call)
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command, file
    command.make_context(name, rest, parent=context)


def test_json_parses() -> None:
    for path in CONTRIB.rglob("*.json*"):
        text = re.sub(r"^//.*$", "", path.read_text(), flags=re.MULTILINE)
        assert json.loads(text), path


@pytest.mark.parametrize("name", ["i3blocks.conf", "polybar.ini"])
def test_ini_files_parse(name: str) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(CONTRIB / "bars" / name)
    (section,) = parser.sections()
    assert parser[section].get("command", parser[section].get("exec"))


def test_scripts_can_be_run() -> None:
    for path in CONTRIB.rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"#!"):
            assert os.access(path, os.X_OK), path
