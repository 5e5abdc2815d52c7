"""The end of the demo, on a terminal: keys that make trouble, and the screen of `watch`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from netswap.cli.client import Service, talk
from netswap.cli.keys import Extra
from netswap.cli.watch import on_terminal
from tests.lab.lab import Lab
from tests.lab.spec import CABLE

OFFER = "Press Enter to make trouble yourself, Ctrl-C to leave. "


def offer(lab: Lab, config: str, options: Sequence[str]) -> None:
    """Start netswapd again and let the user play, who leaves by `q`."""
    input(OFFER)
    lab.netswapd(config, *options).wait_for("Link cable0 is up", 10)
    talk(partial(_play, keys(lab)))
    lab.daemons[-1].stop()


def keys(lab: Lab) -> dict[str, Extra]:
    """Return what can be done to the cable, by key."""
    cable = lab.link(CABLE.name)
    return {
        "c": Extra("cut", cable.cut),
        "h": Extra("heal", cable.heal),
        "x": Extra("pull", cable.pull),
        "i": Extra("plug", cable.plug),
    }


async def _play(more: dict[str, Extra], service: Service) -> int:
    return await on_terminal(service, more)
