"""What the demo prints: a headline for each event, what happens as it happens, a table."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.lab.demo_steps import Outcome
from tests.lab.kernel import DefaultRoute
from tests.lab.lab import Lab
from tests.lab.witness import RouteWatch

WIDTH = 80
LOG_LINE = re.compile(r"\S+ \S+ (?P<level>[A-Z]+) +(?P<text>.*)")
"""Time stamp, level, text: what netswapd logs when it is not under the journal."""
STYLES = {"WARNING": "yellow", "ERROR": "red", "DEBUG": "dim"}
LEGEND = """\
offline, failed: how long new connections failed, and how many of them.
ended: connections over the link that was left, and how soon they were told.
leaked: over the standby, but for what keeps it alive and netswapd's own probes.
> marks the default route in use.\
"""
GUTTER = 19
"""Columns before the text of a line: the time, and who says it."""


class Show:
    """Prints, and while it waits shows what netswapd logs and which way the kernel routes."""

    def __init__(self, lab: Lab, routes: RouteWatch) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._width = min(self.console.width, WIDTH)
        self._lab, self._routes = lab, routes
        self._start = time.monotonic()
        self._logged = 0
        self._changed = 1  # the first entry is how it was at the start

    def say(self, text: str, style: str = "") -> None:
        """Print a paragraph."""
        self.console.print(Text(textwrap.fill(text, self._width), style))

    def headline(self, text: str) -> None:
        """Print what happens now."""
        self.console.print()
        lines = textwrap.wrap(text, self._width - 2)
        self.console.print(Text("\n  ".join(["▶ " + lines[0], *lines[1:]]), "bold"))

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Show what happens until the predicate is true, at most so long; return whether it is."""
        deadline = time.monotonic() + timeout_s
        while not (true := predicate()) and time.monotonic() < deadline:
            self.news()
            time.sleep(0.01)
        self.news()
        return true

    def news(self) -> None:
        """Print what netswapd has logged, and which way the kernel has routed, since last time."""
        log = self._lab.daemons[-1].log[self._logged :] if self._lab.daemons else []
        changes = self._routes.changes[self._changed :]
        self._logged += len(log)
        self._changed += len(changes)
        news = [(at, "netswapd", *_parsed(line)) for at, line in log]
        for at, active in changes:
            news.append((at, "kernel", f"new connections go out by {active or 'no link'}", "cyan"))
        for at, who, text, style in sorted(news):
            self._line(f"{at - self._start:7.3f}  {who:<8}  ", text, style)

    def verdict(self, outcome: Outcome) -> None:
        """Print what came of a step."""
        if outcome.ok:
            self._line(f"{'✓ ':>{GUTTER}}", _in_words(outcome), "green")
        for problem in outcome.problems:
            self._line(f"{'✗ ':>{GUTTER}}", problem, "bold red")

    def table(self, outcomes: Sequence[Outcome]) -> None:
        """Print all the numbers."""
        self.console.print()
        self.console.print(table(outcomes), soft_wrap=False, width=self._width)
        self.console.print(Text(f"\n{LEGEND}", "dim"))
        self.console.print()

    def conclusion(self, done: bool) -> None:
        """Print the last line."""
        if done:
            self.say("Every step did what it should.", "bold green")
        else:
            self.say("Not every step did what it should.", "bold red")

    def _line(self, gutter: str, text: str, style: str) -> None:
        indent = " " * GUTTER
        lines = textwrap.wrap(
            text, self._width - GUTTER, break_on_hyphens=False, break_long_words=False
        ) or [""]
        self.console.print(Text(gutter, "dim") + Text(f"\n{indent}".join(lines), style))


def _parsed(line: str) -> tuple[str, str]:
    """Return a log line's text and its style."""
    match = LOG_LINE.fullmatch(line)
    return (match["text"], STYLES.get(match["level"], "")) if match else (line, "red")


def _in_words(outcome: Outcome) -> str:
    """Return what the witnesses saw of a step that did what it should."""
    step = outcome.step
    parts = []
    if outcome.failed:
        parts.append(f"{outcome.offline_s:.2f} s offline: {outcome.failed} new connections failed")
    else:
        parts.append("no new connection failed")
    if step.ends:
        within = "" if outcome.ended_ms is None else f" within {outcome.ended_ms:.0f} ms"
        parts.append(f"{outcome.ended} of {outcome.held} over {step.ends} ended{within}")
    if step.keeps:
        parts.append(f"those over {step.keeps} live on")
    if step.guarded:
        parts.append(f"nothing leaks over {step.guarded}")
    return "; ".join(parts)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of all steps."""
    made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    made.add_column("what happened", no_wrap=True)
    for name in ("new ones\noffline", "\nfailed", "existing\nended", "bytes\nleaked"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("default routes\nbefore", no_wrap=True)
    made.add_column("\nafter", no_wrap=True)
    last = outcomes[-1]
    for outcome in outcomes:
        mark, style = ("✓", "green") if outcome.ok else ("✗", "bold red")
        made.add_row(
            Text(f"{mark} {outcome.step.name}", style),
            "all along" if outcome.offline_s is None else f"{outcome.offline_s:.2f} s",
            str(outcome.failed),
            _ended(outcome),
            str(outcome.leaked),
            _routes(outcome.before),
            _routes(outcome.after),
            end_section=outcome is not last,
        )
    return made


def _ended(outcome: Outcome) -> str:
    count = f"{outcome.ended} of {outcome.held}"
    return count if outcome.ended_ms is None else f"{count}\nin {outcome.ended_ms:.0f} ms"


def _routes(routes: Sequence[DefaultRoute]) -> str:
    """Return default routes and their metrics; the one in use is marked."""
    lines = [f"{'>' if not n else ' '}{r.interface} {r.metric}" for n, r in enumerate(routes)]
    return "\n".join(lines) or "none"
