"""Links on demand: who is connected when, and when it is let go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap import config
from netswap.core.actions import Connect, Disconnect, Say
from netswap.core.dial import GRACE_S, SHOWN_S, Dial
from netswap.core.health import MUTE_S, Health
from netswap.core.model import Link, Mode, Override, State
from tests.unit.worlds import DOWN as RISING
from tests.unit.worlds import SHAKY, UNKNOWN, UP, link, world

TOML = """
[[link]]
name = "cable"
match = { interface = "cable" }
[[link]]
name = "phone"
match = { connection = "Phone" }
connect = "on-demand"
[[link]]
name = "lte"
match = { uuid = "LTE" }
connect = "on-demand"
"""
DOWN = replace(RISING, losses=4)
CALL_PHONE, CALL_LTE = Connect("phone", None, "Phone"), Connect("lte", "LTE", None)
CABLE_LEADS = link("cable", 50)
CABLE, PHONE, LTE = link("cable", 100), link("phone", 60), link("lte", 700)
ABSENT = {name: Link(name, obstacle="not connected") for name in ("phone", "lte")}
COMING = replace(PHONE, v4=None, obstacle="connecting", connecting=True, dialled=True)


class Play:
    """A dial, and the world as it is told."""

    def __init__(self, toml: str = TOML) -> None:
        self.said: list[Say] = []
        self.dial = Dial(config.parse(toml), self.said.append, -GRACE_S)

    def at(
        self,
        now_s: float,
        cable: Health,
        *others: tuple[Link, Health],
        nm: bool = True,
        mode: Mode = Mode.AUTO,
    ) -> Connect | Disconnect | None:
        there = {seen.name: (seen, health) for seen, health in others}
        rest = [there.get(name, (gone, DOWN)) for name, gone in ABSENT.items()]
        first = CABLE_LEADS if cable.up and not cable.fault else CABLE
        seen = world(first, *(seen for seen, _ in rest), managed=nm)
        healths = {"cable": cable, **{seen.name: health for seen, health in rest}}
        desired = seen.leader.name if seen.leader else None
        self.dial.observe(seen, healths, desired, now_s)
        return self.dial.step(seen, healths, mode, now_s)


def test_nothing_is_connected_while_a_link_before_works_or_may_work() -> None:
    assert [Play().at(0, health) for health in (UP, SHAKY, UNKNOWN, RISING)] == [None] * 4


def test_the_first_is_connected_once_every_link_before_is_down_and_then_waited_for() -> None:
    play = Play()
    assert play.at(0, DOWN) == CALL_PHONE
    assert play.at(1, DOWN) is None
    assert play.at(9, DOWN, (COMING, DOWN)) is None
    assert play.at(10, DOWN, (PHONE, UNKNOWN)) is None


def test_why_it_could_not_be_connected_is_known_until_it_can() -> None:
    play = Play()
    assert play.at(0, DOWN) == CALL_PHONE
    assert play.dial.trouble("phone") == ""
    play.dial.failed(CALL_PHONE, "refused", 0)
    assert play.dial.trouble("phone") == "refused"
    assert play.at(2, DOWN, (PHONE, UP)) is None
    assert play.dial.trouble("phone") == ""


def test_it_is_begun_at_the_first_lost_probe_if_so_wanted() -> None:
    toml = TOML.replace('"Phone" }', '"Phone" }\nconnect_when = "suspect"')
    assert Play(toml).at(0, SHAKY) == CALL_PHONE


def test_nothing_is_connected_in_a_pause_or_without_networkmanager_or_right_after_a_sleep() -> None:
    play = Play()
    assert play.at(0, DOWN, mode=Mode.PAUSED) is None
    assert play.at(0, DOWN, nm=False) is None
    play.dial.wake(0)
    assert play.at(GRACE_S - 1, DOWN) is None
    assert play.at(GRACE_S, DOWN) == CALL_PHONE


def test_a_refusal_moves_on_to_the_next_and_is_repeated_later_and_later() -> None:
    play = Play()
    assert play.at(0, DOWN) == CALL_PHONE
    assert play.dial.failed(CALL_PHONE, "refused", 0) == 2
    assert play.at(0, DOWN) == CALL_LTE
    assert play.at(2, DOWN) == CALL_PHONE
    assert play.dial.failed(CALL_PHONE, "refused", 2) == 6


def test_what_networkmanager_gives_up_moves_on_to_the_next() -> None:
    play = Play()
    play.at(0, DOWN)
    play.at(1, DOWN, (COMING, DOWN))
    assert play.at(5, DOWN) == CALL_LTE
    assert play.said[0].text == "Could not connect phone: connecting; next try in 2 s"


def test_what_never_begins_to_connect_moves_on_to_the_next() -> None:
    play = Play()
    play.at(0, DOWN)
    assert play.at(SHOWN_S, DOWN) == CALL_LTE


def test_what_cannot_be_let_go_is_tried_less_and_less_often() -> None:
    play = Play()
    asked = [at_s for at_s in range(400) if play.at(at_s, UP, (OURS, UP))]
    assert asked == [60, 63, 69, 81, 105, 153, 213, 273, 333, 393]


def test_what_takes_too_long_is_let_go_and_the_next_one_tried() -> None:
    play = Play()
    play.at(0, DOWN)
    assert play.at(44, DOWN, (COMING, DOWN)) is None
    assert play.at(45, DOWN, (COMING, DOWN)) == Disconnect("phone")
    assert play.at(45, DOWN, (COMING, DOWN)) == CALL_LTE


def test_what_is_connected_and_does_not_work_moves_on_to_the_next() -> None:
    assert Play().at(0, DOWN, (PHONE, DOWN)) == CALL_LTE


def test_a_link_that_nothing_can_be_sent_by_is_not_waited_for() -> None:
    phone = link("phone", 600)
    mute = replace(RISING, local_error="blocked by a local firewall", mute_since_s=0.0)
    assert Play().at(40, DOWN, (phone, mute)) == CALL_LTE
    play = Play()
    coming = replace(mute, mute_since_s=39.0)  # that may be over in a moment
    assert play.at(40, DOWN, (phone, coming)) is None
    assert play.at(39 + MUTE_S, DOWN, (phone, coming)) == CALL_LTE


def test_a_link_in_use_that_nothing_can_be_sent_by_stays_in_use() -> None:
    mute = replace(UNKNOWN, local_error="blocked by a local firewall", mute_since_s=0.0)
    assert Play().at(40, mute) is None
    assert Play().at(40, replace(mute, state=State.DOWN)) == CALL_PHONE  # one that is left is not


def test_it_is_released_some_time_after_traffic_went_back_and_only_if_it_is_ours() -> None:
    ours = replace(PHONE, dialled=True)
    play = Play()
    assert play.at(0, UP, (ours, UP)) is None
    assert play.at(59, UP, (ours, UP)) is None
    assert play.at(60, UP, (ours, UP)) == Disconnect("phone")
    theirs = Play()
    assert theirs.at(0, UP, (PHONE, UP)) is None
    assert theirs.at(600, UP, (PHONE, UP)) is None


SUSPECT_TOML = TOML.replace('"Phone" }', '"Phone" }\nconnect_when = "suspect"')
OURS = replace(PHONE, dialled=True)
FAULTY = replace(UP, fault="http: captive portal")


def test_what_was_connected_on_suspicion_is_kept_while_there_is_one() -> None:
    play = Play(SUSPECT_TOML)
    play.at(0, UP, (OURS, UP))
    play.at(30, SHAKY, (OURS, UP))
    assert play.at(60, UP, (OURS, UP)) is None
    assert play.at(119, UP, (OURS, UP)) is None
    assert play.at(120, UP, (OURS, UP)) == Disconnect("phone")


def test_a_link_that_fails_a_check_counts_as_failed() -> None:
    play = Play()
    assert play.at(0, FAULTY) == CALL_PHONE
    assert Play().at(0, FAULTY, (PHONE, UP)) is None
    assert Play().at(0, FAULTY, (PHONE, FAULTY)) == CALL_LTE


def test_what_the_user_asks_for_is_connected_at_once_though_a_link_before_works() -> None:
    play = Play()
    play.dial.wake(0)
    play.dial.ask(Override(Mode.PINNED, "phone"))
    assert play.at(0, UP, mode=Mode.PINNED) == CALL_PHONE
    assert play.at(1, UP, mode=Mode.PINNED) is None
    assert play.at(1, UP, (COMING, DOWN), mode=Mode.PINNED) is None


def test_the_users_word_ends_the_wait_after_a_failure() -> None:
    play = Play()
    play.at(0, DOWN)
    play.dial.failed(CALL_PHONE, "refused", 0)
    assert play.at(1, DOWN) == CALL_LTE
    play.dial.ask(Override(Mode.PINNED, "phone"))
    assert play.at(1, DOWN, mode=Mode.PINNED) == CALL_PHONE


def test_what_the_user_asked_for_is_not_released_until_he_does_not_any_more() -> None:
    play = Play()
    play.dial.ask(Override(Mode.PINNED, "phone"))
    assert play.at(0, UP, (OURS, UP), mode=Mode.PINNED) is None
    assert play.at(600, UP, (OURS, UP), mode=Mode.PINNED) is None
    play.dial.ask(Override())
    assert play.at(601, UP, (OURS, UP)) is None
    assert play.at(661, UP, (OURS, UP)) == Disconnect("phone")


def test_another_outage_in_between_begins_the_time_anew() -> None:
    ours = replace(PHONE, dialled=True)
    play = Play()
    play.at(0, UP, (ours, UP))
    play.at(30, DOWN, (ours, UP))
    assert play.at(70, UP, (ours, UP)) is None
    assert play.at(130, UP, (ours, UP)) == Disconnect("phone")


@pytest.mark.parametrize("ill", [replace(UP, fault="captive portal"), DOWN], ids=["portal", "dead"])
def test_two_links_with_one_device_do_not_end_each_other(ill: Health) -> None:
    """The Wi-Fi of a hotel, and the hotspot of a phone."""
    phone, lte = (replace(seen, ifname="wlan0", kind="wifi") for seen in (PHONE, LTE))
    play = Play()
    assert play.at(0, DOWN) == CALL_PHONE
    assert play.at(5, DOWN, (phone, UNKNOWN)) is None
    assert play.at(10, DOWN, (phone, ill)) == CALL_LTE
    assert (
        play.at(30, DOWN, (replace(COMING, name="lte", ifname="wlan0", kind="wifi"), DOWN)) is None
    )
    assert play.at(40, DOWN, (lte, UP)) is None
    assert play.at(400, DOWN, (lte, SHAKY)) is None
    assert play.at(401, DOWN, (lte, DOWN)) == CALL_PHONE


def test_a_phone_that_had_the_others_interface_name_is_connected() -> None:
    """Two that are tethered by USB, one after the other."""
    play = Play()
    assert play.at(0, DOWN) == CALL_PHONE
    play.at(1, DOWN, (replace(PHONE, ifname="usb0"), UP))
    play.at(2, DOWN)
    tries = [play.at(at, DOWN, (replace(LTE, ifname="usb0"), UP)) for at in range(5, 400, 5)]
    assert CALL_PHONE in tries
