"""Room in memory that is touched beforehand: who works in it needs few pages from the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

WORK = """
import random, threading
from netswap.daemon import room

def resident_kb():
    return int(open("/proc/self/statm").read().split()[1]) * 4

def of_small():
    kept.append([bytes(rng.randrange(480)) for _ in range(1500)] + [{} for _ in range(1000)])

def of_large():
    for _ in range(20):
        bytes(rng.randrange(1, 255) for _ in range(rng.randrange(1_000, 30_000)))

kept, rng = [], random.Random(1)

def work(does, takes_room):
    if takes_room:
        kept.append(getattr(room, does.__name__)())
    before = resident_kb()
    does()
    print(resident_kb() - before)

thread = threading.Thread(target=work, args=({does}, {takes_room}))
thread.start()
thread.join()
"""


def grows_by_kb(does: str, *, takes_room: bool) -> int:
    """Have a thread of a fresh interpreter do some work; return how much memory that took."""
    code = WORK.replace("{does}", does).replace("{takes_room}", str(takes_room))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("does", ["of_small", "of_large"])
def test_who_works_in_it_takes_little_memory(does: str) -> None:
    """The stack, and code that was not used before, are no part of it."""
    assert grows_by_kb(does, takes_room=True) < grows_by_kb(does, takes_room=False) / 2
