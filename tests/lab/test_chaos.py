"""A short chaos run, and the watcher: it sees what it is there for."""

from __future__ import annotations

import itertools

import pytest

from tests.chaos import plan, run
from tests.chaos.stage import SPEC, Stage
from tests.chaos.watcher import Limits, Watcher
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab

SEED = 1
PLAY_S = 40

TAKEN = """
table inet netswap {
  set standby { type ifname; elements = { "cable0" } }
}
"""


@pytest.mark.timeout(240)
@pytest.mark.lab(SPEC)
def test_some_faults_at_random_break_no_promise(lab: Lab) -> None:
    path = run.BUILD / "test.log"
    assert run.run(lab, path, plan.episodes(SEED), PLAY_S / 60) > 2


@pytest.mark.timeout(240)
@pytest.mark.lab(SPEC)
@pytest.mark.parametrize("seed", [7])
def test_a_transcript_can_be_played_again(lab: Lab, seed: int) -> None:
    told = [plan.text(episode) for episode in itertools.islice(plan.episodes(seed), 1)]
    episodes = plan.parse("\n".join(f" 1.0 [1] episode 1: {line}" for line in told))
    path = run.BUILD / "test-replay.log"
    assert run.run(lab, path, episodes, 1) == 1
    assert plan.parse(path.read_text()) == episodes


def test_the_watcher_is_content_where_all_is_well(lab: Lab) -> None:
    with Watcher(lab.links) as watcher:
        wait_until(watcher.online, 3, "a user is online")
        assert holds(lambda: watcher.violation is None, for_s=1)
        watcher.check_profiles()
        assert watcher.violation is None


def test_the_watcher_sees_that_nobody_fails_over(lab: Lab) -> None:
    with Watcher(lab.links) as watcher:
        watcher.allow(Limits(offline_s=1))
        lab.link("cable0").cut()
        wait_until(lambda: watcher.violation, 10, "a violation")
        assert "though tether0 works" in (watcher.violation or "")


def test_the_watcher_forgives_that_no_link_works(lab: Lab) -> None:
    for link in lab.links.values():
        link.cut()
    with Watcher(lab.links) as watcher:
        watcher.allow(Limits(offline_s=0.5))
        assert holds(lambda: watcher.violation is None, for_s=2)
        assert not watcher.online()


def test_the_watcher_sees_that_the_active_link_is_guarded(lab: Lab) -> None:
    lab.commands.sh("nft", "-f", "-", stdin=TAKEN)
    with Watcher(lab.links) as watcher:
        wait_until(lambda: watcher.violation, 10, "a violation")
        assert "cable0 leads and is guarded" in (watcher.violation or "")


def test_the_watcher_sees_that_a_profile_was_written(lab: Lab) -> None:
    with Watcher(lab.links) as watcher:
        lab.nmcli("connection", "modify", "cable0", "ipv4.route-metric", "77")
        watcher.check_profiles()
        assert "cable0.nmconnection" in (watcher.violation or "")


@pytest.mark.lab(SPEC)
def test_what_is_left_is_seen(lab: Lab) -> None:
    stage = Stage(lab)
    with Watcher(lab.links) as watcher:
        wait_until(lambda: stage.wrong(watcher) is None, 10, "all is well")
    assert "table is left" in (stage.left() or "")
    stage.kill()
    assert "a metric is left" in (stage.left() or "")
    stage.start()
    stage.daemon.wait_for("Blocking", 10)
    stage.stop()
    wait_until(lambda: stage.left() is None, 5, "nothing is left")
    lab.sh("ip", "rule", "add", "protocol", "110", "priority", "32765", "table", "main")
    assert "rules are left" in (stage.left() or "")
