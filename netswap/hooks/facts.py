"""What a hook is told: its environment. Pure. The man page netswap-hooks(8) is the contract."""

from __future__ import annotations

from collections.abc import Iterator

from netswap.cli.client import Swapped
from netswap.cli.status import LinkStatus, Status

VERSION = 1
"""Of this contract: raised when a variable goes or means something else, not when one is added."""

LONGEST = 1000
"""Characters of a value; what a Wi-Fi network calls itself is much shorter."""

SURROUNDINGS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
"""All there is of an environment besides: a hook runs the same whoever started netswap-hooks."""


def environment(swap: Swapped, state: Status | None, now_s: float) -> dict[str, str]:
    """Return the environment of the hooks of a swap.

    What only the service knows is empty where it does not answer (`state` is None).
    """
    links = {link.name: link for link in state.links} if state else {}
    facts = {
        "HOOK_VERSION": str(VERSION),
        "EVENT": "swap",
        "FROM": swap.source,
        "TO": swap.target,
        "REASON": swap.reason,
        "TIME": f"{now_s:.3f}",
        "STATE": state.state if state else "",
        "MODE": state.mode if state else "",
        **dict(_link("FROM", links.get(swap.source))),
        **dict(_link("TO", links.get(swap.target))),
    }
    return {**SURROUNDINGS, **{f"NETSWAP_{name}": text[:LONGEST] for name, text in facts.items()}}


def _link(which: str, link: LinkStatus | None) -> Iterator[tuple[str, str]]:
    metered = "yes" if link and link.metered else "no"
    yield f"{which}_DEVICE", link.device if link else ""
    yield f"{which}_CONNECTION", link.connection if link else ""
    yield f"{which}_METERED", metered if link else ""
