"""Faults of the machine itself: what netswap promises then (docs/reliability.md)."""

from __future__ import annotations

import contextlib
import resource
import socket

import pytest

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK


def test_without_descriptors_it_keeps_the_network_as_it_is_and_goes_on_with_them(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/lab/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("/run/lab/notify")
        daemon = lab.netswapd(QUICK)
        daemon.wait_for("Blocking", 5)
        wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, 1024))
        lab.nmcli("device", "modify", "tether0", "ipv4.route-metric", "300")
        daemon.wait_for("Cannot see how the network is", 5)
        assert (lab.active(), lab.guarded()) == ("cable0", {"tether0"})
        assert not fed(systemd)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        wait_until(lambda: fed(systemd), 3, "the watchdog is fed again")
        lab.link("cable0").cut()
        wait_until(lambda: lab.active() == "tether0", 5, "failover")
    assert not [line for line in daemon.lines if "Traceback" in line]


def fed(systemd: socket.socket, for_s: float = 1.0) -> bool:
    """Tell whether the watchdog is fed now, forgetting what came before."""
    systemd.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while systemd.recv(200):
            pass
    systemd.settimeout(for_s)
    with contextlib.suppress(TimeoutError):
        while systemd.recv(200) != b"WATCHDOG=1":
            pass
        return True
    return False
