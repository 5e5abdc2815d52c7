"""What the desktop is told, and when."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.cli.client import Swapped
from netswap.notify import words
from netswap.notify.timing import EVERY_S, Attention, Due, News, Timing, What
from netswap.notify.words import CRITICAL, LOW, Message, Words
from tests.unit.cli_samples import OUTAGE, a_status

ROOT = Path(__file__).resolve().parents[2]
FAILOVER = News(What.SWAPPED, "phone", "cable", "cable: 4 probes lost")
BACK = News(What.SWAPPED, "cable", "phone", "3 replies in a row")
OFFLINE = replace(OUTAGE, state="offline", active_link="phone", reason="no link works")
WELL = a_status()


# when


def test_news_is_told_at_once() -> None:
    timing = Timing()
    assert timing.due_s() == inf
    timing.add(FAILOVER)
    assert timing.take(1000, quiet=False) == Due(FAILOVER, 1)
    assert timing.take(1000, quiet=False) is None


def test_what_comes_within_a_minute_is_told_after_it_in_one() -> None:
    timing = Timing()
    timing.add(FAILOVER)
    timing.take(1000, quiet=False)
    for news in (BACK, FAILOVER, BACK):
        timing.add(news)
        assert timing.take(1030, quiet=False) is None
    assert timing.due_s() == 1000 + EVERY_S
    assert timing.take(1000 + EVERY_S, quiet=False) == Due(BACK, 3)


def test_what_happens_while_nobody_looks_is_not_told_later() -> None:
    timing = Timing()
    timing.add(FAILOVER)
    assert timing.take(1000, quiet=True) is None
    assert timing.due_s() == inf
    timing.add(BACK)
    assert timing.take(1001, quiet=False) == Due(BACK, 1)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_there_is_never_more_than_one_a_minute(pauses: list[float]) -> None:
    timing, now_s, said = Timing(), 0.0, []
    for pause_s in pauses:
        now_s += pause_s
        timing.add(FAILOVER)
        if timing.take(now_s, quiet=False):
            said.append(now_s)
    assert all(later - earlier >= EVERY_S for earlier, later in pairwise(said))


def test_being_offline_is_news_once_and_its_end_is_too() -> None:
    attention = Attention()
    assert attention.seen(WELL) is None
    assert attention.seen(OFFLINE) == News(What.OFFLINE, "phone", reason="no link works")
    assert attention.seen(OFFLINE) is None
    assert attention.seen(OUTAGE) == News(What.BACK, "phone")
    assert attention.seen(OUTAGE) is None


def test_what_is_not_known_yet_is_no_news() -> None:
    attention = Attention()
    attention.seen(OFFLINE)
    assert attention.seen(replace(OFFLINE, state="starting")) is None
    assert attention.seen(OFFLINE) is None
    assert attention.seen(replace(OUTAGE, state="starting")) is None
    assert attention.seen(OUTAGE) == News(What.BACK, "phone")


def test_being_offline_without_any_link_ends_too() -> None:
    attention = Attention()
    assert attention.seen(replace(OFFLINE, active_link=""))
    assert attention.seen(WELL) == News(What.BACK, WELL.active_link)


def test_a_swap_that_ends_being_offline_is_one_piece_of_news() -> None:
    attention = Attention()
    attention.seen(OFFLINE)
    assert attention.swapped(Swapped("phone", "cable", "it replies")) == News(
        What.SWAPPED, "cable", "phone", "it replies"
    )
    assert attention.seen(WELL) is None


# what

ENGLISH = Words(words.catalogue(["en"]))


def test_a_swap() -> None:
    assert ENGLISH.message(Due(FAILOVER, 1)) == Message(
        "Now on phone",
        "cable: 4 probes lost",
        actions=(("use:cable", "Use cable"), ("pause", "Pause for 30 min")),
    )


def test_several_swaps() -> None:
    message = ENGLISH.message(Due(BACK, 3))
    assert message.summary == "Now on cable"
    assert message.body == ("3 changes since the last notice. The last one: 3 replies in a row")


def test_offline_and_back() -> None:
    offline = ENGLISH.message(Due(News(What.OFFLINE, "cable"), 1))
    assert (offline.summary, offline.urgency) == ("Offline", CRITICAL)
    back = ENGLISH.message(Due(News(What.BACK, "cable"), 1))
    assert (back.summary, back.body, back.urgency) == ("Online again", "cable works again.", LOW)


@pytest.fixture(scope="module")
def german() -> Words:
    made = subprocess.run(["make", "-s", "locale"], cwd=ROOT, capture_output=True, check=False)
    assert (made.returncode, made.stderr) == (0, b"")
    return Words(words.catalogue(["de"]))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("cable: 4 probes lost", "cable: 4 Pings ohne Antwort"),
        ("1 probe lost", "1 Ping ohne Antwort"),
        ("3 replies in a row", "3 Antworten in Folge"),
        ("asked by the user", "so gewünscht"),
        ("cable: carrier lost", "cable: kein Signal mehr"),
        ("dns: SERVFAIL", "dns: SERVFAIL"),
    ],
)
def test_a_reason_is_translated_where_it_is_known(german: Words, reason: str, said: str) -> None:
    assert german.reason(reason) == said
    assert ENGLISH.reason(reason) == reason


def test_german(german: Words) -> None:
    message = german.message(Due(FAILOVER, 1))
    assert message.summary == "Jetzt über phone"
    assert [label for _, label in message.actions] == ["cable nehmen", "30 min Pause"]


def texts() -> Iterator[str]:
    """Yield all that is to be translated, as gettext's own tools would find it."""
    for node in ast.walk(ast.parse((ROOT / "netswap/notify/words.py").read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            count = {"_": 1, "gettext": 1, "ngettext": 2, "several": 2}.get(name, 0)
            yield from (ast.literal_eval(text) for text in node.args[:count] if _is_text(text))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_text_is_translated_and_nothing_else(german: Words) -> None:
    said = (ROOT / "po/de.po").read_text()
    there = set(texts())
    assert len(there) >= 15
    assert {text for text in there if f'"{text}"' not in said} == set()
    ids = [line.split(" ", 1)[1].strip('"') for line in said.splitlines() if "msgid" in line]
    assert set(ids) - {""} == there
