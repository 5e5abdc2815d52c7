"""How well a link does, of the last rounds of probes."""

from __future__ import annotations

from netswap.core.quality import Round, Window
from netswap.core.settings import QualitySettings


def lossy() -> Window:
    """Return ten rounds of which two were lost."""
    window = Window(("198.51.100.1",), 1, 10)
    for i in range(10):
        window.add(Round(i, i + 1, answered={"198.51.100.1"} if i % 5 else set()))
    return window


def test_a_degraded_link_has_to_do_better_than_one_that_is_not() -> None:
    quality = QualitySettings(loss=0.25, loss_recovered=0.1)
    assert lossy().verdict(quality, degraded=False) == ""
    assert lossy().verdict(quality, degraded=True) == "20% of the probes lost"


def test_who_has_losses_count_no_more_is_heard_at_once() -> None:
    assert lossy().verdict(QualitySettings(loss=2.0), degraded=True) == ""
