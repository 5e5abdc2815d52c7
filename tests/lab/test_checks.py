"""Pings pass, and the link is of no use all the same: the checks beside them find out."""

from __future__ import annotations

import json
import sys

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.service.ctl import netswapctl

PORTAL = 8080
OFTEN = 'every_s = 1\ntimeout_s = 0.5\nlinks = ["cable0"]\n'
HTTP = (
    '[[check]]\nmethod = "http"\ntarget = "http://target.test/"\nexpect_body = "online"\n' + OFTEN
)
DNS = '[[check]]\nmethod = "dns"\ntarget = "target.test"\n' + OFTEN
TCP = '[[check]]\nmethod = "tcp"\ntarget = "198.51.100.2:7"\n' + OFTEN


def start(lab: Lab, check: str) -> Netswapd:
    """Start netswapd; wait until the tether is guarded and stands by."""
    daemon = lab.netswapd(QUICK + check)
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 2, "the tether stands by")
    return daemon


def fault(link: str) -> str:
    """Return what `netswapctl status` says is wrong with a link."""
    links = json.loads(netswapctl("status", "--json").out)["links"]
    return str(next(each["fault"] for each in links if each["name"] == link))


def moves_and_comes_back(lab: Lab, daemon: Netswapd, reason: str, mend: str) -> None:
    wait_until(lambda: lab.active() == "tether0", 10, "traffic leaves by the backup")
    daemon.wait_for(f"Changing default interface from cable0 to tether0: cable0: {reason}", 2)
    assert fault("cable0") == reason
    assert f"cable0 is faulty: {reason}" in netswapctl("status").out
    assert not [line for line in daemon.lines if "cable0 is down" in line]
    lab.sh("nft", "flush", "chain", "inet", "isp", mend, netns="isp-cable0")
    wait_until(lambda: lab.active() == "cable0", 10, "traffic leaves by the cable again")
    daemon.wait_for("Link cable0 passes its checks again", 2)
    assert fault("cable0") == ""


def rule(lab: Lab, chain: str, text: str) -> None:
    lab.sh("nft", f"add rule inet isp {chain} {text}", netns="isp-cable0")


def test_a_captive_portal_moves_traffic_to_the_backup_and_back(lab: Lab) -> None:
    lab.commands.start("portal", sys.executable, "-m", "tests.lab.portal", str(PORTAL),
                       netns="isp-cable0")  # fmt: skip
    nat = "add chain inet isp nat { type nat hook prerouting priority -100; }"
    lab.sh("nft", nat, netns="isp-cable0")
    wait_until(lambda: str(PORTAL) in lab.sh("ss", "-Hltn", netns="isp-cable0"), 5, "the portal")
    daemon = start(lab, HTTP)
    rule(lab, "nat", f"tcp dport 80 redirect to :{PORTAL}")
    reason = "http: captive portal (redirected to http://portal.example/)"
    moves_and_comes_back(lab, daemon, reason, "nat")


def test_a_dead_name_server_moves_traffic(lab: Lab) -> None:
    daemon = start(lab, DNS)
    rule(lab, "input", "udp dport 53 drop")
    moves_and_comes_back(lab, daemon, "dns: no answer from 10.1.0.1 within 0.5 s", "input")


def test_dead_tcp_moves_traffic_though_pings_pass(lab: Lab) -> None:
    daemon = start(lab, TCP)
    rule(lab, "forward", "meta l4proto tcp drop")
    reason = "tcp: no answer from 198.51.100.2:7 within 0.5 s"
    moves_and_comes_back(lab, daemon, reason, "forward")


def test_a_stop_moves_no_traffic_to_a_link_that_fails_its_check(lab: Lab) -> None:
    daemon = start(lab, TCP)
    rule(lab, "forward", "meta l4proto tcp drop")
    daemon.wait_for("Blocking all packets via nftables to interface cable0", 10)
    assert daemon.stop() == 0
    assert "Leaving tether0 as the default route" in "\n".join(daemon.lines)
    assert lab.active() == "tether0"
    assert lab.guarded() == set()


def test_where_every_link_has_a_fault_nothing_works(lab: Lab) -> None:
    daemon = start(lab, TCP.replace('links = ["cable0"]\n', ""))
    assert netswapctl("status", "--check").status == 0
    for isp in ("isp-cable0", "isp-tether0"):
        lab.sh("nft", "add rule inet isp forward meta l4proto tcp drop", netns=isp)
    daemon.wait_for("Link cable0 is faulty: tcp: no answer", 10)
    wait_until(lambda: netswapctl("status", "--check").status == 11, 30, "it says offline")
    assert netswapctl("status").out.startswith("Offline: ")


def test_the_checks_cost_no_memory_to_speak_of(lab: Lab) -> None:
    daemon = start(lab, HTTP + DNS + TCP)
    wait_until(lambda: fault("cable0") == "", 5, "the checks succeed")
    assert daemon.rss_kb() < 45 * 1024
