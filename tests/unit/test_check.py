"""The checks of a link: when each is made, what makes a fault, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from math import inf

import pytest

from netswap.core.check import CONFIRM_S, RARELY, Checks, Failure
from netswap.core.settings import CheckSettings

HTTP = CheckSettings("http", "http://198.51.100.1/", every_s=30, fall=2)
DNS = CheckSettings("dns", "example.org", every_s=7, fall=1)


def started(checks: Checks, now_s: float, *, rests: bool = False) -> list[int]:
    """Begin what is due; return the numbers of the runs."""
    return [run for _, run in checks.start(now_s, rests=rests)]


def made(checks: Checks, now_s: float, ok: bool | None, reason: str = "") -> Failure | None:
    """Make the one check that is due, in no time."""
    (run,) = started(checks, now_s)
    return checks.end(run, ok, reason, now_s)


def faulty(*settings: CheckSettings) -> Checks:
    """Return checks of which the first has a fault."""
    checks = Checks(settings)
    for now_s in count():
        for _, run in list(checks.start(now_s, rests=False)):
            checks.end(run, False, "no answer", now_s)
        if checks.fault:
            return checks
    raise AssertionError


# when


def test_all_are_due_at_once_and_then_each_at_its_own_pace() -> None:
    checks = Checks([HTTP, DNS])
    assert list(checks.start(5.0, rests=False)) == [(HTTP, 1), (DNS, 2)]
    checks.end(1, True, "", 5.1)
    checks.end(2, True, "", 5.1)
    assert checks.deadline_s(rests=False) == 12.0
    assert started(checks, 11.9) == []
    assert started(checks, 12.0) == [3]


def test_none_is_made_twice_at_a_time() -> None:
    checks = Checks([HTTP])
    assert started(checks, 0.0) == [1]
    assert started(checks, 100.0) == []
    assert checks.deadline_s(rests=False) == inf


def test_a_backup_at_rest_is_checked_rarely() -> None:
    checks = Checks([HTTP])
    made(checks, 0.0, True)
    assert checks.deadline_s(rests=True) == RARELY * HTTP.every_s
    assert started(checks, HTTP.every_s, rests=True) == []
    assert started(checks, HTTP.every_s, rests=False) == [2]


def test_a_first_failure_is_confirmed_soon_even_of_a_backup_at_rest() -> None:
    checks = Checks([HTTP])
    made(checks, 0.0, False)
    assert checks.deadline_s(rests=True) == checks.deadline_s(rests=False) == CONFIRM_S


def test_a_known_fault_is_looked_at_at_the_usual_pace() -> None:
    checks = faulty(HTTP)
    assert checks.deadline_s(rests=False) == CONFIRM_S + HTTP.every_s


def test_after_a_rest_all_are_due_at_once() -> None:
    checks = Checks([HTTP])
    made(checks, 0.0, True)
    checks.rest()
    assert started(checks, 1.0) == [2]


def test_without_checks_there_is_nothing_to_do() -> None:
    assert Checks([]).deadline_s(rests=False) == inf


# what


def test_only_failures_in_a_row_are_a_fault() -> None:
    checks = Checks([HTTP])
    for now_s, ok in ((0, False), (1, True), (31, False)):
        made(checks, now_s, ok, "no answer")
        assert checks.fault == ""
    made(checks, 32, False, "status 500")
    assert checks.fault == "http: status 500"


def test_one_success_ends_a_fault() -> None:
    checks = faulty(HTTP)
    made(checks, 60.0, True)
    assert checks.fault == ""


def test_each_failure_is_told_up_to_the_fault_and_no_more() -> None:
    checks = Checks([HTTP])
    assert made(checks, 0, False, "no answer") == Failure("http: no answer", 1, 2)
    assert made(checks, 1, False, "no answer") == Failure("http: no answer", 2, 2)
    assert made(checks, 31, False, "no answer") is None


def test_what_could_not_be_made_is_told_once_and_says_nothing_of_the_link() -> None:
    checks = Checks([HTTP])
    assert made(checks, 0, None, "no buffer") == Failure("http: no buffer", 0, 2)
    assert made(checks, 30, None, "no buffer") is None
    assert made(checks, 60, None, "no route") == Failure("http: no route", 0, 2)
    assert checks.fault == ""
    assert faulty(HTTP).fault == "http: no answer"


def test_what_could_not_be_made_neither_ends_a_fault_nor_a_row_of_failures() -> None:
    checks = Checks([HTTP])
    made(checks, 0, False, "no answer")
    made(checks, 1, None, "no buffer")
    made(checks, 2, False, "no answer")
    assert checks.fault == "http: no answer"
    made(checks, 60, None, "no buffer")
    assert checks.fault == "http: no answer"


def test_the_fault_is_that_of_the_first_check_that_has_one() -> None:
    checks = faulty(DNS, HTTP)
    assert checks.fault == "dns: no answer"


@pytest.mark.parametrize("what", ["rest", "forget"])
def test_a_result_that_comes_after_it_was_given_up_counts_for_nothing(what: str) -> None:
    checks = Checks([DNS])
    (run,) = started(checks, 0.0)
    getattr(checks, what)()
    assert checks.end(run, False, "no answer", 1.0) is None
    assert checks.fault == ""


def test_a_rest_keeps_a_fault_and_a_new_beginning_forgets_it() -> None:
    checks = faulty(HTTP)
    checks.rest()
    assert checks.fault
    checks.forget()
    assert checks.fault == ""


def test_other_settings_keep_what_is_known_of_the_checks_that_stay() -> None:
    checks = faulty(DNS, HTTP)
    checks.reconfigure([HTTP])
    assert checks.fault == ""
    checks = faulty(DNS, HTTP)
    checks.reconfigure([DNS])
    assert checks.fault == "dns: no answer"


def test_a_fault_outlives_another_pace_of_its_check() -> None:
    checks = faulty(DNS)
    checks.reconfigure([HTTP, replace(DNS, every_s=60, timeout_s=2, links=("cable",))])
    assert checks.fault == "dns: no answer"
    checks.reconfigure([replace(DNS, target="example.net")])
    assert checks.fault == ""


def test_of_two_checks_that_ask_the_same_each_goes_on() -> None:
    checks = Checks([HTTP, replace(HTTP, every_s=60)])
    runs = started(checks, 0.0)
    checks.reconfigure([replace(HTTP, every_s=90), replace(HTTP, every_s=120)])
    for run in runs:
        checks.end(run, True, "", 1.0)
    assert len(started(checks, 200.0)) == 2
