"""Long runs have a sandbox each, as contract tests do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import sandbox
from tests.lab.sandboxed import Sandboxed

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On the host, put the sandboxed run in place of each test."""
    if not sandbox.is_inside():
        items[:] = [
            Sandboxed.of(item) if item.path.is_relative_to(HERE) else item for item in items
        ]
