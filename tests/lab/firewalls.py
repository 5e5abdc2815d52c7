"""Other people's firewalls on the laptop: what they do when they start, are reloaded and restarted.

firewalld and ufw are the real ones. Docker is too heavy for the lab: the commands are those that it
issues (libnetwork's iptables and bridge drivers, 20.10), in their order.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGTERM

from tests.lab.commands import wait_until
from tests.lab.guest import GUEST, NONE, add_guest, guest_goes_by, inside
from tests.lab.inside import HOST_ETC
from tests.lab.lab import Lab
from tests.lab.spec import TARGETS
from tests.lab.stream import Stream

SSH, CLOSED = 22, 8080
"""A port that all of them let in, and one that they do not."""


def reaches(lab: Lab, port: int) -> bool:
    """Tell whether the ISP's router can connect to the laptop."""
    cable = lab.link("cable0")
    with inside(cable.spec.isp):
        client = socket.socket()
    with client:
        client.settimeout(1)
        return client.connect_ex((cable.address() or "", port)) == 0


class Firewall:
    """A firewall on the laptop, which serves on both ports; a context manager."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._servers = [socket.create_server(("", port)) for port in (SSH, CLOSED)]

    def close(self) -> None:
        """Serve no longer."""
        for server in self._servers:
            server.close()

    def start(self) -> None:
        """Set it up."""
        raise NotImplementedError

    def disturbances(self) -> Sequence[Callable[[], None]]:
        """Return what may happen to it; it stands again after each."""
        raise NotImplementedError

    def stands(self) -> bool:
        """Tell whether it lets in what it should, and nothing else."""
        return reaches(self.lab, SSH) and not reaches(self.lab, CLOSED)

    def leaks(self) -> list[Stream]:
        """Return what tries to get out over the standby meanwhile."""
        return [Stream(TARGETS[1], over=self.lab.link("tether0"))]


NFTABLES_CONF = f"""#!/usr/sbin/nft -f
flush ruleset
table inet filter {{
  chain input {{
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname lo accept
    meta l4proto {{ icmp, ipv6-icmp }} accept
    tcp dport {SSH} accept
  }}
  chain forward {{ type filter hook forward priority filter; }}
  chain output {{ type filter hook output priority filter; }}
}}
"""


class Nftables(Firewall):
    """The service of Debian's package nftables: what its unit's ExecStart and ExecReload run."""

    def start(self) -> None:
        """Load the file."""
        conf = Path("/run/lab/nftables.conf")
        conf.write_text(NFTABLES_CONF)
        self.lab.sh("nft", "-f", str(conf))

    def disturbances(self) -> Sequence[Callable[[], None]]:
        """Reload; flush everything by hand, and load it again."""
        return [self.start, self._flush_and_start]

    def _flush_and_start(self) -> None:
        self.lab.sh("nft", "flush", "ruleset")
        assert self.lab.guarded() == {"tether0"}
        self.start()


class Firewalld(Firewall):
    """firewalld, on the lab's bus, with the zone `public`: that lets SSH in."""

    def start(self) -> None:
        """Start it and wait until it is ready."""
        options = "--nofork --nopid --log-target console --system-config /run/lab/firewalld"
        self.lab.commands.start("firewalld", "firewalld", *options.split())
        state = ("firewall-cmd", "--state")
        wait_until(lambda: self.lab.sh(*state, check=False) == "running\n", 20, "firewalld runs")

    def disturbances(self) -> Sequence[Callable[[], None]]:
        """Reload, in both ways that it knows; restart."""
        return [self._reload, self._reload_all, self._restart]

    def _reload(self) -> None:
        self.lab.sh("firewall-cmd", "--reload")

    def _reload_all(self) -> None:
        self.lab.sh("firewall-cmd", "--complete-reload")

    def _restart(self) -> None:
        self.lab.commands.stop("firewalld", SIGTERM)
        self.start()


class Ufw(Firewall):
    """ufw."""

    def start(self) -> None:
        """Enable it, with Debian's own rules."""
        shutil.copytree("/usr/share/ufw", "/etc/ufw", dirs_exist_ok=True)
        shutil.copy(HOST_ETC / "ufw/sysctl.conf", "/etc/ufw")
        Path("/etc/ufw/applications.d").mkdir()
        self.lab.sh("ufw", "allow", f"{SSH}/tcp")
        self._enable()

    def disturbances(self) -> Sequence[Callable[[], None]]:
        """Reload; disable and enable."""
        return [self._reload, self._restart]

    def _reload(self) -> None:
        self.lab.sh("ufw", "reload")

    def _restart(self) -> None:
        self.lab.sh("ufw", "disable")
        self._enable()

    def _enable(self) -> None:
        self.lab.sh("ufw", "--force", "enable")  # without asking


