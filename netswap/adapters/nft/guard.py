"""The guard: keeps ordinary traffic off standby links with an nftables table of our own.

The I/O half of `ruleset.py`. One libnftables handle lives as long as the guard, because the kernel
ties the table's ownership to the handle's netlink socket: a second handle, even in this process, is
a stranger. What is guarded is not remembered here, but read back from the kernel.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from ipaddress import IPv6Interface
from typing import Protocol, Self

import nftables

from netswap.adapters import inet6
from netswap.adapters.nft import ruleset
from netswap.adapters.nft.errors import GuardError, NoTableError
from netswap.core.model import REFUSE, Barrier

__all__ = ["Guard", "GuardError", "GuardLike"]


class GuardLike(Protocol):
    """What the daemon needs of a guard; every call takes effect before it returns."""

    def open(self) -> None:
        """Set up an empty guard, replacing what a dead process left; raise GuardError if taken."""

    def block(self, ifname: str, barrier: Barrier = REFUSE) -> None:
        """Refuse what leaves by this link, but for what the barrier lets pass.

        Blocking twice is fine; another barrier takes the place of the one that stands.
        """

    def unblock(self, ifname: str) -> None:
        """Let the link be used again; unblocking a free link is fine."""

    def guarded(self) -> Mapping[str, Barrier]:
        """Links that are blocked now, and how."""

    def refused(self) -> int:
        """Packets refused since `open`."""

    def close(self) -> None:
        """Free all links; closing twice is fine."""


class Guard:
    """The guard on the running kernel."""

    def __init__(self, mark: int = ruleset.PROBE_MARK, *, linger: bool = False) -> None:
        self._mark = mark
        self._linger = linger
        self._nft: nftables.Nftables | None = None
        self._foreign: frozenset[IPv6Interface] = frozenset()
        """The addresses that were kept off other links last."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Create the table and see that the kernel ties it to us; any earlier one of ours goes."""
        self.close()
        self._nft, self._foreign = nftables.Nftables(), frozenset()
        try:
            self._refuse_a_second_daemon()
            self._run(ruleset.create_table(self._mark, linger=self._linger))
            if not ruleset.has_owner(self._run(ruleset.list_table())):
                self._run(ruleset.delete_table())
                raise GuardError(
                    "the kernel made a guard table without an owner, which would outlive netswapd",
                    "Linux 5.12 or newer and nftables 0.9.9 or newer are needed",
                )
        except GuardError:
            self._nft = None
            raise

    def reopen(self, *, linger: bool) -> None:
        """Make the table anew, and empty, where connections may linger and could not, or could."""
        if linger != self._linger:
            self._linger = linger
            self.open()

    def block(self, ifname: str, barrier: Barrier = REFUSE) -> None:
        """Refuse what leaves by this link."""
        there = self._places()
        kept = [ifname, *(name for _, name in socket.if_nameindex())]
        commands = ruleset.block(ifname, barrier, there) + ruleset.sweep(there, kept)
        self._keep_off({*ruleset.barriers(there), ifname}, commands)

    def unblock(self, ifname: str) -> None:
        """Let the link be used again."""
        there = self._places()
        if commands := ruleset.unblock(ifname, there):
            self._run(commands)  # first of all: traffic is about to go by it
            self._keep_off(ruleset.barriers(there).keys() - {ifname})

    def guarded(self) -> Mapping[str, Barrier]:
        """Read back which links the kernel guards; what addresses they got since are kept off, too.

        Those that are away for a moment stay: NetworkManager puts them back.
        """
        barriers = ruleset.barriers(self._places())
        if not _addresses(barriers) <= self._foreign:
            self._keep_off(barriers)
        return barriers

    def _keep_off(self, guarded: Collection[str], commands: str = "") -> None:
        """Have the addresses of these links kept off every other link, in one transaction."""
        foreign = _addresses(guarded)
        self._run(commands + ruleset.set_foreign(foreign))
        self._foreign = foreign

    def _places(self) -> frozenset[ruleset.Place]:
        return ruleset.parse_places(self._run(ruleset.list_table()))

    def refused(self) -> int:
        """Read back how many packets the kernel refused since the table was made."""
        return ruleset.parse_refused(self._run(ruleset.list_refused()))

    def close(self) -> None:
        """Free all links at once; the handle goes with the table."""
        if self._nft is None:
            return
        try:
            self._run(ruleset.delete_table())
        finally:
            self._nft = None

    def _refuse_a_second_daemon(self) -> None:
        """Raise GuardError for a table with an owner: the kernel removes a dead process's."""
        try:
            listing = self._run(ruleset.list_table())
        except NoTableError:
            return
        if ruleset.has_owner(listing):
            raise GuardError(
                "another netswapd is running: it owns the nftables table inet netswap",
                "stop that one first; `nft list table inet netswap` shows its rules",
            )

    def _run(self, command: str) -> str:
        if self._nft is None:
            raise GuardError("the guard is not open", "call open() first")
        status, output, error = self._nft.cmd(command)
        if status != 0:
            raise _explained(command, str(error))
        return str(output)


def _addresses(links: Collection[str]) -> frozenset[IPv6Interface]:
    """Return the IPv6 addresses that these links have now, with their networks."""
    known = inet6.addresses() if links else []
    return frozenset(
        IPv6Interface((a.address, a.prefix))
        for a in known
        if a.ifname in links and not a.address.is_link_local
    )


def _explained(command: str, error: str) -> GuardError:
    """Say in words what libnftables reported; its message is many lines, the first one tells."""
    first = error.strip().splitlines()[0] if error.strip() else "no reason given"
    what = f"nftables refused `{command.splitlines()[0]}`: {first.removeprefix('Error: ')}"
    if "No such file" in first:
        return NoTableError(what, "the guard table is gone; restart netswapd")
    if "cache initialization failed" in first or "Operation not permitted" in first:
        return GuardError(what, "netswapd needs CAP_NET_ADMIN")
    return GuardError(what, "`nft --check` and the kernel log may say more")
