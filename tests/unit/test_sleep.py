"""Telling a sleep from time that merely passes, and from a clock that is set."""

from __future__ import annotations

from netswap.daemon.sleep import Sleep


def test_a_sleep_is_told_of_once() -> None:
    awake, always = [100.0], [100.0]
    sleep = Sleep(lambda: awake[0], lambda: always[0])
    assert not sleep.over()
    awake[0], always[0] = 160.0, 160.0
    assert not sleep.over()
    awake[0], always[0] = 161.0, 3761.0
    assert sleep.over() == 3600.0
    assert not sleep.over()


def test_clocks_that_are_read_one_after_the_other_are_no_sleep() -> None:
    awake, always = [100.0], [100.0]
    sleep = Sleep(lambda: awake[0], lambda: always[0])
    always[0] += 0.3
    assert not sleep.over()


def test_the_real_clocks() -> None:
    assert not Sleep().over()
