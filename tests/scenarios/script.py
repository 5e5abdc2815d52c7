"""The language of scenario files.

# What is specified, in prose.
config                          netswap.toml, indented; without it netswap picks its links
    [probe]
    fall = 3
device cable0 ethernet metered ipv6 metric=100 connection=Office rtt=0.2
device phone0 wifi on-demand    NetworkManager does not connect it by itself
device modem0 modem ipv6-only   it has no IPv4 default route
check every 5                   NetworkManager's connectivity check is on
show probes                     with a line for every probe and check
at 5.3 cut cable0               what happens when, before the start when below 0;
                                see `happenings.py` for all there is
until 60
----
what came of it
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from netswap import config
from netswap.core.settings import Settings
from tests.scenarios.nic import Nic

LINE = "----\n"


@dataclass(frozen=True)
class Script:
    """One scenario, read."""

    settings: Settings = field(default_factory=Settings)
    nics: tuple[Nic, ...] = ()
    events: tuple[tuple[float, str], ...] = ()
    until_s: float = 0.0
    checks_every_s: float = 0.0
    shows_probes: bool = False


def split(path: Path) -> tuple[str, str]:
    """Return what is given and what is expected."""
    given, line, expected = path.read_text().partition(LINE)
    assert line, f"{path.name} has no line of dashes"
    return given, expected


def read(given: str) -> Script:
    """Read the upper half of a file."""
    toml = [line for line in given.splitlines() if line.startswith(" ")]
    lines = [
        line.split()
        for line in given.splitlines()
        if line and not line.startswith((" ", "#")) and line != "config"
    ]
    nics = [words[1:] for words in lines if words[0] == "device"]
    return Script(
        settings=config.parse(textwrap.dedent("\n".join(toml))),
        nics=tuple(device(words, i) for i, words in enumerate(nics)),
        events=tuple((float(at), " ".join(words)) for at, *words in _all(lines, "at")),
        until_s=next(float(at) for (at,) in _all(lines, "until")),
        checks_every_s=next((float(every) for _, every in _all(lines, "check")), 0.0),
        shows_probes=["show", "probes"] in lines,
    )


def device(words: list[str], number: int) -> Nic:
    """Make a device: its interface, its kind, flags, and settings as key=value."""
    ifname, kind, *rest = words
    given = dict(word.partition("=")[::2] for word in rest)
    return Nic(
        ifname=ifname,
        address=f"198.51.100.{number + 1}",
        kind=kind,
        connection=given.get("connection", ifname),
        metered="metered" in given,
        on_demand="on-demand" in given,
        v6="ipv6" in given or "ipv6-only" in given,
        v4="ipv6-only" not in given,
        metric=int(given.get("metric", -1)),
        rtt_s=float(given.get("rtt", 0.02)),
    )


def _all(lines: Iterable[list[str]], first: str) -> Iterable[list[str]]:
    return (words[1:] for words in lines if words[0] == first)
