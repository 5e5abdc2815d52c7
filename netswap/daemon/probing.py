"""One prober per link, made when it is first needed and gone with the link."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from math import inf

from netswap.adapters import host
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.icmp import IcmpProber, MakeProber, ProbeFailure, Prober, Reply
from netswap.core.actions import SendProbe
from netswap.core.events import Doubted, Replied
from netswap.daemon.listening import Listening

REFUSALS_S = 10.0
"""So far apart are refusals that are listened to: where a router refuses one target for good, each
round of probes would bring the next."""

log = logging.getLogger(__name__)


class Probing:
    """Sends probes and reports replies."""

    def __init__(
        self, tell: Callable[[Replied | Doubted], None], make: MakeProber = IcmpProber
    ) -> None:
        self._tell = tell
        self._make = make
        self._probers: dict[str, tuple[str, Prober]] = {}
        self._listening = Listening(tell)
        self._loop = asyncio.get_running_loop()
        self._filtered: set[str] = set()
        """Interfaces whose strict filter was told."""

    def send(self, probe: SendProbe) -> None:
        """Probe every target. Raises ProbeFailure when not one probe could leave."""
        prober = self._prober(probe.link, probe.ifname)
        failure: ProbeFailure | None = None
        sent = 0
        for target in probe.targets:
            try:
                prober.send(target, probe.sequence)
                sent += 1
            except ProbeFailure as error:
                failure = error
        if failure is not None and not sent:
            raise failure

    def keep(self, links: Collection[str]) -> None:
        """Close the probers of links that are gone."""
        for link in self._probers.keys() - set(links):
            self._probers.pop(link)[1].close()
        self._listening.keep(links)

    def explain(self, link: str) -> None:
        """Say so where it is this computer that loses the replies: nobody tells of its settings."""
        if known := self._probers.get(link):
            self._look_for_filter(known[0])

    def close(self) -> None:
        """Close all of them."""
        self.keep(())

    def _prober(self, link: str, ifname: str) -> Prober:
        known = self._probers.get(link)
        if known and known[0] == ifname:
            return known[1]
        if known:
            known[1].close()
        self._look_for_filter(ifname)

        def report(reply: Reply) -> None:
            self._tell(Replied(link, reply.sequence, reply.target))
            self._listening.replied(link, ifname)

        heard_s = -inf

        def refuse() -> None:
            nonlocal heard_s
            now_s = self._loop.time()
            if now_s >= heard_s + REFUSALS_S:
                heard_s = now_s
                self._tell(Doubted(link))

        prober = self._make(ifname, report, mark=PROBE_MARK, on_refusal=refuse)
        self._probers[link] = ifname, prober
        return prober

    def _look_for_filter(self, ifname: str) -> None:
        """Warn of a strict reverse-path filter, once until it is gone."""
        if not host.strict_rp_filter(ifname):
            self._filtered.discard(ifname)
        elif ifname not in self._filtered:
            self._filtered.add(ifname)
            log.warning(
                "Strict reverse-path filtering on %s loses the replies to probes while another "
                "link is active: netswap would never swap back. Mend it with: %s",
                ifname,
                host.mend_rp_filter(ifname),
            )
