"""What a trial of leaks came to: measures, a table, and the first leaks if there are any."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from bench.measure import WORST, Bar, Measure
from bench.tally import LEAKED, LINK_KEEPING, NEARBY, PROBE, Guarded, Tally

SHOWN = 20
KINDS = (*LINK_KEEPING, PROBE, NEARBY, LEAKED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen in a trial."""

    spans: list[tuple[Guarded, Tally]]
    """Each time in which a link was guarded, and what left by it."""
    swaps: int
    refused: int
    """Packets that the guard refused."""

    def measures(self, *, multicast_may_pass: bool) -> list[Measure]:
        """Return what is held to a bar, or should be known beside it."""
        leaked = Measure("leaked_bytes", "guarded: bytes leaked", "", 0, Bar(WORST, 0.0))
        gap = Measure("route_to_guard_ms", "kernel route → old link guarded", "ms", 1)
        before = Measure("before_guard_bytes", "bytes that left in that time", "", 0)
        for span, tally in self.spans:
            multicast = 0 if multicast_may_pass else tally.size[NEARBY]
            leaked.values.append(tally.size[LEAKED] + multicast)
            if span.moved < span.start:  # not the one that was guarded all along
                gap.values.append((span.start - span.moved) * 1000)
                before.values.append(tally.before)
        return [leaked, gap, before]

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Return packets and bytes of each kind that left by guarded links."""
        packets = sum((tally.packets for _, tally in self.spans), Counter[str]())
        size = sum((tally.size for _, tally in self.spans), Counter[str]())
        return {
            kind: (packets[kind], size[kind]) for kind in (*LINK_KEEPING, PROBE, NEARBY, LEAKED)
        }

    def raw(self) -> dict[str, object]:
        """Return all but the measures, to be kept."""
        return {
            "swaps": self.swaps,
            "refused": self.refused,
            "kinds": self.kinds(),
            "guarded": [asdict(span) for span, _ in self.spans],
        }

    def show(self) -> None:
        """Print it."""
        guarded_s = sum(span.end - span.start for span, _ in self.spans)
        print(f"\n{self.swaps} swaps; links were guarded for {guarded_s:.0f} s in all,", end=" ")
        print(f"and {self.refused} packets refused\n")
        Console(highlight=False).print(self._table())
        print(*self._leaks()[:SHOWN], sep="\n")

    def _table(self) -> Table:
        made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
        made.add_column("left by a guarded link")
        for name in ("  packets", "    bytes"):
            made.add_column(name, justify="right")
        for kind, (packets, size) in self.kinds().items():
            made.add_row(kind, str(packets), str(size))
        return made

    def _leaks(self) -> list[str]:
        return [
            f"{span.link}, {packet.at - span.start:.4f} s after its guard: {packet}"
            for span, tally in self.spans
            for packet in tally.leaks
        ]
