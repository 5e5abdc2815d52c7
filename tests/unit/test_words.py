"""What netswap says. The lines that scripts and people know must not change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap.core import words
from netswap.core.actions import (
    Block,
    EndConnections,
    Kind,
    Level,
    Linger,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.health import Health
from netswap.core.model import Mode, Override
from tests.unit.worlds import DOWN, SHAKY, UP, link

CABLE, PHONE = link("cable", ifname="cable0"), link("phone", ifname="tether0")


def test_the_lines_that_are_known() -> None:
    assert words.STARTED == "Network swapper"
    known = [
        words.probing(CABLE, ["198.51.100.8"]),
        words.loss(CABLE, SHAKY, 4, 0.15),
        words.swap(PHONE, CABLE, "3 replies in a row"),
        words.step(Block("phone", "tether0"), "cable is active"),
        words.step(Unblock("phone", "tether0"), "it becomes active"),
    ]
    assert [say.text for say in known] == [
        "Pinger running on interface cable0 to 198.51.100.8",
        "Ping failure on cable0 (1/4): no reply within 0.15 s",
        "Changing default interface from tether0 to cable0: 3 replies in a row",
        "Blocking all packets via nftables to interface tether0: cable is active",
        "Unblocking all packets via nftables to interface tether0: it becomes active",
    ]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Block("phone", "tether0"), "Blocking all packets via nftables to interface tether0"),
        (Unblock("phone", "tether0"), "Unblocking all packets via nftables to interface tether0"),
        (SetMetric("phone", 60), "Setting the metric of phone: IPv4 60"),
        (SetMetric("phone", None, 60), "Setting the metric of phone: IPv6 60"),
        (SetMetric("phone", 60, 61), "Setting the metric of phone: IPv4 60, IPv6 61"),
        (Tidy("phone"), "Removing stale default routes of phone"),
        (Recheck("phone"), "Having NetworkManager check the connectivity of phone again"),
        (Restore("phone"), "Putting metric and DNS priority of phone back as found"),
        (
            Linger("phone", "tether0", ("198.51.100.7",)),
            "Keeping the connections of phone to it (198.51.100.7)",
        ),
        (
            EndConnections("phone", "usb0", ("198.51.100.7",), own=False),
            "Ending the forwarded connections of phone (198.51.100.7)",
        ),
        (
            EndConnections("phone", "usb0", ("198.51.100.7", "2001:db8::7")),
            "Ending the connections of phone (198.51.100.7, 2001:db8::7)",
        ),
    ],
)
def test_steps(step: Step, text: str) -> None:
    assert words.step_text(step) == text
    assert words.step(step, "why").text.startswith(text)


@pytest.mark.parametrize(
    ("health", "level", "text"),
    [
        (UP, Level.INFO, "Link cable (cable0) is up: it replies"),
        (DOWN, Level.WARNING, "Link cable (cable0) is down: 2 probes lost"),
        (Health(), Level.INFO, "Link cable (cable0) is connected, not proven yet"),
    ],
)
def test_transitions_have_a_reason(health: Health, level: Level, text: str) -> None:
    say = words.transition(CABLE, health)
    assert (say.text, say.level, say.kind, say.link) == (text, level, Kind.LINK, "cable")


def test_a_link_called_like_its_interface_is_named_once() -> None:
    assert words.label(link("cable0")) == "cable0"
    assert words.label(replace(CABLE, ifname="")) == "cable"
    assert words.label(CABLE) == "cable (cable0)"


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (Override(), "Choosing links automatically again: asked by the user"),
        (Override(Mode.PINNED, "phone"), "Keeping to phone: asked by the user"),
        (Override(Mode.PAUSED), "Paused, guarding nothing: asked by the user"),
    ],
)
def test_modes(override: Override, text: str) -> None:
    say = words.mode(override, "asked by the user")
    assert (say.text, say.kind) == (text, Kind.MODE)


def test_nowhere_to_go() -> None:
    assert words.nowhere(CABLE).text == "No link works: staying on cable0, changing nothing"
    assert "there is no default route at all" in words.nowhere(None).text
    assert words.nowhere(None).level is Level.ERROR


def test_a_failure_says_what_why_and_when_again() -> None:
    say = words.failed(SetMetric("phone", 60), "Not authorized", 4.0)
    assert say.text == (
        "Failed: Setting the metric of phone: IPv4 60: Not authorized; next try in 4 s"
    )
    assert say.level is Level.WARNING
