"""A system bus of one's own, and on it the service answering from a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.fake import FakeNetswapd, PrivateBus


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    """Return a bus that is the system bus of this test and of what it runs."""
    with PrivateBus(tmp_path) as running:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", running.address)
        yield running


@pytest.fixture
def netswapd(bus: PrivateBus) -> Iterator[FakeNetswapd]:
    """Return a service on that bus."""
    with FakeNetswapd() as running:
        yield running
