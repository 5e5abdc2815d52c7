"""netswapctl with the real daemon, as its user would try it."""

from __future__ import annotations

import json

from netswap import config
from netswap.config import DEFAULT_PATH
from netswap.core.settings import LinkSettings, Match
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.netswapd import Netswapd
from tests.service.ctl import Done, OnTerminal, netswapctl

SLOW = QUICK.replace("0.2", "1")


def ctl(lab: Lab, *arguments: str) -> Done:
    """Run netswapctl; it and its answer stand in the lab's transcript."""
    done = netswapctl(*arguments)
    command = f"$ netswapctl {' '.join(arguments)}"
    lab.commands.transcript.append(f"{command}\n{done.out}{done.err}[exit status {done.status}]")
    return done


def start(lab: Lab, text: str = NAMED) -> Netswapd:
    """Start netswapd as its unit does, with the default file; wait until all is in order."""
    DEFAULT_PATH.write_text(text)
    daemon = lab.netswapd()
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 2, "the tether stands by")
    return daemon


def rows(lab: Lab) -> dict[str, list[str]]:
    """Return the table of `status`: the words after each link's name."""
    lines = ctl(lab, "status").out.splitlines()
    found = [line.replace("*", " ").split() for line in lines if line.startswith(("*", "  "))]
    return {words[0]: words[1:] for words in found if words[0] != "LINK"}


def check(lab: Lab) -> Done:
    return ctl(lab, "status", "--check")


def test_status_before_during_and_after_an_outage(lab: Lab) -> None:
    start(lab)
    assert ctl(lab, "status").out.startswith("cable is active since ")
    assert check(lab) == (0, "preferred\n", "")
    assert rows(lab)["cable"][:2] == ["cable0", "up"]
    assert rows(lab)["phone"][:3] == ["tether0", "up", "(standby)"]
    assert "guarded" in rows(lab)["phone"]

    lab.link("cable0").cut()
    wait_until(lambda: check(lab).status == 10, 5, "on the backup")
    out = ctl(lab, "status").out
    assert out.startswith("On a backup: phone is active since ")
    assert "cable: 4 probes lost" in out
    assert "cable is down since " in out

    lab.link("tether0").pull()
    wait_until(lambda: check(lab).status == 11, 5, "offline")
    out = ctl(lab, "status").out
    assert out.startswith("Offline since ")
    assert ": carrier lost" in out

    lab.link("cable0").heal()
    wait_until(lambda: check(lab).status == 0, 5, "on the preferred link again")
    log = ctl(lab, "log").out
    for event in ("Link cable (cable0) is down: 4 probes lost", "No link works", "carrier lost"):
        assert event in log
    assert log.count("Changing default interface from cable0 to tether0: cable: 4 probes lost") == 1


def test_use_and_auto_move_traffic(lab: Lab) -> None:
    start(lab)
    status, out, _ = ctl(lab, "use", "phone", "--for", "30m")
    assert status == 0
    assert "phone is active since " in out
    assert "min left); `netswapctl auto` ends it" in out
    wait_until(lambda: lab.active() == "tether0", 3, "traffic leaves by the tether")
    assert ctl(lab, "auto").status == 0
    wait_until(lambda: lab.active() == "cable0", 3, "traffic leaves by the cable again")
    swaps = [line for line in ctl(lab, "log").out.splitlines() if "  swap   " in line]
    assert swaps[0].endswith("from cable0 to tether0: asked by the user")
    assert len(swaps) == 2


def test_a_dead_link_is_only_used_if_insisted_on(lab: Lab) -> None:
    start(lab)
    lab.link("tether0").cut()
    lab.daemons[0].wait_for("Link phone (tether0) is down", 15)
    status, out, err = ctl(lab, "use", "phone")
    assert status == 1
    assert out.startswith("cable is active")
    assert "phone does not work: 4 probes lost" in err
    assert ctl(lab, "use", "phone", "--even-if-dead").status == 0
    wait_until(lambda: lab.active() == "tether0", 3, "traffic leaves by the tether")
    assert ctl(lab, "status").out.startswith("Offline since ")
    assert "phone is active, asked by the user" in ctl(lab, "status").out


def test_pause_ends_by_itself_and_resume_ends_it(lab: Lab) -> None:
    start(lab)
    assert "Paused: nothing is guarded" in ctl(lab, "pause").out
    wait_until(lambda: "tether0" not in lab.guarded(), 2, "nothing is guarded")
    assert "guarded" not in rows(lab)["phone"]
    ctl(lab, "resume")
    ctl(lab, "use", "cable")
    assert "Pinned by the user" in ctl(lab, "resume").out
    ctl(lab, "auto")
    wait_until(lambda: "tether0" in lab.guarded(), 2, "the tether is guarded again")
    ctl(lab, "pause", "--for", "1s")
    wait_until(lambda: "tether0" not in lab.guarded(), 1, "nothing is guarded")
    wait_until(lambda: "tether0" in lab.guarded(), 3, "the pause is over")
    assert json.loads(ctl(lab, "status", "--json").out)["mode"] == "auto"


