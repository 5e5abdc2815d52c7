"""What the history is told, from netswapd's clock to the file: a clock that is set invents nothing.

The recorder, its thread and the database are the real ones; only the clocks are a test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netswap.adapters import counters
from netswap.adapters.counters import Bytes
from netswap.cli import past
from netswap.core.model import LinkSnapshot, Snapshot, State
from netswap.core.settings import LinkSettings, Match, Settings
from netswap.daemon import recorder, writer
from netswap.daemon.recent import Wall
from netswap.daemon.recorder import Recorder
from netswap.daemon.sleep import Sleep
from netswap.daemon.usage import Usage
from netswap.history import store
from netswap.history.facts import What
from netswap.history.minutes import Measured
from netswap.history.outages import Outage, outages
from netswap.history.report import report
from netswap.history.store import Kept, Reader, Store
from netswap.history.timeline import Timeline
from netswap.history.traffic import Counter
from tests.unit.test_history_facts import LINK, WELL

HOUR_S, DAY_S = 3600.0, 86400.0
NOW_S = 1_800_000_000.0


class Computer:
    """A computer with one link and two clocks, on which netswapd runs for a while."""

    def __init__(self, wall_s: float) -> None:
        self.wall_s, self.monotonic_s = wall_s, 50.0
        self._snapshot = WELL
        self._name = "cable"
        self.others: tuple[LinkSnapshot, ...] = ()
        """Links beside the one."""
        self._recorder: Recorder | None = None
        self._usage: Usage | None = None

    def run(self, life: Callable[[], None]) -> None:
        """Have netswapd run, from its start to its end."""

        async def run() -> None:
            self._recorder = self._made()
            self._recorder.start()
            self.link(State.UP)
            life()
            self._recorder.close()

        asyncio.run(run())

    def run_on_disk(self, life: Callable[[], Awaitable[None]]) -> None:
        """Likewise, where what happens on the disk meanwhile counts."""

        async def run() -> None:
            self._recorder = self._made()
            self._recorder.start()
            self.link(State.UP)
            await life()
            self._recorder.close()

        asyncio.run(run())

    async def minutes_go_by(self, count: int) -> None:
        """Let minutes go by, each with time for the disk."""
        assert self._recorder
        for _ in range(count):
            self.wait(60)
            self._recorder.end_minute()
            await asyncio.sleep(0.02)

    def _made(self) -> Recorder:
        wall = Wall(lambda: self.wall_s, lambda: self.monotonic_s)
        self._usage = Usage(Settings, lambda _: None, wall.today)
        return Recorder(self._seen, dict, self._usage, wall)

    def used(self, link: str) -> int:
        """Return how many bytes a link has used in this cycle."""
        assert self._usage
        return self._usage.of(link).used

    def _seen(self) -> Snapshot:
        return replace(self._snapshot, now_s=self.monotonic_s)

    def wait(self, seconds: float) -> None:
        """Let time go by; netswapd looks every 10 s."""
        while seconds > 0:
            step_s = min(seconds, recorder.LOOK_S)
            self.wall_s, self.monotonic_s = self.wall_s + step_s, self.monotonic_s + step_s
            seconds -= step_s
            if step_s == recorder.LOOK_S:
                self.look_around()

    def look_around(self) -> None:
        """Have netswapd measure."""
        assert self._recorder
        self._recorder.measure()

    def link(self, state: State) -> None:
        """Have the link do that from now on."""
        assert self._recorder
        link = replace(
            LINK, name=self._name, state=state, since_s=self.monotonic_s, reason=state.value
        )
        self._snapshot = replace(WELL, links=(link, *self.others), active=link.name)
        self._recorder.look(self._seen())

    def call(self, name: str) -> None:
        """Call the link otherwise in the configuration; it is read again if netswapd runs."""
        self._name = name
        (link, *_) = self._snapshot.links
        self._snapshot = replace(WELL, links=(replace(link, name=name), *self.others), active=name)

    def fail_for(self, seconds: float) -> None:
        """Have the link not answer for a while."""
        self.link(State.DOWN)
        self.wait(seconds)
        self.link(State.UP)

    def sleep(self, seconds: float) -> None:
        """Have the computer sleep, and netswapd notice it by itself."""
        assert self._recorder
        self.wall_s += seconds
        self._recorder.slept()

    @property
    def reader(self) -> Reader:
        """What netswapctl reads."""
        return Reader(recorder.path())

    def line(self, since_s: float) -> Timeline:
        """Return what netswapctl makes of the last so many seconds."""
        with self.reader as reader:
            return past.line(reader, since_s, self.wall_s)

    def outages(self, since_s: float) -> list[Outage]:
        """Return what `netswapctl history` lists."""
        return outages(self.line(since_s))

    def minutes(self) -> list[Measured]:
        """Return what was measured of the link."""
        with self.reader as reader:
            return reader.measured("cable", 0, self.wall_s)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


@pytest.mark.parametrize("set_s", [5 * HOUR_S, -5 * HOUR_S, 3.0, -3.0])
def test_a_clock_that_is_set_during_an_outage_makes_it_no_longer(set_s: float) -> None:
    computer = Computer(NOW_S)

    def life() -> None:
        computer.wait(60)
        computer.link(State.DOWN)
        computer.wait(5)
        computer.wall_s += set_s
        computer.wait(3)
        computer.link(State.UP)
        computer.wait(60)

    computer.run(life)
    computer.wall_s = NOW_S + DAY_S / 2
    line = computer.line(DAY_S)
    (found,) = outages(line)
    assert (found.start_s, found.end_s, found.over) == (NOW_S + 60, NOW_S + 68, False)
    assert line.watched_s == 128
    assert sum(span.length_s for span in line.links["cable"]) == 128


def test_an_outage_that_goes_on_after_the_clock_was_set_is_told_of_by_both_clocks() -> None:
    computer = Computer(NOW_S)

    def life() -> None:
        computer.wait(60)
        computer.link(State.DOWN)
        computer.wall_s += HOUR_S
        computer.wait(30)
        computer.link(State.UP)

    computer.run(life)
    assert [(found.start_s, found.end_s) for found in computer.outages(DAY_S)] == [
        (NOW_S + 60, NOW_S + 70), (NOW_S + HOUR_S + 70, NOW_S + HOUR_S + 90),
    ]  # fmt: skip


def test_a_clock_that_is_put_right_bit_by_bit_ends_nothing() -> None:
    computer = Computer(NOW_S)

    def life() -> None:
        computer.link(State.DOWN)
        for _ in range(10):
            computer.wait(10)
            computer.wall_s += 0.75
        computer.link(State.UP)
        computer.wait(60)

    computer.run(life)
    (found,) = computer.outages(DAY_S)
    assert (found.length_s, found.over) == (107.5, True)


def test_a_boot_with_a_wrong_clock_hides_no_outage() -> None:
    computer = Computer(NOW_S)

    def well_behaved() -> None:
        for _ in range(5):
            computer.wait(HOUR_S)
            computer.fail_for(20)

    def wrong() -> None:
        computer.wall_s -= 40 * DAY_S
        computer.wait(60)
        computer.wall_s += 40 * DAY_S
        computer.wait(60)
        computer.fail_for(20)

    computer.run(well_behaved)
    computer.wall_s -= 40 * DAY_S
    computer.run(lambda: computer.wait(60))
    computer.wall_s += 40 * DAY_S
    computer.run(wrong)
    line = computer.line(7 * DAY_S)
    assert [found.length_s for found in outages(line)] == [20] * 6
    assert line.watched_s == 5 * (HOUR_S + 20) + 60 + 20


def test_a_sleep_is_no_outage_whoever_notices_it_first() -> None:
    computer = Computer(NOW_S)

    def life() -> None:
        computer.wait(64)
        computer.link(State.DOWN)
        computer.wait(2)
        computer.sleep(HOUR_S)
        computer.link(State.UP)
        computer.wait(4)
        computer.link(State.DOWN)
        computer.wait(2)
        computer.wall_s += HOUR_S
        computer.look_around()
        computer.sleep(0)
        computer.link(State.UP)

    computer.run(life)
    assert [found.length_s for found in computer.outages(DAY_S)] == [2, 2]


@pytest.mark.parametrize(
    ("slept", "told"), [(True, "the computer slept"), (False, "the clock was set")]
)
def test_a_sleep_is_told_from_a_clock_that_is_set_where_nothing_else_has_run_since(
    slept: bool, told: str
) -> None:
    now_s = always_s = NOW_S

    async def run() -> None:
        def seen() -> Snapshot:
            looked.set()
            return WELL

        nonlocal now_s, always_s
        looked = asyncio.Event()
        wall, sleep = Wall(lambda: now_s, lambda: 50.0), Sleep(lambda: 50.0, lambda: always_s)
        usage = Usage(Settings, lambda _: None, wall.today)
        recording = Recorder(
            seen, dict, usage, wall, lambda: recording.slept() if sleep.over() else None
        )
        recording.start()
        recording.look(WELL)
        now_s += HOUR_S
        always_s += HOUR_S if slept else 0.0
        await looked.wait()
        recording.close()

    asyncio.run(run())
    with Reader(recorder.path()) as reader:
        ends = [fact for fact in reader.facts(0) if fact.what is What.END]
    assert [(end.at_s, end.reason) for end in ends] == [
        (NOW_S, told), (NOW_S + HOUR_S, "netswapd was stopped"),
    ]  # fmt: skip


def test_what_a_new_interface_carries_counts_from_when_it_is_a_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is there a moment before it is one, and nobody is asked for 10 s."""
    table = {"eth0": Bytes(2, 0, 0)}
    monkeypatch.setattr(counters, "read", lambda: table)
    phone = replace(LINK, name="phone", ifname="usb0")

    async def run() -> dict[tuple[str, int], tuple[int, int]]:
        wall = Wall(lambda: NOW_S, lambda: 50.0)
        usage = Usage(Settings, lambda _: None, wall.today)
        usage.go_on(Kept({}, {}))
        snapshot = WELL
        recording = Recorder(lambda: snapshot, dict, usage, wall)
        recording.look(snapshot)
        recording.measure()
        table["usb0"] = Bytes(7, 2_000, 100)
        snapshot = replace(WELL, links=(*WELL.links, phone))
        recording.look(snapshot)
        table["usb0"] = Bytes(7, 50_002_000, 1_100)
        recording.measure()
        return usage.take_new()

    carried = {link: both for (link, _), both in asyncio.run(run()).items()}
    assert carried["phone"] == (50_000_000, 1_000)


