"""Runs a test in a sandbox of its own: an item that stands for it on the host.

Used by the conftests of the lab and the contract tests. Inside, the same test is run by a pytest of
its own; what that prints is the failure.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from _pytest._code.code import TerminalRepr, TracebackStyle

from tests.lab import sandbox

GRACE_S = 20
"""How much longer than the test's own timeout the sandbox may last: to start, and to dump."""

SECOND_TRY = "second try"


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
