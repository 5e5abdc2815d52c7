"""netswapctl where something is wrong: one line that says what, a hint, and the exit status."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netswap.adapters.bus import CallError
from netswap.history.facts import Fact, What
from netswap.history.store import Batch, Store
from netswap.service import api
from tests.service.ctl import netswapctl, without_output
from tests.service.fake import REFUSE_ALL, FakeNetswapd, PrivateBus

READING = [
    ["status"], ["status", "--check"], ["probe", "cable"], ["log"], ["links"], ["config"],
]  # fmt: skip
CONTROLLING = [["use", "cable"], ["auto"], ["pause"], ["resume"], ["reload"]]


@pytest.mark.parametrize("arguments", [*READING, *CONTROLLING], ids=" ".join)
def test_without_the_service(bus: PrivateBus, arguments: list[str]) -> None:
    status, out, err = netswapctl(*arguments)
    assert (status, out) == (3, "")
    assert err == (
        "netswapctl: netswapd is not running\nHint: start it with `sudo systemctl start netswapd`\n"
    )


def test_without_a_bus(tmp_path: Path) -> None:
    nowhere = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none"}
    status, _, err = netswapctl("status", env=nowhere)
    assert status == 3
    assert err.startswith("netswapctl: netswapd cannot be asked: no system bus: ")
    assert "Hint: `systemctl status dbus` tells" in err
    status, out, _ = netswapctl("doctor", env=nowhere)
    assert status == 1
    assert "fail  service: " in out
    assert "mend: systemctl start dbus\n" in out


def test_doctor_without_the_service(bus: PrivateBus) -> None:
    status, out, err = netswapctl("doctor")
    assert (status, err) == (1, "")
    for line in [
        "fail  service: netswapd is not running\n      mend: systemctl start netswapd",
        "fail  NetworkManager: not running\n      mend: systemctl start NetworkManager",
    ]:
        assert line in out
    assert "configuration: " in out


@pytest.mark.parametrize("arguments", CONTROLLING, ids=" ".join)
def test_a_refusal_by_polkit(netswapd: FakeNetswapd, arguments: list[str]) -> None:
    netswapd.table.error = CallError(api.NOT_ALLOWED, "not allowed: it takes a local session")
    status, out, err = netswapctl(*arguments)
    assert (status, out) == (4, "")
    assert err.startswith("netswapctl: not allowed: it takes a local session\nHint: ")


def test_a_refusal_by_the_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PrivateBus(tmp_path, REFUSE_ALL) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        with FakeNetswapd():
            status, _, err = netswapctl("status")
    assert status == 4
    assert err.startswith("netswapctl: not allowed: ")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (api.INVALID_ARGUMENT, 2),
        (api.INVALID_CONFIGURATION, 2),
        (api.BUSY, 1),
        ("org.freedesktop.DBus.Error.Failed", 1),
    ],
)
def test_other_errors_are_one_line(netswapd: FakeNetswapd, name: str, code: int) -> None:
    netswapd.table.error = CallError(name, "it is wrong\nin \x1b[2Jtwo lines")
    status, out, err = netswapctl("reload")
    assert (status, out) == (code, "")
    assert err.startswith("netswapctl: it is wrong�in �[2Jtwo lines")
    assert err.count("\n") == 1


def test_an_unknown_link_is_named_with_those_there_are(netswapd: FakeNetswapd) -> None:
    for command in ("use", "probe"):
        assert netswapctl(command, "tether") == (
            2, "", "netswapctl: there is no link 'tether'; links: cable, phone\n"
        )  # fmt: skip


@pytest.mark.parametrize("command", ["use", "probe"])
def test_an_argument_that_is_no_text_is_told_so(netswapd: FakeNetswapd, command: str) -> None:
    assert netswapctl(command, "\udcff") == (
        2, "", "netswapctl: not UTF-8 text\nHint: D-Bus, and so netswap, takes UTF-8 only\n"
    )  # fmt: skip


@pytest.mark.parametrize("command", ["use cable", "pause"])
def test_who_asks_for_too_long_is_told_the_longest(netswapd: FakeNetswapd, command: str) -> None:
    assert netswapctl(*command.split(), "--for", "400d") == (
        2, "", "netswapctl: too long: at most a year (366 d) is possible\n"
    )  # fmt: skip
    assert netswapctl(*command.split(), "--for", "366d").status == 0


@pytest.mark.parametrize("command", ["links", "links --json", "setup --yes --force --file"])
def test_without_networkmanager_nothing_is_said_of_its_devices(
    netswapd: FakeNetswapd, tmp_path: Path, command: str
) -> None:
    netswapd.change(NetworkManagerRunning=False)
    netswapd.table.the_offers.clear()
    path = [str(tmp_path / "netswap.toml")] if "--file" in command else []
    assert netswapctl(*command.split(), *path) == (
        1,
        "",
        "netswapctl: NetworkManager is not running\n"
        "Hint: start it with `sudo systemctl start NetworkManager`\n",
    )
    assert not (tmp_path / "netswap.toml").exists()


def test_a_service_of_another_version_is_told_apart(netswapd: FakeNetswapd) -> None:
    for link in netswapd.table.the_links:
        del link["Rtt"]
    status, _, err = netswapctl("status")
    assert status == 1
    assert "netswapd does not tell 'Rtt': it is of another version than netswapctl" in err


def test_names_cannot_steer_the_terminal(netswapd: FakeNetswapd) -> None:
    netswapd.table.the_links[1]["Reason"] = "\x1b]0;owned\x07"
    netswapd.table.the_links[1]["Health"] = "down"
    netswapd.table.the_offers[1] = ("usb0", "wifi", "Free\x1b[2JWiFi", "connected", True, "phone")
    for command in ("status", "links", "log"):
        assert "\x1b" not in netswapctl(command).out
        assert "\x1b" not in netswapctl(command, "--json").out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["stat"], "No such command 'stat'", "see `netswapctl --help`"),
        (["status", "--chck"], "No such option", "see `netswapctl status --help`"),
        (["use"], "Missing argument 'LINK'", "see `netswapctl use --help`"),
        (["pause", "--for", "30"], "'30' is no duration", "see `netswapctl pause --help`"),
        (["completion", "tcsh"], "'tcsh' is not one of", "see `netswapctl completion --help`"),
        (["status", "--template", "{lnk}"], "do you mean link?", "see `netswapctl status --help`"),
        (["status", "--json", "--format", "tmux"], "exclude", "see `netswapctl status --help`"),
        (["status", "--check", "--follow"], "exclude each other", "see `netswapctl status --help`"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, hint: str) -> None:
    status, out, err = netswapctl(*arguments)
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("netswapctl: ")
    assert message in first
    assert second == f"Hint: {hint}"


@pytest.mark.parametrize("command", ["status", "log", "links", "config", "doctor"])
def test_a_closed_output_is_no_trouble(netswapd: FakeNetswapd, command: str) -> None:
    assert without_output(command) == (0, "", "")


@pytest.mark.parametrize("command", ["history", "history --csv", "report", "graph"])
def test_nor_is_it_for_what_is_recorded(tmp_path: Path, command: str) -> None:
    path = tmp_path / "history.db"
    facts = [Fact(1.0, What.BEGIN), Fact(5.0, What.LINK, "cable", "down")]
    with Store(path) as writer:
        writer.write([Batch(1000.0, facts)])
    past = ["--since", "99999d", "--database", str(path)]
    assert without_output(*command.split(), *past) == (0, "", "")
