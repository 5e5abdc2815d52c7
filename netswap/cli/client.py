"""The connection to netswapd: calls, changes as they come, and errors that a person can read."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from netswap.adapters.bus import DISCONNECTED, TIMED_OUT, Bus, BusError, Signal, plain
from netswap.cli.status import MANAGER, Status, read
from netswap.cli.text import printable
from netswap.errors import FAILED, MISCONFIGURED, NOT_ALLOWED, NOT_RUNNING, UserError

SERVICE = "org.netswap1"
PATH = "/org/netswap1"
PREFIX = f"{SERVICE}.Error."
DBUS = "org.freedesktop.DBus"
ERROR = f"{DBUS}.Error."
NETWORK_MANAGER = "org.freedesktop.NetworkManager"

RULES = (
    f"type='signal',sender='{SERVICE}',path_namespace='{PATH}'",
    f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{SERVICE}'",
)
ABSENT = {f"{ERROR}ServiceUnknown", f"{ERROR}NameHasNoOwner"}
BUSY = {f"{PREFIX}Busy", f"{ERROR}LimitsExceeded"}
REFUSED = {
    f"{PREFIX}NotAllowed",
    f"{ERROR}AccessDenied",
    f"{ERROR}InteractiveAuthorizationRequired",
}
AGAIN_S = 1.0
"""Until netswapd is asked again where it is too busy to answer."""
CONTROL_S = 130.0
"""polkit gives a person two minutes to type a password."""
WRONG = {f"{PREFIX}{name}" for name in ("NoSuchLink", "InvalidArgument", "InvalidConfiguration")}

T = TypeVar("T")


class UnansweredError(UserError):
    """netswapd hangs, is too busy, or has just ended (NoReply, too): it may answer in a moment."""


class Transition(NamedTuple):
    """Something that happened: when (Unix time), its kind, the link, and in words what and why."""

    time_s: float
    kind: str
    link: str
    text: str


class Swapped(NamedTuple):
    """Another link became the active one: its name, the name of the one before, and why."""

    source: str
    target: str
    reason: str


class Reply(NamedTuple):
    """What came of one probe: None in place of a round trip for no answer in time."""

    target: str
    rtt_s: float | None


class Setting(NamedTuple):
    """An effective setting: its value as TOML, and the file it comes from, or `default`."""

    name: str
    value: str
    source: str


class Offer(NamedTuple):
    """A device of NetworkManager's, and the link it is ("" if none)."""

    device: str
    type: str
    connection: str
    state: str
    metered: bool
    link: str


class Finding(NamedTuple):
    """What one check found: verdict ok, warn or fail, and the command that mends it."""

    check: str
    verdict: str
    finding: str
    mend: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Properties changed."""


@dataclass(frozen=True, slots=True)
class Presence:
    """The service came (or went)."""

    running: bool


Event = Transition | Swapped | Changed | Presence


class Service:
    """netswapd, as it is on the bus. Methods raise UserError."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def status(self) -> Status:
        """Return how things stand."""
        objects = await self._call(
            "GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager"
        )
        try:
            return read(objects)
        except KeyError as missing:
            raise UserError(
                f"netswapd does not tell {missing}: it is of another version than netswapctl",
                hint="sudo systemctl restart netswapd",
            ) from None

    async def status_if_running(self) -> Status | None:
        """Return how things stand, None where there is no netswapd any more."""
        return await if_running(self.status)

    async def status_at_last(self) -> Status | None:
        """Return how things stand as soon as netswapd tells; None where there is none any more."""
        return await _at_last(self.status)

    async def transitions(self, since_s: float = 0.0) -> list[Transition]:
        """Return what happened since a time, oldest first."""
        return [Transition(*row) for row in await self._call("Transitions", "d", since_s)]

    async def transitions_at_last(self, since_s: float) -> list[Transition]:
        """Return them as soon as netswapd tells; none where there is none any more."""
        return await _at_last(lambda: self.transitions(since_s)) or []

    async def settings(self) -> list[Setting]:
        """Return the effective settings."""
        return [Setting(*row) for row in await self._call("Settings")]

    async def files(self) -> list[str]:
        """Return the files that settings come from; none where all are the defaults."""
        return sorted({setting.source for setting in await self.settings()} - {"default"})

    async def offers(self) -> list[Offer]:
        """Return what NetworkManager offers, as netswap would rank it."""
        if not (await self.status()).network_manager_running:
            hint = "start it with `sudo systemctl start NetworkManager`"
            raise UserError("NetworkManager is not running", hint=hint)
        return [Offer(*row) for row in await self._call("Offers")]

    async def findings(self) -> list[Finding]:
        """Return what the service finds of the system."""
        return [Finding(*row) for row in await self._call("Diagnose")]

    async def probe(self, link: str) -> list[Reply]:
        """Probe over a link once."""
        rows = await self._call("Probe", "s", link, timeout_s=CONTROL_S)
        return [Reply(target, None if rtt_s < 0 else rtt_s) for target, rtt_s in rows]

    async def use(self, link: str, seconds: float, *, even_if_dead: bool) -> None:
        """Make a link the active one."""
        await self._call("Use", "sdb", link, seconds, even_if_dead, timeout_s=CONTROL_S)

    async def pause(self, seconds: float) -> None:
        """Have nothing changed or guarded for a while."""
        await self._call("Pause", "d", seconds, timeout_s=CONTROL_S)

    async def order(self, method: str) -> None:
        """Call a method that takes nothing and answers nothing, such as Auto."""
        await self._call(method, timeout_s=CONTROL_S)

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, the service's coming and going too. Ends with the bus.

        The first event, an invented `Presence`, says that nothing will be missed from now on.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        owner = ""

        def take(signal: Signal) -> None:
            nonlocal owner
            if signal.sender == DBUS and signal.member == "NameOwnerChanged":
                owner = signal.args[2]
                queue.put_nowait(Presence(bool(owner)))
            elif signal.sender == owner and signal.member == "Transition":
                queue.put_nowait(Transition(*printable(signal.args)))
            elif signal.sender == owner and signal.member == "Swapped":
                queue.put_nowait(Swapped(*printable(signal.args)))
            elif signal.sender == owner:  # anybody may send us signals; only netswapd's count
                queue.put_nowait(Changed())

        self._bus.listen(take)
        for rule in RULES:
            await self._bus.subscribe(rule)
        owner = await self._bus.owner(SERVICE)
        queue.put_nowait(Presence(bool(owner)))
        watch = asyncio.create_task(self._bus.disconnected())
        watch.add_done_callback(lambda _: queue.put_nowait(None))
        while (event := await queue.get()) is not None:
            yield event
        raise _explained(BusError(DISCONNECTED, "the system bus is gone"))

    async def running(self, name: str = SERVICE) -> bool:
        """Tell whether a service is on the bus."""
        return bool(await self._bus.owner(name))

    async def _call(
        self,
        member: str,
        signature: str = "",
        *args: Any,
        interface: str = MANAGER,
        timeout_s: float = 10.0,
    ) -> Any:
        try:
            answer = await self._bus.call(
                SERVICE, PATH, interface, member, signature, *args, timeout_s=timeout_s
            )
        except BusError as error:
            raise _explained(error) from None
        except UnicodeEncodeError:  # an argument, as the shell gave it
            hint = "D-Bus, and so netswap, takes UTF-8 only"
            raise UserError("not UTF-8 text", hint=hint, status=MISCONFIGURED) from None
        return printable(plain(answer[0])) if answer else None


