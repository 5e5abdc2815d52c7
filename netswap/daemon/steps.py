"""Carrying out steps, one after the other; the first that fails ends the batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol

from netswap.adapters import conntrack, inet6, neighbours, sockets
from netswap.adapters.bus import DISCONNECTED, BusError
from netswap.adapters.kernel import ahead, foreign, holders, servers, source
from netswap.adapters.kernel.ahead import Ahead
from netswap.adapters.nft.guard import GuardError, GuardLike
from netswap.adapters.nm.dialler import Dialler
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.actions import (
    Block,
    Connect,
    Disconnect,
    EndConnections,
    Linger,
    Reach,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import Barrier, Link, Route, World

log = logging.getLogger(__name__)


class StepError(Exception):
    """A step failed; says which."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step


class Stepper(Protocol):
    """Carries out steps, and lends the world its own view of them."""

    async def take(self, steps: Sequence[Step]) -> None:
        """Carry out the steps in their order. Raises StepError at the first that fails."""

    def seen(self, world: World) -> World:
        """Return the world as this stepper wants it seen."""

    async def release(self, link: str, device: Device) -> None:
        """Put back what is no link any more. Raises BusError, OSError."""

    def dialled(self, device: Device) -> bool:
        """Whether it was netswap that had it connected."""


class _Made(NamedTuple):
    """A route that went ahead of NetworkManager, and the activation of its link."""

    route: Ahead
    activation: str


FOLLOW_UP_S = 1.2
COMMIT_S = 0.02
"""After so long NetworkManager has committed what a Reapply of nothing led to."""
BEGUN_S = 0.05
"""For so long connects over a link that works may take to succeed before it is left."""
NAMES_S = 0.25
"""For so long the name servers may take to follow; they take about 25 ms."""
ROUTES_S = 1.0
"""After so long NetworkManager has done with the routes of a link: with the Reapply, and once more
with the lease that it asks for."""


