"""What netswap is about to connect, on file."""

from __future__ import annotations

from pathlib import Path

from netswap.adapters.nm.intentions import Intentions


def test_it_outlives_who_wrote_it(tmp_path: Path) -> None:
    folder = tmp_path / "netswap"
    Intentions(folder).add("a")
    Intentions(folder).add("b")
    Intentions(folder).discard("a")
    Intentions(folder).discard("c")
    assert Intentions(folder).read() == {"b"}
    Intentions(folder).clear()
    assert Intentions(folder).read() == frozenset()


def test_a_folder_that_cannot_be_had_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    intentions = Intentions(tmp_path / "file")
    intentions.add("a")
    assert intentions.read() == frozenset()


def test_what_is_not_text_is_as_good_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "dialling").write_bytes(b"\xff\x00")
    assert Intentions(tmp_path).read() == frozenset()


def test_without_a_folder_nothing_is_remembered() -> None:
    intentions = Intentions(None)
    intentions.add("a")
    assert intentions.read() == frozenset()
