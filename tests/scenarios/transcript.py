"""What a scenario's transcript looks like: one line for each thing, with its time and kind.

event    what happened, as the scenario says
log      what netswap logged (not what it says when debugging: `do` says that)
do       the steps it has carried out
world    the links by their effective IPv4 metric, as the kernel has them afterwards
traffic  which link traffic reaches the internet by
announce what netswap tells others
probe    a probe that was sent
check    a check that was begun
"""

from __future__ import annotations

from netswap.core.actions import (
    Block,
    Connect,
    Disconnect,
    EndConnections,
    Level,
    Linger,
    Reach,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from tests.scenarios.network import Network
from tests.scenarios.nic import Nic


class Transcript:
    """The lines so far. The state of things is only written when it changed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._world = ""
        self._traffic = "?"
        self._lost_s = 0.0

    def add(self, now_s: float, kind: str, text: str) -> None:
        self.lines.append(f"{now_s:8.3f}  {kind:<8} {text}")

    def log(self, now_s: float, text: str, level: Level) -> None:
        if level > Level.DEBUG:
            mark = "" if level is Level.INFO else f"{level.name.lower()}: "
            self.add(now_s, "log", mark + text)

    def look(self, now_s: float, network: Network) -> None:
        """Write how things are, where that changed."""
        world = world_text(network)
        if world != self._world:
            self._world = world
            self.add(now_s, "world", world)
        nic = network.traffic
        traffic = f"by {nic.ifname}" if nic else "lost"
        if traffic != self._traffic:
            after = f", after {now_s - self._lost_s:.3f} s" if self._traffic == "lost" else ""
            self._lost_s = self._lost_s if nic else now_s
            self._traffic = traffic
            self.add(now_s, "traffic", traffic + after)

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def world_text(network: Network) -> str:
    """Say where each link stands, the one that traffic takes first."""
    routed = [nic for nic in network.nics.values() if nic.routes4]
    without = [nic for nic in network.nics.values() if not nic.routes4]
    routed.sort(key=lambda nic: min(nic.routes4))
    return ", ".join(_nic_text(nic, network) for nic in routed + without)


def _nic_text(nic: Nic, network: Network) -> str:
    text = f"{nic.ifname} {'+'.join(str(metric) for metric in sorted(nic.routes4)) or '-'}"
    if nic.v6:
        text += f"/{'+'.join(str(metric) for metric in sorted(nic.routes6)) or '-'}"
    return f"{text} guarded" if nic.ifname in network.guard else text


def step_text(step: Step) -> str:
    match step:
        case Block(_, name) | Unblock(_, name) | Tidy(name) | Recheck(name) | Restore(name):
            return f"{type(step).__name__.lower()} {name}"
        case Connect(name) | Disconnect(name):
            return f"{type(step).__name__.lower()} {name}"
        case Reach(_, ifname, server):
            return f"reach {server} over {ifname}"
        case EndConnections(link):
            return f"end connections of {link}"
        case Linger(link):
            return f"let connections of {link} linger"
        case SetMetric(link, v4, v6):
            ranks = [f"{name} {rank}" for name, rank in (("IPv4", v4), ("IPv6", v6)) if rank]
            return f"{link}: {', '.join(ranks)}"
