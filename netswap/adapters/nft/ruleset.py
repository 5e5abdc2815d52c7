"""The guard table as nftables text: what is sent to the kernel, and how its answers read.

Pure: text in, text out. `guard.py` beside it does the talking.

The table in one paragraph: a packet that leaves by a link in the set `standby` is refused, unless
it keeps that link alive (DHCP, neighbour and router discovery, multicast membership) or is one of
netswap's own probes, known by its mark. TCP gets a reset and everything else an ICMP error, so that
nothing hangs; what cannot be answered (multicast, broadcast, other resets) is silently dropped by
the same rules. A packet for any other link passes untouched. Each link may have networks that stay
reachable over it (but for name servers: a lookup would go on from there), may be silent rather
than answer, and may let existing connections finish.

One thing is refused on other links, too: IPv6 from an address of a standby link. A link that just
took over has its default route back before its address is usable, NetworkManager having flushed
both; for the second between them the kernel takes another link's address as the source, and the
answers would go there. `fib` sees that the address is not the outgoing link's own as well.

Three choices:

* `flags owner` ties the table to the netlink socket that made it: the kernel removes it when the
  process ends, however it ends, `nft flush ruleset` skips it, and nobody else can change it.
* Commands are text. nft 1.0.6's JSON parser ignores `flags: owner` without an error and makes a
  plain table that stays behind.
* The hooks run at priority 20. A drop is final in nftables whatever other chains accept, so any
  priority would refuse. After `mangle` (-150) and `dstnat` (-100), which may reroute a packet, the
  output device is the one it really leaves by; after other firewalls' filters (0, firewalld's 10)
  only packets that would have left are counted and answered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv6Interface, collapse_addresses, ip_network

from netswap.adapters.nft.errors import GuardError
from netswap.core.model import Barrier

TABLE = "inet netswap"
PROBE_MARK = 0x6E737770
"""The firewall mark of netswap's own probes: "nswp" in ASCII."""

NAMES = ("standby", "silent", "lingering")
NETWORKS = ("allowed4", "allowed6")

_IFNAMSIZ = 16  # linux/if.h, with the closing zero
_UNFIT = re.compile(r'[\x00-\x20\x7f"\'\\/:*]')

_TABLE_BODY = """\
table inet netswap {{
  flags owner;
  comment "standby links are kept quiet by netswapd"
  counter refused {{
  }}
  set standby {{
    type ifname;
    comment "links by which nothing may leave"
  }}
  set silent {{
    type ifname;
    comment "those of them that drop without an answer"
  }}
  set lingering {{
    type ifname;
    comment "those of them over which existing connections may finish"
  }}
  set allowed4 {{
    type ifname . ipv4_addr;
    flags interval;
    comment "what stays reachable over them"
  }}
  set allowed6 {{
    type ifname . ipv6_addr;
    flags interval;
  }}
  set foreign6 {{
    type ipv6_addr;
    comment "addresses of standby links"
  }}
  set near6 {{
    type ipv6_addr;
    flags interval;
    comment "the networks that those are in"
  }}
  chain output {{
    type filter hook output priority 20; policy accept;
{linger}\
    oifname != "lo" ip6 saddr @foreign6 ip6 daddr != @near6 \
fib saddr . oif type != local goto answer
    oifname != @standby accept
    meta mark {mark:#010x} accept comment "netswap's own probes"
    udp sport 68 udp dport 67 accept comment "DHCPv4 renewals"
    udp sport 546 udp dport 547 accept comment "DHCPv6"
    icmpv6 type {{ 133-137 }} ip6 hoplimit 255 accept comment "neighbour and router discovery"
    icmpv6 type {{ 130-132, 143 }} ip6 hoplimit 1 accept comment "multicast listener reports"
    ip protocol igmp accept comment "multicast membership"
    goto refuse
  }}
  chain forward {{
    type filter hook forward priority 20; policy accept;
    oifname @standby goto refuse
  }}
  chain refuse {{
    meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} goto answer comment "lookups go on"
    oifname . ip daddr @allowed4 accept
    oifname . ip6 daddr @allowed6 accept
    goto answer
  }}
  chain answer {{
    counter name refused
    oifname @silent drop
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
}}
"""


_LINGER = """\
    oifname @lingering meta l4proto { tcp, udp } th dport != { 53, 853 } ct state established accept
"""
"""First of all: NetworkManager takes the IPv6 addresses of such a link away for some seconds.

Only where it is wanted: whatever mentions `ct` has the kernel track every connection."""


def create_table(mark: int = PROBE_MARK, *, linger: bool = False) -> str:
    """Make the table anew, in one transaction that also replaces a leftover of the same name.

    Forwarded packets get no exceptions: DHCP and discovery are never forwarded (hop limit 255 would
    not survive it), and a probe starts here.
    """
    return f"add table {TABLE}\ndelete table {TABLE}\n" + _TABLE_BODY.format(
        mark=mark, linger=_LINGER if linger else ""
    )


def delete_table() -> str:
    """Remove the table; all links are free again."""
    return f"delete table {TABLE}"


def list_table() -> str:
    """Ask for the table, to see whether there is one and whose it is."""
    return f"list table {TABLE}"