class Steps:
    """Steps on the real system.

    A rank that moves traffic is in the kernel before NetworkManager is asked for it: it takes its
    time, may hang, and may refuse.

    A rank is followed up by a Reapply of nothing. NM 1.42 asks for the lease again when a metric
    changes; one that comes within a second of the one before looks the same to it, and it then
    forgets to renew it. A Reapply of nothing mends that (and restarts no DHCP).

    It counts as set when the name servers have followed. The link that was left is blocked next,
    and systemd-resolved would use up all its attempts at a server that is refused within a moment,
    and then leave the program that asked without an answer for 5 s.
    """

    def __init__(self, guard: GuardLike, find: Callable[[str], Device | None]) -> None:
        self._guard = guard
        self._find = find
        self.router: Router | None = None
        """To be set while there is a bus."""
        self.dialler: Dialler | None = None
        """Likewise."""
        self._following_up: set[asyncio.Task[None]] = set()
        self._ahead: dict[str, _Made] = {}
        """Routes over links that NetworkManager has not said yes to."""
        self._moving: tuple[str, Device, int] | None = None
        """The link that is being ranked, and how."""
        self._followed: set[str] = set()
        """Links that are being followed up."""
        self._lingering: dict[str, tuple[str, ...]] = {}
        """Interfaces whose connections may go on → the addresses that those have."""
        self._passing: dict[str, frozenset[str]] = {}
        """Links whose connections may go on → the addresses of those that cannot."""
        self._leads: dict[str, int] = {}
        """Links that were set ahead, with the rank that NetworkManager has said yes to."""
        self._interfaces: Collection[str] = ()
        """Those of all links."""
        self._unranked6: set[str] = set()
        """Activations whose IPv6 NetworkManager leaves to the kernel."""
        self._holds = False
        """Whether anything was routed for lingering connections."""
        self.can_end = True
        """Whether the kernel can end connections, as far as is known."""

    async def take(self, steps: Sequence[Step]) -> None:
        """Carry out the steps."""
        for step in steps:
            try:
                await self._take(step)
            except BusError as error:
                raise StepError(step, _explained(error)) from error
            except (GuardError, OSError, LookupError, ValueError) as error:
                # ValueError: NetworkManager gave something that D-Bus cannot carry back. A step
                # that ended otherwise would leave the engine waiting for it.
                raise StepError(step, str(error)) from error

    def seen(self, world: World) -> World:
        """Return the world as it is, marked what cannot be changed and what is not settled yet."""
        self._unranked6 &= {link.activation for link in world.links if world.managed}
        if not (self._unranked6 or self._ahead):
            return world
        names = {link.activation: link.name for link in world.links if link.v4}
        self._ahead = {names.get(made.activation, n): made for n, made in self._ahead.items()}
        return replace(world, links=tuple(map(self._shown, world.links)))

    def _shown(self, link: Link) -> Link:
        v4, v6, made = link.v4, link.v6, self._ahead.get(link.name)
        if v4 and made and made.activation == link.activation:
            v4 = replace(v4, confirmed=False)
        if v6 and link.activation in self._unranked6:
            v6 = replace(v6, settable=False)
        return replace(link, v4=v4, v6=v6)

    async def _take(self, step: Step) -> None:
        match step:
            case Linger():
                self._linger(step)
            case Block():
                await self._block(step)
            case Unblock(ifname=ifname):
                self._lingering.pop(ifname, None)
                self._guard.unblock(ifname)
            case EndConnections():
                self._end(step)
            case Reach(ifname=ifname, server=server):
                servers.reach(server, ifname)
            case SetMetric(link=link, v4=v4, v6=v6):
                await self._set_metric(step, link, v4, v6)
            case Restore(link=link, patient=patient):
                device = self._device(step, link)
                await self._restore(self._to(step), link, device, patient=patient)
            case _:
                await self._ask(step)

    def _linger(self, step: Linger) -> None:
        shared = _shared(step)
        self._lingering[step.ifname] = tuple(a for a in step.addresses if a not in shared)
        self._passing[step.link] = self._passing.get(step.link, frozenset()) | _temporary()
        self.follow(self._interfaces)

    def _end(self, step: EndConnections) -> None:
        """End what cannot go on: where others do, those on addresses that will not come back."""
        shared = _shared(step)
        passing = self._passing.get(step.link, frozenset())
        ended = [
            sockets.destroy(address, step.spare, ifname=step.ifname, shared=address in shared)
            for address in step.addresses
            if step.own or address in passing
        ]
        forgotten = conntrack.forget([a for a in step.addresses if a not in shared], step.spare)
        self._passing.pop(step.link, None)
        _say_ended("Ended", sum(destroyed.ended for destroyed in ended), "connection", step.link)
        _say_ended("Forgot", forgotten, "forwarded connection", step.link)
        if ended:
            self.can_end = all(destroyed.supported for destroyed in ended)

    async def _block(self, step: Block) -> None:
        if not step.barrier.lingering:
            self._lingering.pop(step.ifname, None)
        await _begun(step.beginning)
        self._guard.block(step.ifname, step.barrier)
        _drop_waiting(step.ifname)

    async def _ask(self, step: Tidy | Recheck | Connect | Disconnect) -> None:
        match step:
            case Tidy(link=link):
                await self._tidy(self._to(step), self._device(step, link))
            case Recheck():
                self._to(step).recheck()
            case Connect(uuid=uuid, connection=connection):
                await self._dial(step).connect(uuid, connection)
            case Disconnect(link=link):
                await self._dial(step).disconnect(self._device(step, link))

    def follow(self, interfaces: Collection[str]) -> None:
        """Have lingering connections keep to their link, as routes are now, and no others.

        Those whose time is over have ended by then: it is called after a batch. A link that is
        being ranked keeps its place.
        """
        self._interfaces = interfaces
        self._stay_moved()
        if self._lingering or self._holds:
            _hold(self._lingering, interfaces)
        self._holds = bool(self._lingering)

    def forget_lingering(self) -> None:
        """Take the routes of lingering connections away, those of a dead netswapd too."""
        self._lingering.clear()
        _hold({}, ())

    async def _set_metric(self, step: Step, link: str, v4: int | None, v6: int | None) -> None:
        router, device = self._to(step), self._device(step, link)
        await self._committed(link)
        with self._moved(link, device, v4):
            with self._foreign_kept(device.ifname):
                ranked6 = await router.set_metric(device.path, v4, v6)
            (self._unranked6.discard if ranked6 else self._unranked6.add)(device.activation)
            await self._names_follow(link, v4)
        made = self._ahead.pop(link, None)
        if v4 is not None and made and made.route.leads:
            self._leads[link] = v4
            self._stay_ahead(link, device)
        self._later(self._follow_up(router, link, device))

    async def _committed(self, link: str) -> None:
        """Wait, not for long, for what would else bring the rank of before back for a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_S):
                while link in self._followed:  # noqa: ASYNC110 (hardly ever)
                    await asyncio.sleep(0.001)

    @contextlib.contextmanager
    def _moved(self, link: str, device: Device, metric: int | None) -> Iterator[None]:
        """Have the kernel rank it now, and so while NetworkManager gets there.

        It may be about to commit something else, a lease for instance, with the rank of before.
        """
        if metric is not None:
            self._leads.pop(link, None)
            self._moving = link, device, metric
            self._go_ahead(link, device, metric)
        try:
            yield
        finally:
            self._moving = None

    def _stay_moved(self) -> None:
        """Make again what was made, and nothing else: what is to be is NetworkManager's now."""
        if self._moving is None:
            return
        link, device, metric = self._moving
        made, now = self._ahead.get(link), self._find(link)
        if not (made and now and now.activation == device.activation == made.activation):
            return
        if made.route.replaced:
            self._make(link, device, partial(ahead.higher, device.ifname, metric))
        elif made.route.leads:
            self._make(link, device, partial(ahead.lower, device.ifname, metric, self._interfaces))

    async def _names_follow(self, link: str, rank: int | None) -> None:
        """Wait, not for long, until NetworkManager tells that name servers have it, if any."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NAMES_S):
                while rank and (device := self._find(link)) and device.dns4 != rank:  # noqa: ASYNC110 (25 ms)
                    await asyncio.sleep(0.001)

    def _go_ahead(self, link: str, device: Device, metric: int) -> None:
        """Have the kernel do so now; where it will not, NetworkManager has it do so."""
        before = self._ahead.get(link)
        if before and (before.route.metric != metric or before.activation != device.activation):
            self._withdraw(link, device)
        self._make(
            link,
            device,
            lambda: (
                ahead.lower(device.ifname, metric, self._interfaces)
                or ahead.higher(device.ifname, metric)
            ),
        )

    def _make(self, link: str, device: Device, make: Callable[[], Ahead | None]) -> None:
        try:
            made = make()
        except OSError as error:
            log.debug("No route over %s ahead of NetworkManager: %s", link, error)
        else:
            if made:
                self._ahead[link] = _Made(made, device.activation)

    def _stay_ahead(self, link: str, device: Device) -> None:
        """Have it lead all the same where NetworkManager's own check holds it back.

        NetworkManager has just removed the copy. Its check may take 20 s, and may never pass.
        """
        if (rank := self._leads.get(link)) is not None:
            try:
                ahead.lower(device.ifname, rank, self._interfaces)
            except OSError as error:
                log.debug("No route over %s beside NetworkManager's: %s", link, error)

    def _withdraw(self, link: str, device: Device, *, restored: bool = False) -> None:
        """Take it away, and put back what it replaced if that is how NetworkManager has it still.

        That went with the activation that it belongs to, or when the link was `restored`.
        """
        if made := self._ahead.pop(link, None):
            same = made.activation == device.activation and not restored
            ahead.withdraw(made.route if same else replace(made.route, replaced=()))

    async def _follow_up(self, router: Router, link: str, device: Device) -> None:
        await asyncio.sleep(FOLLOW_UP_S)
        while self._moving and self._moving[0] == link:  # noqa: ASYNC110 (hardly ever)
            await asyncio.sleep(COMMIT_S)  # else it would bring the rank of before back
        held_back = link in self._leads and (now := self._find(link)) and now.limited
        self._followed.add(link)
        try:
            if not held_back:  # else it would take the copy away
                with contextlib.suppress(BusError):  # it is gone: so is what was to be mended
                    await self._tidy(router, device)
            self._stay_ahead(link, device)
            await asyncio.sleep(COMMIT_S)
        finally:
            self._followed.discard(link)

    async def _tidy(self, router: Router, device: Device) -> None:
        with self._foreign_kept(device.ifname):
            await router.tidy(device.path)

    @contextlib.contextmanager
    def _foreign_kept(self, ifname: str) -> Iterator[None]:
        """Have put back what NetworkManager removes with a Reapply: routes that others made."""
        links = self._interfaces
        try:
            kept = foreign.over(ifname)
            tunnelled = servers.tunnelled(kept, links) if kept else frozenset()
        except OSError:
            kept, tunnelled = [], frozenset()
        try:
            yield
        finally:  # also where it does not answer: it may do as it was asked all the same
            if kept:
                self._later(_put_back(kept, tunnelled, links))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._following_up.add(task)
        task.add_done_callback(self._following_up.discard)

    async def settle(self) -> None:
        """Wait until what was begun is finished."""
        while self._following_up:
            await asyncio.wait(self._following_up)

    async def _restore(
        self, router: Router, link: str, device: Device, *, patient: bool = False
    ) -> bool:
        """Put a link back as it was found; return whether it was another way."""
        self._leads.pop(link, None)
        if (made := self._ahead.get(link)) and not made.route.replaced:
            self._withdraw(link, device)
        with self._foreign_kept(device.ifname):
            restored = await router.restore(device.path, patient=patient)
        if restored:
            log.info("Metric and DNS priority of %s are as they were found", link)
        self._withdraw(link, device, restored=restored)
        return restored

    async def release(self, link: str, device: Device) -> None:
        """Put back what is no link any more; what netswap connected is disconnected, too.

        Where NetworkManager knows of nothing to be put back it was restarted, and a route may be
        left from before. Raises BusError, OSError.
        """
        if self.router is None:
            raise BusError(DISCONNECTED, "NetworkManager is not there")
        if self.dialler and self.dialled(device):  # what was set goes with it
            await self.dialler.disconnect(device)
        elif not await self._restore(self.router, link, device):
            await self._tidy(self.router, device)

    def dialled(self, device: Device) -> bool:
        """Whether it was netswap that had it connected."""
        return self.dialler is not None and device.activation in self.dialler.own

    def _to(self, step: Step) -> Router:
        if self.router is None:
            raise StepError(step, "NetworkManager is not there")
        return self.router

    def _dial(self, step: Step) -> Dialler:
        if self.dialler is None:
            raise StepError(step, "NetworkManager is not there")
        return self.dialler

    def _device(self, step: Step, link: str) -> Device:
        device = self._find(link)
        if device is None:
            raise StepError(step, f"NetworkManager does not have {link} now")
        return device


def _explained(error: BusError) -> str:
    """Say what the commonest refusal means: NM lets only root touch what belongs to one user."""
    if not error.name.endswith(".PermissionDenied"):
        return str(error)
    mend = "nmcli connection modify NAME connection.permissions ''"
    return f"{error}: the connection is one user's own; mend it with: {mend}"


async def _put_back(
    kept: Sequence[bytes], tunnelled: frozenset[bytes], links: Collection[str]
) -> None:
    """Put routes back whenever they are gone, until NetworkManager has done with the link.

    A VPN that ends removes its routes, too: the one to its server must not outlive the tunnel, or
    the VPN could not be connected anew by another link.
    """
    again: set[bytes] = set()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(ROUTES_S):
            while True:
                ended = tunnelled - servers.tunnelled(tunnelled, links) if tunnelled else tunnelled
                foreign.take_away(again & ended)
                again |= set(foreign.put_back(body for body in kept if body not in ended))
                await asyncio.sleep(0.02)


async def _begun(addresses: Collection[str]) -> None:
    """Let connects that are under way succeed, not for long: new ones go by another link by now."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(BEGUN_S):
            while addresses and sockets.connecting(addresses):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.002)


