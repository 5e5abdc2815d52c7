"""`make sim LOG=ping.log`: what netswap would have made of a line that was recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench.sim.pair import FIRST, Pair, Swap
from bench.sim.recorded import Recorded, read
from netswap.core.settings import Settings
from netswap.errors import UserError

COARSE_S = 0.25
"""Netswap asks again after 0.15 s: pings that are much farther apart do not tell what it gets."""


def report(recorded: Recorded, settings: Settings) -> Iterator[str]:
    """Yield lines about the line, each swap, and what they come to."""
    long = [end_s - start_s for start_s, end_s in recorded.silences if end_s - start_s >= 1]
    yield f"{_clock(recorded.length_s)} on a line, {len(long)} times silent for a second or longer"
    if recorded.step_s > COARSE_S:
        yield (
            f"pings are {recorded.step_s:.1f} s apart, and a lost one counts as silence until the "
            "next: this is the worst that may have come of it; `ping -D -i 0.2` tells more"
        )
    swaps = Pair(settings, recorded.line).until(recorded.length_s)
    for swap in swaps:
        yield f"{_clock(swap.at_s):>18}  to {swap.to}: {swap.reason}"
    away = sum(swap.to != FIRST for swap in swaps)
    yield f"{away} times on the backup, {_clock(sum(_times_away(swaps, recorded.length_s)))} in all"


def _times_away(swaps: list[Swap], end_s: float) -> Iterator[float]:
    ends = [swap.at_s for swap in swaps[1:]] + [end_s]
    for swap, until_s in zip(swaps, ends, strict=True):
        if swap.to != FIRST:
            yield until_s - swap.at_s


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def main(path: Path) -> int:
    """Print the report; return the exit status."""
    try:
        for line in report(read(path), Settings()):
            print(line, flush=True)
    except UserError as error:
        print(error.lines("sim"), file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
