"""A check by TCP: whether a connection can be made.

A refusal is an answer: a packet came back all the way, and a server that was switched off must
not move traffic.
"""

from __future__ import annotations

import asyncio
import errno
import socket

from netswap.adapters.probe.way import Verdict, Way, broken, connect, silence
from netswap.core import target
from netswap.core.settings import CheckSettings


async def run(check: CheckSettings, way: Way) -> Verdict:
    """Connect, and hang up."""
    server = target.endpoint(check.target)
    with way.socket(socket.SOCK_STREAM) as tcp:
        try:
            async with asyncio.timeout(check.timeout_s):
                await connect(tcp, server)
        except TimeoutError:  # before OSError, which it is a kind of
            return Verdict(False, silence(server, check.timeout_s))
        except OSError as error:
            return Verdict(error.errno == errno.ECONNREFUSED, broken(error, server))
    return Verdict(True)
