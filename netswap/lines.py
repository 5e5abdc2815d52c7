"""Where a setting stands in a TOML file; the parser does not tell."""

from __future__ import annotations

import contextlib
import tomllib
from typing import Any

LONG, TRIES = 1000, 100
"""In a file of more lines, or after so many tries, the line of a mistake is not looked for any
longer: netswapd may be waiting for it."""


def line_of(text: str, path: list[str | int]) -> int | None:
    """Return the line on which a setting begins, or if it is not in the file what it belongs to.

    That is the line after the longest beginning of the file that is TOML without it.
    """
    lines = text.split("\n")
    if len(lines) > LONG:
        return None
    while path and not _has(tomllib.loads(text), path):
        path = path[:-1]
    without, within, tried = 0, len(lines), 0
    while beginnings := range(without + 1, within):
        middle = (without + within) / 2
        for count in sorted(beginnings, key=lambda count: abs(count - middle)):
            tried += 1
            if tried > TRIES:
                return None
            with contextlib.suppress(ValueError, RecursionError):
                if _has(tomllib.loads("\n".join(lines[:count])), path):
                    within = count
                else:
                    without = count
                break
        else:
            break
    return without + 1 if path else None


def _has(raw: Any, path: list[str | int]) -> bool:
    """Whether parsed TOML has such a setting."""
    try:
        for step in path:
            raw = raw[step]
    except (LookupError, TypeError):
        return False
    return True
