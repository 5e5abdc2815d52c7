"""Starting, stopping, dying: the machine is left as it was found, and never cut off."""

from __future__ import annotations

import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from netswap.daemon.daemon import READY_S
from tests.lab.commands import PATIENCE, holds, wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.nmbus import NmBus
from tests.lab.spec import CABLE, TETHER, LabSpec, LinkSpec
from tests.lab.witness import HeldConnection, NewConnections

CUSTOM = LabSpec(links=(LinkSpec("cable0", metric=300), LinkSpec("tether0", True, metric=400)))


def applied(nm: NmBus) -> list[object]:
    """Return what NetworkManager has in force on both links."""
    return [nm.applied(name)[0] for name in ("cable0", "tether0")]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.lab(CUSTOM)
def test_stop_puts_every_metric_and_priority_back_as_found(
    lab: Lab, nm: NmBus, sig: signal.Signals
) -> None:
    lab.nmcli("device", "modify", "tether0", "ipv4.route-metric", "444")
    found, routes, servers = applied(nm), lab.routes(), lab.name_servers()
    daemon = lab.netswapd(QUICK)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    wait_until(lambda: lab.link("cable0").metrics() == [100], 5, "the cable rests at 100")
    assert daemon.stop(sig) == 0
    wait_until(lambda: lab.routes() == routes, 2, "the routes are as found")
    wait_until(lambda: lab.name_servers() == servers, 2, "the name servers are as found")
    assert applied(nm) == found
    assert "netswap" not in lab.ruleset()


def test_stop_removes_a_route_that_a_killed_networkmanager_left_far_behind(lab: Lab) -> None:
    """It had the penalty of a failed check then, so it leads nothing, and nothing else mends it."""
    daemon = lab.netswapd(QUICK)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    add = ("ip", "route", "add", "default", "via", "10.1.0.1", "dev", "cable0")
    lab.sh(*add, "proto", "dhcp", "metric", "20099")
    assert lab.link("cable0").metrics() == [100, 20099]
    assert daemon.stop() == 0
    wait_until(lambda: lab.link("cable0").metrics() == [100], 2, "NetworkManager's own is left")


def test_one_that_is_stopped_while_it_starts_puts_back_what_a_killed_one_left(lab: Lab) -> None:
    routes = lab.routes()
    first = lab.netswapd(QUICK)
    first.wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.link("tether0").metrics() == [60], 3, "failover")
    time.sleep(1.5)  # what follows a metric up is done
    first.kill()
    lab.link("cable0").heal()
    second = lab.netswapd(QUICK)
    wait_until(lambda: takes_sigterm(second.pid), 5, "it can be stopped")
    assert second.stop() == 0
    wait_until(lambda: lab.routes() == routes, 5, "the routes are as found")


