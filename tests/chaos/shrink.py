"""`make chaos-shrink LOG=build/chaos/7.log`: which faults of a broken run it really takes.

Tries ever fewer of the last episodes, then the episodes without one fault after the other. Each
candidate is played in a lab of its own, up to `TRIES` times, since most of what breaks is a race.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.chaos import plan, run
from tests.chaos.plan import Episode
from tests.lab import sandbox

TRIES = 3
Breaks = Callable[[list[Episode]], bool]


def shrink(episodes: list[Episode], breaks: Breaks) -> list[Episode]:
    """Return the fewest that still break; all of them if no fewer do."""
    for last in (1, 2, 4):
        if last < len(episodes) and breaks(episodes[-last:]):
            episodes = episodes[-last:]
            break
    smaller = True
    while smaller:
        smaller = False
        for candidate in without_one(episodes):
            if breaks(candidate):
                episodes, smaller = candidate, True
                break
    return episodes


def without_one(episodes: list[Episode]) -> Iterator[list[Episode]]:
    """Yield the episodes without each of their faults; at least one is left."""
    for place, episode in enumerate(episodes):
        for fault in range(len(episode)):
            rest = episode[:fault] + episode[fault + 1 :]
            fewer = episodes[:place] + [rest] * bool(rest) + episodes[place + 1 :]
            if fewer:
                yield fewer


def breaks_in_a_lab(laptop: str, episodes: list[Episode]) -> bool:
    """Play the episodes, in up to so many labs; tell whether a promise was broken."""
    path = run.BUILD / "shrinking.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(laptop, episodes))
    env = {**sandbox.environment(), "REPLAY": str(path), "SEED": "shrinking", "MINUTES": "60"}
    line = sandbox.command(run.interpreter("tests.chaos"))
    statuses = (
        subprocess.run(line, env=env, check=False, stdout=subprocess.DEVNULL).returncode
        for _ in range(TRIES)
    )
    broken = any(statuses)
    print(f"{'breaks' if broken else 'holds '}: {written(laptop, episodes).strip()}", flush=True)
    return broken


def written(laptop: str, episodes: list[Episode]) -> str:
    """Return episodes as a transcript has them."""
    return f"laptop: {laptop}\n" + "".join(
        f"episode {n}: {plan.text(e)}\n" for n, e in enumerate(episodes, 1)
    )


def main() -> int:
    """Shrink a transcript; return the exit status: 0 if it breaks at all."""
    transcript = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["LOG"])
    told = transcript.read_text()
    laptop, episodes = plan.laptop_of(told), plan.parse(told)[-8:]
    breaks = partial(breaks_in_a_lab, laptop)
    if not breaks(episodes):
        print("the last episodes break nothing this time")
        return 1
    smallest = shrink(episodes, breaks)
    path = transcript.with_suffix(".shrunk")
    path.write_text(written(laptop, smallest))
    print(f"the fewest: {path}\n{path.read_text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
