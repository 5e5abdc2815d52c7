"""The database of the history, SQLite: the only file that knows of it.

It is written by netswapd alone and read by everybody. Write-ahead logging: readers never hold the
writer up, and what was committed survives a kill. Without an fsync for each transaction a power
cut may cost the last minutes, and never the file. Bounded: minutes are kept for 14 days, hours for
two years, facts for ever.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from netswap.history.facts import WORSE, Fact, Standing, What
from netswap.history.minutes import HOUR_S, Measured, merged
from netswap.history.traffic import Counter

DEFAULT_PATH = Path("/var/lib/netswap/history.db")
MINUTES_S = 14 * 86400
HOURS_S = 2 * 366 * 86400
FORGET_EVERY = 10
"""Minutes: a clock that is years ahead at boot should be set by then."""
BUSY_S = 5.0
CACHE_KB = 40
"""SQLite would keep up to 2 MB of the file in memory, more of it with each day. As much as one
transaction touches is enough: netswapd only writes."""
PUBLIC = 0o644
"""Who may look at netswap's links may look at their past; so it is on the bus, too."""

MEASURED = """(
    link INTEGER NOT NULL, start INTEGER NOT NULL, standing TEXT NOT NULL,
    probes INTEGER NOT NULL, lost INTEGER NOT NULL,
    rtt_min INTEGER, rtt_median INTEGER, rtt_max INTEGER,
    received INTEGER NOT NULL, sent INTEGER NOT NULL,
    PRIMARY KEY (link, start)
) WITHOUT ROWID"""
"""`start` in seconds since the epoch, round trips in microseconds."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE links (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, place INTEGER)",
        "CREATE TABLE facts (id INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL,"
        " link INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL)",
        "CREATE INDEX facts_begin ON facts (at) WHERE what = 'begin'",
        f"CREATE TABLE minutes {MEASURED}",
        f"CREATE TABLE hours {MEASURED}",
        "CREATE TABLE alive (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL)",
    ),
    (
        "CREATE TABLE days (link INTEGER NOT NULL, day INTEGER NOT NULL,"
        " received INTEGER NOT NULL, sent INTEGER NOT NULL, PRIMARY KEY (link, day)) WITHOUT ROWID",
        "CREATE TABLE counters (link INTEGER PRIMARY KEY, boot TEXT NOT NULL,"
        " number INTEGER NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL,"
        " attached INTEGER NOT NULL)",
    ),
)
"""What makes each version of the schema out of the one before; PRAGMA user_version counts them."""


class _Database:
    """A connection that is closed when a `with` ends."""

    _db: sqlite3.Connection

    def close(self) -> None:
        """Close it; of the writer's own it leaves one file, that anybody can read."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class StoreError(Exception):
    """The database cannot be read or written; says why."""


class BrokenError(StoreError):
    """What is there is no database, or a damaged one."""


class UnfitError(StoreError):
    """A value is none that the database takes, or none that it could have in it."""


