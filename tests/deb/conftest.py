"""These tests install netswap and use the system bus: they run in a container of their own only.

`make test-deb` makes it (scripts/test-deb.sh) and sets the mark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.deb.laptop import Laptop, on_disk

MARK = "NETSWAP_DEB_INSIDE"

collect_ignore_glob = [] if MARK in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def laptop() -> Iterator[Laptop]:
    """Return the laptop, online over both links."""
    laptop = Laptop()
    laptop.start()
    yield laptop
    print(laptop.journal())
    laptop.stop()


@pytest.fixture(scope="module")
def before(laptop: Laptop) -> dict[str, str]:
    """Return what was on the disk before anything was installed."""
    return on_disk()
