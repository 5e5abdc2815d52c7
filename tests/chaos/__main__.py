"""`SEED=7 MINUTES=45 make chaos`: faults at random, until something breaks or the time is over.

The transcript is build/chaos/SEED.log. `REPLAY=FILE` plays the episodes of a transcript again.
Several runs with different seeds may go on at once.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.chaos import plan, run
from tests.chaos.stage import LAPTOPS
from tests.lab import sandbox
from tests.lab.lab import Lab


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    seed = os.environ.setdefault("SEED", str(random.randrange(10_000)))
    if not sandbox.is_inside():
        print(f"seed {seed}", flush=True)
        return sandbox.enter(run.interpreter("tests.chaos"))
    os.environ.pop("JOURNAL_STREAM", None)  # netswapd would log without times
    replayed = os.environ.get("REPLAY")
    episodes: Iterable[plan.Episode]
    if replayed:
        told = Path(replayed).read_text()
        laptop, episodes = plan.laptop_of(told), plan.parse(told)
    else:
        laptop, episodes = plan.laptop(int(seed)), plan.episodes(int(seed))
    path = run.BUILD / f"{seed}{'-replay' if replayed else ''}.log"
    with Lab(LAPTOPS[laptop]) as lab:
        try:
            run.run(lab, path, episodes, float(os.environ.get("MINUTES", "5")), laptop)
        except run.ViolationError:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
