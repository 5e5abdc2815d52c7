"""Faults of the machine itself: what netswap promises then (docs/reliability.md)."""

from __future__ import annotations

import contextlib
import itertools
import resource
import socket
import time
from signal import SIGTERM

import pytest

from tests.chaos import faults
from tests.chaos.stage import Stage
from tests.lab.commands import wait_until
from tests.lab.hanging import Hanging
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.witness import Observer


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


def test_on_a_full_disk_it_goes_on(lab: Lab) -> None:
    """It writes to no file: the first byte would end it (SIGXFSZ, setrlimit(2))."""
    daemon = lab.netswapd(QUICK)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, 0))
    daemon.wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    assert daemon.stop() == 0


def test_a_disk_that_hangs_holds_nothing_up(lab: Lab) -> None:
    """All that writes to it is the history's thread: it stays in the middle of a write."""
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    with Hanging(daemon.pid) as disk:
        lab.link("cable0").cut()
        wait_until(lambda: lab.active() == "tether0", 5, "failover")
        wait_until(lambda: disk.hangs, 5, "the history is being written")
        lab.link("cable0").heal()
        wait_until(lambda: lab.active() == "cable0", 5, "swap back")
        daemon.signal(SIGTERM)
        wait_until(lambda: disk.alone, 10, "all but the write has ended")
        assert not lab.guarded()
    assert daemon.wait() == 0


def test_settings_changed_at_the_same_time_hold_no_takeover_up(lab: Lab) -> None:
    """Every change makes a new version; a Reapply of an older one is refused (N22)."""
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    with Meddling(lab, "tether0") as meddling:
        lab.link("cable0").cut()
        wait_until(lambda: lab.active() == "tether0", 5, "failover")
        lab.link("cable0").heal()
        wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    assert meddling.changes
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 10, "the tether stands by again")


def test_a_device_replaced_by_another_of_the_same_name_is_guarded_and_used(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 5)
    stage = Stage(lab, daemon)
    stage.remove_device("tether0")
    daemon.wait_for("Link phone (tether0) is down", 5)
    again = time.monotonic()
    stage.insert_device("tether0")
    daemon.wait_for("Link phone (tether0) is up", 20, since=again)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the new one is guarded")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the new one stands by")
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")


class Meddling(Observer):
    """Somebody who changes a link's settings again and again."""

    def __init__(self, lab: Lab, link: str) -> None:
        super().__init__()
        self._lab, self._link = lab, link
        self.changes = 0
        """How many were taken: a change loses, too, that meets another one."""

    def _watch(self) -> None:
        for metric in itertools.cycle(range(300, 310)):
            if self._over.is_set():
                break
            change = ("ipv4.route-metric", str(metric))
            said = self._lab.sh("nmcli", "device", "modify", self._link, *change, check=False)
            assert not said or "successfully" in said or "version-id mismatches" in said, said
            self.changes += "successfully" in said


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


def test_a_clock_that_is_set_changes_nothing_but_what_is_shown(lab: Lab) -> None:
    stage = Stage(lab)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    stage.clocks.set(ahead_s=-3e8)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")
    stage.clocks.set(ahead_s=3e8)
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    years = {line[:4] for line in stage.daemon.lines if "Changing default interface" in line}
    assert len(years) == 2


def test_after_a_sleep_every_link_proves_itself(lab: Lab) -> None:
    stage = Stage(lab)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    faults.suspend(stage, "")
    lab.link("cable0").cut()
    faults.resume(stage, "")
    stage.daemon.wait_for("The computer slept", 5)
    wait_until(lambda: lab.active() == "tether0", 5, "failover")


def test_networkmanager_that_refuses_holds_neither_failover_nor_swap_back_up(lab: Lab) -> None:
    stage = Stage(lab)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    lab.services.refuse(reapply=True)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")
    stage.daemon.wait_for("Failed: Setting the metric of phone", 5)
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded again")
    lab.services.refuse(reapply=False)
    wait_until(lambda: lab.name_servers()[0] == "10.1.0.1", 40, "the name servers follow")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
