"""D-Bus: the only file that imports the D-Bus library (dbus-next 0.2.3).

What the library lacks is dealt with here: its calls never time out, disconnecting leaks the
socket's descriptor, an error is a message like any other, and a full socket, a flood of messages or
a bus that hangs up ends it or keeps it busy for ever. Its bus object is made inside the running
loop, as Python 3.14 demands.

Values go out as `Variant`s where D-Bus wants them and come in unwrapped (`plain`), unless asked
for as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from dbus_next import BusType, Message, MessageFlag, MessageType, Variant
from dbus_next._private.constants import (
    BIG_ENDIAN,
    LITTLE_ENDIAN,
    PROTOCOL_VERSION,
    HeaderField,
)
from dbus_next._private.marshaller import Marshaller
from dbus_next._private.unmarshaller import MarshallerStreamEndError, Unmarshaller
from dbus_next.aio import MessageBus
from dbus_next.aio.message_bus import _MessageWriter
from dbus_next.auth import AuthExternal
from dbus_next.errors import AuthError, InvalidAddressError, InvalidMessageError
from dbus_next.signature import SignatureTree

__all__ = ["Answer", "Bus", "BusError", "Call", "CallError", "Signal", "Variant", "plain"]

log = logging.getLogger(__name__)

ORDERS = {LITTLE_ENDIAN: "<", BIG_ENDIAN: ">"}
TIMED_OUT = "org.freedesktop.DBus.Error.NoReply"
DISCONNECTED = "org.freedesktop.DBus.Error.Disconnected"
TOO_MUCH = "org.freedesktop.DBus.Error.LimitsExceeded"
DBUS = "org.freedesktop.DBus"
DBUS_PATH = "/org/freedesktop/DBus"

AT_ONCE = 32
"""Messages read per wake-up, so that a flood of calls cannot hold up the event loop."""
MUCH = 1 << 16
"""Likewise bytes: the library takes 1 ms for 1 kB of small values."""
LARGEST = {MessageType.METHOD_CALL.value: 1 << 14, MessageType.SIGNAL.value: 1 << 18}
"""Bytes of what nobody here asked for. The calls of the service need 1 kB, the longest
signals of NetworkManager, with the access points of a fair, some 30."""
REPLIES = frozenset({MessageType.METHOD_RETURN.value, MessageType.ERROR.value})
LARGEST_HEAD = 1 << 14
SIGNATURES = 512
"""Read ones that the library may remember; it would keep all that strangers make up, for ever."""
UNDER_WAY = 64
"""Calls of others being answered at one time; more are refused."""


class BusError(Exception):
    """A call failed. `name` is the D-Bus error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{message or 'no message'} ({name})")
        self.name = name


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal as it arrived, its arguments unwrapped."""

    sender: str
    path: str
    interface: str
    member: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A method call that came in, its arguments unwrapped."""

    sender: str
    path: str
    interface: str
    member: str
    signature: str
    args: tuple[Any, ...]


class CallError(Exception):
    """The answer to a call that cannot be answered otherwise. `name` is the D-Bus error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


Answer = tuple[str, list[Any]]
"""The signature and the values that a call is answered with."""


def plain(value: Any) -> Any:
    """Take the variants off a value, however deep."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


class _Marshaller(Marshaller):  # type: ignore[misc]
    """dbus-next's, mended: it held its own methods, a cycle for each message that was sent."""

    def marshall(self) -> bytearray:
        """Return what it is of, as it is sent."""
        super().marshall()
        self.writers.clear()
        return self.buffer  # type: ignore[no-any-return]


def _marshalled(message: Message) -> bytearray:
    """Return a message as it is sent (D-Bus specification, message protocol), no descriptors."""
    body = _Marshaller(message.signature, message.body).marshall()
    fields = [
        (HeaderField.PATH, "o", message.path),
        (HeaderField.INTERFACE, "s", message.interface),
        (HeaderField.MEMBER, "s", message.member),
        (HeaderField.ERROR_NAME, "s", message.error_name),
        (HeaderField.REPLY_SERIAL, "u", message.reply_serial),
        (HeaderField.DESTINATION, "s", message.destination),
        (HeaderField.SIGNATURE, "g", message.signature),
    ]
    head = [
        LITTLE_ENDIAN, message.message_type.value, message.flags.value, PROTOCOL_VERSION,
        len(body), message.serial,
        [[field.value, Variant(kind, value)] for field, kind, value in fields if value],
    ]  # fmt: skip
    start = _Marshaller("yyyyuua(yv)", head).marshall()
    return start + bytes(-len(start) % 8) + body


