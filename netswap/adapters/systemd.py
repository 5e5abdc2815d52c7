"""Telling systemd how we are (sd_notify(3)); silent where systemd did not start us."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(**state: str) -> None:
    """Send assignments such as READY="1". Never fails: nobody listening is no error of ours."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    message = "\n".join(f"{name}={value}" for name, value in state.items())
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
    ):
        channel.connect("\0" + address[1:] if address[0] == "@" else address)
        channel.send(message.encode())


_last_status = [""]


def notify_status(status: str) -> None:
    """Send STATUS=, if it is another one than the last."""
    if status != _last_status[0]:
        _last_status[0] = status
        notify(STATUS=status)


def watchdog_s() -> float | None:
    """Return the seconds within which systemd wants to hear from us (sd_watchdog_enabled(3))."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1e6
