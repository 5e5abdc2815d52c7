"""How the computer does as a whole, in one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap.core import report
from netswap.core.health import Health
from netswap.core.model import Condition
from tests.unit.worlds import DOWN, SHAKY, UNKNOWN, UP, gone, link, world

CABLE, TETHER = link("cable", 100), link("tether", 200)
FAULTY = replace(UP, fault="http: captive portal")
DEGRADED = replace(UP, degraded="30% of the probes lost")


@pytest.mark.parametrize(
    ("leader", "condition"),
    [
        (UP, Condition.PREFERRED),
        (SHAKY, Condition.PREFERRED),
        (DEGRADED, Condition.PREFERRED),
        (FAULTY, Condition.OFFLINE),
        (DOWN, Condition.OFFLINE),
        (UNKNOWN, Condition.STARTING),
    ],
)
def test_it_is_about_the_link_that_the_kernel_sends_by(
    leader: Health, condition: Condition
) -> None:
    healths = {"cable": leader, "tether": UP}
    assert report.condition(world(CABLE, TETHER), healths) is condition


def test_any_other_link_is_a_backup() -> None:
    seen = world(CABLE, link("tether", 60))
    assert report.condition(seen, {"cable": FAULTY, "tether": UP}) is Condition.BACKUP
    assert report.condition(seen, {"cable": UP, "tether": FAULTY}) is Condition.OFFLINE


def test_without_a_route_it_is_offline_and_without_links_not_known() -> None:
    assert report.condition(world(gone("cable")), {"cable": DOWN}) is Condition.OFFLINE
    assert report.condition(world(), {}) is Condition.STARTING
