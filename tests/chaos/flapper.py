"""Takes a link down and up, many times a second: `flapper KIND LINK HZ`.

SIGTERM ends it once what it is about to do is done: it would be done after the link was mended.
"""

from __future__ import annotations

import itertools
import signal
import sys
import threading

from tests.lab.commands import Commands
from tests.lab.link import Link
from tests.lab.spec import LinkSpec

OPPOSITE = {"cut": "heal", "pull": "plug"}

if __name__ == "__main__":
    down, name, hz = sys.argv[1:]
    link = Link(LinkSpec(name), Commands())
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    acts = itertools.cycle((down, OPPOSITE[down]))
    while not over.wait(1 / float(hz) / 2):
        getattr(link, next(acts))()