def test_what_was_measured_before_the_clock_was_set_keeps_its_minute() -> None:
    computer = Computer(NOW_S)

    def life() -> None:
        computer.wait(30)
        computer.wall_s += HOUR_S
        computer.wait(30)

    computer.run(life)
    starts = [minute.start_s for minute in computer.minutes()]
    assert starts == [NOW_S // 60 * 60, (NOW_S + HOUR_S + 40) // 60 * 60]


def test_after_damage_the_new_history_knows_how_everything_stands() -> None:
    computer = Computer(NOW_S)

    async def life() -> None:
        await computer.minutes_go_by(2)
        with contextlib.closing(sqlite3.connect(recorder.path())) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(recorder.path())
        await computer.minutes_go_by(30)

    computer.run_on_disk(life)
    line = computer.line(DAY_S)
    assert line.watched_s > 20 * 60
    assert line.links["cable"][-1].value == "up"
    assert line.active
    assert line.conditions


def damage(path: Path) -> None:
    """Do as a worn SD card does."""
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content[:100] + b"\xff" * (len(content) - 100))


def test_a_disk_that_was_full_for_days_invents_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "HELD", 20)
    computer = Computer(NOW_S)

    async def life() -> None:
        await computer.minutes_go_by(2)
        computer.link(State.DOWN)
        await computer.minutes_go_by(1)
        with contextlib.closing(sqlite3.connect(recorder.path())) as database:
            database.execute("BEGIN IMMEDIATE")  # to whom must wait it is like a full disk
            computer.link(State.UP)
            await computer.minutes_go_by(60)
        await asyncio.sleep(0.5)
        await computer.minutes_go_by(10)

    monkeypatch.setattr(store, "BUSY_S", 0.01)
    computer.run_on_disk(life)
    (found,) = computer.outages(DAY_S)
    assert (found.start_s, found.length_s) == (NOW_S + 120, 60)
    assert computer.line(DAY_S).links["cable"][-1].value == "up"


