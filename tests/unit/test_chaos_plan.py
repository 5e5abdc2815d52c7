"""Chaos runs: what a seed makes, what a transcript tells, how it is shrunk."""

from __future__ import annotations

import itertools

import pytest

from tests.chaos import plan, shrink, tally
from tests.chaos.faults import CATALOGUE, SWAPS, Fault
from tests.chaos.plan import Episode
from tests.chaos.stage import PREFERRED

MANY = list(itertools.islice(plan.episodes(1), 2000))


def test_a_seed_makes_the_same_episodes_each_time() -> None:
    assert list(itertools.islice(plan.episodes(1), 2000)) == MANY
    assert list(itertools.islice(plan.episodes(2), 2000)) != MANY


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_each_fault_comes_alone_and_during_a_swap(fault: Fault) -> None:
    alone = [e for e in MANY if len(e) == 1 and e[0].fault is fault]
    swapping = [
        e
        for e in MANY
        if e[0].fault in SWAPS and e[0].link == PREFERRED and any(h.fault is fault for h in e[1:])
    ]
    assert alone
    assert swapping


def test_no_two_faults_use_the_same_at_once() -> None:
    for episode in MANY:
        used = [thing for happening in episode for thing in happening.uses()]
        assert len(used) == len(set(used))


def test_a_transcript_tells_its_episodes() -> None:
    lines = [f"  1.5 [33.2] episode {n}: {plan.text(e)}\n  begin" for n, e in enumerate(MANY, 1)]
    assert plan.parse("\n".join(lines)) == MANY
    assert plan.laptop_of(" 0.0 [3] laptop: ipv6\n" + lines[0]) == "ipv6" == plan.laptop(1)


def test_time_in_which_netswap_can_do_nothing_is_excused() -> None:
    (hit,) = plan.parse("episode 1: cut cable0 at 0.00 for 3.00")
    (away,) = plan.parse("episode 1: cut cable0 at 0.00 for 3.00; kill - at 1.00 for 2.00")
    more_s = plan.limits(away).offline_s - plan.limits(hit).offline_s
    assert more_s == 2.0 + plan.EXTRA_S


def test_shrinking_leaves_the_faults_that_it_takes() -> None:
    episodes = MANY[:8]
    wanted = episodes[6][0]

    def breaks(candidate: list[Episode]) -> bool:
        return any(wanted == happening for episode in candidate for happening in episode)

    assert shrink.shrink(episodes, breaks) == [(wanted,)]
    assert shrink.shrink(episodes, lambda _: False) == episodes


TOLD = """\
    0.000 [7.000] laptop: plain
    1.000 [8.000] episode 1: kill - at 0.00 for 1.00
    3.000 [10.000]   right again after 0.50 s; offline 0.30 s (of 21), guarded 0.00 s (of 1)
    4.000 [11.000] episode 2: cut cable0 at 0.00 for 3.00; kill - at 1.00 for 1.00
    9.000 [16.000]   right again after 1.50 s; offline 2.00 s (of 21), guarded 0.00 s (of 1)
   10.000 [17.000] episode 3: kill - at 0.00 for 1.00; garbage - at 0.00 for 1.00
   11.000 [18.000] VIOLATION a guard stands
"""


def test_transcripts_are_tallied_by_fault() -> None:
    rows = tally.tally(tally.outcomes(TOLD))
    assert list(rows["kill"].cells())[:6] == ["1/1", "1/1", "0/1", "0.5", "0.5", "0.3"]
    assert list(rows["kill"].cells())[6:] == ["1.0", "1.5", "2.0"]
    assert list(rows["garbage"].cells())[:6] == ["0/0", "0/0", "0/1", "-", "-", "-"]
    assert tally.hours(TOLD) * 3600 == pytest.approx(11)


def test_an_episode_that_a_run_did_not_finish_is_not_counted() -> None:
    unfinished = TOLD[: TOLD.index("   11.000")]
    assert len(list(tally.outcomes(unfinished))) == 2


def test_a_table_tells_what_became_of_its_faults_as_often_as_it_is_told() -> None:
    rows = tally.tally(tally.outcomes(TOLD))
    before = "| dies | kill | `kill` |\n| `kill` | `pull`, `what` 1/1 |\nelse `kill`\n"
    after = (
        "| dies | kill | `kill` 2/3, 1.0 s |\n| `kill` | `pull` 0/0, `what` 1/1 |\nelse `kill`\n"
    )
    assert tally.note(before, rows) == after
    assert tally.note(after, rows) == after
