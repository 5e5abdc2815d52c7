"""`make bench-compare`: netswap beside what else is used to get from one link to another.

`ROUNDS=30 make bench-compare` for more than 10 rounds; `ONLY=netswap,script` for some of them. Each
rival gets a lab of its own. Prints how far it is, then a table, which is also in build/compare.md;
raw values are in build/compare. All is over after 15 minutes and one for each round, whatever
happens. The exit status tells whether all could be measured.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench import comparison
from bench.contest import RAW, Result, result_path
from bench.machine import machine
from bench.rivals import GROUPS, RIVALS, RTT_MS, Rival
from bench.usage import Usage
from tests.lab import sandbox

PAGE = Path("build/compare.md")
BOUND_S, BOUND_PER_ROUND_S = 15 * 60, 60
Running = tuple[Rival, int, "subprocess.Popen[bytes]"]


def main() -> int:
    """Compare all; return the exit status."""
    text = os.environ.get("ROUNDS", "10")
    if not text.isdecimal() or int(text) < 1:
        print(f"ROUNDS={text} is no whole number of 1 or more", file=sys.stderr)
        return 2
    if unknown := set(only()) - set(RIVALS):
        print(
            f"ONLY names {', '.join(sorted(unknown))}; there are {', '.join(RIVALS)}",
            file=sys.stderr,
        )
        return 2
    rounds = int(text)
    try:
        sandbox.unshare()
    except sandbox.NoLabError as error:
        print(error, file=sys.stderr)
        return 1
    about = {**machine(), "keepalived": keepalived_version()}
    deadline = time.monotonic() + BOUND_S + rounds * BOUND_PER_ROUND_S
    RAW.mkdir(parents=True, exist_ok=True)
    done = [trial(group, rounds, deadline) for group in groups()]
    page = written(collected(), about)
    PAGE.write_text(page)
    print(f"\n{page}\nin {PAGE}; raw values: {RAW}")
    return 0 if all(done) else 1


def only() -> list[str]:
    """Return who is asked for."""
    return os.environ.get("ONLY", ",".join(RIVALS)).split(",")


def groups() -> list[list[Rival]]:
    """Return who is to be tried, those together that are tried at the same time."""
    asked = only()
    return [[one for one in group if one.key in asked and possible(one)] for group in GROUPS]


def possible(rival: Rival) -> bool:
    """Tell whether a rival can be tried by who asks for it."""
    return os.geteuid() == 0 or not rival.needs_root


def trial(group: Iterable[Rival], rounds: int, deadline: float) -> bool:
    """Try some at the same time; tell whether all could be measured."""
    running = [started(rival, copy, rounds) for rival in group for copy in range(rival.copies)]
    went_well = [ended(one, deadline) for one in running]  # wait for all, whatever becomes of one
    return all(went_well)


def started(rival: Rival, copy: int, rounds: int) -> Running:
    """Start the trial of a rival in a sandbox."""
    result_path(rival, copy).unlink(missing_ok=True)
    number = str(min(rounds, rival.most_rounds or rounds))
    line = [sys.executable, "-m", "bench.contest", rival.key, number, str(copy)]
    line = sandbox.command(line, sandbox.AS_ROOT if rival.needs_root else ())
    log = result_path(rival, copy).with_suffix(".err").open("wb")
    return rival, copy, subprocess.Popen(line, env=sandbox.environment(), stderr=log)


def ended(running: Running, deadline: float) -> bool:
    """Wait until a trial is over, or end it when the time is; tell whether it went well."""
    rival, copy, process = running
    try:
        went_well = process.wait(max(0.0, deadline - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        went_well = False
        process.kill()  # and all in the sandbox with it
        process.wait()
        print(f"{rival.title}: there is no time left", flush=True)
    if not went_well:
        errors = result_path(rival, copy).with_suffix(".err")
        print(f"{rival.title}: not all could be measured, see {errors}", flush=True)
    return went_well


def collected() -> dict[Rival, Result]:
    """Read all results that are there, in the order of the table."""
    results = {}
    for rival in (rival for group in groups() for rival in group):
        paths = [result_path(rival, copy) for copy in range(rival.copies)]
        read = [parsed(path.read_text()) for path in paths if path.exists()]
        if read:
            results[rival] = comparison.merged(read)
    comparison.attributed(results)
    return results


def parsed(text: str) -> Result:
    """Read a result."""
    values = json.loads(text)
    for name in ("own", "networkmanager"):
        values[name] = [Usage(**usage) for usage in values[name]]
    return Result(**values)


def written(results: dict[Rival, Result], about: dict[str, str | int | float]) -> str:
    """Return all that is to be read: where, when and how it was measured, and the table."""
    where = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in about.items())
    asked = [f"{name}={os.environ[name]}" for name in ("ROUNDS", "ONLY") if name in os.environ]
    date = datetime.now(UTC).date().isoformat()
    command = shlex.join([*asked, "make", "bench-compare"])
    head = f"{date}, `{command}`, {RTT_MS} ms from the internet: {where}. Median (worst)."
    return f"{textwrap.fill(head, 118, break_on_hyphens=False)}\n\n{comparison.table(results)}\n"


def keepalived_version() -> str:
    """Return the version of keepalived, or that there is none."""
    try:
        done = subprocess.run(
            ["keepalived", "--version"],
            env=sandbox.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "none"
    found = re.search(r"Keepalived v([\d.]+)", done.stderr)
    return found[1] if found else "unknown"


if __name__ == "__main__":
    sys.exit(main())
