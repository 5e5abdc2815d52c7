"""The netswap.toml that `setup` writes: what was set, and all tables, explained. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from netswap.config import Configuration, documented
from netswap.core.settings import CheckSettings, Doc, LinkSettings, Match, Settings

HEAD = """\
# Settings of netswap, see netswap.toml(5). Written by `netswapctl setup`.
#
# A line such as `#fall = 2` shows a default; without the # it is a setting.
# `netswapctl reload` has netswapd read this file again.

# The links, the preferred one first. Without any, netswap picks them itself:
# Ethernet before Wi-Fi before modems and whatever is metered. Of each link:
"""
WIDTH = 80
EXAMPLE = (
    LinkSettings("cable", Match(type="ethernet")),
    LinkSettings("phone", Match(type="modem")),
)


def written(
    links: Iterable[LinkSettings], values: Mapping[str, str], checks: Iterable[CheckSettings] = ()
) -> str:
    """Return a whole netswap.toml: links, checks, and other values (as TOML) by full name."""
    named = [_link(link) for link in links]
    example = [textwrap.indent(_link(link), "#") for link in EXAMPLE]
    explained = "\n".join(_explained(LinkSettings))
    made = [_check(check) for check in checks]
    return "\n".join([f"{HEAD}{explained}\n", *(named or example), *made, *_tables(values)])


def _explained(cls: type[LinkSettings | Match], where: str = "") -> Iterator[str]:
    for item, kind, doc in documented(cls):
        yield from _comment(f"{where}{item.name}: {doc.text}", "#   ")
        if is_dataclass(kind):
            yield from _explained(Match, f"{where}{item.name}.")


def _link(link: LinkSettings) -> str:
    match = ", ".join(_given(link.match))
    lines = _given(link)
    return "\n".join(["[[link]]", lines[0], f"match = {{ {match} }}", *lines[1:], ""])


def _check(check: CheckSettings) -> str:
    return "\n".join(["[[check]]", *_given(check), ""])


def _given(value: LinkSettings | Match | CheckSettings) -> list[str]:
    """Write what differs from the default; not the match of a link, which is a table of its own."""
    found = [(item, getattr(value, item.name)) for item in fields(value) if item.name != "match"]
    return [f"{item.name} = {_text(given)}" for item, given in found if given != item.default]


def _tables(values: Mapping[str, str]) -> Iterator[str]:
    defaults = {name: value for name, value, _ in Configuration().listed()}
    for table, kind, _ in documented(Settings):
        if is_dataclass(kind):
            yield f"[{table.name}]"
            for item, _, doc in documented(kind):
                name = f"{table.name}.{item.name}"
                yield from _comment(f"{doc.text}{_bounds(doc)}", "# ")
                given = f"{item.name} = {values.get(name)}"
                yield given if name in values else f"#{item.name} = {defaults[name]}"
            yield ""


def _bounds(doc: Doc) -> str:
    return "" if doc.lowest is None else f" ({doc.lowest:g} to {doc.highest:g})"


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _text(value: object) -> str:
    """Write a value as TOML, whose strings, numbers, booleans and lists are JSON's, but for DEL."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
