"""What Prometheus is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from netswap.cli import series
from tests.unit.cli_samples import OUTAGE, a_status

CONTRIB = Path(__file__).parents[2] / "contrib/prometheus"
SWAPS = {("cable", "phone"): 2}


def values(text: bytes) -> dict[str, float]:
    """Return each series and its value."""
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_backup_in_use() -> None:
    found = values(series.text(OUTAGE, SWAPS))
    assert found['netswap_state{state="backup"}'] == 1
    assert found['netswap_state{state="preferred"}'] == 0
    assert found['netswap_link_up{link="cable"}'] == 0
    assert found['netswap_link_active{link="phone"}'] == 1
    assert found['netswap_link_rtt_seconds{link="phone"}'] == 0.0312
    assert found['netswap_link_loss_ratio{link="cable"}'] == 0.5
    assert found['netswap_link_probes_lost_total{link="cable"}'] == 3
    assert found['netswap_swaps_total{source="cable",target="phone"}'] == 2


def test_what_is_not_known_is_not_told() -> None:
    cable = replace(OUTAGE.links[0], rtt_s=None, last_reply_s=None)
    found = values(series.text(replace(OUTAGE, links=(cable,)), {}))
    assert 'netswap_link_rtt_seconds{link="cable"}' not in found
    assert 'netswap_link_up{link="cable"}' in found


def test_without_the_service_that_is_told_and_the_swaps_that_were_seen() -> None:
    assert values(series.text(None, SWAPS)) == {
        "netswap_running": 0.0,
        'netswap_swaps_total{source="cable",target="phone"}': 2.0,
    }


def test_a_name_cannot_break_the_format() -> None:
    named = replace(OUTAGE.links[0], name='a"} 1\nnetswap_up{x="\\')
    text = series.text(replace(OUTAGE, links=(named,)), {}).decode()
    assert r'netswap_link_up{link="a\"} 1\nnetswap_up{x=\"\\"} 0.0' in text


@pytest.mark.parametrize("name", ["grafana.json", "netswap.rules.yml", "netswap.test.yml"])
def test_what_is_asked_for_in_contrib_is_told(name: str) -> None:
    told = {name.partition("{")[0] for name in values(series.text(a_status(), SWAPS))}
    asked = set(re.findall(r"\bnetswap_\w+", (CONTRIB / name).read_text()))
    assert asked
    assert asked - told == set()
