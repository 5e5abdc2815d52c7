"""What ten thousand strangers' echo replies a second cost (`make bench-flood`, SECONDS=10).

A prober probes every 100 ms over a link whose other end answers, and sends replies that nobody
asked for all the while. Printed: the processor time that the prober's process used, how late its
probes left, and how many were answered; once at rest and once in the flood.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from statistics import median

from bench import entry
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.icmp import IcmpProber, Reply
from tests.contract.test_flood import came_in, flood
from tests.contract.test_prober import NEAR, NEAR6, neighbour, sh

EVERY_S = 0.1


async def measure(
    near: str, seconds: int, what: str, trouble: AbstractContextManager[object]
) -> None:
    replies: list[Reply] = []
    late_s = []
    prober = IcmpProber("cable0", replies.append, mark=PROBE_MARK)
    with trouble:
        await asyncio.sleep(1)
        came, began_s, used_s = came_in(near), time.monotonic(), time.process_time()
        count = round(seconds / EVERY_S)
        for sequence in range(count):
            due_s = began_s + sequence * EVERY_S
            await asyncio.sleep(due_s - time.monotonic())
            late_s.append(time.monotonic() - due_s)
            prober.send(near, sequence)
        await asyncio.sleep(EVERY_S)
        took_s, used_s = time.monotonic() - began_s, time.process_time() - used_s
        per_s = (came_in(near) - came) / took_s
    prober.close()
    print(
        f"{near:<15} {what:<9} {per_s:>8.0f}/s came in; {len(replies)} of {count} answered; "
        f"{100 * used_s / took_s:.2f} % of a core; "
        f"probes late: median {1000 * median(late_s):.1f}, worst {1000 * max(late_s):.1f} ms"
    )


def run(seconds: int) -> int:
    sh("ip netns add peer")
    neighbour()
    for near in (NEAR, NEAR6):
        asyncio.run(measure(near, seconds, "at rest", nullcontext()))
        asyncio.run(measure(near, seconds, "in a flood", flood(near)))
    return 0


if __name__ == "__main__":
    sys.exit(entry.enter("bench.flood", "SECONDS", 10, run))
