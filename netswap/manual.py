"""The parts of the manual that the code knows best: settings, options and commands.

`python -m netswap.manual` writes them into docs/man/*.md, between the lines that say so, and makes
data/netswap.toml. A test tells when that was forgotten. It is not for use at run time.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import click

from netswap import config
from netswap.core.settings import Doc, Settings

ROOT = Path(__file__).resolve().parents[1]
MADE = re.compile(r"(?<=^<!-- made: )(\w+) -->\n.*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)

KINDS = {str: "text", bool: "true or false", int: "whole number", float: "number"}

EXAMPLE_HEAD = """\
# Settings of netswap, see netswap.toml(5). netswap reads them from /etc/netswap/netswap.toml.
# These are the tables, with the defaults; a line without # in front changes one. What else a link
# and a check may have, such as data_cap or connect, is told there.

# The links, the preferred one first. Without any, netswap picks them itself: Ethernet before Wi-Fi
# before modems and whatever is metered.
#
#[[link]]
#name = "cable"
#match = { type = "ethernet" }
#
#[[link]]
#name = "phone"
#match = { connection = "Phone" }
#metered = true

# Checks beside the pings. There are none by default.
#
#[[check]]
#method = "http"
#target = "http://detectportal.example/x"
#expect_status = 204
"""


def settings() -> str:
    """Return all settings: a section for each table of the file, a definition for each setting."""
    sections = []
    for item, kind, _ in config.documented(Settings):
        part, is_list = (get_args(kind)[0], True) if get_origin(kind) is tuple else (kind, False)
        header = f"[[{item.name}]]" if is_list else f"[{item.name}]"
        entries = "\n".join(_entries(part))
        sections.append(f"## {header}\n\n{' '.join((part.__doc__ or '').split())}\n\n{entries}")
    return "\n".join(sections)


def _entries(cls: Any, where: str = "") -> Iterator[str]:
    for item, kind, doc in config.documented(cls):
        name = f"{where}{item.name}"
        if is_dataclass(kind):
            yield f"**{name}** = *table*\n:   {doc.text}{_values(item, doc)}\n"
            yield from _entries(kind, f"{name}.")
        else:
            yield f"**{name}** = {_kind(kind)}\n:   {doc.text}{_values(item, doc)}\n"


def _values(item: Field[Any], doc: Doc) -> str:
    """Say which values a setting takes, and which one it has if none is given."""
    bounds = "" if doc.lowest is None else f" ({doc.lowest:g} to {doc.highest:g})"
    if item.default is MISSING and item.default_factory is MISSING:
        return f"{bounds}. Must be given."
    default = "" if item.default is None else f" Default: `{_toml(item.default)}`."
    return f"{bounds}.{default}"


def _kind(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f"*list of* {_kind(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return " | ".join(f"`{_toml(value)}`" for value in get_args(kind))
    if isinstance(kind, UnionType):
        return " or ".join(_kind(part) for part in get_args(kind) if part is not NoneType)
    return f"*{KINDS[kind]}*"


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def options(command: click.Command, name: str) -> str:
    """Return the options of a command, each with what its `--help` says."""
    context = click.Context(command, info_name=name, **command.context_settings)
    found = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    records = [option.get_help_record(context) for option in found]
    return "\n".join(f"**{record[0]}**\n:   {record[1]}\n" for record in records if record)


def commands(group: click.Group, name: str) -> str:
    """Return every command of a group: how it is called, what it does, its options."""
    context = click.Context(group, info_name=name)
    found = [(each, group.get_command(context, each)) for each in group.list_commands(context)]
    return "\n".join(_command(command, f"{name} {each}") for each, command in found if command)


def _command(command: click.Command, name: str) -> str:
    command.add_help_option = False  # every command has it, and it says nothing
    found = options(command, name)
    pieces = command.collect_usage_pieces(click.Context(command))
    usage = " ".join([name, *(piece for piece in pieces if found or piece != "[OPTIONS]")])
    return f"## {usage}\n\n{_help(command)}\n\n{found}"


def _help(command: click.Command) -> str:
    """Return what a command does; paragraphs that click is told to leave alone are code."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(
        textwrap.indent(each.removeprefix("\b\n"), "    ") if each.startswith("\b") else each
        for each in paragraphs
    )


def statuses() -> str:
    """Return every exit status of netswapctl and what it means."""
    from netswap.cli.main import STATUSES  # noqa: PLC0415

    return "\n".join(f"**{status}**\n:   {meaning}.\n" for status, meaning in STATUSES.items())


def example() -> str:
    """Return a netswap.toml that tells all and changes nothing."""
    tables = []
    for item, kind, _ in config.documented(Settings):
        if is_dataclass(kind):
            lines = [line for entry in config.documented(kind) for line in _example(*entry)]
            tables.append("\n".join([f"[{item.name}]", *lines, ""]))
    return "\n".join([EXAMPLE_HEAD, *tables])


def _example(item: Field[Any], _: Any, doc: Doc) -> Iterator[str]:
    yield from textwrap.wrap(doc.text, 98, initial_indent="# ", subsequent_indent="# ")
    yield f"#{item.name} = {_toml(item.default)}"


def files() -> dict[Path, str]:
    """Return every file that is made, or has parts that are, as it should be."""
    from netswap.cli.main import cli  # noqa: PLC0415
    from netswap.daemon.__main__ import main  # noqa: PLC0415 (scapy: not for `example` alone)
    from netswap.hooks.__main__ import main as hooks  # noqa: PLC0415
    from netswap.notify.__main__ import main as notify  # noqa: PLC0415

    parts = {
        "settings": settings(),
        "netswapd": options(main, "netswapd"),
        "netswapctl": options(cli, "netswapctl"),
        "commands": commands(cli, "netswapctl"),
        "statuses": statuses(),
        "hooks": options(hooks, "netswap-hooks"),
        "notify": options(notify, "netswap-notify"),
    }
    found = {ROOT / "data/netswap.toml": example()}
    for page in sorted((ROOT / "docs/man").glob("*.md")):
        found[page] = MADE.sub(lambda at: f"{at[1]} -->\n\n{parts[at[1]]}\n", page.read_text())
    return found


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
