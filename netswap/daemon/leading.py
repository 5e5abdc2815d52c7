"""Routes that stand ahead of NetworkManager: which, and for how long.

A rank that moves traffic is in the kernel before NetworkManager is asked for it: it takes its time,
may hang, and may refuse.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from netswap.adapters.kernel import ahead
from netswap.adapters.kernel.ahead import Ahead
from netswap.adapters.nm.view import Device
from netswap.core.model import Link, World

log = logging.getLogger(__name__)


class _Made(NamedTuple):
    """A route that went ahead of NetworkManager, and the activation of its link."""

    route: Ahead
    activation: str


class _Move(NamedTuple):
    """A link that is being ranked."""

    link: str
    device: Device
    metric: int


class Leading:
    """Makes such routes, has them stay, and withdraws them."""

    def __init__(self, find: Callable[[str], Device | None]) -> None:
        self._find = find
        self.interfaces: Collection[str] = ()
        """Those of all links."""
        self._made: dict[str, _Made] = {}
        """Routes over links that NetworkManager has not said yes to."""
        self._move: _Move | None = None
        self._leads: dict[str, int] = {}
        """Links that were set ahead, with the rank that NetworkManager has said yes to."""

    def unconfirmed(self, world: World) -> World:
        """Return the world, marked which routes NetworkManager has not said yes to."""
        if not self._made:
            return world
        names = {link.activation: link.name for link in world.links if link.v4}
        self._made = {names.get(made.activation, n): made for n, made in self._made.items()}
        return replace(world, links=tuple(map(self._marked, world.links)))

    def _marked(self, link: Link) -> Link:
        made = self._made.get(link.name)
        if link.v4 and made and made.activation == link.activation:
            return replace(link, v4=replace(link.v4, confirmed=False))
        return link

    @contextlib.contextmanager
    def moved(self, link: str, device: Device, metric: int | None) -> Iterator[None]:
        """Have the kernel rank it now, and so while NetworkManager gets there.

        It may be about to commit something else, a lease for instance, with the rank of before.
        """
        try:
            if metric is not None:
                self._leads.pop(link, None)
                self._move = _Move(link, device, metric)
                self._go(link, device, metric)
            yield
        finally:
            self._move = None

    def moves(self, link: str) -> bool:
        """Whether the link is being ranked."""
        return self._move is not None and self._move.link == link

    def stay_moved(self) -> None:
        """Make again what was made, and nothing else: what is to be is NetworkManager's now."""
        if self._move is None:
            return
        link, device, metric = self._move
        made, now = self._made.get(link), self._find(link)
        if not (made and now and now.activation == device.activation == made.activation):
            return
        if made.route.replaced:
            self._make(link, device, partial(ahead.higher, device.ifname, metric))
        elif made.route.leads:
            self._make(link, device, partial(ahead.lower, device.ifname, metric, self.interfaces))

    def _go(self, link: str, device: Device, metric: int) -> None:
        """Have the kernel do so now; where it will not, NetworkManager has it do so."""
        before = self._made.get(link)
        if before and (before.route.metric != metric or before.activation != device.activation):
            self.withdraw(link, device)
        self._make(
            link,
            device,
            lambda: (
                ahead.lower(device.ifname, metric, self.interfaces)
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
                self._made[link] = _Made(made, device.activation)

    def confirm(self, link: str, device: Device, metric: int | None) -> None:
        """Take it that NetworkManager has said yes: the route is its own now."""
        made = self._made.pop(link, None)
        if metric is not None and made and made.route.leads:
            self._leads[link] = metric
            self.stay(link, device)

    def held_back(self, link: str) -> bool:
        """Whether it leads beside NetworkManager's route, which its own check holds back."""
        return link in self._leads and (now := self._find(link)) is not None and now.limited

    def stay(self, link: str, device: Device) -> None:
        """Have it lead all the same where NetworkManager's own check holds it back.

        A Reapply removes the copy. NetworkManager's check may take 20 s, and may never pass.
        """
        if (rank := self._leads.get(link)) is not None:
            try:
                ahead.lower(device.ifname, rank, self.interfaces)
            except OSError as error:
                log.debug("No route over %s beside NetworkManager's: %s", link, error)

    def step_back(self, link: str, device: Device) -> None:
        """Lead no longer with a link that is to be put back as it was found.

        A route that replaced NetworkManager's own is its only one until NetworkManager has acted.
        """
        self._leads.pop(link, None)
        if (made := self._made.get(link)) and not made.route.replaced:
            self.withdraw(link, device)

    def withdraw(self, link: str, device: Device, *, restored: bool = False) -> None:
        """Take its route away, and put back what that replaced if NetworkManager has it so still.

        It does not after another activation, nor when the link was `restored`. Raises OSError where
        the kernel refuses.
        """
        if made := self._made.pop(link, None):
            same = made.activation == device.activation and not restored
            ahead.withdraw(made.route if same else replace(made.route, replaced=()))