UNFIT = (
    ValueError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
)
"""What SQLite, or Python's module for it, says of a value: it says so again at each attempt."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once, in one transaction."""

    alive_s: float
    """Until when netswapd is known to have been there."""
    facts: Sequence[Fact] = ()
    measured: Sequence[Measured] = ()
    """Minutes."""
    links: Sequence[str] = ()
    """The links in order of preference, where it changed."""
    picked: bool = False
    """Whether there may be others, whose device is not there now."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Links that are called otherwise from now on, here too: by the name before, that of now."""
    counters: Mapping[str, Counter] = field(default_factory=dict)
    carried: Mapping[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """Bytes by link and day (`date.toordinal`), beside those that were written before."""

    @property
    def of_a_minute(self) -> bool:
        """Whether it is one of those that come by the minute; facts alone come in bursts."""
        return bool(self.measured) or not self.facts


@dataclass(frozen=True, slots=True)
class Kept:
    """What netswapd wants to know of its past when it starts."""

    counters: Mapping[str, Counter]
    carried: Mapping[tuple[str, int], tuple[int, int]]
    """Bytes by link and day."""


class Store(_Database):
    """The database, for its one writer. Every method may raise StoreError.

    UnfitError is raised where one of the batches can never be written.
    """

    def __init__(self, path: Path) -> None:
        self._ids: dict[str, int] = {}
        self._minutes = 0
        with _explained():
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PUBLIC))
            path.chmod(PUBLIC)  # whatever the umask is; SQLite gives its other files the same
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            with _explained():
                self._open()
        except StoreError:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 100")
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        with self._transaction():
            migrate(self._db.execute)
            self._end_what_was_cut()

    def kept(self) -> Kept:
        """Return what is to be gone on with."""
        with _explained():
            return Kept(_counters(self._db), _carried(self._db))

    def write(self, batches: Sequence[Batch]) -> None:
        """Write all of it, or nothing."""
        with _explained(), self._transaction():
            for batch in batches:
                self._write(batch)
            if any(batch.of_a_minute for batch in batches):
                self._minutes += 1
                if self._minutes % FORGET_EVERY == 0:
                    self._forget(batches[-1].alive_s)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._ids.clear()  # a link may have got its number here
            with contextlib.suppress(sqlite3.Error):  # it may have been rolled back already
                self._db.execute("ROLLBACK")
            raise

    def _end_what_was_cut(self) -> None:
        """Note when netswapd was last alive, where it could not do so itself."""
        last = self._db.execute("SELECT what FROM facts ORDER BY id DESC LIMIT 1").fetchone()
        alive = self._db.execute("SELECT at FROM alive").fetchone()
        if last and alive and last[0] != What.END.value:
            self._fact(Fact(alive[0], What.END, reason="netswapd was killed, or the power went"))

    def _write(self, batch: Batch) -> None:
        for before, after in batch.renamed.items():
            self._rename(before, after)
        for fact in batch.facts:
            self._fact(fact)
        for measured in batch.measured:
            self._minute(measured)
        if batch.links and not batch.picked:
            self._db.execute("UPDATE links SET place = NULL")
        for place, link in enumerate(batch.links):
            self._db.execute("UPDATE links SET place = ? WHERE id = ?", (place, self._id(link)))
        for link, counter in batch.counters.items():
            self._counter(link, counter)
        for (link, day), carried in batch.carried.items():
            self._db.execute(
                "INSERT INTO days VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " received = received + excluded.received, sent = sent + excluded.sent",
                (self._id(link), day, *carried),
            )
        self._db.execute("REPLACE INTO alive VALUES (1, ?)", (batch.alive_s,))

    def _rename(self, before: str, after: str) -> None:
        """Have all that is known of a link be known by another name, and what there is by that.

        Where both were measured in one minute, or hour, what was measured by the name before stays.
        """
        old, new = self._id(before), self._id(after)
        self._db.execute("UPDATE facts SET link = ? WHERE link = ?", (new, old))
        for table in ("minutes", "hours", "counters"):
            self._db.execute(f"UPDATE OR REPLACE {table} SET link = ? WHERE link = ?", (new, old))  # noqa: S608
        self._db.execute(
            "INSERT INTO days SELECT ?, day, received, sent FROM days WHERE link = ? ON CONFLICT"
            " DO UPDATE SET received = received + excluded.received, sent = sent + excluded.sent",
            (new, old),
        )
        self._db.execute("DELETE FROM days WHERE link = ?", (old,))
        self._db.execute("DELETE FROM links WHERE id = ?", (old,))
        del self._ids[before]

    def _fact(self, fact: Fact) -> None:
        link = self._id(fact.link) if fact.link else None
        self._db.execute(
            "INSERT INTO facts (at, what, link, state, reason) VALUES (?, ?, ?, ?, ?)",
            (round(fact.at_s, 3), fact.what.value, link, fact.state, fact.reason),
        )

    def _minute(self, measured: Measured) -> None:
        """Write a minute, or add to it, and write the hour that it is in anew."""
        link, start = self._id(measured.link), measured.start_s
        before = self._rows("minutes", measured, start, start + 1)
        self._put("minutes", link, merged([*before, measured], start))
        self._put("hours", link, self._hour(measured.link, start // HOUR_S * HOUR_S))

    def _hour(self, name: str, start: int) -> Measured:
        """Put the minutes of an hour together, as `merged` does.

        SQLite does so: sixty rows as objects would take 28 kB for a moment, at the end of an hour.
        """
        within = "FROM minutes WHERE link = ? AND start >= ? AND start < ?"
        which = (self._id(name), start, start + HOUR_S)
        sums = "sum(probes), sum(lost), min(rtt_min), max(rtt_max), sum(received), sum(sent)"
        row = self._db.execute(f"SELECT {sums} {within}", which).fetchone()
        probes, lost, low, high, received, sent = row
        medians = self._db.execute(f"SELECT rtt_median {within} AND rtt_median NOT NULL", which)
        middle = [micro for (micro,) in medians]
        standings = self._db.execute(f"SELECT DISTINCT standing {within}", which)
        return Measured(
            name,
            start,
            max((Standing(text) for (text,) in standings), key=WORSE.__getitem__),
            probes,
            lost,
            _seconds(low),
            _seconds(median(middle)) if middle else None,
            _seconds(high),
            received,
            sent,
        )

    def _rows(self, table: str, like: Measured, start: int, end: int) -> list[Measured]:
        return [
            _measured(like.link, row)
            for row in _rows(self._db, table, self._id(like.link), start, end)
        ]

    def _put(self, table: str, link: int, measured: Measured) -> None:
        row = (
            link, measured.start_s, measured.standing.value, measured.probes, measured.lost,
            _micro(measured.rtt_min_s), _micro(measured.rtt_median_s), _micro(measured.rtt_max_s),
            measured.received, measured.sent,
        )  # fmt: skip
        self._db.execute(f"REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608

    def _counter(self, link: str, counter: Counter) -> None:
        row = (counter.boot, counter.index, counter.received, counter.sent, counter.attached)
        self._db.execute("REPLACE INTO counters VALUES (?, ?, ?, ?, ?, ?)", (self._id(link), *row))

    def _forget(self, now_s: float) -> None:
        for table, kept_s in (("minutes", MINUTES_S), ("hours", HOURS_S)):
            self._db.execute(
                f"DELETE FROM {table} WHERE link IN (SELECT id FROM links) AND start < ?",  # noqa: S608
                (int(now_s) - kept_s,),
            )

    def _id(self, link: str) -> int:
        if link not in self._ids:
            self._db.execute("INSERT OR IGNORE INTO links (name) VALUES (?)", (link,))
            found = self._db.execute("SELECT id FROM links WHERE name = ?", (link,)).fetchone()
            self._ids[link] = found[0]
        return self._ids[link]


class Reader(_Database):
    """The database, for everybody; netswapd may be running or not. May raise StoreError.

    Where netswapd has ended, the files that go with write-ahead logging are gone, and only the
    owner of the folder may make them: the file alone is read then, which nobody writes. Where they
    are left over, from a kill, they are read, too (https://sqlite.org/wal.html#read_only_databases).
    """

    def __init__(self, path: Path = DEFAULT_PATH) -> None:
        with _explained():
            if not path.is_file():
                raise StoreError(f"{path}: no such file")
            self._db = _connected(path)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != len(MIGRATIONS):
            self._db.close()
            raise StoreError(f"{path} is of another version of netswap than netswapctl")

    def alive_s(self) -> float:
        """Return when netswapd was last known to be there; 0: never."""
        with _explained():
            found = self._db.execute("SELECT at FROM alive").fetchone()
        return found[0] if found else 0.0

    def links(self) -> list[str]:
        """Return the links, in order of preference, those last that are none any more."""
        order = "SELECT name FROM links ORDER BY place IS NULL, place, id"
        with _explained():
            return [name for (name,) in self._db.execute(order)]

    def facts(self, start_s: float) -> list[Fact]:
        """Return the facts since then, and those before that tell how things stood then.

        That is from the last BEGIN on that nothing newer than `start_s` was written before: one
        that was written later may be older, where the clock was wrong then.
        """
        query = (
            "WITH since AS (SELECT min(id) AS id FROM facts WHERE at > ?)"
            " SELECT at, what, coalesce(name, ''), state, reason FROM facts"
            " LEFT JOIN links ON links.id = link WHERE facts.id >= coalesce((SELECT max(facts.id)"
            " FROM facts, since WHERE what = 'begin' AND (since.id IS NULL OR facts.id < since.id)"
            "), 0) ORDER BY facts.id"
        )
        with _explained():
            rows = self._db.execute(query, (start_s,)).fetchall()
            return [_fact(*row) for row in rows]

    def measured(self, link: str, start_s: float, end_s: float) -> list[Measured]:
        """Return minutes where all of them are still kept, hours otherwise, the oldest first."""
        with _explained():
            found = self._db.execute("SELECT id FROM links WHERE name = ?", (link,)).fetchone()
            number = found[0] if found else 0
            hours, minutes = self._first("hours", number), self._first("minutes", number)
            table = "minutes" if minutes <= max(start_s, hours + HOUR_S) else "hours"
            rows = _rows(self._db, table, number, int(start_s), int(end_s) + 1)
            return [_measured(link, row) for row in rows]

    def _first(self, table: str, link: int) -> float:
        """Return from when on there is something, infinity where there is nothing."""
        query = f"SELECT min(start) FROM {table} WHERE link = ?"  # noqa: S608
        first: int | None = self._db.execute(query, (link,)).fetchone()[0]
        return inf if first is None else first


def migrate(execute: Callable[..., Any], migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the schema up to date, within a transaction. Raises StoreError for a newer one."""
    version = execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StoreError(f"it was written by a newer netswap (schema {version})")
    for statements in migrations[version:]:
        for statement in statements:
            execute(statement)
    if version < len(migrations):
        execute(f"PRAGMA user_version = {len(migrations)}")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Tell of what goes wrong as StoreError."""
    try:
        yield
    except UNFIT as error:
        raise UnfitError(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        damaged = type(error) is sqlite3.DatabaseError  # what is more than that is a class below it
        raise (BrokenError if damaged else StoreError)(str(error)) from error


def _connected(path: Path) -> sqlite3.Connection:
    logged = path.with_name(f"{path.name}-wal").exists()
    for how in ("mode=ro", "mode=ro&immutable=1")[not logged :]:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S)
        try:
            db.execute("SELECT count(*) FROM sqlite_schema")
        except sqlite3.OperationalError as error:
            db.close()
            problem = error
        except sqlite3.DatabaseError as error:
            db.close()
            raise BrokenError(f"{path}: {error}") from error
        else:
            return db
    raise StoreError(f"{path}: {problem}") from problem


def _rows(db: sqlite3.Connection, table: str, link: int, start: int, end: int) -> list[Any]:
    query = f"SELECT * FROM {table} WHERE link = ? AND start >= ? AND start < ? ORDER BY start"  # noqa: S608
    return db.execute(query, (link, start, end)).fetchall()


def _measured(link: str, row: Sequence[Any]) -> Measured:
    _, start, stands, probes, lost, low, middle, high, received, sent = row
    rtts_s = (_seconds(low), _seconds(middle), _seconds(high))
    return Measured(link, start, Standing(stands), probes, lost, *rtts_s, received, sent)


def _fact(at_s: Any, what: str, link: str, state: str, reason: str) -> Fact:
    fact = Fact(float(at_s), What(what), link, state, reason)
    if fact.what is What.LINK and not fact.last:
        Standing(state)  # ValueError: the file is damaged
    return fact


def _counters(db: sqlite3.Connection) -> dict[str, Counter]:
    query = (
        "SELECT name, boot, number, received, sent, attached FROM counters"
        " JOIN links ON links.id = link"
    )
    return {
        name: Counter(boot, number, received, sent, bool(attached))
        for name, boot, number, received, sent, attached in db.execute(query)
    }


def _carried(db: sqlite3.Connection) -> dict[tuple[str, int], tuple[int, int]]:
    query = "SELECT name, day, received, sent FROM days JOIN links ON links.id = link"
    return {(name, day): (received, sent) for name, day, received, sent in db.execute(query)}


def _micro(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


def _seconds(micro: int | None) -> float | None:
    return None if micro is None else micro / 1e6
