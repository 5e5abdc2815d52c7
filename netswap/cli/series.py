"""What Prometheus is told: the state of the service as metric families. Pure.

Names follow Prometheus's own advice: a unit at the end, `_total` for what only grows. A link is
named by its label; the kernel's counters of its interface stay where node_exporter has them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from netswap.cli.status import LinkStatus, Status

Swaps = Mapping[tuple[str, str], int]
"""How often traffic moved, by where from and where to, since counting began."""

STATES = ("starting", "preferred", "backup", "offline")
MODES = ("auto", "pinned", "paused")

GAUGES: dict[str, tuple[str, Callable[[LinkStatus], float | None]]] = {
    "up": ("Whether the link works", lambda link: link.health == "up"),
    "connected": ("Whether NetworkManager has it connected", lambda link: bool(link.connection)),
    "active": ("Whether traffic leaves by it", lambda link: link.active),
    "guarded": ("Whether the guard keeps traffic off it", lambda link: link.guarded),
    "metered": ("Whether it is metered", lambda link: link.metered),
    "degraded": ("Whether it replies, but not well enough", lambda link: link.degraded),
    "faulty": ("Whether one of its checks fails", lambda link: bool(link.fault)),
    "preference": ("Its place in the order of preference, from 0", lambda link: link.preference),
    "rtt_seconds": ("Round trip of the last reply", lambda link: link.rtt_s),
    "loss_ratio": ("Share of the last probes that were lost", lambda link: link.loss),
    "last_reply_timestamp_seconds": ("When the last reply came", lambda link: link.last_reply_s),
    "since_timestamp_seconds": ("Since when its health is as it is", lambda link: link.since_s),
}
COUNTERS: dict[str, tuple[str, Callable[[LinkStatus], float]]] = {
    "probes_sent": ("Probes sent", lambda link: link.probes_sent),
    "probes_lost": ("Probes lost", lambda link: link.probes_lost),
    "received_bytes": ("Octets received by its interface", lambda link: link.bytes_received),
    "sent_bytes": ("Octets sent by its interface", lambda link: link.bytes_sent),
}


def text(state: Status | None, swaps: Swaps) -> bytes:
    """Return all metrics as Prometheus reads them; where netswapd is not running, that alone."""
    registry = CollectorRegistry()
    registry.register(_Families(state, swaps))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, state: Status | None, swaps: Swaps) -> None:
        self._state, self._swaps = state, swaps

    def collect(self) -> Iterator[Metric]:
        state = self._state
        yield GaugeMetricFamily("netswap_running", "Whether netswapd runs", value=bool(state))
        swaps = CounterMetricFamily("netswap_swaps", "Swaps seen", labels=["source", "target"])
        for (source, target), count in self._swaps.items():
            swaps.add_metric([source, target], count)
        yield swaps
        if state:
            yield from _of_all(state)
            yield from _of_links(state.links)


def _of_all(state: Status) -> Iterator[Metric]:
    info = GaugeMetricFamily("netswap_build_info", "Its version", labels=["version"])
    info.add_metric([state.version], 1)
    yield info
    yield _one_of("netswap_state", "How the computer is doing", "state", STATES, state.state)
    yield _one_of("netswap_mode", "Who decides", "mode", MODES, state.mode)
    since = "netswap_active_since_timestamp_seconds"
    yield GaugeMetricFamily(since, "Since when the active link is", value=state.since_s)
    running = state.network_manager_running
    yield GaugeMetricFamily("netswap_networkmanager_running", "Whether it runs", value=running)


def _one_of(name: str, doc: str, label: str, values: tuple[str, ...], now: str) -> Metric:
    family = GaugeMetricFamily(name, doc, labels=[label])
    for value in values:
        family.add_metric([value], value == now)
    return family


def _of_links(links: tuple[LinkStatus, ...]) -> Iterator[Metric]:
    for name, (doc, value) in GAUGES.items():
        family = GaugeMetricFamily(f"netswap_link_{name}", doc, labels=["link"])
        for link in links:
            if (number := value(link)) is not None:
                family.add_metric([link.name], float(number))
        yield family
    for name, (doc, value) in COUNTERS.items():
        counter = CounterMetricFamily(f"netswap_link_{name}", doc, labels=["link"])
        for link in links:
            counter.add_metric([link.name], value(link))
        yield counter
