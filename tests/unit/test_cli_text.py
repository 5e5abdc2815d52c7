"""Tables that fit a terminal, and nothing on it that it might obey."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.cli import text
from netswap.cli.text import Cell


def test_control_characters_are_made_harmless() -> None:
    hostile = "Free\x1b]0;WiFi\x07\n\u202egnp\x9b31m\x7f"
    assert text.printable(hostile) == "Free�]0;WiFi���gnp�31m�"


def test_odd_but_harmless_text_stays() -> None:
    assert text.printable("Kaffee\xa0Müller ☕ 珈琲") == "Kaffee Müller ☕ 珈琲"


def test_everything_inside_is_cleaned() -> None:
    said = {"a\x07": [("b\x07", 1, True), {"c": "\x1b"}]}
    assert text.printable(said) == {"a�": [["b�", 1, True], {"c": "�"}]}


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(said: str) -> None:
    assert text.printable(said).isprintable()


TEXTS = st.text(max_size=40)
ROWS = st.integers(1, 9).flatmap(lambda n: st.lists(st.tuples(*[TEXTS] * n), min_size=1))


@given(ROWS, st.integers(1, 90))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    lines = text.table([[Cell(text.printable(cell)) for cell in row] for row in rows], width=width)
    assert len(lines) == len(rows)
    assert all(text.columns(line) <= width for line in lines)


def test_the_first_column_gives_way_last_and_the_last_ones_are_left_out() -> None:
    rows = [[Cell("long name"), Cell("METRIC"), Cell("guarded"), Cell("SINCE")]]
    assert text.table(rows, width=33) == ["long name  METRIC  guarded  SINCE"]
    assert text.table(rows, width=31) == ["long name  METRIC  guar…  SINCE"]
    assert text.table(rows, width=30) == ["long name  METR…  guar…  SINCE"]
    assert text.table(rows, width=27) == ["long name  MET…  gua…  SIN…"]
    assert text.table(rows, width=26) == ["long na…  MET…  gua…  SIN…"]
    assert text.table(rows, width=25) == ["long name  METRIC  guard…"]
    assert text.table(rows, width=20) == ["long na…  MET…  gua…"]
    assert text.table(rows, width=12) == ["long name"]
    assert text.table(rows, width=5) == ["long…"]


def test_wide_characters_take_two_columns() -> None:
    rows = [[Cell("珈琲"), Cell("x")], [Cell("café"), Cell("x")]]
    assert text.table(rows) == ["珈琲  x", "café  x"]
    assert text.clip("珈琲店", 5) == "珈琲…"
    assert text.clip("珈琲店", 4) == "珈…"


def test_a_line_does_not_end_with_spaces() -> None:
    rows = [[Cell("a", "red"), Cell("")], [Cell("bbb"), Cell("c")]]
    assert text.table(rows, text.painted) == ["\x1b[31ma\x1b[0m", "bbb  c"]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal_and_only_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert text.paint_for(Screen())("x", "red") == "\x1b[31mx\x1b[0m"
    assert text.paint_for(io.StringIO())("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "")
    assert text.paint_for(Screen())("x", "red") != "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert text.paint_for(Screen())("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert text.paint_for(Screen())("x", "red") == "x"


def test_a_chart_is_drawn_with_what_the_encoding_has() -> None:
    for encoding, shown in (("utf-8", "▁█▒"), ("latin-1", ".#x"), ("cp437", ".#x")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        assert text.drawn_for(["▁█▒"], stream) == [shown]
    for anything in (None, io.StringIO()):
        assert text.drawn_for(["▁█▒"], anything) == ["▁█▒"]


def test_a_stream_that_is_closed_is_no_terminal() -> None:
    assert not text.is_terminal(None)
    assert text.paint_for(None)("x", "red") == "x"
    assert text.width_of(None) is None
