"""sd_notify, heard on a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netswap.adapters import systemd


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_assignments_go_to_the_socket(heard: socket.socket) -> None:
    systemd.notify(READY="1", STATUS="fine")
    assert heard.recv(100) == b"READY=1\nSTATUS=fine"


def test_status_is_told_once(heard: socket.socket) -> None:
    heard.setblocking(False)
    systemd.notify_status("one")
    systemd.notify_status("one")
    systemd.notify_status("another")
    assert [heard.recv(100), heard.recv(100)] == [b"STATUS=one", b"STATUS=another"]
    with pytest.raises(BlockingIOError):
        heard.recv(100)


def test_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0netswap-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@netswap-test-{os.getpid()}")
        systemd.notify(WATCHDOG="1")
        assert listener.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_nobody_listening_is_no_error(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.notify(READY="1")


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", "", 30.0),
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_watchdog(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)
    assert systemd.watchdog_s() == seconds
