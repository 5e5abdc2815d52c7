"""`netswapctl metrics`: scraped, written to a file, and printed."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.commands import wait_until
from tests.service.ctl import Program, netswapctl
from tests.service.fake import FakeNetswapd, PrivateBus

ROOT = Path(__file__).parents[2]
ACTIVE = 'netswap_link_active{link="cable"} 1.0\n'


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def get(connection: http.client.HTTPConnection, path: str = "/metrics", method: str = "GET") -> str:
    """Return the status and the body of an answer."""
    connection.request(method, path)
    answer = connection.getresponse()
    text = f"{answer.status}\n{answer.read().decode()}"
    connection.close()
    return text


def length(port: int, path: str = "/metrics") -> int:
    """Ask with HEAD, to which no body may come; return how long the body of a GET would be."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b""
    return int(head.decode().partition("Content-Length: ")[2].splitlines()[0])


@contextmanager
def listening(where: str) -> Iterator[Program]:
    with Program("netswap.cli.main", "metrics", "--listen", where) as program:
        program.wait_for("Listening at ")
        yield program


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def test_a_scrape_at_the_loopback(netswapd: FakeNetswapd) -> None:
    port = free_port()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with listening(f"127.0.0.1:{port}"):
        assert ACTIVE in get(connection)
        assert length(port) == len(get(connection).removeprefix("200\n"))
        assert length(port, "/") == len("see /metrics\n")
        assert get(connection, "/").startswith("404")
        assert get(connection, method="POST").startswith("405")
        netswapd.swap("cable", "phone", "cable: 4 probes lost")
        counted = 'netswap_swaps_total{source="cable",target="phone"} 1.0\n'
        wait_until(lambda: counted in get(connection), 5, "the swap was counted")


def test_a_scrape_at_a_unix_socket(netswapd: FakeNetswapd, tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    for _ in range(2):  # the second time its socket is there already
        with listening(f"unix:{path}"):
            assert ACTIVE in get(UnixConnection(path))


def test_nonsense_is_hung_up_on(netswapd: FakeNetswapd, tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with listening(f"unix:{path}"):
        for nonsense in (b"\r\n\r\n", b"\xff" * 100_000, b"GET"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                sock.sendall(nonsense)
        assert ACTIVE in get(UnixConnection(path))


def test_a_scrape_without_the_service_says_so(bus: PrivateBus, tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with listening(f"unix:{path}"):
        assert "netswap_running 0.0\n" in get(UnixConnection(path))
        with FakeNetswapd():
            assert ACTIVE in get(UnixConnection(path))


def test_a_text_file(netswapd: FakeNetswapd, tmp_path: Path) -> None:
    path = tmp_path / "netswap.prom"
    assert netswapctl("metrics", "--textfile", str(path)) == (0, "", "")
    assert ACTIVE in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.glob("netswap.prom.*")) == []
    os.mkfifo(pipe := tmp_path / "pipe")
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as reader:
        assert netswapctl("metrics", "--textfile", str(pipe)) == (0, "", "")
        assert ACTIVE in reader.read()
    assert pipe.is_fifo()
    status, _, err = netswapctl("metrics", "--textfile", "/nowhere/x.prom")
    assert (status, err) == (
        1,
        "netswapctl: /nowhere/x.prom cannot be written: No such file or directory\n"
        "Hint: `ls -ld` and `df` tell what is wrong with /nowhere\n",
    )
    status, _, err = netswapctl("metrics", "--textfile", "")
    assert status == 1
    assert err.startswith("netswapctl: . cannot be written: ")


def test_a_port_that_is_taken_is_told_in_words(netswapd: FakeNetswapd) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert netswapctl("metrics", "--listen", where) == (
            1, "", f"netswapctl: cannot listen at {where}: Address already in use\n"
            "Hint: --listen takes another port, or unix:PATH\n"
        )  # fmt: skip


@pytest.mark.parametrize("where", ["0.0.0.0:9786", "[::]:9786", "198.51.100.1:80", "9786", "x:y"])
def test_others_are_not_let_in(where: str) -> None:
    status, _, err = netswapctl("metrics", "--listen", where)
    assert status == 2
    assert "--listen" in err


def promtool(*arguments: str, text: str = "") -> None:
    """Run promtool, which `make setup` unpacks."""
    unpacked = ROOT / "build/prometheus/usr/bin/promtool"
    found = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else "")
    if not found:
        pytest.skip("no promtool: Debian's package prometheus has it")
    where = ROOT / "contrib/prometheus"
    done = subprocess.run(
        [found, *arguments], cwd=where, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_finds_nothing_wrong_with_the_metrics(netswapd: FakeNetswapd) -> None:
    promtool("check", "metrics", text=netswapctl("metrics").out)


def test_the_alert_rules_alert() -> None:
    promtool("check", "rules", "netswap.rules.yml")
    promtool("test", "rules", "netswap.test.yml")
    promtool("check", "config", "scrape.yml")


@pytest.mark.parametrize("where", ["a-file/netswap.prom", "x" * 300])
def test_a_text_file_that_cannot_be_is_told_in_words(
    netswapd: FakeNetswapd, tmp_path: Path, where: str
) -> None:
    (tmp_path / "a-file").touch()
    status, _, err = netswapctl("metrics", "--textfile", str(tmp_path / where))
    assert "cannot be written: " in err, err
    assert status == 1
