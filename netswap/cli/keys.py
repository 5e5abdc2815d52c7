"""The keys of `netswapctl watch`, but for `q`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from netswap.cli.client import Service
from netswap.cli.status import Status
from netswap.errors import UserError

PAUSE_S = 1800.0
LONG = "u use  a auto  p pause 30 min  r resume  q quit"
SHORT = "u use  a auto  p pause  q quit"
"""What is shown of the keys, where there are others, too."""


class Extra(NamedTuple):
    """A key that does something else: what it is called, and what it does at once."""

    name: str
    act: Callable[[], object]


class Keys:
    """What becomes of the keys: orders, which nothing waits for, and what came of the last one."""

    def __init__(
        self, service: Service, changed: Callable[[], None], more: Mapping[str, Extra]
    ) -> None:
        self._service = service
        self._more = more
        self._changed = changed
        self._choosing = False
        self._said = ""
        self._order: asyncio.Task[None] | None = None

    @property
    def there_are(self) -> str:
        """The keys there are, as they are shown."""
        more = [f"{key} {extra.name}" for key, extra in self._more.items()]
        return "  ".join([*more, SHORT]) if more else LONG

    def says(self, state: Status) -> str:
        """Return what to show in place of the keys; "" for the keys."""
        if self._choosing:
            names = [f"{place} {link.name}" for place, link in enumerate(state.links, 1)]
            return f"use which? {'  '.join(names)}  (another key: none)"
        return self._said

    def press(self, key: str, state: Status) -> None:
        """Do what a key stands for."""
        if key in self._more:
            self._more[key].act()
            return
        orders: dict[str, Callable[[], Awaitable[None]]] = {
            "a": lambda: self._service.order("Auto"),
            "p": lambda: self._service.pause(PAUSE_S),
            "r": lambda: self._service.order("Resume"),
        }
        if self._choosing:
            numbers = {str(place): link.name for place, link in enumerate(state.links, 1)}
            orders = {number: self._use(name) for number, name in numbers.items()}
        self._choosing, self._said = key == "u" and not self._choosing, ""
        if key in orders and (self._order is None or self._order.done()):
            self._order = asyncio.create_task(self._carry_out(orders[key]))
        self._changed()

    def _use(self, link: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._service.use(link, 0, even_if_dead=False)

    async def _carry_out(self, order: Callable[[], Awaitable[None]]) -> None:
        self._said = "asking netswapd …"
        try:
            await order()
        except UserError as error:
            self._said = str(error)
        else:
            self._said = ""
        self._changed()
