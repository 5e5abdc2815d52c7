"""Takes a link down and up, many times a second, until killed: `flapper KIND LINK HZ`."""

from __future__ import annotations

import itertools
import sys
import time

from tests.lab.commands import Commands
from tests.lab.link import Link
from tests.lab.spec import LinkSpec

OPPOSITE = {"cut": "heal", "pull": "plug"}

if __name__ == "__main__":
    down, name, hz = sys.argv[1:]
    link = Link(LinkSpec(name), Commands())
    for act in itertools.cycle((down, OPPOSITE[down])):
        getattr(link, act)()
        time.sleep(1 / float(hz) / 2)
