"""Somebody else who owns a table of netswap's name, until killed."""

from __future__ import annotations

import signal

import nftables

if __name__ == "__main__":
    nft = nftables.Nftables()
    status, _, error = nft.cmd("add table inet netswap { flags owner; }")
    assert status == 0, error
    signal.pause()
