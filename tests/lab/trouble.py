"""Make trouble on a link by hand: what `cut cable0` and its like run in `make lab`.

`python -m tests.lab.trouble ACTION LINK [PERCENT]`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from tests.lab.commands import CommandFailedError, Commands
from tests.lab.link import Link
from tests.lab.spec import LinkSpec

ACTIONS = {
    "cut": "the ISP silently drops all that it forwards",
    "cut_icmp": "the ISP silently drops ICMP only",
    "lose": "the ISP loses so many percent",
    "heal": "the ISP forwards everything again",
    "pull": "take the cable out",
    "plug": "put the cable in",
    "stop_dhcp": "the ISP's DHCP server is silent",
    "start_dhcp": "the ISP's DHCP server answers again",
    "stop_dns": "the ISP's name server is silent",
    "start_dns": "the ISP's name server answers again",
}
"""Methods of Link, and what they do."""


def usage(action: str) -> str:
    """Return how an action is called."""
    return f"{action} LINK PERCENT" if action == "lose" else f"{action} LINK"


def main(arguments: list[str]) -> int:
    """Do one action on one link; return the exit status."""
    match arguments:
        case ["lose", name, percent] if percent.isdecimal():
            return attempt(partial(Link(LinkSpec(name), Commands()).lose, int(percent)))
        case [action, name] if action in ACTIONS and action != "lose":
            return attempt(getattr(Link(LinkSpec(name), Commands()), action))
    meant = [action for action in arguments[:1] if action in ACTIONS] or ACTIONS
    print("usage: " + " | ".join(map(usage, meant)), file=sys.stderr)
    return 2


def attempt(action: Callable[[], None]) -> int:
    """Run an action; print why it failed."""
    try:
        action()
    except CommandFailedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