def test_a_counter_that_cannot_be_costs_the_other_links_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A driver counted backwards from 0, and no database takes that."""
    table = {"eth0": Bytes(2, 10, 0), "usb0": Bytes(5, 2**64 - 4000, 0)}
    monkeypatch.setattr(counters, "read", lambda: table)
    computer = Computer(NOW_S)
    computer.others = (replace(LINK, name="phone", ifname="usb0"),)
    computer.run_on_disk(lambda: computer.minutes_go_by(5))
    assert len(computer.minutes()) >= 5


def test_no_byte_is_lost_where_the_kernel_does_not_tell_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without descriptors nothing can be asked for."""
    told = iter(({"eth0": Bytes(2, 1_000, 0)}, {}, {"eth0": Bytes(2, 9_000, 0)}))
    monkeypatch.setattr(counters, "read", lambda: next(told))
    usage = Usage(Settings, lambda _: None, Wall(lambda: NOW_S).today)
    usage.go_on(Kept({}, {}))
    for _ in range(3):
        usage.count(WELL)
    assert usage.of("cable").used == 8_000


@pytest.mark.parametrize("running", [True, False])
def test_a_link_that_is_called_otherwise_takes_its_past_along(
    monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    """Else its data cap would begin anew, and all that it carried be a backup's."""
    table = {"eth0": Bytes(2, 0, 0)}
    monkeypatch.setattr(counters, "read", lambda: table)
    computer = Computer(NOW_S)

    async def one() -> None:
        await computer.minutes_go_by(2)
        table["eth0"] = Bytes(2, 5_000, 300)
        computer.fail_for(30)
        if running:
            computer.link(State.DOWN)
            computer.wait(10)
            computer.call("fibre")
            computer.wait(10)
            computer.link(State.UP)

    async def other() -> None:
        await computer.minutes_go_by(2)
        table["eth0"] = Bytes(2, 7_000, 300)
        computer.wait(30)

    computer.run_on_disk(one)
    computer.call("fibre")
    computer.run_on_disk(other)
    line = computer.line(DAY_S)
    assert line.links.keys() == {"fibre"}
    assert [found.length_s for found in outages(line)] == [30, 20][: 1 + running]
    with computer.reader as reader:
        measured = {name: reader.measured(name, 0, computer.wall_s) for name in reader.links()}
    told = report(line, measured)
    (link,) = told.links
    assert (told.swaps, told.backup_bytes, link.received, link.sent) == (0, 0, 7_000, 300)
    with Store(recorder.path()) as database:
        kept = database.kept()
    assert kept.counters.keys() == {"fibre"}
    assert [(name, both) for (name, _), both in kept.carried.items()] == [("fibre", (7_000, 300))]


def test_after_a_restart_no_link_takes_the_past_of_another_one_on_its_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counters, "read", lambda: {"wlan0": Bytes(3, 0, 0)})
    wall = Wall(lambda: NOW_S)

    def former(before: dict[str, Counter], carried: dict[str, int], now: LinkSettings) -> object:
        usage = Usage(lambda: Settings(link=(now,)), lambda _: None, wall.today)
        days = {(name, wall.today().toordinal()): (both, 0) for name, both in carried.items()}
        usage.go_on(Kept(before, days))
        return usage.former(replace(WELL, links=(replace(LINK, name=now.name, ifname="wlan0"),)))

    home = {"home": Counter(counters.boot(), 3)}
    wlan = LinkSettings("wlan", Match(interface="wlan0"))
    assert former(home, {"home": 7}, wlan) == {"home": "wlan"}
    assert former(home, {"home": 7}, LinkSettings("phone", Match(connection="Phone"))) == {}
    assert former(home, {"home": 7, "wlan": 1}, wlan) == {}, "it has a past of its own"
    other = {"home": Counter(counters.boot(), 4)}
    assert former(other, {"home": 7}, wlan) == {}, "it was another device"


