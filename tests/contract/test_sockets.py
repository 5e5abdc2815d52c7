"""Connections ended on the real kernel, from one namespace to another."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from netswap.adapters.sockets import connecting, destroy
from netswap.core.actions import Block
from netswap.daemon.steps import BEGUN_S, Steps
from tests.contract.fakes import FakeGuard
from tests.lab.commands import wait_until

HERE, PEER = "10.1.0.2", "10.1.0.1"
HERE6, PEER6 = "2001:db8:1::2", "2001:db8:1::1"

LISTENER = """
import socket, signal
kept = []
def listen(family, address):
    server = socket.socket(family); server.bind((address, 80)); server.listen(); kept.append(server)
listen(socket.AF_INET, "10.1.0.1"); listen(socket.AF_INET6, "2001:db8:1::1")
print("listening", flush=True)
signal.pause()
"""


@pytest.fixture(autouse=True)
def _other_host() -> Iterator[None]:
    """A neighbour in another namespace that accepts connections and keeps quiet."""
    for command in (
        "sysctl -qw net.ipv6.conf.default.accept_dad=0",
        "ip netns add peer",
        "ip netns exec peer sysctl -qw net.ipv6.conf.default.accept_dad=0",
        "ip link add cable0 type veth peer name eth0 netns peer",
        "ip link set cable0 up",
        f"ip address add {HERE}/24 dev cable0",
        f"ip address add {HERE6}/64 dev cable0",
        "ip -n peer link set eth0 up",
        f"ip -n peer address add {PEER}/24 dev eth0",
        f"ip -n peer address add {PEER6}/64 dev eth0",
    ):
        subprocess.run(command.split(), check=True)
    with subprocess.Popen(
        ["ip", "netns", "exec", "peer", sys.executable, "-c", LISTENER],
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listening\n"
        yield
        listener.kill()


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Have the neighbour answer nobody."""
    chain = "{ type filter hook input priority 0; tcp dport 80 drop; }"
    there = ["ip", "netns", "exec", "peer", "nft"]
    subprocess.run([*there, f"table inet quiet {{ chain in {chain}; }}"], check=True)
    yield
    subprocess.run([*there, "flush", "ruleset"], check=True)


def connect(family: socket.AddressFamily, target: str, device: str = "") -> socket.socket:
    client = socket.socket(family)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    client.settimeout(30)
    client.connect((target, 80))
    return client


@pytest.mark.parametrize(
    ("family", "target", "address"),
    [
        (socket.AF_INET, PEER, HERE),
        (socket.AF_INET6, PEER6, HERE6),
        (socket.AF_INET6, f"::ffff:{PEER}", HERE),
    ],
    ids=["v4", "v6", "v4 in v6"],
)
def test_an_idle_reader_wakes_at_once(
    family: socket.AddressFamily, target: str, address: str
) -> None:
    with connect(family, target) as client:
        woken: list[OSError] = []

        def read() -> None:
            try:
                client.recv(1)
            except OSError as error:
                woken.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        done = destroy(address)
        reader.join(10)

        assert (done.ended, done.supported) == (1, True)
        assert [type(error) for error in woken] == [ConnectionAbortedError]


@pytest.mark.parametrize(
    ("family", "target", "address"),
    [(socket.AF_INET, PEER, HERE), (socket.AF_INET6, PEER6, HERE6)],
)
def test_a_connected_udp_socket_ends(
    family: socket.AddressFamily, target: str, address: str
) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect((target, 53))

        assert destroy(address).ended == 1
        with pytest.raises(ConnectionAbortedError):
            client.recv(1)


