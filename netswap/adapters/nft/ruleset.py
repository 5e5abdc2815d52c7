"""The guard table as nftables text: what is sent to the kernel, and how its answers read.

Pure: text in, text out. `guard.py` beside it does the talking.

The table in one paragraph: a packet that leaves by a link in the set `standby` is refused, unless
it keeps that link alive (DHCP, neighbour and router discovery, multicast membership) or is one of
netswap's own probes, known by its mark. TCP gets a reset and everything else an ICMP error, so that
nothing hangs; what cannot be answered (multicast, broadcast, other resets) is silently dropped by
the same rules. A packet for any other link passes untouched.

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

from netswap.adapters.nft.errors import GuardError

TABLE = "inet netswap"
PROBE_MARK = 0x6E737770
"""The firewall mark of netswap's own probes: "nswp" in ASCII."""

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
  chain output {{
    type filter hook output priority 20; policy accept;
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
    counter name refused
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
}}
"""


def create_table(mark: int = PROBE_MARK) -> str:
    """Make the table anew, in one transaction that also replaces a leftover of the same name.

    Forwarded packets get no exceptions: DHCP and discovery are never forwarded (hop limit 255 would
    not survive it), and a probe starts here.
    """
    return f"add table {TABLE}\ndelete table {TABLE}\n" + _TABLE_BODY.format(mark=mark)


def delete_table() -> str:
    """Remove the table; all links are free again."""
    return f"delete table {TABLE}"


def list_table() -> str:
    """Ask for the table, to see whether there is one and whose it is."""
    return f"list table {TABLE}"


def list_standby() -> str:
    """Ask for the guarded links."""
    return f"list set {TABLE} standby"


def list_refused() -> str:
    """Ask how many packets were refused."""
    return f"list counter {TABLE} refused"


def block(ifname: str) -> str:
    """Guard a link; guarding it twice is no error."""
    return f'add element {TABLE} standby {{ "{checked(ifname)}" }}'


def unblock(ifname: str) -> str:
    """Free a link; freeing a free one is no error.

    `delete element` fails for a missing one and `destroy` came with nft 1.0.7; added and deleted
    in one transaction works everywhere, and no packet sees the state between.
    """
    return f'{block(ifname)}\ndelete element {TABLE} standby {{ "{ifname}" }}'


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


def parse_standby(listing: str) -> frozenset[str]:
    """Names in a listed set; nft prints no braces after `elements` when it is empty."""
    elements = re.search(r"elements = \{(?P<names>[^}]*)\}", listing)
    return frozenset(re.findall(r'"([^"]+)"', elements["names"])) if elements else frozenset()


def parse_refused(listing: str) -> int:
    """Packets in a listed counter."""
    counter = re.search(r"\bpackets (\d+)\b", listing)
    if counter is None:
        raise GuardError("nftables listed a counter without packets", "check `nft list ruleset`")
    return int(counter[1])
