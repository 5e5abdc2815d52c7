"""The thread that writes the history: one batch that no database takes costs no other one."""

from __future__ import annotations

from pathlib import Path

import pytest

from netswap.daemon.writer import Writer
from netswap.history.facts import Fact, What
from netswap.history.store import Batch, Kept, Reader
from netswap.history.traffic import Counter

TOO_BIG = {"cable": Counter("boot", 2, 2**63, 0)}


def written(folder: Path, *batches: Batch) -> list[float]:
    """Have batches written; return the times of the facts that are there then."""
    told: list[Kept] = []
    writer = Writer(folder / "history.db", told.append)
    for batch in batches:
        writer.put(batch)
    writer.start()
    writer.close()
    assert told == [Kept({}, {})]
    with Reader(folder / "history.db") as reader:
        return [fact.at_s for fact in reader.facts(0)]


def batch(at_s: int, counters: dict[str, Counter] | None = None, reason: str = "") -> Batch:
    fact = Fact(float(at_s), What.CONDITION, state="offline", reason=reason)
    return Batch(float(at_s), [fact], counters=counters or {})


@pytest.mark.parametrize("place", [0, 3, 6])
def test_what_no_database_takes_is_left_out_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    batches = [batch(at_s, TOO_BIG if at_s == place else None) for at_s in range(7)]
    assert written(tmp_path, *batches) == [at_s for at_s in range(7) if at_s != place]
    (record,) = caplog.records
    assert "it cannot be written: Python int too large" in record.getMessage()


def test_the_same_is_told_once_and_something_else_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batches = [batch(0), *(batch(at_s, TOO_BIG) for at_s in range(1, 5)), batch(5, None, "\udcff")]
    assert written(tmp_path, *batches, batch(6)) == [0, 6]
    assert ["surrogates" in record.getMessage() for record in caplog.records] == [False, True]
