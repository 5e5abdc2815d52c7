"""One line for status bars, and templates."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.cli import bars
from netswap.cli.bars import FORMATS, TemplateError, template
from tests.unit.cli_samples import NOW_S, OUTAGE, a_status

WELL = a_status()
OFFLINE = replace(OUTAGE, state="offline")
PAUSED = a_status(mode="paused")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (WELL, "cable"),
        (OUTAGE, "phone (backup)"),
        (OFFLINE, "offline"),
        (PAUSED, "cable (paused)"),
        (replace(OUTAGE, mode="pinned"), "phone (backup, pinned)"),
        (a_status(active_link="", state="starting"), "starting"),
        (None, "netswapd is not running"),
    ],
)
def test_a_summary_names_the_link_and_what_is_not_as_usual(state: bars.Found, said: str) -> None:
    assert FORMATS["plain"](state, NOW_S) == said


def test_waybar() -> None:
    assert json.loads(FORMATS["waybar"](OUTAGE, NOW_S)) == {
        "text": "phone (backup)",
        "alt": "backup",
        "class": ["backup", "auto"],
        "tooltip": (
            "On a backup: phone is active since 16:08 (5 min): cable: 2 probes lost\n"
            "  cable: down\n* phone: up\n"
            "cable is down since 16:08 (5 min): 2 probes lost; last reply 16:07"
        ),
    }
    absent = json.loads(FORMATS["waybar"](None, NOW_S))
    assert (absent["alt"], absent["class"]) == ("absent", ["absent"])


def test_i3blocks() -> None:
    assert json.loads(FORMATS["i3blocks"](WELL, NOW_S)) == {
        "full_text": "cable",
        "short_text": "cable",
    }
    assert json.loads(FORMATS["i3blocks"](OUTAGE, NOW_S))["color"] == bars.I3["backup"]


def test_tmux() -> None:
    assert FORMATS["tmux"](WELL, NOW_S) == "cable"
    assert FORMATS["tmux"](OFFLINE, NOW_S) == "#[fg=red]offline#[default]"


def test_names_cannot_steer_a_bar() -> None:
    named = replace(WELL, active_link="#(reboot)<b>&")
    assert json.loads(FORMATS["waybar"](named, NOW_S))["text"] == "#(reboot)&lt;b&gt;&amp;"
    assert FORMATS["tmux"](named, NOW_S) == "##(reboot)<b>&"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{link} {rtt} {loss}", "phone 31 ms 0 %"),
        ("{state}/{mode}: {device}, {connection}", "backup/auto: usb0, Wired"),
        ("{metered}|{health}", "|up"),
        ("since {since} ({for}): {reason}", "since 16:08 (5 min): cable: 2 probes lost"),
        ("{links}", "cable down, phone up"),
        ("{{link}} 100 %", "{link} 100 %"),
        ("", ""),
    ],
)
def test_a_template_is_filled(text: str, said: str) -> None:
    assert template(text)(OUTAGE, NOW_S) == said


def test_without_a_service_only_the_state_is_known() -> None:
    line = template("{state} [{link}] [{rtt}] {summary}")
    assert line(None, NOW_S) == "absent [] [] netswapd is not running"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{lnk}", "there is no field 'lnk'; do you mean link?"),
        ("{link", "'{' stands alone"),
        ("link}", "'}' stands alone"),
        ("{link.__class__}", "'{' stands alone"),
        ("{link:>999999999}", "'{' stands alone"),
        ("{}", "'{' stands alone"),
    ],
)
def test_what_is_no_template_is_refused(text: str, why: str) -> None:
    with pytest.raises(TemplateError, match="^" + why.replace("{", r"\{").replace("?", r"\?")):
        template(text)


@given(st.text(alphabet="{}abelink :."))
def test_a_template_is_refused_or_filled(text: str) -> None:
    try:
        line = template(text)
    except TemplateError:
        return
    assert isinstance(line(WELL, NOW_S), str)


@given(st.text())
def test_every_format_is_one_line(name: str) -> None:
    state = replace(WELL, active_link=name.replace("\n", " ").replace("\r", " "))
    for line in FORMATS.values():
        assert "\n" not in line(state, NOW_S)


def test_every_field_is_explained() -> None:
    assert [line.split()[0] for line in bars.fields().splitlines()] == [
        f"{{{name}}}" for name in bars.FIELDS
    ]
