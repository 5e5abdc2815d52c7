"""What the settings of the guard do, to real packets."""

from __future__ import annotations

import socket

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import NAMED
from tests.lab.spec import TARGETS
from tests.lab.witness import Capture, HeldConnection

ROUTER = "10.2.0.1"


def start(lab: Lab, setting: str = "") -> None:
    """Start netswapd, with a setting of the phone's; wait until all is at rest."""
    lab.netswapd(f"{NAMED}{setting}\n").wait_for("Link phone (tether0) is up", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the phone stands by")


def ask(link: Link, target: str, port: int = 7, timeout_s: float = 1) -> str:
    """Try a UDP exchange over a link; return "answered", or the error's name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode())
        udp.settimeout(timeout_s)
        try:
            udp.connect((target, port))
            udp.send(b"\0" * 12)
            udp.recv(100)
        except OSError as error:
            return type(error).__name__
    return "answered"


def ping(lab: Lab, target: str) -> str:
    return lab.sh("ping", "-c1", "-W1", "-I", "tether0", target, check=False)


def test_own_network_stays_reachable_but_no_name_server_in_it(lab: Lab, tether: Link) -> None:
    start(lab)
    assert "1 received" in ping(lab, ROUTER)
    assert "1 received" not in ping(lab, TARGETS[1])
    assert ask(tether, ROUTER, 53) == "PermissionError"


def test_own_network_can_be_refused_too(lab: Lab) -> None:
    start(lab, "allow_lan = false")
    assert "1 received" not in ping(lab, ROUTER)


def test_what_is_allowed_stays_reachable(lab: Lab, tether: Link) -> None:
    start(lab, f'allow = ["{TARGETS[1]}"]')
    with HeldConnection(TARGETS[1], over=tether) as allowed:
        assert allowed.answers()
    assert ask(tether, TARGETS[0]) == "PermissionError"


def test_drop_gives_no_answer(lab: Lab, tether: Link) -> None:
    start(lab, 'guard = "drop"')
    with Capture(tether) as wire:
        with pytest.raises(TimeoutError):
            HeldConnection(TARGETS[1], over=tether)
        assert wire.leaked(probed=TARGETS[:1]) == []


def test_off_guards_nothing(lab: Lab, tether: Link) -> None:
    start(lab, 'guard = "off"')
    with HeldConnection(over=tether) as free:
        assert holds(free.answers, for_s=1)
    assert not [line for line in lab.daemons[0].lines if "Blocking" in line]


def test_metered_only_guards_the_phone_and_never_the_cable(lab: Lab) -> None:
    config = NAMED.replace('"cable0" }', '"cable0" }\nguard = "metered-only"')
    daemon = lab.netswapd(f'{config}metered = true\nguard = "metered-only"\n')
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    assert holds(lambda: not [x for x in daemon.lines if "interface cable0: phone" in x], for_s=1)


def test_wrong_network_is_a_configuration_error(lab: Lab) -> None:
    daemon = lab.netswapd(f'{NAMED}allow = ["10.2.0.1/24"]\n')
    assert daemon.wait() == 2
    assert "link[1].allow[0]: 10.2.0.1/24 has host bits set" in daemon.lines[0]
