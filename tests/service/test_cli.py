"""netswapctl against the service: what is printed, what is asked for, and the exit status."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from netswap import __version__
from tests.service.ctl import netswapctl
from tests.service.fake import FakeNetswapd, PrivateBus


def test_status(netswapd: FakeNetswapd) -> None:
    status, out, err = netswapctl("status")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("cable is active since ")
    assert lines[0].endswith("(10 min): 3 replies in a row")
    assert [line.split()[:2] for line in lines[2:]] == [
        ["LINK", "DEVICE"],
        ["*", "cable"],
        ["phone", "usb0"],
    ]
    assert "\x1b" not in out


def test_status_in_one_line(netswapd: FakeNetswapd) -> None:
    assert netswapctl("status", "--format", "tmux") == (0, "cable\n", "")
    assert json.loads(netswapctl("status", "--format", "waybar").out)["alt"] == "preferred"
    assert netswapctl("status", "--template", "{link}: {rtt}") == (0, "cable: 0.4 ms\n", "")


def test_a_bar_shows_that_there_is_no_service(bus: PrivateBus) -> None:
    assert netswapctl("status", "--format", "plain") == (0, "netswapd is not running\n", "")


def test_status_as_json(netswapd: FakeNetswapd) -> None:
    said = json.loads(netswapctl("status", "--json").out)
    assert (said["active_link"], said["mode_until_s"]) == ("cable", None)
    assert [link["name"] for link in said["links"]] == ["cable", "phone"]
    assert said["links"][1]["rtt_s"] == 0.031


@pytest.mark.parametrize(
    ("state", "code"), [("preferred", 0), ("backup", 10), ("offline", 11), ("starting", 12)]
)
def test_status_for_scripts(netswapd: FakeNetswapd, state: str, code: int) -> None:
    netswapd.change(State=state)
    assert netswapctl("status", "--check") == (code, f"{state}\n", "")
    assert netswapctl("status", "--check", "--json").status == code
    assert netswapctl("status").status == 0


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["use", "phone"], ("use", "phone", 0.0, False)),
        (["use", "phone", "--for", "30m"], ("use", "phone", 1800.0, False)),
        (["use", "phone", "--even-if-dead"], ("use", "phone", 0.0, True)),
        (["auto"], ("auto",)),
        (["pause"], ("pause", 0.0)),
        (["pause", "--for", "1h30m"], ("pause", 5400.0)),
        (["resume"], ("resume",)),
        (["reload"], ("reload",)),
        (["probe", "phone"], ("probe", "phone")),
    ],
)
def test_orders_reach_the_service(
    netswapd: FakeNetswapd, arguments: list[str], asked: tuple[object, ...]
) -> None:
    assert netswapctl(*arguments).status == 0
    assert netswapd.table.asked == [asked]


def test_after_an_order_it_tells_how_things_stand(netswapd: FakeNetswapd) -> None:
    out = netswapctl("use", "phone").out
    assert out.startswith("phone is active since ")
    assert "asked by the user\nPinned by the user; `netswapctl auto` ends it\n" in out
    assert "Paused until " in netswapctl("pause", "--for", "10m").out


def test_a_link_that_cannot_be_used_is_a_failure(netswapd: FakeNetswapd) -> None:
    async def nothing_changes(link: str, seconds: float, *, even_if_dead: bool) -> None: ...

    netswapd.table.use = nothing_changes  # type: ignore[method-assign]
    netswapd.table.the_links[1] |= {"Health": "down", "Reason": "4 probes lost"}
    status, out, err = netswapctl("use", "phone")
    assert status == 1
    assert out.startswith("cable is active")
    assert err == (
        "netswapctl: phone does not work: 4 probes lost\n"
        "Hint: --even-if-dead uses it all the same\n"
    )


def test_a_link_that_is_being_connected_is_promised(netswapd: FakeNetswapd) -> None:
    async def begins(link: str, seconds: float, *, even_if_dead: bool) -> None:
        netswapd.table.properties["Mode"] = "pinned"

    netswapd.table.use = begins  # type: ignore[method-assign]
    status, out, _ = netswapctl("use", "phone")
    assert status == 0
    assert "phone becomes active as soon as it is connected" in out


def test_probe(netswapd: FakeNetswapd) -> None:
    assert netswapctl("probe", "phone").out == (
        "phone: 1 of 2 targets replied\n  198.51.100.1  31 ms\n  198.51.100.2  no reply\n"
    )
    assert json.loads(netswapctl("probe", "phone", "--json").out) == [
        {"target": "198.51.100.1", "rtt_s": 0.0312},
        {"target": "198.51.100.2", "rtt_s": None},
    ]
    netswapd.table.the_replies = [("198.51.100.1", -1.0)]
    assert netswapctl("probe", "phone").status == 1


def test_log(netswapd: FakeNetswapd) -> None:
    netswapd.happen("swap", "phone", "Changing default interface from eth0 to usb0: reason")
    lines = netswapctl("log").out.splitlines()
    assert [line[21:] for line in lines] == [
        "link   Link cable (eth0) is up: it replies",
        "swap   Changing default interface from eth0 to usb0: reason",
    ]
    assert len(netswapctl("log", "--since", "5m").out.splitlines()) == 1
    first = json.loads(netswapctl("log", "--json").out.splitlines()[0])
    assert first["link"] == "cable"
    assert first["time_s"] == netswapd.table.the_transitions[0][0]


def test_links_and_config(netswapd: FakeNetswapd) -> None:
    assert netswapctl("links").out.splitlines()[2].split()[-1] == "phone"
    assert json.loads(netswapctl("links", "--json").out)[1]["metered"] is True
    assert "probe.fall  2      default" in netswapctl("config").out
    expected = {"name": "probe.fall", "value": "2", "source": "default"}
    assert json.loads(netswapctl("config", "--json").out)[0] == expected


def test_doctor(netswapd: FakeNetswapd) -> None:
    status, out, _ = netswapctl("doctor")
    assert status == 0
    assert f"ok    service: netswapd {__version__} is running\n" in out
    assert "ok    rp_filter: not strict on any link\n" in out
    netswapd.table.the_findings = [("rp_filter", "fail", "strict on eth0", "sysctl -w x=2")]
    status, out, _ = netswapctl("doctor")
    assert status == 1
    assert "fail  rp_filter: strict on eth0\n      mend: sysctl -w x=2\n" in out
    assert "fail" in {item["verdict"] for item in json.loads(netswapctl("doctor", "--json").out)}


def test_doctor_looks_at_the_file_with_which_netswapd_would_be_started_again(
    netswapd: FakeNetswapd, tmp_path: Path
) -> None:
    assert "ok    configuration: " in netswapctl("doctor").out
    path = tmp_path / "netswap.toml"
    path.write_text("[probe]\nfall = 3\n")
    netswapd.table.the_settings.append(("probe.fall", "3", str(path)))
    assert f"ok    configuration: {path}\n" in netswapctl("doctor").out
    path.write_text("garbage\n")
    status, out, _ = netswapctl("doctor")
    assert status == 1
    assert f"fail  configuration: {path}: not valid TOML: " in out
    assert f"      mend: edit {path}\n" in out


@pytest.mark.parametrize("running", ["0.0.9", "\x1b[31m"])
def test_doctor_notices_another_version(netswapd: FakeNetswapd, running: str) -> None:
    netswapd.change(Version=running)
    out = netswapctl("doctor").out
    assert "mend: systemctl restart netswapd" in out
    assert "\x1b" not in out


def test_help_and_version() -> None:
    assert netswapctl("--version").out == f"netswapctl, version {__version__}\n"
    status, out, _ = netswapctl()
    assert status == 0
    assert out == netswapctl("--help").out
    assert "..." not in out.partition("Commands:")[2], "the first sentence of a command is too long"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = netswapctl("completion", shell)
    assert done.status == 0
    assert "_NETSWAPCTL_COMPLETE" in done.out


def completed(words: str, shell: str = "bash") -> list[str]:
    env = {
        **os.environ,
        "_NETSWAPCTL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": f"netswapctl {words}",
        "COMP_CWORD": str(1 + words.count(" ")),
    }
    done = netswapctl(env=env)
    assert (done.status, done.err) == (0, "")
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


def test_links_are_completed(netswapd: FakeNetswapd) -> None:
    assert completed("use ") == ["cable", "phone"]
    assert completed("probe p") == ["phone"]
    assert completed("re") == ["resume", "reload", "report"]


def test_completion_without_the_service_is_quiet_and_quick(bus: PrivateBus) -> None:
    began_s = time.monotonic()
    assert completed("use ") == []
    assert time.monotonic() - began_s < 2