def test_probe_measures_over_the_link_that_is_asked_for(lab: Lab) -> None:
    start(lab)
    (reply,) = json.loads(ctl(lab, "probe", "phone", "--json").out)
    assert 0 < reply["rtt_s"] < 1
    lab.link("tether0").cut()
    status, out, _ = ctl(lab, "probe", "phone")
    assert (status, out) == (1, "phone: 0 of 1 target replied\n  198.51.100.1  no reply\n")
    assert ctl(lab, "probe", "cable").status == 0


def test_links_and_config_tell_what_is(lab: Lab) -> None:
    start(lab)
    offers = json.loads(ctl(lab, "links", "--json").out)
    assert [(offer["device"], offer["link"]) for offer in offers][:2] == [
        ("cable0", "cable"),
        ("tether0", "phone"),
    ]
    settings = json.loads(ctl(lab, "config", "--json").out)
    sources = {setting["name"]: setting["source"] for setting in settings}
    assert sources["probe.targets"] == str(DEFAULT_PATH)
    assert sources["probe.fall"] == "default"


def test_doctor_finds_a_strict_filter_and_its_mend_mends_it(lab: Lab) -> None:
    lab.sh("sysctl", "-w", "net.ipv4.conf.cable0.rp_filter=1")
    start(lab, QUICK)
    findings = json.loads(ctl(lab, "doctor", "--json").out)
    (bad,) = [finding for finding in findings if finding["verdict"] == "fail"]
    assert bad["check"] == "rp_filter"
    assert ctl(lab, "doctor").status == 1
    lab.sh(*bad["mend"].split())
    assert ctl(lab, "doctor").status == 0


def test_doctor_without_netswapd_and_without_networkmanager(lab: Lab) -> None:
    status, out, _ = ctl(lab, "doctor")
    assert status == 1
    assert "fail  service: netswapd is not running" in out
    assert "NetworkManager" not in out.replace("NetworkManager/", "")
    DEFAULT_PATH.write_text("[probe]\nfall = 0\n")
    lab.stop_nm()
    out = ctl(lab, "doctor").out
    assert "fail  NetworkManager: not running" in out
    assert f"fail  configuration: {DEFAULT_PATH}:2: probe.fall" in out


def test_setup_is_all_a_new_user_needs(lab: Lab) -> None:
    """Without any file netswap picks the links; setup names them, and they stay what they are."""
    start(lab, QUICK)
    assert ctl(lab, "setup", "--yes").status == 1
    status, out, err = ctl(lab, "setup", "--yes", "--force")
    assert (status, err) == (0, "")
    assert DEFAULT_PATH.read_text() in out
    assert config.load(None).settings.link == (
        LinkSettings("cable", Match(interface="cable0")),
        LinkSettings("phone", Match(connection="tether0")),
    )
    wait_until(lambda: rows(lab)["phone"][:3] == ["tether0", "up", "(standby)"], 3, "all is well")
    assert check(lab).out == "preferred\n"
    assert lab.active() == "cable0"
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    assert ctl(lab, "setup", "--yes", "--force").status == 0
    assert [link.name for link in config.load(None).settings.link] == ["cable", "phone"]


def test_setup_says_when_netswapd_reads_another_file(lab: Lab) -> None:
    lab.netswapd(QUICK).wait_for("Blocking", 5)
    status, _, err = ctl(lab, "setup", "--yes")
    assert status == 2
    assert "netswapd reads /run/lab/netswap-0.toml instead\nHint: start it without --config" in err


def test_reload_takes_the_new_file_and_keeps_the_old_one_in_force_if_it_is_wrong(lab: Lab) -> None:
    start(lab)
    DEFAULT_PATH.write_text(NAMED.replace('"phone"', '"mobile"'))
    assert ctl(lab, "reload").out == "The configuration is in force.\n"
    wait_until(lambda: "mobile" in rows(lab), 3, "the new name")
    DEFAULT_PATH.write_text("[probe]\nfall = 0\n")
    status, _, err = ctl(lab, "reload")
    assert status == 2
    assert err.startswith(f"netswapctl: {DEFAULT_PATH}:2: probe.fall: ")
    assert "mobile" in rows(lab)


def test_the_live_commands_show_an_outage(lab: Lab) -> None:
    start(lab)
    with OnTerminal("watch") as watch, OnTerminal("log", "--follow") as log:
        watch.wait_for("cable is active since ")
        log.wait_for("Link cable (cable0) is up")
        lab.link("cable0").cut()
        log.wait_for("Changing default interface from cable0 to tether0")
        watch.wait_for("On a backup: phone is active since ")
        watch.wait_for("\N{MULTIPLICATION SIGN}")
        watch.type("q")
        assert watch.end() == 0


def test_without_netswapd_every_command_says_so(lab: Lab) -> None:
    for command in ("status", "use cable0", "pause", "probe cable0", "log", "links", "setup --yes"):
        status, out, err = ctl(lab, *command.split())
        assert (status, out) == (3, "")
        assert err.endswith("Hint: start it with `sudo systemctl start netswapd`\n")