def test_others_stay() -> None:
    """Another address, a listener, an unconnected socket, a local connection, the DHCP client."""
    with (
        connect(socket.AF_INET, PEER) as client,
        socket.create_server((HERE, 8080)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unconnected,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dhcp,
        socket.create_connection((HERE, 8080)) as local,
        server.accept()[0] as accepted,
    ):
        unconnected.bind((HERE, 5353))
        dhcp.bind((HERE, 68))
        dhcp.connect((PEER, 67))

        assert destroy(HERE6).ended == 0
        client.send(b"still here")
        assert destroy(HERE).ended == 1  # the one to the neighbour
        local.send(b"still here")
        assert accepted.recv(100) == b"still here"
        dhcp.send(b"renew")
        unconnected.sendto(b"x", (PEER, 5353))
        assert server.getsockname() == (HERE, 8080)
        with pytest.raises(ConnectionAbortedError):
            client.send(b"gone")


def test_of_two_devices_with_one_address_only_what_is_bound_to_the_one_ends() -> None:
    """Two routers of one make give the same lease; nothing tells by which one a socket goes."""
    with (
        connect(socket.AF_INET, PEER) as unbound,
        connect(socket.AF_INET, PEER, device="cable0") as bound,
    ):
        assert destroy(HERE, ifname="tether0", shared=True).ended == 0
        assert destroy(HERE, ifname="cable0", shared=True).ended == 1
        unbound.send(b"still here")
        with pytest.raises(ConnectionAbortedError):
            bound.send(b"gone")


def test_what_is_bound_to_another_device_stays() -> None:
    with connect(socket.AF_INET, PEER, device="cable0") as bound:
        assert destroy(HERE, ifname="lo").ended == 0
        bound.send(b"still here")
        assert destroy(HERE, ifname="cable0").ended == 1


@pytest.mark.parametrize(
    ("family", "target", "address"),
    [(socket.AF_INET, PEER, HERE), (socket.AF_INET6, PEER6, HERE6)],
)
def test_a_connect_is_under_way_until_it_is_answered(
    family: socket.AddressFamily, target: str, address: str
) -> None:
    with socket.socket(family) as client:
        with silent():
            client.setblocking(False)
            client.connect_ex((target, 80))
            assert connecting([address])
            assert connecting(["198.51.100.77", address])
            assert not connecting(["198.51.100.77"])
        client.setblocking(True)
        client.send(b"here at last")
        assert not connecting([address])


def test_a_link_is_blocked_when_connects_under_way_have_come_to_their_end() -> None:
    guard = FakeGuard()
    guard.open()
    steps = Steps(guard, lambda _: None)
    block = steps.take([Block("cable", "cable0", beginning=(HERE,))])
    guarded_at_its_end: list[str] = []

    async def leave(client: socket.socket) -> None:
        def end() -> None:
            guarded_at_its_end.extend(guard.guarded())
            client.close()

        asyncio.get_running_loop().call_later(BEGUN_S / 5, end)
        await block

    with silent(), socket.socket(socket.AF_INET) as client:
        client.setblocking(False)
        client.connect_ex((PEER, 80))
        asyncio.run(leave(client))
    assert guarded_at_its_end == []
    assert list(guard.guarded()) == ["cable0"]


def test_a_connect_that_nobody_answers_is_not_waited_for() -> None:
    guard = FakeGuard()
    guard.open()
    with silent(), socket.socket(socket.AF_INET) as client:
        client.setblocking(False)
        client.connect_ex((PEER, 80))
        asyncio.run(
            Steps(guard, lambda _: None).take([Block("cable", "cable0", beginning=(HERE,))])
        )
        assert connecting([HERE])
        assert list(guard.guarded()) == ["cable0"]


def test_what_its_program_has_closed_is_left_alone() -> None:
    """The peer keeps its end open, so that the kernel remembers it in FIN_WAIT2."""
    socket.create_connection((PEER, 80)).close()
    remembered = ["ss", "-Htn", "state", "fin-wait-2", "src", HERE]

    def waits() -> bool:
        return bool(subprocess.check_output(remembered))

    wait_until(waits, 5, "only the kernel remembers it")
    done = destroy(HERE)
    assert (done.ended, done.supported) == (0, True)
    assert waits()


def test_nothing_there_is_no_error() -> None:
    done = destroy("198.51.100.77")
    assert (done.ended, done.supported) == (0, True)


def test_no_permission_is_an_error() -> None:
    script = (
        "import socket\n"
        "from netswap.adapters.sockets import destroy\n"
        f"c = socket.create_connection(({PEER!r}, 80))\n"
        f"try: destroy({HERE!r})\n"
        "except PermissionError: c.send(b'still here'); print('told')\n"
    )
    line = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", script]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout == "told\n"
