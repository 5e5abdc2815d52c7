"""Runs each lab test in a lab of its own.

A test which asks for the `lab` fixture is, on the host, an item that starts the sandbox and runs
the same test inside with a pytest of its own; what that prints is the failure. Inside, the fixture
builds the lab, as told by `@pytest.mark.lab(LabSpec(…))`, and dumps it when the test failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator

import pytest
from _pytest._code.code import TerminalRepr, TracebackStyle

from tests.lab import sandbox
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import NmBus
from tests.lab.spec import LabSpec

GRACE_S = 20
"""How much longer than the test's own timeout the sandbox may last: to start, and to dump."""

FAILED = pytest.StashKey[bool]()
SECOND_TRY = "second try"


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


class FailedInsideError(Exception):
    """A test failed in its sandbox, or there was none; the text is all there is to read."""


class Sandboxed(pytest.Item):
    """A lab test, run in a sandbox."""

    timeout_s: float

    @classmethod
    def of(cls, item: pytest.Item) -> Sandboxed:
        """Return what stands for this item; same id, same markers."""
        assert item.parent is not None
        ours: Sandboxed = cls.from_parent(item.parent, name=item.name)
        marker = item.get_closest_marker("timeout")
        ours.timeout_s = float(marker.args[0] if marker else item.config.getini("timeout"))
        ours.own_markers = [m for m in item.own_markers if m.name != "timeout"]
        ours.add_marker(pytest.mark.timeout(0))  # it is kept inside, for each try
        ours.keywords.update(item.keywords)
        return ours

    def runtest(self) -> None:
        """Run the test inside; fail with all it printed if it fails.

        These machines are noisy: a test that failed gets a second try, in a new lab. The summary
        names it, and what the first try printed is kept in build/second-tries.
        """
        try:
            self._run_inside()
        except FailedInsideError as first:
            kept = sandbox.ROOT / "build/second-tries" / f"{self.name}.txt"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(str(first))
            self.user_properties.append((SECOND_TRY, str(kept.relative_to(sandbox.ROOT))))
            self._run_inside()

    def _run_inside(self) -> None:
        inner = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:xdist"]
        inner += ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        inner += ["--rootdir", str(sandbox.ROOT), self.nodeid]
        line = sandbox.command(inner)
        env = {key: value for key, value in sandbox.environment().items() if "XDIST" not in key}
        try:
            done = subprocess.run(
                line,
                cwd=sandbox.ROOT,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=self.timeout_s + GRACE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            output = expired.output or b""
            text = output.decode(errors="replace") if isinstance(output, bytes) else output
            raise FailedInsideError(f"the sandbox did not end in time\n{text}") from None
        if done.returncode:
            raise FailedInsideError(f"exit status {done.returncode} inside\n{done.stdout}")

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """Return what the sandbox printed, without our own frames."""
        if isinstance(excinfo.value, FailedInsideError | sandbox.NoLabError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """Tell where the test is."""
        return self.path, None, self.nodeid


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
