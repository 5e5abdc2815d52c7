"""The user's desktop, as its session bus has it: its notifications, and whether it wants any.

org.freedesktop.Notifications is the Desktop Notifications Specification, 1.2; `Inhibited` is how
KDE tells of do-not-disturb, `paused` how dunst does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

from netswap.adapters.bus import Bus, BusError, Signal, Variant, plain
from netswap.notify.words import Message

NOTIFICATIONS = "org.freedesktop.Notifications"
NOTIFICATIONS_PATH = "/org/freedesktop/Notifications"
DUNST = "org.dunstproject.cmd0"
PROPERTIES = "org.freedesktop.DBus.Properties"
LOGIN = "org.freedesktop.login1"
OWN_SESSION = "/org/freedesktop/login1/session/auto"
SCREEN_SAVERS = (
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
)
NAME = "org.netswap1.Notify"
"""Of this program on the session bus, so that there is one in each session."""

ASKING_S = 1.0
"""Who does not answer by then does not mind."""
SHOWING_S = 5.0
AS_LONG_AS_THE_SERVER_LIKES = -1


class Desktop:
    """One user's desktop; `session` is its bus, `system` the computer's."""

    def __init__(self, session: Bus, system: Bus, pressed: Callable[[str], None]) -> None:
        self._session = session
        self._system = system
        self._pressed = pressed
        self._id = 0
        self._server = ""

    async def start(self) -> bool:
        """Listen to what is pressed; return False if this program runs in the session already."""
        if not await self._session.request_name(NAME):
            return False
        self._session.listen(self._hear)
        await self._session.subscribe(f"type='signal',interface='{NOTIFICATIONS}'")
        return True

    async def quiet(self) -> bool:
        """Tell whether the user is away or does not want to be disturbed."""
        asked = [
            self._get(self._system, LOGIN, OWN_SESSION, f"{LOGIN}.Session", "LockedHint"),
            self._get(self._session, NOTIFICATIONS, NOTIFICATIONS_PATH, NOTIFICATIONS, "Inhibited"),
            self._get(self._session, NOTIFICATIONS, NOTIFICATIONS_PATH, DUNST, "paused"),
            *(self._ask(self._session, *saver, saver[0], "GetActive") for saver in SCREEN_SAVERS),
        ]
        return True in await asyncio.gather(*asked)

    async def show(self, message: Message) -> None:
        """Show a message in place of the last one. Raises BusError where that cannot be done."""
        can = await self._call(NOTIFICATIONS, "GetCapabilities")
        server = await self._session.owner(NOTIFICATIONS)
        if server != self._server:  # its numbers begin anew: ours may be somebody else's by now
            self._id, self._server = 0, server
        actions = [text for action in message.actions for text in action]
        self._id = await self._call(
            NOTIFICATIONS,
            "Notify",
            "susssasa{sv}i",
            "netswap",
            self._id,
            message.icon,
            message.summary,
            escape(message.body, quote=False) if "body-markup" in can else message.body,
            actions if "actions" in can else [],
            {
                "urgency": Variant("y", message.urgency),
                "category": Variant("s", "network"),
                "desktop-entry": Variant("s", "netswap-notify"),
            },
            AS_LONG_AS_THE_SERVER_LIKES,
        )

    def _hear(self, signal: Signal) -> None:
        """Take in a signal, after `show` has seen the answer that may have come just before."""
        asyncio.get_running_loop().call_soon(self._take, signal)

    def _take(self, signal: Signal) -> None:
        """Take in what was pressed; anybody may send us signals, only the server's count."""
        if signal.sender != self._server or signal.member != "ActionInvoked":
            return
        if len(signal.args) == 2 and signal.args[0] == self._id:
            self._pressed(str(signal.args[1]))

    async def _call(self, interface: str, member: str, signature: str = "", *args: Any) -> Any:
        answer = await self._session.call(
            NOTIFICATIONS, NOTIFICATIONS_PATH, interface, member, signature, *args,
            timeout_s=SHOWING_S,
        )  # fmt: skip
        return plain(answer[0])

    async def _get(self, bus: Bus, name: str, path: str, interface: str, which: str) -> Any:
        return await self._ask(bus, name, path, PROPERTIES, "Get", "ss", interface, which)

    async def _ask(self, bus: Bus, name: str, *what: str) -> Any:
        """Ask somebody who may not be there, and who is not started for that."""
        try:
            async with asyncio.timeout(ASKING_S):
                if not await bus.owner(name):
                    return None
                answer = await bus.call(name, *what)
        except (BusError, TimeoutError):
            return None
        return plain(answer[0]) if answer else None
