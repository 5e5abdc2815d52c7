"""The life of a package, in this order: installed, set up, used, restarted, purged.

As root of the container; what another user does is done with setpriv(1).
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.deb.laptop import QUICK, Laptop, changed, on_disk
from tests.lab.commands import wait_until

PACKAGE = next(Path("/deb").glob("netswap_*.deb"), Path())
CONFIG = Path("/etc/netswap/netswap.toml")
CAPABILITIES = 1 << 12 | 1 << 13
"""CAP_NET_ADMIN and CAP_NET_RAW (linux/capability.h)."""
NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
NETSWAP = ("setpriv", "--reuid=netswap", "--regid=netswap", "--clear-groups")
EXPOSURE = 1.7


def test_installing_starts_it(laptop: Laptop, before: dict[str, str]) -> None:
    assert str(CONFIG.parent) not in before
    # The only thing that a user must do here: the targets of the default are not in this internet.
    CONFIG.parent.mkdir()
    CONFIG.write_text(QUICK)
    laptop.sh("dpkg", "--install", str(PACKAGE))
    assert laptop.sh("systemctl", "is-enabled", "netswapd") == "enabled\n"
    assert laptop.unit("ActiveState") == "active"
    assert laptop.unit("NRestarts") == "0"
    wait_until(lambda: laptop.tether.metrics() == [200], 5, "the tether stands by")
    assert laptop.active() == "cable0"


def test_it_has_no_more_than_its_two_capabilities(laptop: Laptop) -> None:
    status = Path(f"/proc/{laptop.unit('MainPID')}/status").read_text()
    found = dict(re.findall(r"^(\w+):\s*(\S+)", status, re.MULTILINE))
    uid = laptop.sh("id", "--user", "netswap").strip()
    assert (found["Uid"], found["NoNewPrivs"], found["Seccomp"]) == (uid, "1", "2")
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(found[name], 16) == CAPABILITIES, name


def test_polkit_lets_it_control_the_network_and_nothing_else(laptop: Laptop) -> None:
    shown = laptop.sh(*NETSWAP, "nmcli", "-t", "-f", "PERMISSION,VALUE", "general", "permissions")
    allowed = {line.split(":")[0] for line in shown.splitlines() if line.endswith(":yes")}
    without = laptop.sh(*NOBODY, "nmcli", "-t", "-f", "PERMISSION,VALUE", "general", "permissions")
    everybody = {line.split(":")[0] for line in without.splitlines() if line.endswith(":yes")}
    assert allowed - everybody == {"org.freedesktop.NetworkManager.network-control"}


def test_systemd_finds_the_unit_closed(laptop: Laptop) -> None:
    unit = laptop.unit("FragmentPath")
    laptop.sh("systemd-analyze", "verify", "--man=no", unit)
    threshold = f"--threshold={EXPOSURE * 10:g}"
    laptop.sh("systemd-analyze", "security", "--no-pager", "--offline=true", threshold, unit)


def test_setup_needs_no_answers(laptop: Laptop) -> None:
    laptop.sh("netswapctl", "setup", "--yes", "--force")
    written = CONFIG.read_text()
    assert written.index("cable0") < written.index("tether0")
    assert '"198.51.100.1"' in written, "what was set before is kept"
    laptop.sh("systemctl", "is-active", "netswapd")


def test_everybody_may_look(laptop: Laptop) -> None:
    for command in ("links", "log", "config"):
        assert laptop.sh(*NOBODY, "netswapctl", command) == laptop.sh("netswapctl", command)
    print(laptop.sh(*NOBODY, "netswapctl", "status"))


def test_only_those_who_may_can_change_something(laptop: Laptop) -> None:
    laptop.sh(*NOBODY, "netswapctl", "pause", status=4)
    laptop.sh("netswapctl", "pause")
    laptop.sh("netswapctl", "resume")


def test_doctor_finds_everything_in_order(laptop: Laptop) -> None:
    print(laptop.sh("netswapctl", "doctor"))


def test_a_cut_link_is_left_and_taken_again(laptop: Laptop) -> None:
    laptop.sh("netswapctl", "status", "--check")
    laptop.cable.cut()
    wait_until(lambda: laptop.active() == "tether0", 3, "failover")
    laptop.sh("netswapctl", "status", "--check", status=10)
    print(laptop.sh("netswapctl", "status"))
    laptop.cable.heal()
    wait_until(lambda: laptop.active() == "cable0", 5, "swap back")
    wait_until(lambda: laptop.tether.metrics() == [200], 5, "the tether stands by again")
    print(laptop.sh("netswapctl", "log"))


def test_a_hook_is_run_by_its_unit(laptop: Laptop) -> None:
    told, hook = Path("/run/told"), CONFIG.parent / "hooks.d/10-tell"
    hook.write_text(f'#!/bin/sh\necho "$NETSWAP_TO by $(id -un)" >>{told}\n')
    hook.chmod(0o755)
    laptop.sh("systemctl", "start", "netswap-hooks")
    log = ("journalctl", "--unit=netswap-hooks", "--output=cat", "--no-pager")
    wait_until(lambda: "netswapd is there" in laptop.sh(*log), 5, "hooks listen")
    laptop.cable.cut()
    wait_until(told.exists, 5, "failover")
    laptop.cable.heal()
    wait_until(lambda: len(told.read_text().splitlines()) == 2, 5, "swap back")
    assert told.read_text() == "phone by root\ncable by root\n"
    wait_until(lambda: laptop.tether.metrics() == [200], 5, "the tether stands by again")
    laptop.sh("systemctl", "stop", "netswap-hooks")
    hook.unlink()
    told.unlink()


def test_networkmanager_runs_the_hook(laptop: Laptop) -> None:
    """At its usual level netswapd does not log that it looks again; the bus shows the call."""
    with laptop.monitor("org.netswap1") as calls:
        laptop.sh("nmcli", "connection", "up", "tether0")
        for action in ("pre-up", "up"):
            wait_until(lambda: f'"tether0 {action}"' in calls.read_text(), 5, action)  # noqa: B023
    wait_until(lambda: laptop.tether.metrics() == [200], 5, "the tether stands by again")


def test_reload_reads_the_configuration(laptop: Laptop) -> None:
    CONFIG.write_text(CONFIG.read_text().replace("[metric]", "[metric]\nstandby = 300\n#"))
    laptop.sh("systemctl", "reload", "netswapd")
    wait_until(lambda: laptop.tether.metrics() == [300], 5, "the new metric")


def test_a_daemon_that_hangs_is_started_again(laptop: Laptop) -> None:
    drop_in = Path("/run/systemd/system/netswapd.service.d/impatient.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=2\nRestartSec=0\n")
    laptop.sh("systemctl", "daemon-reload")
    laptop.sh("systemctl", "restart", "netswapd")
    laptop.sh("systemctl", "kill", "--signal=STOP", "netswapd")
    wait_until(lambda: laptop.unit("NRestarts") == "1", 10, "the watchdog bites")
    wait_until(lambda: laptop.unit("ActiveState") == "active", 10, "it runs again")
    drop_in.unlink()
    drop_in.parent.rmdir()
    laptop.sh("systemctl", "daemon-reload")


def test_nothing_was_denied_or_went_wrong(laptop: Laptop) -> None:
    said = laptop.journal()
    for trouble in ("Traceback", "not permitted", "denied", "Read-only file system"):
        assert trouble not in said


def test_purge_leaves_nothing(laptop: Laptop, before: dict[str, str]) -> None:
    laptop.sh("dpkg", "--purge", "netswap")
    wait_until(lambda: laptop.tether.metrics() == [101], 5, "the metrics are as found")
    assert laptop.cable.metrics() == [100]
    assert laptop.sh("nft", "list", "ruleset") == ""
    assert changed(before, on_disk()) == set()
