"""The command `watch`: a live screen. What is on it is decided in `netswap.cli.screen`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import termios
import time
import tty
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import click

from netswap.cli.client import Service, Transition, talk
from netswap.cli.keys import Extra, Keys
from netswap.cli.log import from_now_on
from netswap.cli.show import follow_text
from netswap.cli.status import Status
from netswap.cli.text import drawn_for, is_terminal, paint_for, unpainted
from netswap.errors import UserError

EVERY_S = 1.0
SEQUENCE = re.compile(r"\x1b+(?:\[\[?[0-?]*[ -/]*[@-~]|O[0-?]*.|.)?", re.DOTALL)
"""What a key without a letter sends, such as an arrow; it ends in a letter (ECMA-48, 5.4; SS3)."""
AT_MOST_EVERY_S = 0.1
"""However much happens."""


@click.command()
def watch() -> int:
    """Show a live screen of links and events.

    Keys: `u` and the number of a link use it, `a` chooses automatically again, `p` pauses for half
    an hour, `r` resumes, `q` quits. Without a terminal, or where that cannot be drawn on, it is the
    same as `status --follow`.
    """
    live = is_terminal(sys.stdin) and is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"
    if live:
        return talk(_watch)
    talk(follow_text)
    return 0


class Terminal:
    """The whole terminal, while it is entered: a screen of its own, keys one by one."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._found = termios.tcgetattr(self._fd)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_back()

    def take(self) -> None:
        """Have it to oneself."""
        tty.setcbreak(self._fd)
        _write("\x1b[?1049h\x1b[?25l")  # the alternate screen, no cursor (xterm, ctlseqs)

    def give_back(self) -> None:
        """Leave it as it was found."""
        _write("\x1b[?25h\x1b[?1049l")
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._found)

    def show(self, lines: list[str]) -> None:
        """Replace what is on the screen, line by line, so that nothing flickers."""
        _write("\x1b[H" + "\x1b[K\r\n".join(drawn_for(lines)) + "\x1b[K\x1b[J")

    def keys(self) -> str:
        """Return what was typed."""
        return os.read(self._fd, 4096).decode(errors="replace")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


async def _watch(service: Service) -> int:
    return await on_terminal(service)


async def on_terminal(service: Service, more: Mapping[str, Extra] | None = None) -> int:
    """Watch until `q` is pressed, or a signal comes; return the exit status.

    `more` are keys beside those of `watch`, for the demo.
    """
    with Terminal() as terminal:
        watching = Watching(service, terminal, more or {})
        listening = asyncio.create_task(watching.listen())
        try:
            return await watching.draw_until_quit(listening)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


class Watching:
    """What is known so far, and the loop that draws it."""

    def __init__(self, service: Service, terminal: Terminal, more: Mapping[str, Extra]) -> None:
        from netswap.cli import screen  # noqa: PLC0415 (rich, which nothing else here needs)

        self._screen = screen
        self._service = service
        self._terminal = terminal
        self._traces = screen.Traces()
        self._events: list[Transition] = []
        self._limits: dict[str, int] = {}
        self._state: Status | None = None
        self._wake = asyncio.Event()
        self._keys = Keys(service, self._wake.set, more)
        self._status: int | None = None
        self._drawing: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), self._typed)
        loop.add_signal_handler(signal.SIGWINCH, self._wake.set)
        loop.add_signal_handler(signal.SIGTSTP, self._rest)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave, 128 + number)  # as shells have it

    async def listen(self) -> None:
        """Take in what happens."""
        async for event in from_now_on(self._service):
            self._events.append(event)
            self._wake.set()

    async def draw_until_quit(self, listening: asyncio.Task[None]) -> int:
        """Draw once a second and whenever something happens; return the exit status.

        Raises UserError when the bus goes.
        """
        listening.add_done_callback(lambda _: self._wake.set())
        self._drawing = asyncio.create_task(self._draw_on(listening))
        await asyncio.wait([self._drawing])
        if self._status is None:
            self._drawing.result()
        return self._status or 0

    async def _draw_on(self, listening: asyncio.Task[None]) -> None:
        next_s = time.monotonic()
        while True:
            if listening.done():
                listening.result()
            tick = time.monotonic() >= next_s
            if tick:  # none is made up for, after Ctrl-Z or a sleep
                next_s = max(next_s + EVERY_S, time.monotonic())
            await self._draw(tick=tick)
            await asyncio.sleep(AT_MOST_EVERY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, next_s - time.monotonic())):
                    await self._wake.wait()
                self._wake.clear()

    async def _draw(self, *, tick: bool) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        width, height = size.columns or 80, size.lines or 24  # a serial line does not know
        now_s = time.time()
        try:
            state = await self._look()
        except UserError as error:
            self._state = None
            foot = self._screen.foot_of("q quit", width, now_s)
            self._terminal.show([str(error), error.hint, "", foot])
            return
        if tick:
            self._traces.note(state)
        says = self._keys.says(state)
        events = self._events[-height:]
        view = self._screen.View(
            state, self._traces, events, now_s, self._limits, self._keys.there_are, says
        )
        colour = paint_for() is not unpainted
        self._terminal.show(self._screen.frame(view, size=(width, height), colour=colour))

    async def _look(self) -> Status:
        """Return how things stand; at the first time, and after an absence, ask for limits, too."""
        state = await self._service.status()
        if self._state is None:
            found = await self._service.settings()
            known = {setting.name: setting.value for setting in found}
            names = {"rise": known.get("probe.rise"), "fall": known.get("probe.fall")}
            self._limits = {name: int(value) for name, value in names.items() if value}
        self._state = state
        return state

    def _typed(self) -> None:
        for key in SEQUENCE.sub("", self._terminal.keys()).lower():
            if key == "q":
                self._leave(0)
            elif self._state:
                self._keys.press(key, self._state)

    def _rest(self) -> None:
        """Stop, as Ctrl-Z asks for: until it goes on the terminal is the shell's."""
        self._terminal.give_back()
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTSTP)
        signal.raise_signal(signal.SIGTSTP)  # in vain where no shell could have it go on (POSIX)
        loop.add_signal_handler(signal.SIGTSTP, self._rest)
        self._terminal.take()
        self._wake.set()

    def _leave(self, status: int) -> None:
        """Leave at once, though netswapd may be taking its time to answer."""
        self._status = status
        if self._drawing:
            self._drawing.cancel()
