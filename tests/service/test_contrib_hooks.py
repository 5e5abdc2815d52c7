"""The hooks in contrib, run as netswap-hooks runs them, against a server that they write to."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import pytest

from netswap.cli.client import Swapped
from netswap.hooks import facts
from tests.unit.cli_samples import NOW_S, OUTAGE

HOOKS = Path(__file__).parents[2] / "contrib/hooks"
SWAP = Swapped("cable", "phone", 'cable: 2 probes lost & "more" $(id)')


class Request(NamedTuple):
    """What was posted."""

    path: str
    authorization: str
    body: str


class Server(ThreadingHTTPServer):
    """A server that takes whatever is posted, on a free port of the loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[Request] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append(Request(self.path, self.headers.get("Authorization", ""), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join(10)


def run(name: str, config: Path, **more: str) -> None:
    told = facts.environment(SWAP, OUTAGE, NOW_S)
    env = {**told, "CONFIG": str(config), **more}
    done = subprocess.run([HOOKS / name], env=env, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_webhook(server: Server, tmp_path: Path) -> None:
    (tmp_path / "webhook.url").write_text(f"{server.url}/secret\n")
    run("webhook", tmp_path)
    (got,) = server.got
    assert got.path == "/secret"
    said = json.loads(got.body)
    assert (said["from"], said["to"], said["reason"]) == SWAP
    assert said["hook_version"] == "1"


def test_telegram(server: Server, tmp_path: Path) -> None:
    (tmp_path / "telegram").write_text(f"token=12:AB\nchat=-100\napi={server.url}\n")
    run("telegram", tmp_path)
    (got,) = server.got
    said = parse_qs(got.body)
    assert (got.path, said["chat_id"]) == ("/bot12:AB/sendMessage", ["-100"])
    assert said["text"][0].endswith(f": now on phone ({SWAP.reason})")


def test_home_assistant(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home-assistant").write_text(f"url={server.url}\ntoken=eyJ\n")
    run("home-assistant", tmp_path)
    (got,) = server.got
    assert got.path.startswith("/api/states/sensor.netswap_")
    assert got.authorization == "Bearer eyJ"
    assert json.loads(got.body)["state"] == "phone"
    assert json.loads(got.body)["attributes"]["reason"] == SWAP.reason


def test_restart_vpn(tmp_path: Path) -> None:
    """With a systemctl that only writes down what it was told: there is no unit to restart here."""
    told = tmp_path / "told"
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >{told}\n')
    systemctl.chmod(0o755)
    run("restart-vpn", tmp_path, PATH=f"{tmp_path}:{facts.SURROUNDINGS['PATH']}")
    assert told.read_text() == "--no-block try-restart openvpn-client@office.service\n"


ENTITY = r"(?!.+__)(?!_)[\da-z_]+(?<!_)\.(?!_)[\da-z_]+(?<!_)"
"""What Home Assistant takes (homeassistant/core.py, VALID_ENTITY_ID)."""


@pytest.mark.parametrize("host", ["Laptop", "ThinkPad-X1", "my-laptop", "LAPTOP", "a--b-"])
def test_home_assistant_takes_the_name_of_the_sensor(host: str, tmp_path: Path) -> None:
    for name, text in (("uname", f"echo '{host}'"), ("curl", f"cat <&3 >{tmp_path}/told")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "home-assistant").write_text("url=http://h\ntoken=t\n")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CONFIG": str(tmp_path), "NETSWAP_EVENT": "swap"}
    facts = {f"NETSWAP_{name}": "" for name in ("REASON", "STATE", "FROM", "TO")}
    subprocess.run(["contrib/hooks/home-assistant"], env={**env, **facts}, check=True)
    (sensor,) = re.findall(r"/api/states/(.*)\"", (tmp_path / "told").read_text())
    assert re.fullmatch(ENTITY, sensor)
