"""What netswapctl prints. The screens below are what a user sees."""

from __future__ import annotations

import pytest

from netswap.cli import render
from netswap.cli.client import Finding, Offer, Reply, Setting, Transition
from netswap.cli.text import painted
from tests.unit.cli_samples import CABLE, HOURS_AGO_S, NOW_S, OUTAGE, PHONE, a_link, a_status


def screen(lines: list[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


def test_all_is_well() -> None:
    assert (
        screen(render.status(a_status(), NOW_S))
        == """
cable is active since 14:03 (2 h 10 min): 3 replies in a row

  LINK   DEVICE  HEALTH        RTT     LOSS  METRIC  GUARD    SINCE
* cable  eth0    up            0.4 ms  0 %   100     -        14:03
  phone  usb0    up (standby)  31 ms   3 %   200     guarded  16:12
"""
    )


def test_on_a_backup_it_tells_what_is_wrong_with_the_other() -> None:
    assert (
        screen(render.status(OUTAGE, NOW_S))
        == """
On a backup: phone is active since 16:08 (5 min): cable: 2 probes lost

  LINK   DEVICE  HEALTH  RTT    LOSS  METRIC  GUARD    SINCE
  cable  eth0    down    -      50 %  100     guarded  16:08
* phone  usb0    up      31 ms  0 %   60      -        14:03

cable is down since 16:08 (5 min): 2 probes lost; last reply 16:07
"""
    )


def test_offline() -> None:
    down = {"health": "down", "last_reply_s": None}
    state = a_status(
        a_link(**down, reason="carrier lost", since_s=NOW_S - 3),
        a_link(**down, name="phone", role="standby", device="", reason="no such device",
               metric4=None, loss=None, guarded=False),
        state="offline",
    )  # fmt: skip
    assert (
        screen(render.status(state, NOW_S))
        == """
Offline since 16:12 (3 s): no link works; cable stays active

  LINK   DEVICE  HEALTH  RTT  LOSS  METRIC  GUARD  SINCE
* cable  eth0    down    -    0 %   100     -      16:12
  phone  -       down    -    -     -       -      14:03

cable is down since 16:12 (3 s): carrier lost
phone is down since 14:03 (2 h 10 min): no such device
"""
    )


def test_a_link_on_demand_that_nobody_needs_is_no_trouble() -> None:
    phone = a_link(
        name="phone", device="", health="down", resting=True, reason="not connected",
        role="standby", rtt_s=None, loss=None, metric4=None,
    )  # fmt: skip
    assert render.status(a_status(CABLE, phone), NOW_S)[2:] == [
        "  LINK   DEVICE  HEALTH   RTT     LOSS  METRIC  GUARD  SINCE",
        "* cable  eth0    up       0.4 ms  0 %   100     -      14:03",
        "  phone  -       resting  -       -     -       -      14:03",
    ]
    assert render.health(phone).colour == ""


def test_offline_although_pings_pass() -> None:
    cable = a_link(fault="http: captive portal")
    assert render.status(a_status(cable, state="offline"), NOW_S) == [
        "Offline: cable is active and faulty; no better link works",
        "",
        "  LINK   DEVICE  HEALTH  RTT     LOSS  METRIC  GUARD  SINCE",
        "* cable  eth0    faulty  0.4 ms  0 %   100     -      14:03",
        "",
        "cable is faulty: http: captive portal; it is used only if no better link works",
    ]


def test_offline_by_choice_though_a_link_works() -> None:
    portal = a_link(name="hotel", fault="http: captive portal")
    state = a_status(
        portal, a_link(role="standby"), active_link="hotel", state="offline", mode="pinned",
        reason="asked by the user",
    )  # fmt: skip
    assert render.status(state, NOW_S)[:2] == [
        "Offline since 14:03 (2 h 10 min): hotel is active, asked by the user",
        "Pinned by the user; `netswapctl auto` ends it",
    ]


def test_offline_by_choice() -> None:
    cable = a_link(health="down", reason="2 probes lost")
    state = a_status(
        cable, PHONE, state="offline", reason="asked by the user", mode="pinned", since_s=NOW_S - 3
    )
    assert render.status(state, NOW_S)[:2] == [
        "Offline since 16:12 (3 s): cable is active, asked by the user",
        "Pinned by the user; `netswapctl auto` ends it",
    ]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"mode": "paused", "mode_until_s": NOW_S + 560},
            "Paused until 16:22 (9 min 20 s left): nothing is guarded or changed; "
            "`netswapctl resume` ends it",
        ),
        (
            {"mode": "pinned", "mode_until_s": NOW_S + 1800},
            "Pinned by the user until 16:43 (30 min left); `netswapctl auto` ends it",
        ),
        (
            {"network_manager_running": False},
            "NetworkManager is not running: nothing can be changed",
        ),
        (
            {"dry_run": True},
            "Dry run: netswapd only says what it would do; metrics and guard are as they would be",
        ),
    ],
)
def test_what_is_out_of_the_ordinary_is_noted(changes: dict[str, object], note: str) -> None:
    assert render.notes(a_status(**changes), NOW_S) == [note]


def test_nothing_is_noted_when_all_is_ordinary() -> None:
    assert render.notes(a_status(), NOW_S) == []


