"""The daemon: wires the adapters to the engine and drives it. It decides nothing.

Everything that happens becomes an event; after each event the engine's actions are performed and
one timer is set for its next deadline. Signals, routes, replies and timers all come in through
`_tell`, in one thread, one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import deque

from netswap.adapters.bus import Bus, BusError
from netswap.adapters.kernel import RouteEvents
from netswap.adapters.nft.guard import Guard
from netswap.adapters.nm import links, names
from netswap.adapters.nm.client import Client
from netswap.adapters.nm.router import Router
from netswap.adapters.probe.icmp import ProbeFailure
from netswap.core import words
from netswap.core.actions import Action, AnnounceSwap, Apply, Say, SendProbe, Step
from netswap.core.engine import Engine
from netswap.core.events import Applied, Elapsed, Event, Observed, ProbeFailed, Replied
from netswap.core.model import World
from netswap.core.settings import Settings
from netswap.daemon.observer import Observer
from netswap.daemon.probing import Probing
from netswap.daemon.steps import DryRun, StepError, Stepper, Steps
from netswap.errors import ConfigurationError, UserError

log = logging.getLogger("netswapd")

LEAVE_S = 10.0
"""How long putting things back at exit may take."""
RECONNECT_S = 1.0


class Daemon:
    """netswapd. `run` returns when a signal asked it to stop and all was put back."""

    def __init__(self, settings: Settings, *, dry_run: bool = False) -> None:
        self._settings = settings
        self._guard = Guard()
        self._observer = Observer(settings, guarded=frozenset if dry_run else self._guard.guarded)
        self._steps = Steps(self._guard, self._observer.path)
        self._dry_run = dry_run
        self._stepper: Stepper = DryRun() if dry_run else self._steps
        self._probing = Probing(settings.probe.targets, self._on_reply)
        self._engine = Engine(settings, time.monotonic())
        self._bus: Bus | None = None
        self._client: Client | None = None
        self._inbox: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._looking = False
        self._busy: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises UserError where it cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._resync)
        await self._connect_first()
        if not self._dry_run:
            self._guard.open()
        log.info(words.STARTED)
        routes = RouteEvents(self._look_soon)
        keeper = asyncio.create_task(self._keep_connected())
        self._look()
        await self._stop.wait()
        keeper.cancel()
        routes.close()
        await self._leave()

    # starting and staying connected

    async def _connect_first(self) -> None:
        try:
            await self._connect()
        except BusError as error:
            raise UserError(
                f"cannot reach NetworkManager: {error}",
                hint="is it running? `systemctl status NetworkManager`",
            ) from None
        assert self._client
        version = self._client.view.version
        if _parsed(version) < names.OLDEST:
            oldest = ".".join(map(str, names.OLDEST))
            raise UserError(
                f"NetworkManager {version or 'of unknown version'} is too old",
                hint=f"netswap needs {oldest} or newer",
            )
        devices = list(self._client.view.devices())
        for first, second in links.conflicts(self._settings.link, devices):
            raise ConfigurationError(
                f"links {first!r} and {second!r} match the same device",
                hint="`nmcli device` shows the devices; make the two matches differ",
            )

    async def _connect(self) -> None:
        bus = await Bus.connect()
        client = Client(bus, self._look_soon)
        try:
            await client.start()
        except BusError:
            await bus.close()
            raise
        self._bus, self._client, self._steps.router = bus, client, Router(bus)

    async def _keep_connected(self) -> None:
        """Reconnect whenever the bus goes away."""
        while True:
            if self._bus is not None:
                await self._bus.disconnected()
                log.warning("The system bus is gone; keeping the network as it is")
                await self._bus.close()
                self._bus = self._client = self._steps.router = None
                self._look_soon()
            await asyncio.sleep(RECONNECT_S)
            with contextlib.suppress(BusError):
                await self._connect()
                log.info("Connected to the system bus again")
                self._look_soon()

    def _resync(self) -> None:
        """Read everything again, trusting nothing that was remembered."""
        log.info("Looking at everything again, as asked")
        if self._client is not None:
            self._client.running = False
        self._look_soon()

    # looking

    def _look_soon(self) -> None:
        """Look when the burst of changes that is coming in is over."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if self._stop.is_set():
            return
        if self._client is not None and self._client.needs_refresh and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(self._client))
        self._tell(Observed(self._world()))

    async def _refresh(self, client: Client) -> None:
        """Read all that NetworkManager knows; where it does not answer, a bit later."""
        try:
            await client.refresh()
        except BusError as error:
            log.debug("NetworkManager: %s", error)
            await asyncio.sleep(RECONNECT_S)
        self._refreshing = None
        self._look_soon()

    def _world(self) -> World:
        world = self._stepper.seen(self._observer.observe(self._client))
        self._probing.keep([link.name for link in world.links])
        return world

    # driving the engine

    def _tell(self, event: Event) -> None:
        """Hand an event to the engine and perform what it wants; never from within itself."""
        self._inbox.append(event)
        if len(self._inbox) > 1:
            return
        while self._inbox:
            self._engine.handle(self._inbox[0], time.monotonic())
            for action in self._engine.take_actions():
                self._perform(action)
            self._inbox.popleft()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self._engine.next_deadline_s(time.monotonic())
        if deadline_s is not None:
            loop = asyncio.get_running_loop()  # whose clock is the monotonic one, too
            self._timer = loop.call_at(deadline_s, self._tell, Elapsed())

    def _perform(self, action: Action) -> None:
        match action:
            case Say(text, level):
                log.log(level, text)
            case SendProbe(link, _, sequence):
                try:
                    self._probing.send(action)
                except ProbeFailure as failure:
                    self._tell(ProbeFailed(link, sequence, failure.reason))
            case Apply(steps):
                self._busy = asyncio.create_task(self._apply(steps))
            case AnnounceSwap():
                pass

    async def _apply(self, steps: tuple[Step, ...]) -> None:
        try:
            await self._stepper.take(steps)
        except StepError as error:
            self._tell(Applied(self._world(), error.step, str(error)))
        else:
            self._tell(Applied(self._world()))

    def _on_reply(self, link: str, sequence: int) -> None:
        self._tell(Replied(link, sequence))

    # leaving

    async def _leave(self) -> None:
        """Put everything back, within `LEAVE_S`; the guard goes in any case."""
        log.info("Stopping: putting everything back")
        try:
            async with asyncio.timeout(LEAVE_S):
                if self._busy:
                    await self._busy
                self._engine.stop()
                for action in self._engine.take_actions():
                    self._perform(action)
                if self._busy:
                    await self._busy
        except TimeoutError:
            log.warning("NetworkManager did not answer in time; some metrics stay as they are")
        finally:
            if self._timer:
                self._timer.cancel()
            self._probing.close()
            self._guard.close()
            if self._bus is not None:
                await self._bus.close()


def _parsed(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
