"""`netswapctl watch` on a terminal, as it is seen: pyte is the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pyte
import pytest

from netswap.adapters.bus import CallError
from netswap.cli.keys import PAUSE_S
from netswap.cli.screen import LOST
from netswap.service import api
from tests.lab.commands import wait_until
from tests.service.ctl import OnTerminal
from tests.service.fake import FakeNetswapd

COLUMNS, LINES = 80, 24


class Seen:
    """A terminal with `watch` on it."""

    def __init__(self, program: OnTerminal) -> None:
        self.program = program
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self._screen)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen now."""
        self._stream.feed(self.program.news())
        return [line.rstrip() for line in self._screen.display]

    def wait_for(self, text: str) -> None:
        """Wait until a text is on the screen."""
        wait_until(lambda: text in "\n".join(self.lines), 5, f"{text!r} is on the screen")

    def row(self, start: str) -> str:
        """Return the line that starts so."""
        return next(line for line in self.lines if line.strip().startswith(start))


@pytest.fixture
def seen(netswapd: FakeNetswapd) -> Iterator[Seen]:
    with OnTerminal("watch") as program:
        watching = Seen(program)
        watching.wait_for("q quit")
        yield watching
        program.type("q")
        assert program.end() == 0


def test_all_of_it_fits_a_small_terminal(netswapd: FakeNetswapd, seen: Seen) -> None:
    assert len(seen.lines) == LINES
    assert seen.lines[0].startswith("cable is active since ")
    assert seen.row("1 * cable").split()[3] == "up"
    assert "guarded" in seen.row("2 phone")
    seen.wait_for("Link cable (eth0) is up: it replies")
    assert seen.lines[-1].startswith("u use  a auto  p pause 30 min  r resume  q quit ")


def test_round_trips_and_losses_are_drawn(netswapd: FakeNetswapd, seen: Seen) -> None:
    cable = netswapd.table.the_links[0]
    cable["LastReply"] += 1.0
    seen.wait_for("▅")
    cable["ProbesLost"] += 1
    seen.wait_for(LOST)


def test_a_recovery_is_counted(netswapd: FakeNetswapd, seen: Seen) -> None:
    netswapd.table.the_links[0] |= {"Health": "down", "RepliesInRow": 2}
    netswapd.change(State="backup")
    seen.wait_for("cable: 2 of 4 replies until it is up")


def test_it_is_left_at_once_though_nobody_answers(netswapd: FakeNetswapd) -> None:
    with OnTerminal("watch") as program:
        watching = Seen(program)
        watching.wait_for("q quit")
        over = netswapd.hang(5)
        time.sleep(1.5)  # it asks once a second
        program.type("q")
        assert program.end() == 0
        assert not over.is_set()
    assert over.wait(10)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ("u2", ("use", "phone", 0.0, False)),
        ("a", ("auto",)),
        ("p", ("pause", PAUSE_S)),
        ("r", ("resume",)),
    ],
)
def test_keys_steer(
    netswapd: FakeNetswapd, seen: Seen, keys: str, asked: tuple[object, ...]
) -> None:
    seen.program.type(keys)
    wait_until(lambda: netswapd.table.asked, 5, "the service was asked")
    assert netswapd.table.asked == [asked]


@pytest.mark.parametrize(
    "sequence", ["\x1b[A", "\x1bOA", "\x1bOP", "\x1bOR", "\x1b[1;5R", "\x1bp", "\x1b[[A",
                 "\x1b\x1b[A", "\x1bO2P", "\x1bOA" * 40],
    ids=["up", "up too", "F1", "F3", "Ctrl-F3", "Alt-P", "F1 of the console", "Alt-up",
         "Shift-F1", "wheel"],
)  # fmt: skip
def test_a_key_without_a_letter_is_no_order(
    netswapd: FakeNetswapd, seen: Seen, sequence: str
) -> None:
    seen.program.type(sequence)
    time.sleep(0.3)
    assert netswapd.table.asked == []
    seen.program.type("a")
    wait_until(lambda: netswapd.table.asked, 5, "the service was asked")
    assert netswapd.table.asked == [("auto",)]


def test_use_asks_which_and_any_other_key_is_none(netswapd: FakeNetswapd, seen: Seen) -> None:
    seen.program.type("u")
    seen.wait_for("use which? 1 cable  2 phone")
    seen.program.type("a")
    seen.wait_for("q quit")
    seen.program.type("u2")
    seen.wait_for("phone is active")
    assert netswapd.table.asked == [("use", "phone", 0.0, False)]


def test_what_is_refused_is_told(netswapd: FakeNetswapd, seen: Seen) -> None:
    netswapd.table.error = CallError(api.NOT_ALLOWED, "not allowed: it takes a local session")
    seen.program.type("p")
    seen.wait_for("not allowed: it takes a local session")
    netswapd.table.error = None
    seen.program.type("a")
    seen.wait_for("q quit")


def test_where_there_are_no_blocks_round_trips_are_drawn_all_the_same(
    netswapd: FakeNetswapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with OnTerminal("watch") as program:
        seen = Seen(program)
        seen.wait_for("q quit")
        netswapd.table.the_links[0]["LastReply"] += 1.0
        seen.wait_for(" +")
        netswapd.table.the_links[0]["ProbesLost"] += 1
        seen.wait_for("X")
        program.type("q")
        assert program.end() == 0


def test_a_terminal_that_cannot_be_drawn_on_gets_lines(netswapd: FakeNetswapd) -> None:
    with OnTerminal("watch", term="dumb") as program:
        program.wait_for("cable is active since ")
        assert "\x1b[" not in program.out
