"""The daemon: wires the adapters to the engine and drives it. It decides nothing.

Everything that happens becomes an event; after each event the engine's actions are performed and
one timer is set for its next deadline. Signals, routes, replies and timers all come in through
`tell`, in one thread, one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netswap import config
from netswap.adapters import systemd
from netswap.adapters.bus import Bus, BusError
from netswap.adapters.kernel.routes import RouteEvents
from netswap.adapters.nft.guard import Guard, GuardError
from netswap.adapters.nm import links
from netswap.adapters.nm.client import Client
from netswap.adapters.probe.icmp import IcmpProber, MakeProber, ProbeFailure
from netswap.config import Configuration
from netswap.core import words
from netswap.core.actions import (
    Action,
    AnnounceSwap,
    Apply,
    Kind,
    Level,
    RunCheck,
    Say,
    SendProbe,
    Step,
)
from netswap.core.engine import Engine
from netswap.core.events import Applied, Elapsed, Event, Observed, ProbeFailed, Slept
from netswap.core.model import Condition, Snapshot, World
from netswap.daemon.checking import Checking
from netswap.daemon.connection import Connection
from netswap.daemon.control import DaemonControl
from netswap.daemon.dry import DryRun
from netswap.daemon.observer import Observer
from netswap.daemon.parting import Parting
from netswap.daemon.probing import Probing
from netswap.daemon.recent import Recent, Wall, wall_s
from netswap.daemon.recorder import Recorder
from netswap.daemon.sleep import Sleep
from netswap.daemon.stepper import StepError, Stepper
from netswap.daemon.steps import Steps
from netswap.daemon.usage import Usage
from netswap.errors import ConfigurationError

log = logging.getLogger("netswapd")

LEAVE_S = 10.0
"""How long putting things back at exit may take."""
LOOK_AGAIN_S = 1.0
"""After so long it is looked again where that failed."""
READY_S = 10.0
"""After so long netswapd has begun, judged or not: a firewall may refuse all probes."""
COLLECT_AFTER, COLLECT_S = 30, 1.0
"""Garbage is collected after so many events, but so often at most."""
SETTLE_S = 1.0
"""How long a resync that was asked for waits for what it led to."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the daemon meets the world by; a test may lend it another world."""

    connect: Callable[[], Awaitable[Bus]] = Bus.connect
    prober: MakeProber = IcmpProber
    wall_s: Callable[[], float] = wall_s