class _Writer(_MessageWriter):  # type: ignore[misc]
    """dbus-next's writer, mended: where the socket is full it gave the whole connection up.

    (0.2.3, `write_callback`: it sends until something is raised, be it only BlockingIOError.)
    """

    buf: memoryview | None

    def buffer_message(self, msg: Message, future: asyncio.Future[None] | None = None) -> None:
        """Have it sent after those that wait."""
        self.messages.put_nowait((_marshalled(msg), None, future))

    def write_callback(self) -> None:
        """Send what the socket takes; the loop calls again when it takes more."""
        try:
            while self.buf is not None or self.messages.qsize():
                if self.buf is None:
                    message, _, self.fut = self.messages.get_nowait()
                    self.buf, self.offset = memoryview(message), 0
                self.offset += self.sock.send(self.buf[self.offset :])
                if self.offset < len(self.buf):
                    return
                self.buf = None
                if self.fut is not None and not self.fut.done():
                    self.fut.set_result(None)
            self.loop.remove_writer(self.fd)
        except BlockingIOError:
            return
        except OSError as error:
            self.bus._finalize(error)


class _Reader(Unmarshaller):  # type: ignore[misc]
    """Reads one message: of one that is too large only who sent it, nothing of a strange one.

    Whoever may talk to the bus may send us as much as the bus lets pass, 128 MB, and 0.2.3 would
    take some minutes for that.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.too_large = False
        self.size = 0
        self._left: int | None = None
        """How much of the body is to be dropped yet."""

    @property
    def dropped(self) -> bool:
        """Whether there is nothing left of it."""
        return self._left == 0

    def _unmarshall(self) -> None:
        self.offset = 0
        self.read(16, prefetch=True)
        if self.buf[0] not in ORDERS or self.buf[3] != PROTOCOL_VERSION:
            raise InvalidMessageError("that is no message")
        order = ORDERS[self.buf[0]]
        body, _, head = struct.unpack_from(f"{order}III", self.buf, 4)
        head += self._padding(head, 8)
        self.size = head + body
        self.too_large = self.size > LARGEST.get(self.buf[1], self.size)
        if self.too_large and head > LARGEST_HEAD:
            self._drop(self.size)
            return
        if self.too_large:
            self.read(16 + head, prefetch=True)
            self._drop(body)
            struct.pack_into(f"{order}I", self.buf, 4, 0)  # now it has no body
        else:
            self.read(16 + self.size, prefetch=True)
        self._understand()

    def _understand(self) -> None:
        """Make a message of it; where it has what is not known yet, there is none.

        The library ends the connection for the first header field, or type of message, that is
        newer than it ("must be ignored": D-Bus specification, header fields).
        """
        try:
            super()._unmarshall()
        except Exception as error:  # noqa: BLE001 (the library does not tell what it raises)
            asked_for = self.buf[1] in REPLIES  # strangers cannot fill the log
            level = logging.WARNING if asked_for else logging.DEBUG
            log.log(level, "A message that nobody here understands was passed over: %s", error)
            self._left = 0
        if len(SignatureTree._cache) > SIGNATURES:
            SignatureTree._cache.clear()

    def _drop(self, size: int) -> None:
        self._left = size if self._left is None else self._left
        while self._left:
            part = self.stream.read(min(self._left, MUCH))
            if part == b"":
                raise EOFError
            if part is None:
                raise MarshallerStreamEndError
            self._left -= len(part)


class _MessageBus(MessageBus):  # type: ignore[misc]
    """dbus-next's bus, mended.

    It reads as long as there is something to read, whatever else is due: now a bounded number of
    messages at a time. What is left may lie in its own buffer, where the selector does not see it:
    that is read next, once, however often the selector sees more.

    A server that hangs up during authentication makes 0.2.3 spin for ever (`_auth_readline`): at
    the end of the stream `sock_recv` returns nothing, at once, again and again.
    """

    def __init__(self, bus_type: BusType) -> None:
        super().__init__(bus_type=bus_type, auth=AuthExternal())
        self._writer = _Writer(self)
        self._reads_on = False

    def _create_unmarshaller(self) -> _Reader:
        return _Reader(self._stream)

    def _message_reader(self) -> None:
        try:
            done = self._read_some()
        except (OSError, EOFError) as error:
            self._finalize(error)
        except Exception as error:  # noqa: BLE001 (as in the library: whatever it is, it is the end)
            self._finalize(ConnectionError(f"what came cannot be read: {error}"))
        else:
            if not (done or self._reads_on):
                self._reads_on = True
                self._loop.call_soon(self._read_on)

    def _read_some(self) -> bool:
        """Read, not too much at a time; return whether that was all."""
        size = 0
        for _ in range(AT_ONCE):
            read = self._unmarshaller
            if not read.unmarshall() and not read.dropped:
                return True
            self._unmarshaller: Any = self._create_unmarshaller()
            read.readers.clear()  # its own methods: it would stay until the cycle is found
            if not read.too_large:
                self._on_message(read.message)
            elif read.message is not None:
                self._refuse(read.message)
            size += read.size
            if size > MUCH:
                break
        return False

    def _refuse(self, message: Message) -> None:
        wanted = not message.flags & MessageFlag.NO_REPLY_EXPECTED
        if message.message_type is MessageType.METHOD_CALL and wanted:
            self.send(Message.new_error(message, TOO_MUCH, "the message is too large"))

    def _read_on(self) -> None:
        self._reads_on = False
        if not self._disconnected:
            self._message_reader()

    def abandon(self) -> None:
        """Give up a connection that was not made, descriptor and all."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError):  # what it had to send yet
            self._stream.close()
        self._sock.close()

    async def _auth_readline(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            if not (part := await self._loop.sock_recv(self._sock, 1)):
                raise EOFError("the bus hung up during authentication")
            line += part
        return line[:-2].decode(errors="replace")


class Bus:
    """A connection to the system bus, or to the one in DBUS_SYSTEM_BUS_ADDRESS.

    Or to the user's session bus, the one in DBUS_SESSION_BUS_ADDRESS.
    """

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._listeners: list[Callable[[Signal], None]] = []
        self._handler: Callable[[Call], Coroutine[Any, Any, Answer]] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        bus.add_message_handler(self._dispatch)

    @classmethod
    async def connect(cls, timeout_s: float = 5.0, *, session: bool = False) -> Bus:
        """Connect. Raises BusError where there is no bus to be had."""
        which = "session" if session else "system"
        try:
            bus = _MessageBus(BusType.SESSION if session else BusType.SYSTEM)
        except (OSError, InvalidAddressError) as error:
            raise BusError(DISCONNECTED, f"no {which} bus: {error}") from None
        try:
            async with asyncio.timeout(timeout_s):
                await bus.connect()
        except asyncio.CancelledError:
            bus.abandon()
            raise
        except (OSError, EOFError, TimeoutError, AuthError, ValueError) as error:
            bus.abandon()
            raise BusError(DISCONNECTED, f"no {which} bus: {str(error) or 'no answer'}") from None
        return cls(bus)

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return bool(self._bus.connected)

    async def call(  # noqa: PLR0913 (D-Bus addresses a method by this many names)
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *args: Any,
        timeout_s: float = 5.0,
    ) -> list[Any]:
        """Call a method; return its results with variants. Raises BusError, also on time-out."""
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(args),
        )
        if not self.connected:
            raise BusError(DISCONNECTED, "the connection to the bus is gone")
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._bus.call(message)
        except TimeoutError:
            raise BusError(TIMED_OUT, f"{member}: no answer within {timeout_s:g} s") from None
        except (OSError, EOFError) as error:
            raise BusError(DISCONNECTED, f"{member}: {error}") from None
        if reply is None:
            raise BusError(DISCONNECTED, f"{member}: the connection to the bus is gone")
        if reply.message_type is MessageType.ERROR:
            raise BusError(reply.error_name, str(reply.body[0]) if reply.body else "")
        return list(reply.body)

    def send(self, destination: str, path: str, interface: str, member: str) -> None:
        """Call a method without arguments and do not wait for an answer."""
        self._bus.send(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                flags=MessageFlag.NO_REPLY_EXPECTED,
            )
        )

    async def subscribe(self, rule: str) -> None:
        """Have the bus send what matches a rule (D-Bus specification, match rules)."""
        await self.call(DBUS, DBUS_PATH, DBUS, "AddMatch", "s", rule)

    def listen(self, listener: Callable[[Signal], None]) -> None:
        """Call the listener with every signal that comes in."""
        self._listeners.append(listener)

    async def owner(self, name: str) -> str:
        """Return the unique name that owns a well-known name, "" if nobody does."""
        try:
            return str((await self.call(DBUS, DBUS_PATH, DBUS, "GetNameOwner", "s", name))[0])
        except BusError as error:
            if error.name == "org.freedesktop.DBus.Error.NameHasNoOwner":
                return ""
            raise

    async def request_name(self, name: str) -> bool:
        """Own a well-known name; return False where somebody else has it."""
        do_not_queue, primary_owner = 4, 1
        (result,) = await self.call(DBUS, DBUS_PATH, DBUS, "RequestName", "su", name, do_not_queue)
        return bool(result == primary_owner)

    def answer(self, handler: Callable[[Call], Coroutine[Any, Any, Answer]]) -> None:
        """Have the handler answer every method call that comes in; it may raise CallError."""
        self._handler = handler

    def emit(self, path: str, interface: str, member: str, signature: str, *args: Any) -> None:
        """Send a signal to whoever listens."""
        if self.connected:
            self._bus.send(Message.new_signal(path, interface, member, signature, list(args)))

    async def disconnected(self) -> None:
        """Wait until the connection is gone, for whatever reason."""
        with contextlib.suppress(OSError, EOFError):
            await asyncio.shield(self._bus._disconnect_future)

    async def close(self) -> None:
        """Disconnect and give the descriptor back."""
        if self._bus.connected:
            self._bus.disconnect()
            await self.disconnected()
        ended = self._bus._disconnect_future
        if ended.done() and not ended.cancelled():
            ended.exception()  # why it ended is told by `disconnected` to whoever wants to know
        self._bus._stream.close()  # which keeps the descriptor, too
        self._bus._sock.close()

    def _dispatch(self, message: Message) -> bool:
        """Take in a message; return True if the library need not look at it."""
        if message.message_type is MessageType.METHOD_CALL and self._handler is not None:
            self._take_call(message)
            return True
        if message.message_type is MessageType.SIGNAL:
            signal = Signal(
                sender=message.sender or "",
                path=message.path,
                interface=message.interface,
                member=message.member,
                args=tuple(plain(arg) for arg in message.body),
            )
            for listener in self._listeners:
                listener(signal)
        return False

    def _take_call(self, message: Message) -> None:
        if len(self._answering) >= UNDER_WAY:
            busy = CallError(TOO_MUCH, "too many calls at once")
            self._send_error(message, busy)
            return
        task = asyncio.create_task(self._answer(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, message: Message) -> None:
        assert self._handler is not None
        call = Call(
            sender=message.sender or "",
            path=message.path,
            interface=message.interface or "",
            member=message.member,
            signature=message.signature,
            args=tuple(plain(arg) for arg in message.body),
        )
        try:
            signature, values = await self._handler(call)
        except CallError as error:
            self._send_error(message, error)
        except Exception:  # a bug: the caller need not wait for it, and it shows in the log
            self._send_error(message, CallError(f"{DBUS}.Error.Failed", "internal error"))
            raise
        else:
            self._reply(message, Message.new_method_return(message, signature, values))

    def _send_error(self, message: Message, error: CallError) -> None:
        self._reply(message, Message.new_error(message, error.name, str(error)))

    def _reply(self, message: Message, reply: Message) -> None:
        if self.connected and not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._bus.send(reply)