def _drop_waiting(ifname: str) -> None:
    """Drop what passed before the guard stood and waits for its router's hardware address.

    The guard stands in any case: what goes wrong here is no reason to do the step again.
    """
    try:
        neighbours.forget_unresolved(ifname)
    except OSError as error:
        log.warning("What waits to leave by %s cannot be dropped: %s", ifname, error)


def _hold(lingering: Mapping[str, Collection[str]], interfaces: Collection[str]) -> None:
    """Route them; a guard that does not come would be worse than connections that do not linger."""
    try:
        source.hold(lingering, interfaces)
    except OSError as error:
        level = logging.WARNING if lingering else logging.DEBUG  # a kernel without has none to end
        log.log(level, "Connections cannot be kept on their links: %s", error)


def _temporary() -> frozenset[str]:
    """Return the IPv6 addresses that NetworkManager will flush for good when it ranks a link."""
    return frozenset(str(known.address) for known in inet6.addresses() if known.temporary)


def _shared(step: Linger | EndConnections) -> frozenset[str]:
    """Return which addresses another device has, too; where that is not known, none is taken to."""
    try:
        return holders.shared(step.addresses, step.ifname)
    except OSError as error:
        log.warning("Cannot see who else has the addresses of %s: %s", step.link, error)
        return frozenset()


