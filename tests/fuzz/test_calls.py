"""Calls over D-Bus: whatever comes is answered, or refused with an error, and never a bug."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from netswap import units
from netswap.adapters.bus import Answer, Bus, Call, CallError, Variant
from netswap.service import api
from netswap.service.service import Service
from tests.fuzz.test_nm import TEXTS, VALUES
from tests.service.fake import Table
from tests.unit.worlds import fixed

Handler = Callable[[Call], Coroutine[Any, Any, Answer]]


class Wire:
    """Takes the place of the bus: hands calls over, and says that root is calling."""

    def answer(self, handler: Handler) -> None:
        self.handler = handler

    async def request_name(self, _name: str) -> bool:
        return True

    async def call(self, *_: Any, **__: Any) -> list[Any]:
        return [0]


LINKS = ("cable", "phone", "")
PATHS = st.sampled_from(
    [api.PATH, "/", "/org", api.LINKS_PATH, api.link_path("cable"), "/nowhere", f"{api.PATH}/x"]
)
INTERFACES = (api.MANAGER_API, api.LINK_API, api.OBJECT_MANAGER_API, *api.STANDARD)
MEMBERS = sorted({member for interface in INTERFACES for member in interface.methods})
PROPER: dict[str, st.SearchStrategy[Any]] = {
    "s": TEXTS
    | st.sampled_from([*LINKS, *(interface.name for interface in INTERFACES), "Health", "x" * 999]),
    "d": st.floats(),
    "b": st.booleans(),
    "v": VALUES,
}


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Draw a call: in most, the arguments have the types that they say they have."""
    member = draw(st.sampled_from(MEMBERS) | TEXTS)
    interface = draw(st.sampled_from(["", *(known.name for known in INTERFACES)]) | TEXTS)
    known = [i.methods[member][0] for i in INTERFACES if member in i.methods]
    right = "".join(known[0].values()) if known else ""
    signature = draw(st.just(right) | st.text("sdbv", max_size=4))
    arguments = tuple(draw(PROPER[letter]) for letter in signature)
    return Call(":1.9", draw(PATHS), interface, member, signature, arguments)


async def outcome(handler: Handler, call: Call) -> Answer | CallError:
    try:
        return await handler(call)
    except CallError as error:
        return error


def answers(what: list[Call]) -> Table:
    """Have the service answer; return what it was asked to do."""
    table, wire = Table(), Wire()

    async def talk() -> None:
        assert await Service(cast(Bus, wire), table).start()
        for call in what:
            match await outcome(wire.handler, call):
                case CallError() as error:
                    assert error.name.startswith(("org.freedesktop.DBus.Error.", "org.netswap1."))
                    assert Variant("s", str(error))
                case (signature, values):
                    assert not signature or Variant(f"({signature})", values)

    asyncio.run(talk())
    return table


@fixed()
@given(st.lists(calls(), max_size=5))
def test_whatever_is_called_it_is_answered_or_refused(what: list[Call]) -> None:
    for order, *arguments in answers(what).asked:
        numbers = [argument for argument in arguments if isinstance(argument, float)]
        assert all(math.isfinite(n) and 0 <= n <= units.YEAR_S for n in numbers)
        if order in ("use", "probe"):
            assert arguments[0] in ("cable", "phone")
        if order == "resync":
            assert arguments[0].isprintable()