class Daemon:
    """netswapd. `run` returns when a signal asked it to stop and all was put back.

    Make it in the event loop that it is to run in, whose clock it goes by: the monotonic one.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        dry_run: bool = False,
        outside: Outside = Outside(),
    ) -> None:
        self.now_s = asyncio.get_running_loop().time
        self.configuration = configuration
        self.dry_run = dry_run
        self.wall = Wall(outside.wall_s, self.now_s)
        self.recent = Recent(outside.wall_s)
        settings = configuration.settings
        self._guard = Guard(linger=settings.guard.linger_s > 0)
        self._observer = Observer(settings, dict if dry_run else self._guard.guarded)
        self._steps = Steps(self._guard, self._observer.device)
        self._stepper: Stepper = DryRun() if dry_run else self._steps
        self._probing = Probing(self.tell, outside.prober)
        self._checking = Checking(self.tell)
        self._engine = Engine(settings, self.now_s())
        self._parting = Parting(self._engine, self._observer, self._stepper)
        self._sleep = Sleep()
        self.usage = Usage(lambda: self.configuration.settings, self.tell, self.wall.today)
        self._recorder: Recorder | None = None
        folder = None if dry_run else _run_folder()
        self._connection = Connection(outside.connect, self._steps, self._look_soon, folder)
        self._world_before: World | None = None
        self._blind = ""
        """Why the network could not be looked at the last time."""
        self._blind_again: asyncio.TimerHandle | None = None
        """When it is looked again then, if nothing happens before."""
        self._inbox: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._looking = True
        """Whether it will look anyway; at first, when all that it looks by is open."""
        self._publishing = self._ready = False
        self._handled, self._collected_s = 0, 0.0
        """Events since garbage was collected, and when that was."""
        self._busy: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._looking_again: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises UserError where it cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        await self._connection.begin()
        self._warn_of_conflicts()
        await self._warn_of_missing_profiles()
        if not self.dry_run:
            self._guard.open()
            self._steps.forget_lingering()
        await self._connection.serve(DaemonControl(self))
        log.info(words.STARTED)
        if not self.dry_run:
            self._recorder = Recorder(
                self.snapshot,
                self._engine.take_times_s,
                self.usage,
                self.wall,
                self._catch_up,
            )
            self._recorder.start()
        routes = RouteEvents(self._look_soon)
        tasks = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._feed_dog())]
        self._look()
        loop.call_later(READY_S, self._be_ready)
        await self._stop.wait()
        systemd.notify(STOPPING="1", STATUS="putting everything back")
        for task in tasks:
            task.cancel()
        routes.close()
        try:
            await self._leave()
        finally:
            if self._recorder:
                self._recorder.close()

    def snapshot(self) -> Snapshot:
        """Return all that there is to know now."""
        return self._engine.snapshot(self.now_s())

    @property
    def client(self) -> Client | None:
        """What NetworkManager told, None while there is no bus."""
        return self._connection.client

    @property
    def can_end(self) -> bool:
        """Whether the kernel can end connections, as far as is known."""
        return self._steps.can_end

    async def resync(self, reason: str) -> None:
        """Read everything again, trusting nothing that was remembered; wait for what it leads to.

        Without NetworkManager there is nothing to read, and nothing to wait for.
        """
        log.debug("Looking at everything again: %s", reason)
        if self.client is not None:
            with contextlib.suppress(BusError):
                await self.client.refresh()
        if self._world_before is not None:  # else all that it looks by may not be open yet
            self._look_or_end()
        await self.settled()

    async def settled(self) -> None:
        """Wait, not for long, until the kernel does as is wanted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self._engine.busy or not self._engine.arrived:  # noqa: ASYNC110 (bounded)
                    await asyncio.sleep(0.005)

    def reload(self) -> None:
        """Read the configuration again. Raises ConfigurationError, with the old one in force."""
        systemd.notify(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))
        try:
            configuration = config.load(self.configuration.path)
            self._demand_no_conflict(configuration)
        finally:
            systemd.notify(READY="1")
        self.configuration = configuration
        released = self._observer.released(configuration.settings)
        self._parting.begin(released, self._engine.down)
        if not self.dry_run:
            with or_end():  # without a guard it would see nothing from then on
                self._guard.reopen(linger=configuration.settings.guard.linger_s > 0)
        self._engine.reconfigure(configuration.settings)
        self._observer.reconfigure(configuration.settings)
        log.info("Configuration read again from %s", configuration.path or "nowhere: defaults")
        self._look_soon()

    # what is configured, and what there is

    def _warn_of_conflicts(self) -> None:
        for first, second in self._conflicts(self.configuration):
            log.warning(
                "Links %s and %s match the same device now, and %s has none; netswap.toml may tell "
                "them apart", first, second, second,
            )  # fmt: skip

    async def _warn_of_missing_profiles(self) -> None:
        """Tell now, not in the outage, that a link on demand cannot be connected."""
        assert self._steps.dialler
        for link in self.configuration.settings.link:
            if link.connect != "on-demand":
                continue
            with contextlib.suppress(BusError):
                uuid, connection = link.match.uuid, link.match.connection
                if await self._steps.dialler.find(uuid, connection) is None:
                    log.warning(
                        "Link %s cannot be connected: NetworkManager has no connection %r; "
                        "nmcli connection lists them",
                        link.name,
                        connection or uuid,
                    )

    def _conflicts(self, configuration: Configuration) -> list[tuple[str, str]]:
        """Return the pairs of links that match the same device, as things are now."""
        devices = list(self.client.view.devices()) if self.client else []
        return links.conflicts(configuration.settings.link, devices)

    def _demand_no_conflict(self, configuration: Configuration) -> None:
        """Refuse what whoever has just written it can mend. At a start nobody is there to do so."""
        for first, second in self._conflicts(configuration):
            raise ConfigurationError(
                f"links {first!r} and {second!r} match the same device",
                hint="`nmcli device` shows the devices; make the two matches differ",
            )

    def _hang_up(self) -> None:
        """Read the configuration and everything else again."""
        log.info("Looking at everything again, as asked")
        try:
            self.reload()
        except ConfigurationError as error:
            log.error("%s; the old configuration stays in force. %s", error, error.hint)
        self._looking_again = asyncio.create_task(self.resync("SIGHUP"))

    async def _stay_connected(self) -> None:
        with or_end():
            await self._connection.keep(DaemonControl(self))

    async def _feed_dog(self) -> None:
        """Tell systemd's watchdog, if it wants to know, that the loop is turning and sees."""
        wanted_s = systemd.watchdog_s()
        while wanted_s:
            if not self._blind:
                systemd.notify(WATCHDOG="1")
            await asyncio.sleep(wanted_s / 3)

    # looking

    def _look_soon(self) -> None:
        """Look when the burst of changes that is coming in is over."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look_or_end)

    def _look_or_end(self) -> None:
        with or_end():  # else it would be blind from then on, and the watchdog fed
            self._look()

    def _look(self) -> None:
        self._looking = False
        if self._stop.is_set():
            return
        if self.client is not None and self.client.needs_refresh and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(self.client))
        self.tell(Observed(self._world()))
        self._part()

    async def _refresh(self, client: Client) -> None:
        """Read all that NetworkManager knows; where it does not answer, a bit later."""
        with or_end():
            try:
                await client.refresh()
            except BusError as error:
                log.debug("NetworkManager: %s", error)
                await asyncio.sleep(LOOK_AGAIN_S)
        self._refreshing = None
        self._look_soon()

    def _world(self) -> World:
        """Look. Where that is not possible now, all is taken to be as it was.

        The watchdog restarts what stays blind: a new process has descriptors to spare.
        """
        try:
            world = self._stepper.seen(self._observe())
        except (OSError, GuardError) as error:
            if self._world_before is None:
                raise
            if self._blind != str(error):
                log.error("Cannot see how the network is, it is taken to be as it was: %s", error)
            self._blind = str(error)
            if self._blind_again is not None:
                self._blind_again.cancel()
            loop = asyncio.get_running_loop()
            self._blind_again = loop.call_later(LOOK_AGAIN_S, self._look_soon)
            return self._world_before
        self._world_before, self._blind = world, ""
        self._probing.keep([link.name for link in world.links])
        self._steps.follow([link.ifname for link in world.links])
        return world

    def _observe(self) -> World:
        dialler = self._steps.dialler
        if dialler is None:
            return self._observer.observe(self.client)
        world = self._observer.observe(self.client, dialler.own)
        if world.managed:
            dialler.look(self._observer.on_demand)
        else:
            dialler.forget()
        return world

    def _part(self) -> None:
        """Go on putting back what is no link any more, unless all is only taken to be as it was."""
        if not self._blind:
            self._parting.go_on()

    # driving the engine

    def tell(self, event: Event) -> None:
        """Hand an event to the engine and perform what it wants; never from within itself."""
        within = bool(self._inbox)
        slept_s = self._sleep.over()
        if slept_s and self._recorder:
            self._recorder.slept()
        self._inbox += [Slept(slept_s), event] if slept_s else [event]
        if within:
            return
        changed = False
        with or_end():
            while self._inbox:
                changed |= self._engine.handle(self._inbox[0], self.now_s())
                for action in self._engine.take_actions():
                    self._perform(action)
                self._inbox.popleft()
                self._handled += 1
            self._set_timer()
        self._collect()
        if changed and not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _collect(self) -> None:
        """Collect garbage now and then, whenever something wakes netswapd anyway: 0.2 ms.

        At rest every ten seconds or so, in an outage up to once a second. There is next to none.
        But a tuple that was made of an iterator goes, when it is over, to a free list
        (Objects/tupleobject.c), which makes none of the next ones: up to 2,000 tuples of each
        length, and a full collection, which is what empties them, would come of itself when they
        hold 200 kB, more or less.
        """
        due = self._handled >= COLLECT_AFTER and self.now_s() - self._collected_s >= COLLECT_S
        if self._ready and due:
            self._handled, self._collected_s = 0, self.now_s()
            gc.collect()

    def _catch_up(self) -> None:
        """Take note of a sleep before anything else, if there was one."""
        if not self._stop.is_set():
            self.tell(Elapsed())

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self._engine.next_deadline_s()
        if deadline_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(deadline_s, self.tell, Elapsed())

    def _perform(self, action: Action) -> None:
        match action:
            case Say():
                self._say(action)
            case SendProbe(link=link, sequence=sequence, version=version):
                try:
                    self._probing.send(action)
                except ProbeFailure as failure:
                    self.tell(ProbeFailed(link, sequence, failure.reason, version))
            case RunCheck():
                self._checking.run(action)
            case Apply(steps=steps):
                self._busy = asyncio.create_task(self._apply(steps))
            case AnnounceSwap(source=source, target=target, reason=reason):
                if self._connection.service:
                    self._connection.service.swapped(source, target, reason)

    def _say(self, say: Say) -> None:
        log.log(say.level, say.text)
        if say.kind is Kind.LINK and say.level is not Level.INFO:
            self._probing.explain(say.link)
        if say.kind is not None:
            entry = self.recent.add(say.kind, say.link, say.text)
            if self._connection.service:
                self._connection.service.transition(*entry)

    async def _apply(self, steps: tuple[Step, ...]) -> None:
        with or_end():
            try:
                await self._stepper.take(steps)
            except StepError as error:
                self.tell(Applied(self._world(), error.step, str(error)))
            else:
                self.tell(Applied(self._world()))
            self._part()

    def _publish(self) -> None:
        """Tell listeners and systemd of what is different now."""
        self._publishing = False
        if self._connection.service:
            self._connection.service.publish()
        snapshot = self.snapshot()
        if self._recorder:
            self._recorder.look(snapshot)
        known = snapshot.condition is not Condition.STARTING or not snapshot.links
        reconciled = known and not self._engine.busy
        if reconciled:
            self._be_ready()
        systemd.notify_status(f"{snapshot.active or 'no link'} is active: {snapshot.reason}")

    def _be_ready(self) -> None:
        """Tell systemd, once, that netswapd does its work."""
        if not self._ready and not self._stop.is_set():
            self._ready = True
            systemd.notify(READY="1")
            _settle_down()

    # leaving

    async def _leave(self) -> None:
        """Put everything back, within `LEAVE_S`; the guard goes in any case."""
        log.info("Stopping: putting everything back")
        try:
            async with asyncio.timeout(LEAVE_S):
                self._look_once()
                await self._be_done()
                await self._parting.settle()
                await self._be_done()  # what began meanwhile
                self._engine.stop()
                for action in self._engine.take_actions():
                    self._perform(action)
                await self._be_done()
        except TimeoutError:
            log.warning("NetworkManager did not answer in time; some metrics stay as they are")
        finally:
            if self._timer:
                self._timer.cancel()
            self._probing.close()
            self._checking.close()
            if not self.dry_run:
                self._steps.forget_lingering()
            self._guard.close()
            await self._connection.close()

    def _look_once(self) -> None:
        """See what another one that was killed may have left, where there was no time to look."""
        if self._world_before is None:
            with contextlib.suppress(OSError, GuardError):
                self.tell(Observed(self._world()))

    async def _be_done(self) -> None:
        """Wait until nothing is under way, nor what that led to."""
        await self._steps.settle()
        while self._busy and not self._busy.done():
            await self._busy
            await self._steps.settle()


@contextlib.contextmanager
def or_end() -> Iterator[None]:
    """End netswapd where something happens that nobody foresaw.

    The engine would wait for ever for steps that never end, or never hear of anything again, and
    nobody notice. So the kernel lifts the guard, routes stay, and systemd starts netswapd again.
    """
    try:
        yield
    except Exception:
        log.critical("Cannot go on", exc_info=True)
        raise SystemExit(1) from None


def _settle_down() -> None:
    """Have the garbage collector look only at what is made from now on.

    The 40,000 objects that netswapd and its libraries begin with stay for good.
    """
    gc.collect()
    gc.freeze()


def _run_folder() -> Path:
    """Return where to keep what must outlive a crash, but no boot (systemd.exec(5))."""
    return Path(os.environ.get("RUNTIME_DIRECTORY", "/run/netswap"))
