"""The comparison's table: what is counted, what is charged to whom, what was not measured."""

from __future__ import annotations

from bench import comparison
from bench.contest import Result
from bench.daemon import Cost
from bench.rivals import DEFAULT_CHECK, NETSWAP
from bench.usage import Usage, between

ALONE = Usage(1.0, 0.5, 20.0)


def cell(result: Result, title: str) -> str:
    return next(row.cell(result) for row in comparison.ROWS if row.title.startswith(title))


def test_median_and_worst_are_shown() -> None:
    assert cell(Result(failover_s=[1.5, 0.5, 1.004]), "upstream dies") == "1.00 (1.50)"


def test_what_was_not_measured_is_not_0() -> None:
    assert {row.cell(Result()) for row in comparison.ROWS[1:]} == {comparison.NONE}


def test_all_connections_of_all_rounds_count() -> None:
    assert cell(Result(told=[20, 0, 5]), "connections told of the failover") == "25 of 60"


def test_labs_of_one_rival_are_taken_together() -> None:
    labs = [Result(back_s=[1.0], own=[ALONE]), Result(back_s=[3.0, 2.0])]
    assert comparison.merged(labs) == Result(back_s=[1.0, 3.0, 2.0], own=[ALONE])


def test_networkmanagers_check_is_charged_with_what_it_uses_more_than_without() -> None:
    checking = Result(networkmanager=[Usage(4.0, 2.0, 21.5)])
    results = {NETSWAP: Result(networkmanager=[ALONE]), DEFAULT_CHECK: checking}
    comparison.attributed(results)
    assert checking.own == [Usage(3.0, 1.5, 1.5)]
    assert results[NETSWAP].own == []


def test_without_another_to_hold_it_against_nothing_is_charged() -> None:
    checking = Result(networkmanager=[ALONE])
    comparison.attributed({DEFAULT_CHECK: checking})
    assert checking.own == []


def test_usage_is_for_an_hour_or_a_second() -> None:
    assert between(Cost(10.0, 1.0, 5), Cost(30.0, 1.5, 65), 44.0) == Usage(90.0, 3.0, 44.0)


def test_each_rival_has_a_column() -> None:
    lines = comparison.table({NETSWAP: Result(), DEFAULT_CHECK: Result()}).splitlines()
    assert lines[0] == f"| | {NETSWAP.title} | {DEFAULT_CHECK.title} |"
    assert lines[1] == "|---|---|---|"
    assert {line.count("|") for line in lines} == {4}
