"""The results as a table to read and as JSON to keep."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.measure import Measure

PATH = Path("build/bench.json")
WIDTH = 92


def write(results: Iterable[Measure], about: Mapping[str, object], path: Path = PATH) -> None:
    """Write everything, raw values included."""
    measures = {
        measure.key: {
            "unit": measure.unit,
            **measure.statistics(),
            "bar": str(measure.bar) if measure.bar else None,
            "met": measure.bar.met(measure.values) if measure.bar else None,
            "values": measure.values,
        }
        for measure in results
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "measures": measures}, indent=2) + "\n")


def show(results: Iterable[Measure], about: Mapping[str, object]) -> None:
    """Print where it was measured, and the table."""
    where = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in about.items())
    print("\n" + textwrap.fill(where, WIDTH, break_on_hyphens=False) + "\n")
    Console(highlight=False, width=WIDTH).print(table(results))


def table(results: Iterable[Measure]) -> Table:
    """Return the table: a row for each measure."""
    made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    made.add_column("", no_wrap=True)
    for name in ("n", "min", "median", "p95", "max"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("bar", no_wrap=True)
    for measure in results:
        shown = [f"{value:.{measure.digits}f}" for value in measure.statistics().values()]
        unit = f", {measure.unit}" if measure.unit else ""
        made.add_row(
            f"{measure.title}{unit}",
            str(len(measure.values)),
            *(shown or ["-"] * 4),
            _bar(measure),
        )
    return made


def _bar(measure: Measure) -> str:
    if measure.bar is None:
        return ""
    return f"{'✓' if measure.bar.met(measure.values) else '✗'} {measure.bar}"
