"""Connections of a link that was left: those that go on for a while, and those that are ended."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from netswap.adapters import conntrack, inet6, sockets
from netswap.adapters.kernel import holders, source
from netswap.core.actions import EndConnections, Linger

log = logging.getLogger(__name__)


class Lingering:
    """Has them keep to their links by routes for their addresses, which are taken away again."""

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, ...]] = {}
        """Interfaces whose connections may go on → the addresses that those have."""
        self._passing: dict[str, frozenset[str]] = {}
        """Links whose connections may go on → the addresses of those that cannot."""
        self._interfaces: Collection[str] = ()
        """Those of all links."""
        self._holds = False
        """Whether anything was routed for them."""
        self.can_end = True
        """Whether the kernel can end connections, as far as is known."""

    def begin(self, step: Linger) -> None:
        """Let the connections of a link go on when it is left. Raises OSError."""
        shared = _shared(step)
        self._addresses[step.ifname] = tuple(a for a in step.addresses if a not in shared)
        self._passing[step.link] = self._passing.get(step.link, frozenset()) | _temporary()
        self.follow(self._interfaces)

    def over(self, ifname: str) -> None:
        """No connection goes on over it any more, once routes are followed again."""
        self._addresses.pop(ifname, None)

    def follow(self, interfaces: Collection[str]) -> None:
        """Have them keep to their link, as routes are now, and no others."""
        self._interfaces = interfaces
        if self._addresses or self._holds:
            _hold(self._addresses, interfaces)
        self._holds = bool(self._addresses)

    def forget(self) -> None:
        """Take their routes away, those of a dead netswapd too."""
        self._addresses.clear()
        _hold({}, ())

    def end(self, step: EndConnections) -> None:
        """End what cannot go on: where others do, those on addresses that will not come back.

        Raises OSError.
        """
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
