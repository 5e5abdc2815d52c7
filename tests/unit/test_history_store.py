"""The database of the history: what is written is there, whatever happens to who writes it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.history import store
from netswap.history.facts import Fact, Standing, What
from netswap.history.minutes import Measured, merged
from netswap.history.store import (
    FORGET_EVERY,
    Batch,
    BrokenError,
    Reader,
    Store,
    StoreError,
    UnfitError,
)
from netswap.history.timeline import timeline
from netswap.history.traffic import Counter
from tests.lab.commands import wait_until
from tests.unit.test_history_minutes import rows
from tests.unit.worlds import FIXED

DAY_S = 86400
BEGIN = Fact(1000.0, What.BEGIN, reason="netswapd started")
DOWN = Fact(1030.5, What.LINK, "cable", "down", "4 probes lost")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


def minute(start_s: int, link: str = "cable", received: int = 7) -> Measured:
    return Measured(link, start_s, Standing.UP, 60, 1, 0.01, 0.02, 0.03, received, 5)


def write(path: Path, *batches: Batch) -> None:
    with Store(path) as writer:
        for batch in batches:
            writer.write([batch])


def test_what_was_written_is_read(path: Path) -> None:
    written = [minute(960), minute(1020)]
    write(path, Batch(1080.0, [BEGIN, DOWN], written, ("cable", "phone")))
    with Reader(path) as reader:
        assert reader.facts(0) == [BEGIN, DOWN]
        assert reader.measured("cable", 0, 2000) == written
        assert reader.measured("phone", 0, 2000) == []
        assert (reader.links(), reader.alive_s()) == (["cable", "phone"], 1080.0)


def test_facts_of_before_tell_how_things_stood(path: Path) -> None:
    end, again = Fact(2000.0, What.END), Fact(3000.0, What.BEGIN)
    late = Fact(9000.0, What.LINK, "cable", "up")
    write(path, Batch(9000.0, [BEGIN, DOWN, end, again, late]))
    with Reader(path) as reader:
        assert reader.facts(9500) == [again, late]
        assert reader.facts(2500) == [BEGIN, DOWN, end, again, late]


FACTS = st.builds(
    Fact,
    st.integers(0, 100).map(float),
    st.sampled_from(What),
    st.just("cable"),
    st.sampled_from(["up", "down"]),
)
"""Those of a clock that is set all the time."""


@FIXED
@given(st.lists(FACTS, max_size=30), st.integers(0, 100))
def test_they_tell_as_much_as_all_facts_whatever_the_clock_did(
    facts: list[Fact], start_s: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "h.db", Batch(100.0, facts))
        with Reader(Path(folder) / "h.db") as reader:
            since, whole = reader.facts(start_s), reader.facts(-1)
    assert whole == facts
    one, other = (timeline(found, start_s, 100, 100) for found in (since, whole))
    assert (one.watched, one.active, one.conditions) == (
        other.watched, other.active, other.conditions,
    )  # fmt: skip
    assert one.links.get("cable", ()) == other.links.get("cable", ())


def test_a_minute_in_two_parts_is_one(path: Path) -> None:
    """After a restart, or where the clock was set back."""
    write(path, Batch(1020.0, measured=[minute(960)]), Batch(1020.0, measured=[minute(960)]))
    with Reader(path) as reader:
        assert reader.measured("cable", 0, 2000) == [merged([minute(960)] * 2, 960)]


@FIXED
@given(rows())
def test_an_hour_is_its_minutes(found: list[Measured]) -> None:
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    place = folder / f"netswap-test-{os.getpid()}"
    try:
        write(place / "h.db", *(Batch(row.start_s + 60, measured=[row]) for row in found))
        db = sqlite3.connect(place / "h.db")
        for start, received, lost in db.execute("SELECT start, received, lost FROM hours"):
            own = [row for row in found if row.start_s // 3600 * 3600 == start]
            assert received == sum(row.received for row in own)
            assert lost == sum(row.lost for row in own)
        db.close()
    finally:
        for file in place.iterdir():
            file.unlink()
        place.rmdir()


def test_a_minute_late_in_its_hour_takes_no_more_memory_than_an_early_one(path: Path) -> None:
    """Where the highest mark falls into a swap, the memory of netswapd grows for good."""
    peaks = []
    with Store(path) as writer:
        for number in range(60):
            tracemalloc.start()
            writer.write([Batch(1.0, measured=[minute(DAY_S + 60 * number)])])
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks[-5:]) < max(peaks[5:10]) + 4096


def test_minutes_are_kept_for_14_days_hours_for_two_years_and_facts_for_ever(path: Path) -> None:
    now_s = 3 * 366 * DAY_S
    ages_s = [1000 * DAY_S, 700 * DAY_S, 15 * DAY_S, 13 * DAY_S, 0]
    write(path, Batch(1000.0, [BEGIN]))
    for age_s in ages_s:
        at_s = (now_s - age_s) // 3600 * 3600
        write(path, Batch(at_s, measured=[minute(at_s)]))
    write(path, *[Batch(now_s)] * FORGET_EVERY)
    with Reader(path) as reader:
        assert reader.facts(0)[0] == BEGIN
        assert len(reader.measured("cable", 0, now_s)) == 4
        assert len(reader.measured("cable", now_s - 14 * DAY_S + 3600, now_s)) == 2
        assert reader.measured("cable", now_s - 14 * DAY_S + 3600, now_s)[0].probes == 60


def test_a_clock_that_is_ahead_until_it_is_set_forgets_nothing(path: Path) -> None:
    write(path, Batch(1020.0, measured=[minute(960)]), Batch(1e9), Batch(1080.0))
    with Reader(path) as reader:
        assert reader.measured("cable", 0, 2000) == [minute(960)]


def test_a_clock_that_is_ahead_forgets_nothing_however_much_happens(path: Path) -> None:
    write(path, Batch(1020.0, measured=[minute(960)]))
    ahead_s = 3.0 * 366 * DAY_S
    flaps = [Fact(ahead_s + n, What.LINK, "cable", "up") for n in range(FORGET_EVERY)]
    write(path, *(Batch(flap.at_s, [flap]) for flap in flaps), Batch(1080.0))
    with Reader(path) as reader:
        assert reader.measured("cable", 0, 2000) == [minute(960)]


def test_a_link_that_was_last_there_weeks_ago_has_its_hours(path: Path) -> None:
    now_s = 800 * DAY_S
    write(path, Batch(now_s, measured=[minute(now_s - 20 * DAY_S, "phone")]))
    write(path, *[Batch(now_s, measured=[minute(now_s - 60)])] * FORGET_EVERY)
    with Reader(path) as reader:
        (hour,) = reader.measured("phone", now_s - 30 * DAY_S, now_s)
    assert hour.received == 7


def test_a_link_that_is_none_any_more_has_no_place_unless_links_are_picked(path: Path) -> None:
    write(path, Batch(1.0, links=("cable", "phone")), Batch(2.0, links=("fibre", "phone")))
    with Reader(path) as reader:
        assert reader.links() == ["fibre", "phone", "cable"]
    write(path, Batch(3.0, links=("phone",), picked=True))  # undocked
    with Reader(path) as reader:
        assert reader.links()[:2] == ["phone", "fibre"]


def test_counters_and_days_are_gone_on_with(path: Path) -> None:
    counter = Counter("a", 3, 500, 20, attached=False)
    first = Batch(1.0, counters={"phone": counter}, carried={("phone", 738000): (100, 5)})
    write(path, first, Batch(2.0, carried={("phone", 738000): (50, 1)}))
    with Store(path) as writer:
        kept = writer.kept()
    assert kept.counters == {"phone": counter}
    assert kept.carried == {("phone", 738000): (150, 6)}


def test_a_batch_that_fails_leaves_nothing_behind(path: Path) -> None:
    wrong = Batch(2000.0, [DOWN], carried={("new", 738000): (1, object())})  # type: ignore[dict-item]
    with Store(path) as writer:
        writer.write([Batch(1000.0, [BEGIN])])
        with pytest.raises(StoreError):
            writer.write([Batch(1500.0, [DOWN]), wrong])
        writer.write([Batch(1600.0, [DOWN])])
    with Reader(path) as reader:
        assert reader.facts(0) == [BEGIN, DOWN]


@pytest.mark.parametrize(
    "unfit",
    [
        Batch(2000.0, counters={"cable": Counter("boot", 2, 2**63, 0)}),
        Batch(2000.0, measured=[minute(960, received=2**64)]),
        Batch(2000.0, measured=[replace(minute(960), rtt_max_s=float("inf"))]),
        Batch(2000.0, [replace(DOWN, at_s=float("nan"))]),
        Batch(2000.0, [replace(DOWN, reason="\udcff")]),
    ],
    ids=["counter", "bytes", "infinite", "no number", "no text"],
)
def test_what_can_never_be_written_is_told_from_what_cannot_be_now(
    path: Path, unfit: Batch
) -> None:
    with Store(path) as writer:
        with pytest.raises(UnfitError):
            writer.write([Batch(1500.0, [DOWN]), unfit])
        writer.write([Batch(1600.0, [BEGIN])])
    with Reader(path) as reader:
        assert reader.facts(0) == [BEGIN]


def test_what_a_newer_netswap_may_have_noted_is_an_error_and_no_surprise(path: Path) -> None:
    write(path, Batch(2000.0, [BEGIN], [minute(960)]))
    db = sqlite3.connect(path)
    db.execute("UPDATE facts SET what = 'dance'")
    db.execute("UPDATE minutes SET standing = 'upside down'")
    db.commit()
    db.close()
    with Reader(path) as reader:
        with pytest.raises(StoreError, match="dance"):
            reader.facts(0)
        with pytest.raises(StoreError, match="upside down"):
            reader.measured("cable", 0, 2000)


@pytest.mark.parametrize(
    "damage", ["SET state = 'sideways' WHERE what = 'link'", "SET at = 'sideways'"]
)
def test_a_fact_that_makes_no_sense_is_an_error_and_no_surprise(path: Path, damage: str) -> None:
    write(path, Batch(2000.0, [BEGIN, Fact(990.0, What.LINK, "cable", "up", "it replies")]))
    db = sqlite3.connect(path)
    db.execute(f"UPDATE facts {damage}")
    db.commit()
    db.close()
    with Reader(path) as reader, pytest.raises(StoreError, match="sideways"):
        reader.facts(0)


@pytest.mark.parametrize("version", range(len(store.MIGRATIONS)))
def test_an_old_database_is_brought_up_to_date_with_all_that_is_in_it(
    path: Path, version: int
) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    store.migrate(old.execute, store.MIGRATIONS[:version])
    if version:
        old.execute("INSERT INTO links VALUES (1, 'cable', 0)")
        old.execute("INSERT INTO facts VALUES (1, 1030.5, 'link', 1, 'down', '4 probes lost')")
    old.commit()
    old.close()
    write(path, Batch(2000.0, [BEGIN]))
    with Reader(path) as reader:
        assert reader.facts(0) == [*([DOWN] if version else []), BEGIN]


def test_every_version_leads_to_the_same_schema(path: Path) -> None:
    schemas = set()
    for version in range(len(store.MIGRATIONS) + 1):
        db = sqlite3.connect(":memory:")
        store.migrate(db.execute, store.MIGRATIONS[:version])
        store.migrate(db.execute)
        schemas.add(tuple(db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name")))
        db.close()
    assert len(schemas) == 1


def test_what_a_newer_netswap_wrote_is_left_alone(path: Path) -> None:
    write(path, Batch(1000.0, [BEGIN]))
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer netswap"):
        Store(path)
    with pytest.raises(StoreError, match="another version"):
        Reader(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 9000]
)
def test_a_broken_file_is_told_from_one_that_cannot_be_had(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BrokenError):
        Store(path)
    with pytest.raises(BrokenError):
        Reader(path)


def test_there_is_nothing_to_read(path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        Reader(path)


LOCKED = """
import sys
from pathlib import Path
from netswap.history.store import Reader, StoreError
try:
    Reader(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without any capability is kept out by permissions like everybody."""


def test_a_folder_that_may_not_be_entered_is_an_error_and_no_surprise(path: Path) -> None:
    write(path, Batch(2000.0, [BEGIN]))
    path.parent.chmod(0)
    command = [*POWERLESS, sys.executable, "-c", LOCKED, path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    path.parent.chmod(0o755)
    assert done.stderr == ""
    assert str(path) in done.stdout


def test_everybody_may_read_it_whatever_the_umask(path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Store(path) as writer:
            writer.write([Batch(1000.0, [BEGIN])])
            modes = {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
            names = {file.name for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert names == {"history.db", "history.db-wal", "history.db-shm"}
    assert modes == {0o644}


ENDLESS = """
import sys
from pathlib import Path
from netswap.history.store import Batch, Store
from tests.unit.test_history_store import DOWN, minute
with Store(Path(sys.argv[1])) as writer:
    for number in range(10**9):
        at_s = 60 * number
        writer.write([Batch(at_s, [DOWN], [minute(at_s), minute(at_s, "phone")])])
"""


@pytest.mark.parametrize("bytes_written", [50_000, 300_000, 700_000])
def test_a_kill_in_the_midst_costs_nothing_that_was_committed(
    path: Path, bytes_written: int
) -> None:
    """In each transaction there is one fact and one minute of each link: all three, or none."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, path], cwd=root)
    try:
        wait_until(lambda: _written(path) > bytes_written, 60, "it writes")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Reader(path) as reader:
        facts, alive_s = reader.facts(0), reader.alive_s()
        kept: list[Sequence[Measured]] = [
            reader.measured(link, 0, alive_s) for link in ("cable", "phone")
        ]
    assert len(facts) == len(kept[0]) == len(kept[1]) == alive_s / 60 + 1
    with Store(path) as writer:
        writer.write([Batch(alive_s, [BEGIN])])
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def _written(path: Path) -> int:
    files = (path, path.with_name("history.db-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


FULL = """
import resource, signal, sys
from pathlib import Path
from netswap.history.facts import Fact, What
from netswap.history.store import Batch, Reader, Store, StoreError, UnfitError

path = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
batch = [Batch(1.0, [Fact(1.0, What.LINK, "cable", "up", "it replies")], links=("cable", "phone"))]
with Store(path) as store:
    size = max(file.stat().st_size for file in path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    try:
        store.write(batch)
        sys.exit("there was room")
    except StoreError:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.write(batch)
with Reader(path) as reader:
    print([fact.link for fact in reader.facts(0) if fact.what is What.LINK])
"""
"""The disk is full when it comes to the commit."""


def test_what_a_full_disk_undid_is_written_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path / "history.db"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("['cable']\n", "")


def test_a_link_that_is_called_as_another_one_was_is_one_with_it(path: Path) -> None:
    """Its own minute stays where both were measured in one."""
    before = Batch(
        1080.0, [BEGIN, DOWN], [minute(960), minute(1020)], carried={("cable", 7): (3, 4)}
    )
    own = [minute(1020, "eth0", received=9)]
    after = Batch(1090.0, [replace(DOWN, link="eth0")], own, carried={("eth0", 7): (20, 10)})
    write(path, before, after, Batch(1100.0, renamed={"eth0": "cable"}))
    with Reader(path) as reader:
        assert reader.links() == ["cable"]
        assert [fact.link for fact in reader.facts(0)] == ["", "cable", "cable"]
        assert [row.received for row in reader.measured("cable", 0, 2000)] == [7, 9]
    with Store(path) as kept:
        assert kept.kept().carried == {("cable", 7): (23, 14)}