def list_refused() -> str:
    """Ask how many packets were refused."""
    return f"list counter {TABLE} refused"


Place = tuple[str, str, str]
"""An element of a set: the set, the link, and the network in the sets of what is allowed."""


def block(ifname: str, barrier: Barrier, there: frozenset[Place]) -> str:
    """Guard a link, in one transaction; "" where it is guarded just so already."""
    wanted = _places(checked(ifname), barrier)
    stale = {place for place in there - wanted if place[1] == ifname}
    return _commands("delete", stale) + _commands("add", wanted - there)


def unblock(ifname: str, there: frozenset[Place]) -> str:
    """Free a link, in one transaction; "" where it is free.

    What is allowed over it is left: it means nothing now, and a change of a set of networks takes
    the kernel 5 ms, of a set of names 0.05 ms.
    """
    name = checked(ifname)
    return _commands("delete", {p for p in there if p[1] == name and not p[2]})


def set_foreign(addresses: Iterable[IPv6Interface]) -> str:
    """Make these the addresses that only their own link may send from, in one transaction.

    But to their own networks, where both links may be: an answer to who asked for that address.
    """
    known = sorted(addresses)
    near = collapse_addresses(address.network for address in known)
    return _filled("foreign6", [address.ip for address in known]) + _filled("near6", near)


def _filled(name: str, wanted: Iterable[object]) -> str:
    elements = ", ".join(map(str, wanted))
    added = f"add element {TABLE} {name} {{ {elements} }}\n" if elements else ""
    return f"flush set {TABLE} {name}\n{added}"


def sweep(there: frozenset[Place], existing: Collection[str]) -> str:
    """Remove what was allowed over links that are neither guarded nor there any more."""
    kept = {*existing, *(ifname for name, ifname, _ in there if name == "standby")}
    return _commands("delete", {place for place in there if place[1] not in kept})


def _places(ifname: str, barrier: Barrier) -> frozenset[Place]:
    sets = ["standby", *["silent"] * barrier.drop, *["lingering"] * barrier.lingering]
    networks = (ip_network(network) for network in barrier.allow)
    allowed = ((f"allowed{net.version}", ifname, str(net)) for net in networks)
    return frozenset([*((name, ifname, "") for name in sets), *allowed])


def _commands(verb: str, places: Iterable[Place]) -> str:
    return "".join(
        f'{verb} element {TABLE} {name} {{ "{ifname}"{f" . {network}" if network else ""} }}\n'
        for name, ifname, network in sorted(places)
    )


def checked(ifname: str) -> str:
    """Give the name back, or refuse one that must not get into a command.

    The kernel's rule (`dev_valid_name`): 1 to 15 bytes, no space, slash or colon, not "." or "..".
    nft would take a quote as the end of the name and an asterisk as a wildcard.
    """
    fits = 0 < len(ifname.encode()) < _IFNAMSIZ
    printable = ifname.isprintable()
    if not (fits and printable) or ifname in {".", ".."} or _UNFIT.search(ifname):
        raise GuardError(
            f"{ifname!r} cannot be guarded: not a usable interface name",
            "interface names have 1 to 15 bytes, without spaces, quotes, '/', ':' and '*'",
        )
    return ifname


def has_owner(listing: str) -> bool:
    """Whether a listed table belongs to the process that made it."""
    return re.search(r"^\s*flags owner\b", listing, re.MULTILINE) is not None


def parse_places(listing: str) -> frozenset[Place]:
    """Return every element of the sets in a listed table."""
    named = [(s, ifname, "") for s in NAMES for ifname in _names(listing, s)]
    allowed = [(s, *pair) for s in NETWORKS for pair in _pairs(listing, s)]
    return frozenset([*named, *allowed])


def barriers(places: frozenset[Place]) -> dict[str, Barrier]:
    """Return each guarded link, and how it is guarded."""
    return {
        ifname: Barrier(
            drop=("silent", ifname, "") in places,
            allow=frozenset(net for _, name, net in places if name == ifname and net),
            lingering=("lingering", ifname, "") in places,
        )
        for where, ifname, _ in places
        if where == "standby"
    }


def _elements(listing: str, name: str) -> str:
    """Return what stands in a set; nft prints no `elements` for an empty one."""
    quoted = r'(?:[^"}]|"[^"]*")*'  # a name may have a brace in it
    found = re.search(rf"set {name} \{{[^}}]*?elements = \{{({quoted})\}}", listing)
    return found[1] if found else ""


def _names(listing: str, name: str) -> frozenset[str]:
    return frozenset(re.findall(r'"([^"]+)"', _elements(listing, name)))


def _pairs(listing: str, name: str) -> list[tuple[str, str]]:
    pairs = re.findall(r'"([^"]+)" \. ([0-9a-fA-F.:/]+)', _elements(listing, name))
    return [(ifname, str(ip_network(network))) for ifname, network in pairs]


def parse_refused(listing: str) -> int:
    """Packets in a listed counter."""
    counter = re.search(r"\bpackets (\d+)\b", listing)
    if counter is None:
        raise GuardError("nftables listed a counter without packets", "check `nft list ruleset`")
    return int(counter[1])
