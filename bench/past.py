"""Days of history as they might have been, made up the same way each time: two links, outages."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from netswap.history.facts import Fact, Standing, What
from netswap.history.minutes import Measured
from netswap.history.store import Batch, Store

DAY_S = 86400
REASONS = ("4 probes lost", "4 probes lost", "4 probes lost", "http: a redirect, it is a portal")


@dataclass(frozen=True, slots=True)
class Trouble:
    """An outage to come."""

    link: str
    start_s: float
    end_s: float
    standing: str
    reason: str


def fill(path: Path, days: int, end_s: float, seed: int = 7) -> None:
    """Write so many days, up to `end_s`."""
    chance = random.Random(seed)
    start_s = (end_s - days * DAY_S) // 60 * 60
    troubles = sorted(_troubles(chance, start_s, end_s), key=lambda trouble: trouble.start_s)
    with Store(path) as store:
        store.write([_first(start_s)])
        for day in range(days):
            from_s = start_s + day * DAY_S
            facts = sorted(_facts(troubles, from_s, from_s + DAY_S), key=lambda fact: fact.at_s)
            store.write([Batch(from_s, facts)])
            store.write(list(_minutes(chance, troubles, from_s)))


def _first(start_s: float) -> Batch:
    facts = [
        Fact(start_s, What.BEGIN, reason="netswapd started"),
        Fact(start_s, What.LINK, "cable", "up", "it replies"),
        Fact(start_s, What.LINK, "phone", "up", "it replies"),
        Fact(start_s, What.ACTIVE, "cable", reason="it replies"),
        Fact(start_s, What.CONDITION, state="preferred"),
    ]
    return Batch(start_s, facts, links=("cable", "phone"))


def _troubles(chance: random.Random, start_s: float, end_s: float) -> Iterator[Trouble]:
    """Yield outages of the cable, mostly in the evening, and the phone's absences at night."""
    at_s = start_s
    while (at_s := at_s + chance.expovariate(1 / 20000)) < end_s - 7200:
        hour = datetime.fromtimestamp(at_s).hour
        if chance.random() < (0.75 if 18 <= hour <= 22 else 0.2):
            length_s = min(7000.0, chance.lognormvariate(4.5, 1.4))
            yield Trouble("cable", at_s, at_s + length_s, "down", chance.choice(REASONS[:3]))
            at_s += length_s
    for number in range(int((end_s - start_s) // DAY_S)):
        if chance.random() < 0.4:
            from_s = start_s + number * DAY_S + chance.uniform(0, 40000)
            yield Trouble("phone", from_s, from_s + chance.uniform(600, 20000), "away", "no device")


def _facts(troubles: list[Trouble], from_s: float, to_s: float) -> Iterator[Fact]:
    for trouble in troubles:
        if from_s <= trouble.start_s < to_s:
            yield Fact(trouble.start_s, What.LINK, trouble.link, trouble.standing, trouble.reason)
            yield Fact(trouble.end_s, What.LINK, trouble.link, "up", "3 replies in a row")
            if trouble.link == "cable":
                phone = not any(
                    other.link == "phone" and other.start_s < trouble.end_s
                    and trouble.start_s < other.end_s
                    for other in troubles
                )  # fmt: skip
                yield from _swap(trouble, phone=phone)


def _swap(trouble: Trouble, *, phone: bool) -> Iterator[Fact]:
    state = "backup" if phone else "offline"
    yield Fact(trouble.start_s + 0.01, What.CONDITION, state=state)
    yield Fact(trouble.end_s + 0.1, What.CONDITION, state="preferred")
    if phone:
        yield Fact(trouble.start_s, What.ACTIVE, "phone", reason=f"cable: {trouble.reason}")
        yield Fact(trouble.end_s + 0.1, What.ACTIVE, "cable", reason="3 replies in a row")


def _minutes(chance: random.Random, troubles: list[Trouble], from_s: float) -> Iterator[Batch]:
    near = [t for t in troubles if t.start_s < from_s + DAY_S and t.end_s > from_s]
    for minute in range(DAY_S // 60):
        start_s = int(from_s) + 60 * minute
        day = datetime.fromtimestamp(start_s).toordinal()
        rows = [_minute(chance, link, start_s, near) for link in ("cable", "phone")]
        carried = {(row.link, day): (row.received, row.sent) for row in rows}
        yield Batch(start_s + 60, measured=rows, carried=carried)


def _minute(chance: random.Random, link: str, start_s: int, near: list[Trouble]) -> Measured:
    out = {
        other.link: min(other.end_s, start_s + 60) - max(other.start_s, start_s)
        for other in near
        if other.start_s < start_s + 60 and other.end_s > start_s
    }
    trouble = next((t for t in near if t.link == link and link in out and t.start_s < start_s + 60
                    and t.end_s > start_s), None)  # fmt: skip
    share = out.get(link, 0.0) / 60
    away = trouble is not None and trouble.standing == "away"
    probes = 0 if away else 60 if link == "cable" else 6
    busy = 18 <= datetime.fromtimestamp(start_s).hour <= 23
    usual_s = (0.014 if link == "cable" else 0.045) * (1.6 if busy and link == "cable" else 1)
    active = (link == "cable") == ("cable" not in out)
    lost = min(probes, round(probes * share) + (chance.random() < 0.02 * probes / 60))
    rtt_s = usual_s * chance.lognormvariate(0, 0.08)
    answers = lost < probes
    return Measured(
        link, start_s, Standing(trouble.standing) if trouble else Standing.UP, probes, lost,
        rtt_s * 0.8 if answers else None, rtt_s if answers else None,
        rtt_s * (1.2 + chance.expovariate(1.5)) if answers else None,
        round(chance.expovariate(1 / 2e6)) if active else 900,
        round(chance.expovariate(1 / 2e5)) if active else 900,
    )  # fmt: skip


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]), time.time())
