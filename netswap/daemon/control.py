"""What the service may ask of the daemon: from D-Bus arguments to events, and back."""

from __future__ import annotations

import asyncio
import time
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from netswap import __version__
from netswap.adapters.bus import CallError
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.nm.links import Picker
from netswap.adapters.probe.icmp import IcmpProber, ProbeFailure, Reply
from netswap.core.events import Forgiven, Overridden
from netswap.core.model import Mode, Override
from netswap.daemon import diagnosis
from netswap.daemon.recent import Entry
from netswap.errors import ConfigurationError
from netswap.service import api, state
from netswap.service.state import Properties, Traffic

if TYPE_CHECKING:
    from netswap.daemon.daemon import Daemon

ROUND_S = 2.0
"""How long a round of probes that was asked for waits for its replies."""


class DaemonControl:
    """The daemon, as the service sees it (`netswap.service.service.Control`)."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._wall = daemon.wall

    def manager(self) -> Properties:
        """Return the manager's properties."""
        return state.manager(
            self._daemon.snapshot(),
            self._wall,
            version=__version__,
            dry_run=self._daemon.dry_run,
        )

    def links(self, *, traffic: bool = True) -> list[Properties]:
        """Return every link's properties, in order of preference."""
        return [
            state.link(
                place,
                link,
                self._wall,
                _traffic(link.ifname) if traffic else Traffic(),
                self._daemon.usage.of(link.name),
            )
            for place, link in enumerate(self._daemon.snapshot().links)
        ]

    async def resync(self, reason: str) -> None:
        """Look at everything again; return when that was done."""
        await self._daemon.resync(reason)

    async def use(self, link: str, seconds: float, *, even_if_dead: bool) -> None:
        """Keep to a link."""
        await self._override(Override(Mode.PINNED, link, self._until(seconds), even_if_dead))

    async def auto(self) -> None:
        """Let netswap choose again."""
        await self._override(Override())

    async def resume(self) -> None:
        """End a pause; a link that the user chose stays chosen."""
        if self._daemon.snapshot().override.mode is Mode.PAUSED:
            await self.auto()

    async def forgive(self) -> None:
        """Hold no link back any more."""
        self._daemon.tell(Forgiven())
        await self._daemon.settled()

    async def pause(self, seconds: float) -> None:
        """Change nothing and guard nothing."""
        await self._override(Override(Mode.PAUSED, until_s=self._until(seconds)))

    def reload(self) -> None:
        """Read the configuration again."""
        try:
            self._daemon.reload()
        except ConfigurationError as error:
            text = f"{error} ({error.hint})" if error.hint else str(error)
            raise CallError(api.INVALID_CONFIGURATION, f"{text}; the old one stays") from None

    async def probe(self, link: str) -> list[tuple[str, float]]:
        """Probe once over a link, beside the regular probes: this counts for nothing."""
        found = (seen.ifname for seen in self._daemon.snapshot().links if seen.name == link)
        ifname = next(found, "")  # it may have gone while polkit was asked
        targets = self._daemon.configuration.settings.probe.targets
        if not ifname:
            raise CallError(api.CANNOT_PROBE, f"{link} has no device now; see nmcli device")
        return await _probe(ifname, targets)

    def transitions(self, since: float) -> list[Entry]:
        """Return what happened since then."""
        return self._daemon.recent.since(since)

    def settings(self) -> list[tuple[str, str, str]]:
        """Return the effective settings."""
        return self._daemon.configuration.listed()

    def offers(self) -> list[tuple[str, str, str, str, bool, str]]:
        """Return what NetworkManager offers, ranked as netswap would rank it by itself."""
        client = self._daemon.client
        devices = list(client.view.devices()) if client else []
        ranked = [link.name for link in Picker().pick(devices)]
        names = {link.ifname: link.name for link in self._daemon.snapshot().links}
        there = {device.ifname: device for device in devices}
        rest = sorted(there.keys() - set(ranked))
        return [
            (d.ifname, d.kind, d.connection, d.obstacle or "connected", d.metered,
             names.get(d.ifname, ""))
            for d in (there[ifname] for ifname in [*ranked, *rest])
        ]  # fmt: skip

    def diagnose(self) -> list[diagnosis.Finding]:
        """Return what is found of the system."""
        return diagnosis.examine(
            self._daemon.client,
            self._daemon.snapshot(),
            can_end=self._daemon.can_end,
            dry_run=self._daemon.dry_run,
        )

    async def _override(self, override: Override) -> None:
        self._daemon.tell(Overridden(override))
        await self._daemon.settled()

    def _until(self, seconds: float) -> float:
        return self._daemon.now_s() + seconds if seconds else inf


def _traffic(ifname: str) -> Traffic:
    """Read the kernel's counters; an interface that is gone counted nothing."""
    folder = Path("/sys/class/net") / ifname / "statistics"
    try:
        return Traffic(
            received=int((folder / "rx_bytes").read_text(encoding="ascii")),
            sent=int((folder / "tx_bytes").read_text(encoding="ascii")),
        )
    except (OSError, ValueError):
        return Traffic()


async def _probe(ifname: str, targets: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return each target with its round trip in seconds, -1 if it did not answer in time."""
    times: dict[str, float] = {}
    done = asyncio.Event()
    began_s = time.monotonic()

    def note(reply: Reply) -> None:
        times[reply.target] = reply.received_s - began_s
        if len(times) == len(targets):
            done.set()

    prober = IcmpProber(ifname, note, mark=PROBE_MARK)
    try:
        for target in targets:
            prober.send(target, 1)
        await asyncio.wait_for(done.wait(), ROUND_S)
    except TimeoutError:
        pass
    except ProbeFailure as failure:
        raise CallError(api.CANNOT_PROBE, f"cannot probe: {failure.reason}") from None
    finally:
        prober.close()
    return [(target, times.get(target, -1.0)) for target in targets]