def test_without_links_it_says_where_to_look() -> None:
    state = a_status(active_link="", state="starting", reason="", links=())
    assert render.status(state, NOW_S) == [
        "Starting: no link is known yet",
        "There are no links: `netswapctl links` shows what NetworkManager offers",
    ]


def test_while_starting_it_says_so() -> None:
    state = a_status(state="starting", reason="phone is not proven yet", since_s=NOW_S)
    expected = "Starting: cable is active since 16:13 (0 s): phone is not proven yet"
    assert render.headline(state, NOW_S) == expected


@pytest.mark.parametrize(
    ("metric4", "metric6", "text"),
    [(100, 100, "100"), (100, 1024, "100/1024"), (None, 1024, "-/1024"), (None, None, "-")],
)
def test_metrics_of_both_families(metric4: int | None, metric6: int | None, text: str) -> None:
    link = a_link(metric4=metric4, metric6=metric6)
    assert render.status(a_status(link), NOW_S)[3].split()[-3] == text


def test_times_of_other_days_carry_their_day() -> None:
    assert render.clock(HOURS_AGO_S, NOW_S) == "14:03"
    assert render.clock(NOW_S - 3 * 86400, NOW_S) == "1 Mar 16:13"
    assert render.clock(NOW_S - 366 * 86400, NOW_S) == "3 Mar 2025 16:13"


def test_a_long_name_gives_way_to_the_width_of_the_terminal() -> None:
    long = a_link(name="a" * 32, device="enx0123456789ab")
    lines = render.status(a_status(long, PHONE), NOW_S, width=80)
    assert max(map(len, lines[2:])) <= 80
    assert lines[3].startswith(f"* {'a' * 21}…  enx0")
    assert "guarded" in lines[4]


@pytest.mark.parametrize("width", [20, 40])
def test_on_a_narrow_terminal_the_links_keep_their_names(width: int) -> None:
    lines = render.status(a_status(), NOW_S, width=width)[2:]
    assert max(map(len, lines)) <= width
    assert [line[:7] for line in lines] == ["  LINK ", "* cable", "  phone"]


def test_colours_do_not_move_columns() -> None:
    plain = render.status(OUTAGE, NOW_S)
    coloured = render.status(OUTAGE, NOW_S, painted)
    assert "\x1b[31mdown\x1b[0m    -" in coloured[3]
    for line, other in zip(coloured, plain, strict=True):
        for code in ("31", "32", "33", "1", "2", "0"):
            line = line.replace(f"\x1b[{code}m", "")  # noqa: PLW2901
        assert line == other


def test_log_lines() -> None:
    event = Transition(NOW_S, "swap", "phone", "Changing default interface …")
    assert render.transition(event) == "2026-03-04 16:13:00  swap   Changing default interface …"


def test_replies() -> None:
    assert render.replies("phone", [Reply("1.2.3.4", 0.031), Reply("198.51.100.1", None)]) == [
        "phone: 1 of 2 targets replied",
        "  1.2.3.4       31 ms",
        "  198.51.100.1  no reply",
    ]
    assert render.replies("phone", [Reply("1.2.3.4", None)])[0] == "phone: 0 of 1 target replied"


def test_offers() -> None:
    found = [
        Offer("eth0", "ethernet", "Wired", "connected", False, "cable"),
        Offer("wlan0", "wifi", "", "not connected", True, ""),
    ]
    assert (
        screen(render.offers(found))
        == """
   DEVICE  TYPE      CONNECTION  STATE          METERED  LINK
1  eth0    ethernet  Wired       connected      -        cable
2  wlan0   wifi      -           not connected  metered  -
"""
    )
    assert render.offers([]) == ["NetworkManager has no device to offer"]


def test_settings() -> None:
    found = [Setting("probe.fall", "2", "default"), Setting("probe.rise", "5", "/etc/x.toml")]
    assert (
        screen(render.settings(found))
        == """
SETTING     VALUE  SOURCE
probe.fall  2      default
probe.rise  5      /etc/x.toml
"""
    )
    assert max(map(len, render.settings(found, width=24))) == 24


def test_findings() -> None:
    found = [
        Finding("service", "ok", "it runs", "nothing to do"),
        Finding("rp_filter", "fail", "strict on eth0", "sysctl -w x=2"),
    ]
    assert render.findings(found) == [
        "ok    service: it runs",
        "fail  rp_filter: strict on eth0",
        "      mend: sysctl -w x=2",
    ]
    assert render.verdict(found) == "1 ok, 1 fail"


def test_a_link_that_is_up_is_no_trouble() -> None:
    unknown = a_link(health="unknown", reason="connected, not proven yet", last_reply_s=None)
    text = "\n".join(render.status(a_status(CABLE, unknown), NOW_S))
    assert text.count(" is unknown since ") == 1
    assert "cable is up" not in text


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({}, []),
        ({"a": 1.0}, []),
        ({"a": 1.0, "b": 1.0}, []),
        ({"a": 0.9, "b": 0.0}, []),
        ({"a": 1.0, "b": 0.0}, ["cable: no reply from a, though others reply"]),
    ],
)
def test_a_target_that_is_silent_while_others_reply(
    losses: dict[str, float], said: list[str]
) -> None:
    assert list(render.troubles_of(a_link(target_loss=losses), NOW_S)) == said