def test_after_setup_only_the_links_of_the_file_have_a_place() -> None:
    """A dock that netswap had picked is gone: it is not the preferred link of reports."""
    dock, cable = replace(LINK, name="usb0", ifname="usb0"), replace(LINK, name="eth0")
    picked = replace(WELL, picked=True, active="eth0")

    async def run() -> None:
        wall = Wall(lambda: NOW_S, lambda: 50.0)
        recording = Recorder(lambda: WELL, dict, Usage(Settings, lambda _: None, wall.today), wall)
        recording.start()
        for links in ((dock, cable), (cable,)):
            recording.look(replace(picked, links=links))
        recording.look(WELL)
        recording.close()

    asyncio.run(run())
    with Reader(recorder.path()) as reader:
        assert reader.links() == ["cable", "usb0"]


def test_a_link_that_is_renamed_while_the_database_is_locked_keeps_what_it_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {"eth0": Bytes(2, 0, 0)}
    monkeypatch.setattr(counters, "read", lambda: table)
    monkeypatch.setattr(store, "BUSY_S", 0.01)
    computer = Computer(NOW_S)

    async def one() -> None:
        await computer.minutes_go_by(2)
        table["eth0"] = Bytes(2, 5_000, 300)
        await computer.minutes_go_by(2)

    async def other() -> None:
        await computer.minutes_go_by(2)
        computer.call("fibre")
        computer.link(State.UP)
        await computer.minutes_go_by(2)
        full.execute("ROLLBACK")
        for _ in range(50):
            await computer.minutes_go_by(1)
        assert computer.used("fibre") == 5_300

    computer.run_on_disk(one)
    with contextlib.closing(sqlite3.connect(recorder.path())) as full:
        full.execute("BEGIN IMMEDIATE")  # to whom must wait it is like a full disk
        computer.run_on_disk(other)
