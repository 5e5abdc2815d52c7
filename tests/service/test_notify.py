"""netswap-notify between the service and a notification daemon, both on real buses."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netswap.adapters.bus import CallError
from netswap.notify.words import PAUSE_S
from netswap.service import api
from tests.lab.commands import holds, wait_until
from tests.service.ctl import Program
from tests.service.desktop import FakeDesktop, Shown
from tests.service.fake import FakeNetswapd, PrivateBus

FAILOVER = ("cable", "phone", "cable: 4 probes lost")
BACK = ("phone", "cable", "3 replies in a row")
NOW_ON_PHONE = Shown(
    0,
    "Now on phone",
    "cable: 4 probes lost",
    ["use:cable", "Use cable", "pause", "Pause for 30 min"],
    1,
)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    """Return a bus that is the session bus of this test and of what it runs."""
    (tmp_path / "session").mkdir()
    with PrivateBus(tmp_path / "session") as running:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", running.address)
        yield running


@pytest.fixture
def desktop(session: PrivateBus) -> Iterator[FakeDesktop]:
    with FakeDesktop() as running:
        yield running


@pytest.fixture
def notify(netswapd: FakeNetswapd, session: PrivateBus) -> Iterator[Program]:
    """Return netswap-notify, which listens already."""
    with Program("netswap.notify") as program:
        program.wait_for("netswapd is there")
        yield program


def wait_for(desktop: FakeDesktop, *summaries: str) -> None:
    wait_until(lambda: len(desktop.shown) >= len(summaries), 5, f"{summaries} are shown")
    assert [shown.summary for shown in desktop.shown] == list(summaries)


def test_a_swap_is_told_with_its_reason(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    netswapd.swap(*FAILOVER)
    wait_for(desktop, "Now on phone")
    assert desktop.shown == [NOW_ON_PHONE]
    netswapd.swap(*BACK)
    assert holds(lambda: len(desktop.shown) == 1, 0.3), "a second one within a minute"


def test_being_offline_is_told(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    netswapd.change(State="offline", Reason="no link works")
    wait_for(desktop, "Offline")


def test_markup_in_a_name_is_only_text(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    netswapd.swap("cable", "phone", "<img src='x'> & more")
    wait_for(desktop, "Now on phone")
    assert desktop.shown[0].body == "&lt;img src='x'&gt; &amp; more"


@pytest.mark.parametrize("why", ["locked", "inhibited"])
def test_nothing_is_shown_to_whom_it_would_disturb(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program, why: str
) -> None:
    setattr(desktop, why, True)
    netswapd.swap(*FAILOVER)
    assert holds(lambda: not desktop.shown, 0.5)
    setattr(desktop, why, False)
    netswapd.swap(*BACK)
    wait_for(desktop, "Now on cable")


def test_nothing_is_shown_in_a_locked_session(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    netswapd.lock(locked=True)
    netswapd.swap(*FAILOVER)
    assert holds(lambda: not desktop.shown, 0.5)
    netswapd.lock(locked=False)
    netswapd.swap(*BACK)
    wait_for(desktop, "Now on cable")


@pytest.mark.parametrize(
    ("key", "asked"), [("use:cable", ("use", "cable", 0.0, False)), ("pause", ("pause", PAUSE_S))]
)
def test_a_button_does_what_it_says(
    netswapd: FakeNetswapd,
    desktop: FakeDesktop,
    notify: Program,
    key: str,
    asked: tuple[object, ...],
) -> None:
    netswapd.swap(*FAILOVER)
    wait_for(desktop, "Now on phone")
    desktop.press(key, number=desktop.NUMBER + 1)  # somebody else's notification
    desktop.press(key)
    wait_until(lambda: netswapd.table.asked, 5, "the service was asked")
    assert netswapd.table.asked == [asked]


def test_what_a_button_cannot_do_is_told_in_its_place(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    netswapd.table.error = CallError(api.NOT_ALLOWED, "not allowed: it takes a local session")
    netswapd.swap(*FAILOVER)
    wait_for(desktop, "Now on phone")
    desktop.press("pause")
    wait_for(desktop, "Now on phone", "That did not work")
    assert desktop.shown[1].replaced == desktop.NUMBER
    assert "it takes a local session" in desktop.shown[1].body


def test_a_dead_link_is_not_used_and_that_is_told(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    async def nothing_changes(link: str, seconds: float, *, even_if_dead: bool) -> None: ...

    netswapd.table.use = nothing_changes  # type: ignore[method-assign]
    netswapd.swap("phone", "cable", "it replies")
    wait_for(desktop, "Now on cable")
    desktop.press("use:phone")
    wait_for(desktop, "Now on cable", "That did not work")
    assert desktop.shown[1].body == "phone does not work."


def test_a_link_that_is_being_connected_is_no_failure(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    async def is_connected(link: str, seconds: float, *, even_if_dead: bool) -> None:
        netswapd.table.properties["Mode"] = "pinned"

    netswapd.table.use = is_connected  # type: ignore[method-assign]
    netswapd.swap("phone", "cable", "it replies")
    wait_for(desktop, "Now on cable")
    desktop.press("use:phone")
    netswapd.swap("cable", "phone", "asked by the user")
    assert holds(lambda: [shown.summary for shown in desktop.shown] == ["Now on cable"], 0.5)


def test_a_hung_notification_daemon_holds_up_nobody(
    netswapd: FakeNetswapd, desktop: FakeDesktop, notify: Program
) -> None:
    desktop.hung = True
    netswapd.swap(*FAILOVER)
    notify.wait_for("Cannot show a notification", timeout_s=10)
    desktop.hung = False
    netswapd.change(Mode="paused")
    assert notify.running


def test_a_new_notification_daemon_is_not_told_to_replace_what_is_somebody_elses(
    netswapd: FakeNetswapd, notify: Program, session: PrivateBus
) -> None:
    """Its numbers begin anew."""
    renewed = threading.Event()

    async def fails_then(seconds: float) -> None:
        while not renewed.is_set():  # noqa: ASYNC110 (another thread's)
            await asyncio.sleep(0.01)
        raise CallError(api.NOT_ALLOWED, "not allowed")

    netswapd.table.pause = fails_then  # type: ignore[method-assign]
    with FakeDesktop() as desktop:
        netswapd.swap(*FAILOVER)
        wait_for(desktop, "Now on phone")
        desktop.press("pause")
    with FakeDesktop() as desktop:
        renewed.set()
        wait_for(desktop, "That did not work")
        assert desktop.shown[0].replaced == 0


def test_without_a_notification_daemon_it_goes_on(netswapd: FakeNetswapd, notify: Program) -> None:
    netswapd.swap(*FAILOVER)
    notify.wait_for("Cannot show a notification")
    assert notify.running


def test_there_is_one_in_each_session(notify: Program) -> None:
    with Program("netswap.notify") as another:
        assert another.end() == 0
    assert notify.running


def test_it_ends_with_the_session(notify: Program, session: PrivateBus) -> None:
    session.stop()
    assert notify.end() == 0


def test_without_a_session_it_says_so(bus: PrivateBus) -> None:
    nowhere = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/none"}
    done = subprocess.run(
        [sys.executable, "-m", "netswap.notify"],
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("netswap-notify: nobody to notify: no session bus: ")


def test_it_speaks_the_language_of_the_user(
    netswapd: FakeNetswapd, desktop: FakeDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[2]
    subprocess.run(["make", "-s", "locale"], cwd=root, check=True)
    monkeypatch.setenv("LANGUAGE", "de")
    with Program("netswap.notify") as program:
        program.wait_for("netswapd is there")
        netswapd.swap(*FAILOVER)
        wait_for(desktop, "Jetzt über phone")
        assert desktop.shown[0].body == "cable: 4 Pings ohne Antwort"
