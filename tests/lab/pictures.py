"""`make pictures`: docs/pictures from a lab: the screen of `watch`, and a notification.

The screen is drawn from what a real netswapd tells over an outage. The notification is one of
netswap-notify's, shown by dunst on a virtual display.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from netswap.adapters.bus import Bus, plain
from netswap.cli import screen
from netswap.cli.client import Service, talk
from netswap.cli.status import Status
from netswap.notify.desktop import DUNST, NOTIFICATIONS, NOTIFICATIONS_PATH, PROPERTIES
from tests.lab import sandbox
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.service.ctl import Program
from tests.service.fake import PrivateBus

PICTURES = sandbox.ROOT / "docs/pictures"
SIZE = (80, 24)
CONFIG = """\
[probe]
targets = ["198.51.100.1"]
standby_interval_s = 1.0
[damping]
stay_s = 0
[[link]]
name = "Cable"
match = { interface = "cable0" }
[[link]]
name = "Phone"
match = { interface = "tether0" }
"""
DUNSTRC = """\
[global]
    font = DejaVu Sans 11
    width = 420
    offset = 20x20
    origin = top-right
    padding = 14
    horizontal_padding = 16
    frame_color = "#4c566a"
    corner_radius = 6
    enable_recursive_icon_lookup = true
    icon_theme = Adwaita
    icon_path = /usr/share/icons/Adwaita/48x48/legacy
    format = "<b>%s</b>\\n%b"
[urgency_normal]
    background = "#2e3440"
    foreground = "#eceff4"
"""


class Recording:
    """What `watch` would have seen, looking once a second."""

    def __init__(self) -> None:
        self._traces = screen.Traces()

    def look(self, seconds: int) -> Status:
        """Look for so long; return how things stand at the end."""
        for _ in range(seconds):
            state = talk(Service.status)
            self._traces.note(state)
            time.sleep(1)
        return state

    def draw(self, name: str, state: Status) -> None:
        """Write the screen as it is now."""
        events = talk(lambda service: service.transitions())
        view = screen.View(state, self._traces, events, time.time(), {"rise": 3, "fall": 4})
        console = Console(width=SIZE[0], height=SIZE[1], record=True, file=io.StringIO())
        lines = screen.frame(view, size=SIZE, colour=True)
        console.print(Text.from_ansi("\n".join(lines)), no_wrap=True)
        PICTURES.joinpath(name).write_text(_svg(console))


def _svg(console: Console) -> str:
    """Return what was recorded, in the fonts of whoever looks: nothing is fetched."""
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    text = console.export_svg(title="netswapctl watch", code_format=form, unique_id="watch")
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n") + "\n"


def notification(lab: Lab, stack: ExitStack) -> None:
    """Cut the cable, and take a picture of what the desktop shows."""
    folder = Path("/run/lab/session")
    folder.mkdir()
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = stack.enter_context(PrivateBus(folder)).address
    os.environ["DISPLAY"] = f":{_display(stack)}"
    folder.joinpath("dunstrc").write_text(DUNSTRC)
    dunst = subprocess.Popen(["dunst", "-config", str(folder / "dunstrc")])
    stack.callback(dunst.terminate)
    wait_until(lambda: _dunst("paused") is not None, 5, "dunst is there")
    notify = stack.enter_context(Program("netswap.notify"))
    notify.wait_for("netswapd is there")
    lab.link("cable0").cut()
    wait_until(lambda: _dunst("displayedLength"), 10, "a notification is shown")
    time.sleep(1)  # until it is drawn
    picture = str(PICTURES / "notification.png")
    subprocess.run(["import", "-window", "root", "-crop", "480x130+320+0", "+repage", picture],
                   check=True)  # fmt: skip


def _display(stack: ExitStack) -> str:
    reading, writing = os.pipe()
    number = ["-displayfd", str(writing), "-screen", "0", "800x200x24", "-nolisten", "tcp"]
    server = subprocess.Popen(["Xvfb", *number], pass_fds=[writing], stderr=subprocess.DEVNULL)
    stack.callback(server.terminate)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return pipe.readline().strip()


def _dunst(name: str) -> object:
    """Return a property of dunst's, None while it is not there."""
    import asyncio  # noqa: PLC0415

    async def ask() -> object:
        bus = await Bus.connect(session=True)
        try:
            if not await bus.owner(NOTIFICATIONS):
                return None
            asked = (NOTIFICATIONS, NOTIFICATIONS_PATH, PROPERTIES, "Get", "ss", DUNST, name)
            return plain((await bus.call(*asked))[0])
        finally:
            await bus.close()

    return asyncio.run(ask())


def inside() -> int:
    """Play an outage, draw the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with Lab() as lab, ExitStack() as stack:
        daemon = lab.netswapd(CONFIG)
        daemon.wait_for("Blocking", 5)
        recording = Recording()
        recording.look(20)
        notification(lab, stack)
        recording.draw("watch-outage.svg", recording.look(12))
        lab.link("cable0").heal()

        def proving() -> Status | None:
            state = talk(Service.status)
            return state if 0 < state.links[0].replies_in_row < 3 else None

        recording.draw("watch-recovery.svg", wait_until(proving, 10, "the cable replies again"))
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    if sandbox.is_inside():
        return inside()
    return sandbox.enter([sys.executable, "-m", "tests.lab.pictures"])


if __name__ == "__main__":
    sys.exit(main())
