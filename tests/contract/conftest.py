"""Contract tests run in a sandbox: each in network and mount namespaces of its own.

Started from outside, a test enters the sandbox in a process of its own and reports from there; its
fixtures are never set up outside. Where no sandbox can be made it fails and says why.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab import sandbox

UNNEEDED = ("cacheprovider", "xdist", "hypothesispytest")
"""Plugins left out inside: importing hypothesis alone takes longer than most tests."""

INSIDE = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short"]
INSIDE += [f"-pno:{plugin}" for plugin in UNNEEDED]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if sandbox.is_inside():
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    call = pytest.CallInfo.from_call(lambda: run_inside(item), when="call")
    report = pytest.TestReport.from_item_and_call(item, call)
    item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def run_inside(item: pytest.Item) -> None:
    try:
        line = sandbox.command([*INSIDE, item.nodeid])
    except sandbox.NoLabError as error:
        pytest.fail(str(error), pytrace=False)
    done = subprocess.run(
        line,
        env=sandbox.environment(),
        cwd=item.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"in the sandbox:\n{done.stdout}{done.stderr}", pytrace=False)