DOCKER_STALE = """
-t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-t nat -D OUTPUT -m addrtype --dst-type LOCAL ! --dst 127.0.0.0/8 -j DOCKER
-t nat -D OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
-t nat -D PREROUTING -j DOCKER
-t nat -D OUTPUT -j DOCKER
-t nat -F DOCKER
-t nat -X DOCKER
-t filter -F DOCKER
-t filter -X DOCKER
-t filter -F DOCKER-ISOLATION-STAGE-1
-t filter -X DOCKER-ISOLATION-STAGE-1
-t filter -F DOCKER-ISOLATION-STAGE-2
-t filter -X DOCKER-ISOLATION-STAGE-2
-t nat -N DOCKER
-t filter -N DOCKER
-t filter -N DOCKER-ISOLATION-STAGE-1
-t filter -N DOCKER-ISOLATION-STAGE-2
-t filter -N DOCKER-USER
"""
"""What it tries when it starts, whether it works or not: away with the old, chains for the new."""

DOCKER_RULES = """
-t filter -A DOCKER-ISOLATION-STAGE-1 -j RETURN
-t filter -A DOCKER-ISOLATION-STAGE-2 -j RETURN
-t nat -I POSTROUTING -s 10.77.0.0/24 ! -o docker0 -j MASQUERADE
-t nat -I DOCKER -i docker0 -j RETURN
-t filter -I FORWARD -i docker0 -o docker0 -j ACCEPT
-t filter -I FORWARD -i docker0 ! -o docker0 -j ACCEPT
-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-t nat -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER ! --dst 127.0.0.0/8
-t filter -I FORWARD -o docker0 -j DOCKER
-t filter -I FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-t filter -I FORWARD -j DOCKER-ISOLATION-STAGE-1
-t filter -I DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-t filter -I DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-t filter -A DOCKER-USER -j RETURN
-t filter -I FORWARD -j DOCKER-USER
-t nat -A DOCKER -p tcp -d 0/0 --dport 9090 -j DNAT --to-destination 10.77.0.2:7 ! -i docker0
-t filter -A DOCKER ! -i docker0 -o docker0 -p tcp -d 10.77.0.2 --dport 7 -j ACCEPT
-t nat -A POSTROUTING -p tcp -s 10.77.0.2 -d 10.77.0.2 --dport 7 -j MASQUERADE
"""
"""Each is added if it is not there yet. The last three publish the echo server of a container."""

PUBLISHED = 9090


class Docker(Firewall):
    """Docker with one container, which publishes a port."""

    def start(self) -> None:
        """Start the container, then do as dockerd does when it starts."""
        add_guest(self.lab, NONE)
        guest_goes_by(self.lab, self.lab.link("tether0"), TARGETS[1])
        self.lab.commands.start(
            GUEST, sys.executable, "-m", "tests.lab.internet", "10.77.0.2", netns=GUEST
        )
        self._start_dockerd()
        wait_until(lambda: reaches(self.lab, PUBLISHED), 5, "the container serves")

    def disturbances(self) -> Sequence[Callable[[], None]]:
        """Restart."""
        return [self._start_dockerd]

    def stands(self) -> bool:
        """Tell whether the container is served, and reached."""
        with inside(GUEST):
            client = socket.socket()
        with client:
            client.settimeout(1)
            goes_out = client.connect_ex((TARGETS[0], 7)) == 0
        return goes_out and reaches(self.lab, PUBLISHED)

    def leaks(self) -> list[Stream]:
        """Return what the laptop and the container try."""
        with inside(GUEST):
            forwarded = Stream(TARGETS[1])
        return [*super().leaks(), forwarded]

    def _start_dockerd(self) -> None:
        for rule in DOCKER_STALE.strip().splitlines():
            self.lab.sh("iptables-nft", "--wait", *rule.split(), check=False)
        for rule in DOCKER_RULES.strip().splitlines():
            there = rule.replace(" -A ", " -C ").replace(" -I ", " -C ")
            if self.lab.sh("iptables-nft", "--wait", *there.split(), check=False):
                self.lab.sh("iptables-nft", "--wait", *rule.split())
        self.lab.sh("iptables-nft", "--wait", "-t", "filter", "-P", "FORWARD", "DROP")
