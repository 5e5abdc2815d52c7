"""IPv6 addresses as the kernel lists them."""

from __future__ import annotations

from ipaddress import IPv6Address
from pathlib import Path

from netswap.adapters.inet6 import Address, addresses

LISTING = """\
20010db8000200000000000000ff0201 66 40 00 40 tether0
20010db8000100000000000000ff0101 65 40 00 20  cable0
20010db8000100000000000000000065 65 80 00 00  cable0
fe8000000000000000000000000000fe 102 40 20 c0 enx0a1b2c3d4e5f
20010db80001000003c4d99dea0e331c 65 40 00 01  cable0
00000000000000000000000000000001 01 80 10 80       lo
"""


def test_tentative_and_deprecated_ones_are_not_usable(tmp_path: Path) -> None:
    listing = tmp_path / "if_inet6"
    listing.write_text(LISTING)

    assert addresses(listing) == [
        Address("tether0", IPv6Address("2001:db8:2::ff:201"), usable=False, prefix=64),
        Address("cable0", IPv6Address("2001:db8:1::ff:101"), usable=False, prefix=64),
        Address("cable0", IPv6Address("2001:db8:1::65"), usable=True),
        Address("enx0a1b2c3d4e5f", IPv6Address("fe80::fe"), usable=False, prefix=64),
        Address(
            "cable0",
            IPv6Address("2001:db8:1:0:3c4:d99d:ea0e:331c"),
            True,
            temporary=True,
            prefix=64,
        ),
        Address("lo", IPv6Address("::1"), usable=True),
    ]


def test_a_kernel_without_ipv6_has_none(tmp_path: Path) -> None:
    assert addresses(tmp_path / "if_inet6") == []
