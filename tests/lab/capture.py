"""The packets that the laptop sends over a link, as its ISP sees them."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from tests.lab.commands import within
from tests.lab.link import Link
from tests.lab.sniff import Packet


class Capture:
    """All that the laptop sends over a link, seen at the ISP's end."""

    LINK_KEEPING = frozenset({"arp", "ndp", "mld", "igmp", "dhcp4", "dhcp6", "dhcp4-unwanted"})
    """What keeps the link itself alive, and carries nothing of the user's."""

    def __init__(self, link: Link) -> None:
        self.packets: list[Packet] = []
        sniff = (sys.executable, "-m", "tests.lab.sniff", "lan")
        self._process = subprocess.Popen(
            within(link.spec.isp, sniff), stdout=subprocess.PIPE, text=True
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the capture does not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def of_kind(self, kind: str, since: float = 0) -> list[Packet]:
        """Return the packets of a kind, see `sniff.Packet`."""
        return [
            packet for packet in list(self.packets) if packet.kind == kind and packet.at >= since
        ]

    def leaked(self, since: float = 0, probed: tuple[str, ...] | None = None) -> list[Packet]:
        """Return what was more than link-keeping and probes.

        Probes are echo requests to the addresses in `probed`; None: all echo requests.
        """
        return [
            packet
            for packet in list(self.packets)
            if packet.at >= since
            and packet.kind not in self.LINK_KEEPING
            and not (packet.kind == "echo" and (probed is None or packet.destination in probed))
        ]

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line == "ready\n":
                    self._ready.set()
                    continue
                if not line.endswith("\n"):  # the capture was ended while it wrote
                    break
                at, length, kind, protocol, *rest = line.split()
                self.packets.append(Packet(float(at), int(length), kind, int(protocol), *rest))
