"""Configuration files: settings come of them, or one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netswap import config
from netswap.core.settings import Settings
from netswap.errors import ConfigurationError
from tests.unit.worlds import fixed

WORDS = (
    "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "\n", " ", '"', "'", "#", "true", "nan", "inf",
    "-1", "0", "1e999", "9" * 30, "2026-01-01", "\\u0000", "\N{SNOWMAN}", "link", "probe", "match",
    "check", "metric", "name", "targets", "interval_s", "interface", "allow", "method", '"tcp"',
    '"http"', '"http://x/"', '"192.0.2.1:443"', '"8.8.8.8"', '"eth0"', "expect_body", "fall",
)  # fmt: skip
LINES = (
    '[[link]]\nname = "a"\nmatch = { interface = "eth0" }\n',
    '[[check]]\nmethod = "dns"\ntarget = "example.org"\n',
    "[probe]\nfall = 2\n",
    '[probe]\ntargets = ["8.8.8.8"]\n',
)
TEXTS = st.lists(st.sampled_from([*WORDS, *LINES]) | st.text(max_size=5), max_size=30).map("".join)


def outcome(read: Callable[[], Settings]) -> Settings | ConfigurationError:
    """Return the settings, or what was wrong."""
    try:
        return read()
    except ConfigurationError as error:
        return error


def judge(read: Callable[[], Settings]) -> None:
    """Read; what is wrong must be told in one line that a terminal can show."""
    match outcome(read):
        case ConfigurationError() as error:
            assert str(error).isprintable()
            assert error.hint.isprintable()
        case settings:
            listed = config.Configuration(settings).listed()
            assert all(value for _, value, _ in listed)


@fixed()
@given(TEXTS)
def test_whatever_stands_in_it_one_line_tells_what_is_wrong(text: str) -> None:
    judge(lambda: config.parse(text))


KEYS = st.text(max_size=8) | st.sampled_from(["link", "probe", "name", "match", "interval_s"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=8).map(lambda text: f'"{escaped(text)}"')
    | st.sampled_from(["nan", "-inf", "1", "0.5", "true", "[]", "{}", "1979-05-27", "0xffffffffff"])
    | st.integers().map(str),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: f"{{ {', '.join(assigned(table))} }}"
        )
    ),
    max_leaves=6,
)


def escaped(text: str) -> str:
    """Write a text so that TOML takes it."""
    return "".join(f"\\U{ord(c):08x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in text)


def assigned(table: dict[str, str]) -> list[str]:
    return [f'"{escaped(key)}" = {value}' for key, value in table.items()]


@fixed()
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_whatever_valid_toml_says_one_line_tells_what_is_wrong(table: dict[str, str]) -> None:
    judge(lambda: config.parse("\n".join(assigned(table))))


@fixed()
@given(st.binary(max_size=200))
def test_whatever_bytes_a_file_has_it_is_read_or_refused(raw: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "netswap.toml"
        path.write_bytes(raw)
        judge(lambda: config.load(path).settings)
