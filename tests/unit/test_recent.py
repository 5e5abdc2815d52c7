"""The clock on the wall, and what it said of times gone by."""

from __future__ import annotations

from netswap.daemon.recent import SETTINGS, Wall

HOUR_S = 3600.0
BOOT_S = 1_700_000_000.0
"""When the computer was started, by a clock that is right."""


class Clock:
    """A computer's two clocks."""

    def __init__(self) -> None:
        self.monotonic_s = 100.0
        self.ahead_s = BOOT_S
        self.wall = Wall(lambda: self.monotonic_s + self.ahead_s, lambda: self.monotonic_s)


def test_a_clock_that_is_set_does_not_move_the_past() -> None:
    clock = Clock()
    assert clock.wall(100.0) == BOOT_S + 100
    clock.monotonic_s, clock.ahead_s = 110.0, BOOT_S + HOUR_S
    assert clock.wall(109.0) == BOOT_S + HOUR_S + 109
    assert clock.wall(100.0) == BOOT_S + 100
    assert clock.wall(99.0) == BOOT_S + 99
    assert clock.wall(200.0) == BOOT_S + HOUR_S + 200


def test_what_is_to_come_moves_with_the_clock() -> None:
    clock = Clock()
    assert clock.wall(500.0) == BOOT_S + 500
    clock.ahead_s -= HOUR_S
    assert clock.wall(500.0) == BOOT_S - HOUR_S + 500


def test_a_clock_that_is_steered_tells_the_same_of_the_same_time() -> None:
    clock = Clock()
    told_s = set()
    for _ in range(10):
        clock.monotonic_s += 10.0
        clock.ahead_s += 0.004
        told_s.add(clock.wall(100.0))
    assert len(told_s) == 1


def test_a_clock_that_is_set_without_end_takes_no_memory_without_end() -> None:
    clock = Clock()
    for _ in range(10 * SETTINGS):
        clock.monotonic_s += 1.0
        clock.ahead_s += HOUR_S
        assert clock.wall(clock.monotonic_s) == clock.monotonic_s + clock.ahead_s
    assert clock.wall(100.0) == BOOT_S + 100 + 9 * SETTINGS * HOUR_S + HOUR_S
