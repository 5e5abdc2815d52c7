"""The scenarios: what netswap says, decides and does, as a specification to be read.

A difference is shown as a diff. `NETSWAP_REWRITE=1` writes what came of it into the file instead:
read the diff of that before you commit it.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from tests.scenarios import script
from tests.scenarios.player import play

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    given, expected = script.split(path)
    played = play(given)
    if os.environ.get("NETSWAP_REWRITE"):
        path.write_text(f"{given}{script.LINE}{played}")
    elif played != expected:
        before, after = (text.splitlines(keepends=True) for text in (expected, played))
        diff = "".join(difflib.unified_diff(before, after, "expected", "played", n=2))
        pytest.fail(f"{path.name}:\n{diff}", pytrace=False)


def test_there_are_scenarios() -> None:
    assert len(FILES) > 30
