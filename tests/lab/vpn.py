"""A VPN over the lab: OpenVPN from the laptop to a server in the internet.

    the laptop                                         namespace internet
   ┌──────────────────────────────┐                   ┌──────────────────────────────┐
   │ tun0 10.8.0.2   outer socket ├── either link ────┤ 198.51.100.2     tun0        │
   └──────────────────────────────┘   UDP or TCP 1194 │                  10.8.0.1    │
                                                      │ an office: 10.88.0.1         │
                                                      └──────────────────────────────┘

NetworkManager does not know of it but as a device. The key is a shared one: there is no handshake
to wait for. The server takes a client that comes from another address to be the same (`--float`).
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.capture import Capture
from tests.lab.commands import wait_until
from tests.lab.internet import ECHO
from tests.lab.lab import Lab
from tests.lab.sniff import Packet
from tests.lab.spec import INTERNET, TARGETS

SERVER = TARGETS[1]
INSIDE, SERVER_INSIDE = "10.8.0.2", "10.8.0.1"
OFFICE = "10.88.0.1"
"""What a split tunnel leads to."""
PORT, MARK = 1194, 51820

CLIENT = "openvpn-client"
KEY = Path("/run/lab/openvpn.key")
COMMON = (
    f"--dev tun0 --dev-type tun --secret {KEY} --cipher AES-256-CBC --auth SHA256 --verb 3 "
    f"--ping 1 --ping-restart 3 --float --connect-retry 1 1"
)

METRIC_50 = f"--route 0.0.0.0 0.0.0.0 vpn_gateway 50 --route {SERVER} 255.255.255.255 net_gateway"
"""A default route, and the way to the server, as NetworkManager's own VPNs have them."""


class Vpn:
    """A tunnel that is up; it is routed by one of the methods."""

    def __init__(self, lab: Lab, proto: str = "udp", options: str = "--persist-tun") -> None:
        self._lab = lab
        lab.sh("openvpn", "--genkey", "secret", str(KEY))
        lab.sh("ip", "-n", INTERNET, "address", "add", f"{OFFICE}/32", "dev", "lo")
        self._echo_at_the_office()
        server, client = ("tcp4-server", "tcp4-client") if proto == "tcp" else ("udp4", "udp4")
        ends = f"--local {SERVER} --lport {PORT} --ifconfig {SERVER_INSIDE} {INSIDE}"
        listen = f"--proto {server} {ends} --persist-tun {COMMON}"
        lab.commands.start("openvpn-server", "openvpn", *listen.split(), netns=INTERNET)
        ends = f"--remote {SERVER} {PORT} --nobind --ifconfig {INSIDE} {SERVER_INSIDE}"
        connect = f"--proto {client} {ends} --mark {MARK} {COMMON} {options}"
        lab.commands.start(CLIENT, "openvpn", *connect.split())
        wait_until(lambda: self.connects() > 0, 10, "the tunnel is up")

    def connects(self) -> int:
        """Return how often it connected so far."""
        log = self._lab.commands.log_of(CLIENT)
        return log.read_text().count("Initialization Sequence Completed")

    def take_all_by_policy(self) -> None:
        """Route everything into it but the tunnel's own packets, as wg-quick(8) and NM do."""
        self._ip("route add default dev tun0 table 51820")
        self._ip(f"rule add not fwmark {MARK} table 51820")
        self._ip("rule add table main suppress_prefixlength 0")
        self._lab.sh("sysctl", "-q", "net.ipv4.conf.all.src_valid_mark=1")

    def take_the_office(self) -> None:
        """Route only the office into it: a split tunnel."""
        self._ip("route add 10.88.0.0/24 dev tun0")

    def routes(self) -> list[str]:
        """Return all routes into it."""
        return self._lab.sh("ip", "route", "show", "dev", "tun0", "table", "all").splitlines()

    def _ip(self, command: str) -> None:
        self._lab.sh("ip", *command.split())

    def _echo_at_the_office(self) -> None:
        serve = (sys.executable, "-m", "tests.lab.internet", OFFICE)
        self._lab.commands.start("office", *serve, netns=INTERNET)
        log = self._lab.commands.log_of("office")
        wait_until(lambda: "serving" in log.read_text(), 10, f"port {ECHO} at the office")


def bare(wire: Capture) -> list[Packet]:
    """Return what passed over a link beside the tunnel, the probes and what keeps the link."""
    return [p for p in wire.leaked(probed=TARGETS[:1]) if p.destination != SERVER]