async def if_running(ask: Callable[[], Awaitable[T]]) -> T | None:
    """Return what netswapd answers, None where there is no netswapd any more."""
    try:
        return await ask()
    except UserError as error:
        if error.status != NOT_RUNNING:
            raise
        return None


async def _at_last(ask: Callable[[], Awaitable[T]]) -> T | None:
    while True:
        try:
            return await if_running(ask)
        except UnansweredError:
            await asyncio.sleep(AGAIN_S)


def talk(work: Callable[[Service], Awaitable[T]], *, timeout_s: float = 5.0) -> T:
    """Connect, do the work, disconnect. Raises UserError. Ctrl-C ends the process at once.

    Python's way would be to cancel the work, which Python 3.11's `asyncio.wait_for` may swallow.
    """

    async def session() -> T:
        try:
            bus = await Bus.connect(timeout_s)
        except BusError as error:
            raise _explained(error) from None
        try:
            return await work(Service(bus))
        except BusError as error:
            raise _explained(error) from None
        finally:
            if not bus.connected:
                await bus.disconnected()  # or asyncio complains of an error that nobody looked at
            await bus.close()

    found = signal.getsignal(signal.SIGINT)
    if found is signal.default_int_handler:  # or a shell has it ignored: the command is in the back
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return asyncio.run(session())
    finally:
        signal.signal(signal.SIGINT, found)


def _explained(error: BusError) -> UserError:
    """Turn an error from the bus into a line, a hint and an exit status."""
    message = printable(str(error).removesuffix(f" ({error.name})"))
    if error.name == DISCONNECTED:
        hint = "`systemctl status dbus` tells whether the system bus runs"
        return UserError(f"netswapd cannot be asked: {message}", hint=hint, status=NOT_RUNNING)
    if error.name in ABSENT:
        hint = "start it with `sudo systemctl start netswapd`"
        return UserError("netswapd is not running", hint=hint, status=NOT_RUNNING)
    if error.name in REFUSED:
        hint = "run it as root (sudo), or from the session on this computer's own screen"
        said = message.removeprefix("not allowed: ")
        return UserError(f"not allowed: {said}", hint=hint, status=NOT_ALLOWED)
    if error.name in BUSY:
        return UnansweredError(message)
    if error.name == TIMED_OUT:
        hint = "`journalctl -u netswapd` may tell why"
        return UnansweredError(f"netswapd does not answer: {message}", hint=hint)
    name = "" if error.name.startswith(PREFIX) else f" ({error.name})"
    return UserError(f"{message}{name}", status=MISCONFIGURED if error.name in WRONG else FAILED)
