"""Who may import whom: dependencies point one way, from the daemon to the adapters to the core."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PURE = {
    "__future__", "abc", "array", "bisect", "collections", "dataclasses", "difflib", "enum",
    "fnmatch", "functools", "heapq", "ipaddress", "itertools", "math", "operator", "re",
    "statistics", "string", "types", "typing",
}  # fmt: skip
"""What the core may use of the standard library: no clock, no I/O, no logging."""

PAST = {"calendar", "datetime", "html", "json", "time"}
"""What the history may use beside that: it speaks of days, to people."""

LEAVES = {"bus", "inet6", "netlink"}
"""Adapters that others build on: the only file of the D-Bus library, the machine's IPv6 addresses,
and netlink's framing."""

WALL = re.compile(
    r"time\.time|datetime|time_ns\(|gmtime|localtime|CLOCK_REALTIME|from time import"
    r"|wall_s\(\)(?! ->)|wall\.now_s"
)
"""What asks for the time of day."""


def imports(source: str, package: str) -> set[str]:
    """Name every module a file imports, with the names taken from it: `a.b` and `a.b.name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def modules(*folders: str) -> Iterator[tuple[str, set[str]]]:
    """Name the files of some folders with what they import."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT)
            yield str(name), imports(path.read_text(), ".".join(name.parent.parts))


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def importers(*packages: str, folders: tuple[str, ...] = ("netswap",)) -> set[str]:
    """Name the files that import any of these packages."""
    return {
        name
        for name, imported in modules(*folders)
        if any(within(module, *packages) for module in imported)
    }


def test_imports_are_seen_however_they_are_written() -> None:
    source = """
import a.b as c
from d import e
from . import f
from ..g import h
def later():
    import i
"""
    assert imports(source, "top.sub") == {
        "a.b", "d", "d.e", "top.sub", "top.sub.f", "top.g", "top.g.h", "i",
    }  # fmt: skip
    assert within("scapy.all", "scapy")
    assert not within("scapyx", "scapy")


def test_the_core_is_pure() -> None:
    seen = dict(modules("netswap/core"))
    assert seen
    for name, imported in seen.items():
        foreign = {module for module in imported if not within(module, "netswap.core", *PURE)}
        assert foreign <= {"netswap"}, f"{name} imports {foreign}"


def test_the_history_is_pure_but_for_its_store() -> None:
    own = ("netswap.core", "netswap.history", "netswap.units", "netswap.errors")
    seen = dict(modules("netswap/history"))
    assert seen.pop("netswap/history/store.py")
    for name, imported in seen.items():
        foreign = {module for module in imported if not within(module, *own, *PURE, *PAST)}
        assert foreign <= {"netswap"}, f"{name} imports {foreign}"


def test_adapters_do_not_know_each_other() -> None:
    for name, imported in modules("netswap/adapters"):
        own = Path(name).parts[2].removesuffix(".py")
        for module in imported:
            if within(module, "netswap.adapters") and module != "netswap.adapters":
                other = module.split(".")[2]
                assert other in LEAVES | {own}, f"{name} imports {module}"


def test_adapters_know_nothing_above_them() -> None:
    above = ("netswap.daemon", "netswap.cli", "netswap.service", "netswap.config")
    assert not {name for name in importers(*above) if name.startswith("netswap/adapters/")}


def test_only_the_daemon_wires_adapters() -> None:
    for name, imported in modules("netswap"):
        if name.startswith(("netswap/adapters/", "netswap/daemon/")):
            continue
        used = {m for m in imported if within(m, "netswap.adapters") and m != "netswap.adapters"}
        speaks = name.startswith(("netswap/cli/", "netswap/notify/", "netswap/service/"))
        allowed = {m for m in used if speaks and within(m, "netswap.adapters.bus")}
        assert used == allowed, f"{name} imports {used - allowed}"


@pytest.mark.parametrize(
    ("library", "only"),
    [
        ("dbus_next", "netswap/adapters/bus.py"),
        ("scapy", "netswap/adapters/probe/craft.py"),
        ("nftables", "netswap/adapters/nft/guard.py"),
        ("sqlite3", "netswap/history/store.py"),
    ],
)
def test_one_file_imports_the_library(library: str, only: str) -> None:
    assert importers(library) == {only}


def test_scapy_all_is_nowhere() -> None:
    assert importers("scapy.all", folders=("netswap", "tests", "bench")) == set()


def test_the_command_line_talks_to_the_service_only() -> None:
    heavy = ("netswap.daemon", "netswap.service", "scapy", "nftables")
    clients = ("netswap/cli/", "netswap/hooks/", "netswap/notify/")
    assert not {name for name in importers(*heavy) if name.startswith(clients)}


def test_status_waits_for_no_library_that_it_does_not_need() -> None:
    """A fifth of a second, mostly imports: `make bench` measures it."""
    program = "import netswap.cli.main, netswap.cli.show, sys; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found = {module.partition(".")[0] for module in told.stdout.split()}
    assert found & {"scapy", "nftables", "rich", "msgspec", "sqlite3", "tomllib", "http"} == set()
    assert {"click", "dbus_next"} <= found


@pytest.mark.parametrize(
    "program",
    [
        "netswap.daemon.__main__",
        "netswap.cli.show",
        "netswap.notify.__main__",
        "netswap.hooks.__main__",
    ],
)
def test_every_program_does_without_tls_and_glib(tmp_path: Path, program: str) -> None:
    """They speak the one with nobody and turn in no other loop.

    Without, netswapd needs 5 MB less, and `netswapctl status` a seventh less time.
    """
    (tmp_path / "gi").mkdir()
    (tmp_path / "gi/repository.py").write_text("GLib = None")  # where it is not installed, too
    program = f"import {program}, sys; print({{'_ssl', 'gi.repository'}} & set(sys.modules))"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert told.stdout == b"set()\n"


def test_the_clock_on_the_wall_is_only_shown_and_recorded() -> None:
    """A clock that is set moves no deadline: what decides and waits has monotonic times.

    A billing cycle, which `data_cap` is counted by, begins on a day of the calendar.
    """
    cycle = {"netswap/contradictions.py", "netswap/daemon/usage.py"}
    for_people = ("cli", "history", "hooks", "notify")
    told = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "netswap").rglob("*.py"))
        if WALL.search(path.read_text()) and not set(for_people) & set(path.parts)
    }
    assert told - cycle == {"netswap/daemon/recent.py", "netswap/daemon/recorder.py"}


def test_classes_are_matched_by_the_names_of_their_fields() -> None:
    """`case Block(_, ifname)` makes CPython 3.11 look up `__match_args__`, a new text each time.

    Its cache of attributes keeps up to 4096 of them: memory that grows for days.
    """
    by_place = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "netswap").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.MatchClass) and node.patterns
    ]
    assert by_place == []


def test_no_program_is_started_and_no_shell() -> None:
    """So nothing from outside can become a command; the unit lets netswapd start none either."""
    started = importers("subprocess", "pty", "multiprocessing")
    assert {path for path in started if not path.startswith("netswap/hooks/")} == set()
    starting = re.compile(r"\bos\.(system|popen|exec\w*|spawn\w*|posix_spawn\w*|fork\w*)\b")
    sources = sorted((ROOT / "netswap").rglob("*.py"))
    assert [str(path) for path in sources if starting.search(path.read_text())] == []