def _say_ended(verb: str, count: int, what: str, link: str) -> None:
    if count:
        log.info("%s %d %s%s of %s", verb, count, what, "s" * (count != 1), link)


class DryRun:
    """Does nothing, and pretends that it was done; the engine has said what."""

    def __init__(self) -> None:
        self._guarded: dict[str, Barrier] = {}
        self._ranks: dict[str, SetMetric] = {}
        self._reached: dict[str, str] = {}

    async def take(self, steps: Sequence[Step]) -> None:
        """Pretend to carry out the steps."""
        for step in steps:
            match step:
                case Block(ifname=ifname, barrier=barrier):
                    self._guarded[ifname] = barrier
                case Unblock(ifname=ifname):
                    self._guarded.pop(ifname, None)
                case SetMetric(link=link):
                    self._ranks[link] = step
                case Reach(ifname=ifname, server=server):
                    self._reached[server] = ifname
                case Connect():
                    raise StepError(step, "this is a dry run")

    async def release(self, link: str, device: Device) -> None:  # noqa: ARG002 (nothing is done)
        """Pretend that nothing was ever done to it."""
        self._ranks.pop(link, None)

    def dialled(self, device: Device) -> bool:  # noqa: ARG002 (nothing is connected)
        """Pretend nothing of the kind."""
        return False

    def seen(self, world: World) -> World:
        """Return the world as it would be."""
        links = tuple(self._ranked(link) for link in world.links)
        barriers = dict(self._guarded)
        servers = tuple(
            replace(server, ifname=self._reached.get(server.address, server.ifname))
            for server in world.servers
        )
        return replace(
            world, links=links, guarded=frozenset(barriers), barriers=barriers, servers=servers
        )

    def _ranked(self, link: Link) -> Link:
        ranks = self._ranks.get(link.name)
        if ranks is None:
            return link
        v4 = Route(ranks.v4, ranks.v4) if link.v4 and ranks.v4 else link.v4
        v6 = Route(ranks.v6, ranks.v6) if link.v6 and ranks.v6 else link.v6
        return replace(link, v4=v4, v6=v6)
