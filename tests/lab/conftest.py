"""Runs each lab test in a lab of its own.

A test which asks for the `lab` fixture is, on the host, an item that starts the sandbox and runs
the same test inside with a pytest of its own; what that prints is the failure. Inside, the fixture
builds the lab, as told by `@pytest.mark.lab(LabSpec(…))`, and dumps it when the test failed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.lab import sandbox
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import NmBus
from tests.lab.sandboxed import SECOND_TRY, Sandboxed
from tests.lab.spec import LabSpec

FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "lab(spec): the LabSpec of the lab this test runs in")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On the host, put the sandboxed run in place of each lab test."""
    if not sandbox.is_inside():
        items[:] = [
            Sandboxed.of(item) if "lab" in getattr(item, "fixturenames", ()) else item
            for item in items
        ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that took a second try."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    tries = [(r.nodeid, dict(r.user_properties).get(SECOND_TRY)) for r in reports]
    for nodeid, kept in sorted((nodeid, kept) for nodeid, kept in tries if kept):
        terminalreporter.write_line(f"SECOND TRY {nodeid}: the first one is in {kept}", yellow=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure for the fixture's dump."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return a lab that is up: every link has its addresses and default routes."""
    marker = request.node.get_closest_marker("lab")
    with Lab(marker.args[0] if marker else LabSpec()) as running:
        yield running
        if request.node.stash.get(FAILED, False):
            print(running.dump())


@pytest.fixture
def nm(lab: Lab) -> Iterator[NmBus]:
    """Return a connection to the bus of the lab."""
    with NmBus() as bus:
        yield bus


@pytest.fixture
def cable(lab: Lab) -> Link:
    """Return the first link."""
    return lab.link("cable0")


@pytest.fixture
def tether(lab: Lab) -> Link:
    """Return the second link."""
    return lab.link("tether0")