def takes_sigterm(pid: int) -> bool:
    """Tell whether a process has a handler for it (proc_pid_status(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_stop_leaves_a_users_own_default_route_alone(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    lab.sh("ip", "route", "add", "default", "via", "10.1.0.1", "dev", "cable0", "metric", "500")
    assert daemon.stop() == 0
    wait_until(lambda: lab.link("tether0").metrics() == [101], 2, "the metric is as it was found")
    assert lab.link("cable0").metrics() == [100, 500]


def test_stop_during_an_outage_does_not_cut_off(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    daemon.wait_for("Blocking all packets via nftables to interface cable0", 3)
    with HeldConnection() as old, NewConnections() as clicks:
        assert daemon.stop() == 0
        assert "Leaving tether0 as the default route" in "\n".join(daemon.lines)
        wait_until(lambda: len(clicks.tries) > 10, 3, "some new connections")
        assert old.answers()
        assert clicks.failures() == []
    assert lab.active() == "tether0"


def test_killed_daemon_lifts_the_guard_and_the_next_one_reconciles(lab: Lab, nm: NmBus) -> None:
    found = applied(nm)
    first = lab.netswapd(QUICK)
    first.wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.link("tether0").metrics() == [60], 3, "failover")
    first.kill()
    assert "netswap" not in lab.ruleset()
    assert lab.active() == "tether0"
    lab.link("cable0").heal()
    second = lab.netswapd(QUICK)
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    second.stop()
    assert applied(nm) == found


def test_hangup_looks_again(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("Looking at everything again", 2)
    assert daemon.stop() == 0


def test_dry_run_changes_nothing(lab: Lab, nm: NmBus) -> None:
    found, routes = applied(nm), lab.routes()
    daemon = lab.netswapd(QUICK, "--dry-run")
    daemon.wait_for("Dry run: Blocking", 5)
    lab.link("cable0").cut()
    daemon.wait_for("Dry run: Setting the metric of tether0: IPv4 60", 3)
    assert (applied(nm), lab.routes()) == (found, routes)
    assert "netswap" not in lab.ruleset()
    assert daemon.stop() == 0


def test_second_daemon_refuses_to_start(lab: Lab) -> None:
    lab.netswapd(QUICK).wait_for("Blocking", 5)
    second = lab.netswapd(QUICK)
    assert second.wait() == 1
    assert second.lines[0].startswith("netswapd: another netswapd is running")
    assert second.lines[1].startswith("Hint: ")


def test_two_links_that_are_one_device_now_are_no_reason_not_to_start(lab: Lab) -> None:
    """They may be two again soon: a Wi-Fi link, and a phone that is its hotspot at the moment."""
    daemon = lab.netswapd(NAMED.replace('connection = "tether0"', 'connection = "cable0"'))
    daemon.wait_for("Links cable and phone match the same device now, and phone has none", 5)
    daemon.wait_for("Link cable (cable0) is up", 5)
    assert daemon.stop() == 0


def test_without_networkmanager_it_says_so(lab: Lab) -> None:
    lab.stop_nm()
    daemon = lab.netswapd(QUICK)
    assert daemon.wait() == 1
    assert daemon.lines[0].startswith("netswapd: cannot reach NetworkManager")
    assert "systemctl status NetworkManager" in daemon.lines[1]


@pytest.mark.lab(LabSpec(links=(CABLE, replace(TETHER, dhcp_timeout_s=3))))
def test_stopped_while_no_link_works_it_does_not_leave_a_dead_backup_in_the_lead(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    cable, tether = lab.link("cable0"), lab.link("tether0")
    cable.cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    tether.cut()
    tether.stop_dhcp()
    daemon.wait_for("No link works", 5)
    assert daemon.stop() == 0
    cable.heal()
    wait_until(lambda: lab.active() == "cable0", 5, "the way that works leads again")
    assert tether.metrics() == [101]
    assert holds(lambda: tether.address() is not None, 6), "N2: its DHCP server is silent"


def test_without_a_bus_it_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/nowhere")
    daemon = lab.netswapd(QUICK)
    assert daemon.wait() == 1
    assert daemon.lines[0].startswith("netswapd: cannot reach NetworkManager: no system bus")
    assert "systemctl status dbus" in daemon.lines[1]


def test_strict_reverse_path_filter_is_reported_with_its_mend(lab: Lab) -> None:
    lab.sh("sysctl", "-w", "net.ipv4.conf.cable0.rp_filter=1")
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Strict reverse-path filtering on cable0", 3)
    daemon.wait_for("sysctl -w net.ipv4.conf.cable0.rp_filter=2", 3)


def test_strict_reverse_path_filter_that_is_switched_on_later_is_told_when_it_matters(
    lab: Lab,
) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    lab.sh("sysctl", "-w", "net.ipv4.conf.cable0.rp_filter=1")
    lab.link("cable0").cut()
    daemon.wait_for("Strict reverse-path filtering on cable0", 5)
    lab.link("cable0").heal()
    time.sleep(2)
    assert lab.active() == "tether0"
    lab.sh("sysctl", "-w", "net.ipv4.conf.cable0.rp_filter=2")
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    assert len([line for line in daemon.lines if "Strict reverse-path" in line]) == 1


def test_systemd_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("/run/lab/notify")
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "/run/lab/notify")
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        daemon = lab.netswapd(QUICK)
        told = {systemd.recv(200) for _ in range(8)}
        assert {b"READY=1", b"WATCHDOG=1"} <= told
        assert any(line.startswith(b"STATUS=cable0 is active: ") for line in told)
        daemon.signal(signal.SIGTERM)
        while b"STOPPING=1" not in (last := systemd.recv(200)):
            assert last
    assert daemon.wait() == 0


STRICT = """\
table inet strict { chain out { type filter hook output priority 0; ip protocol icmp drop; }; }"""


def test_systemd_is_told_though_a_firewall_refuses_the_probes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would start netswapd anew for ever."""
    lab.sh("nft", f"add {STRICT}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("/run/lab/notify")
        systemd.settimeout(READY_S * PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", "/run/lab/notify")
        daemon = lab.netswapd(QUICK)
        while systemd.recv(200) != b"READY=1":
            assert daemon.running
