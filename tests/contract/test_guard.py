"""The guard: what every guard promises, and what the kernel then does with packets."""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netswap.adapters.nft.errors import GuardError
from netswap.adapters.nft.guard import Guard, GuardLike
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.core.model import Barrier
from tests.contract.fakes import FakeGuard

HOLDER = """
import signal
from netswap.adapters.nft.guard import Guard
from netswap.core.model import Barrier
guard = Guard()
guard.open()
guard.block("eth7")
print("open", flush=True)
signal.pause()
"""


@pytest.fixture(params=[FakeGuard, Guard])
def guard(request: pytest.FixtureRequest) -> Iterator[GuardLike]:
    made: GuardLike = request.param()
    made.open()
    yield made
    made.close()


def test_a_new_guard_is_empty(guard: GuardLike) -> None:
    assert not guard.guarded()
    assert guard.refused() == 0


def test_links_are_guarded_by_name_even_before_they_exist(guard: GuardLike) -> None:
    guard.block("eth7")
    guard.block("tether0.10")
    guard.block("eth7")
    assert set(guard.guarded()) == {"eth7", "tether0.10"}

    guard.unblock("eth7")
    guard.unblock("eth7")
    assert set(guard.guarded()) == {"tether0.10"}


def test_a_link_that_is_not_there_is_guarded_otherwise_than_before(guard: GuardLike) -> None:
    for network in ("10.7.0.0/16", "10.8.0.0/16"):
        wanted = Barrier(allow=frozenset({"224.0.0.0/4", network}))
        guard.block("eth7", wanted)
        assert guard.guarded() == {"eth7": wanted}
        guard.unblock("eth7")
    guard.block("eth7", wanted)
    assert guard.guarded() == {"eth7": wanted}


def test_many_links_are_read_back(guard: GuardLike) -> None:
    names = {f"link-number-{number}" for number in range(20)}
    for name in names:
        guard.block(name)
    assert set(guard.guarded()) == names


def test_a_bad_name_changes_nothing(guard: GuardLike) -> None:
    guard.block("eth7")
    for act in (guard.block, guard.unblock):
        with pytest.raises(GuardError):
            act('x" }; flush ruleset')
    assert set(guard.guarded()) == {"eth7"}


def test_opening_again_starts_empty(guard: GuardLike) -> None:
    guard.block("eth7")
    guard.open()
    assert not guard.guarded()


def test_a_closed_guard_says_so(guard: GuardLike) -> None:
    guard.close()
    guard.close()
    for act in (guard.guarded, guard.refused, lambda: guard.block("eth7")):
        with pytest.raises(GuardError, match="not open"):
            act()


# The rest is about the real one.


def nft(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["nft", *command.split()], capture_output=True, text=True, check=False)


def holder() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_a_leftover_without_owner_is_replaced() -> None:
    assert nft("add table inet netswap").returncode == 0
    with Guard() as guard:
        assert not guard.guarded()
        assert "flags owner" in nft("list table inet netswap").stdout
    assert nft("list table inet netswap").returncode != 0


def test_a_second_daemon_is_told_and_the_first_one_keeps_its_guard() -> None:
    with Guard() as first:
        first.block("eth7")
        with pytest.raises(GuardError, match="another netswapd is running") as told:
            Guard().open()
        assert told.value.hint
        assert set(first.guarded()) == {"eth7"}


def test_nobody_else_can_take_the_guard_away() -> None:
    with Guard() as guard:
        guard.block("eth7")
        assert nft("flush ruleset").returncode == 0
        assert "not permitted" in nft("delete table inet netswap").stderr
        assert set(guard.guarded()) == {"eth7"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_kernel_lifts_the_guard_of_a_dead_process(how: signal.Signals) -> None:
    process = holder()
    assert "eth7" in nft("list table inet netswap").stdout
    process.send_signal(how)
    process.communicate()
    with Guard() as guard:  # and the next one can start at once
        assert not guard.guarded()


def test_no_permission_is_told_in_words() -> None:
    script = (
        "from netswap.adapters.nft.guard import Guard, GuardError\n"
        "try: Guard().open()\n"
        "except GuardError as e: print(e.hint)"
    )
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "netswapd needs CAP_NET_ADMIN\n"


@pytest.fixture
def wire() -> Iterator[Guard]:
    """A guarded link `out0` with a neighbour that never answers, and neighbours known by hand."""
    for line in (
        "sysctl -qw net.ipv6.conf.default.accept_dad=0",
        "ip link add out0 type veth peer name far0",
        "ip link set out0 up",
        "ip link set far0 up",
        "ip address add 198.51.100.2/24 dev out0",
        "ip address add 2001:db8::2/64 dev out0 nodad",
        "ip neighbour add 198.51.100.1 lladdr 02:00:00:00:00:01 dev out0",
        "ip -6 neighbour add 2001:db8::1 lladdr 02:00:00:00:00:01 dev out0",
    ):
        subprocess.run(line.split(), check=True)
    with Guard() as guard:
        guard.block("out0")
        yield guard


ETH_P_ALL = 3  # linux/if_ether.h
V4, V6 = "198.51.100.1", "2001:db8::1"


def family_of(target: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in target else socket.AF_INET


@pytest.mark.parametrize("target", [V4, V6])
def test_tcp_is_reset_at_once(wire: Guard, target: str) -> None:
    with socket.socket(family_of(target)) as client:
        client.settimeout(10)
        with pytest.raises(ConnectionRefusedError):
            client.connect((target, 80))
    assert wire.refused() >= 1


@pytest.mark.parametrize("target", [V4, V6])
def test_udp_is_refused_at_once(wire: Guard, target: str) -> None:
    with (
        socket.socket(family_of(target), socket.SOCK_DGRAM) as client,
        pytest.raises(PermissionError),
    ):
        client.sendto(b"x", (target, 53))
    assert wire.refused() >= 1


@pytest.mark.parametrize(
    ("target", "source", "destination"),
    [(V4, 68, 67), ("198.51.100.255", 68, 67), (V6, 546, 547), ("ff02::1:2%out0", 546, 547)],
)
def test_dhcp_passes(wire: Guard, target: str, source: int, destination: int) -> None:
    with socket.socket(family_of(target), socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.bind(("", source))
        client.sendto(b"x", where_to(target, destination))
        with pytest.raises(PermissionError):
            client.sendto(b"x", where_to(target, destination + 1000))


def where_to(target: str, port: int) -> tuple[object, ...]:
    """The socket address, with `out0` for a multicast one."""
    return socket.getaddrinfo(target, port, type=socket.SOCK_DGRAM)[0][4]


@pytest.mark.parametrize("target", [V4, V6])
def test_only_marked_probes_pass(wire: Guard, target: str) -> None:
    v6 = ":" in target
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    echo = b"\x80\0\0\0\0\1\0\1" if v6 else b"\x08\0\xf7\xfd\0\1\0\1"
    with socket.socket(family_of(target), socket.SOCK_RAW, protocol) as raw:
        with pytest.raises(PermissionError):
            raw.sendto(echo, (target, 0))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, PROBE_MARK)
        raw.sendto(echo, (target, 0))
    assert wire.refused() >= 1


def test_discovery_and_membership_reports_pass(wire: Guard) -> None:
    """What the kernel itself sends to keep the link alive arrives at the other end of the wire."""
    index = socket.if_nametoindex("out0")
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as far_end,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as v6,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as v4,
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw,
    ):
        far_end.bind(("far0", ETH_P_ALL))
        far_end.settimeout(10)
        v6.setsockopt(
            socket.IPPROTO_IPV6,
            socket.IPV6_JOIN_GROUP,
            socket.inet_pton(socket.AF_INET6, "ff02::1234") + struct.pack("@I", index),
        )
        v4.setsockopt(
            socket.IPPROTO_IP,
            socket.IP_ADD_MEMBERSHIP,
            socket.inet_aton("239.1.2.3") + socket.inet_aton("198.51.100.2"),
        )
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, PROBE_MARK)
        raw.sendto(b"\x80\0\0\0\0\1\0\1", ("2001:db8::77", 0))  # has to be resolved first
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.sendto(b"\x85\0\0\0\0\0\0\0", ("ff02::2", 0, 0, index))

        missing = {"IGMP", "MLDv2", "neighbour solicitation", "router solicitation"}
        while missing:
            missing.discard(kind_of(far_end.recv(2000)))


def test_discovery_from_afar_is_refused(wire: Guard) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 64)
        with pytest.raises(PermissionError):
            raw.sendto(b"\x85\0\0\0\0\0\0\0", ("ff02::2", 0, 0, socket.if_nametoindex("out0")))


def kind_of(packet: bytes) -> str:
    """Name a packet of interest by its IP header and ICMPv6 type."""
    if packet[0] >> 4 == 4:
        return "IGMP" if packet[9] == socket.IPPROTO_IGMP else ""
    # MLD comes behind a hop-by-hop header of 8 bytes (RFC 3810 section 5).
    icmp = packet[48:] if packet[6] == socket.IPPROTO_HOPOPTS else packet[40:]
    kinds = {143: "MLDv2", 135: "neighbour solicitation", 133: "router solicitation"}
    return kinds.get(icmp[0], "")


def test_what_is_forwarded_is_refused_too(wire: Guard) -> None:
    """A guest behind the machine is answered with the ICMP error and the reset of a router."""
    for line in (
        "ip netns add guest",
        "ip link add in0 type veth peer name eth0 netns guest",
        "ip link set in0 up",
        "ip address add 10.1.0.1/24 dev in0",
        "ip -n guest link set eth0 up",
        "ip -n guest address add 10.1.0.2/24 dev eth0",
        "ip -n guest route add default via 10.1.0.1",
        "sysctl -qw net.ipv4.ip_forward=1",
    ):
        subprocess.run(line.split(), check=True)
    script = (
        "import socket\n"
        "s = socket.socket(); s.settimeout(10)\n"
        f"try: s.connect(({V4!r}, 80))\n"
        "except OSError as e: print(type(e).__name__)\n"
    )
    done = subprocess.run(
        ["ip", "netns", "exec", "guest", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ConnectionRefusedError\n"
    assert wire.refused() == 1


def test_a_free_link_and_the_loopback_are_untouched(wire: Guard) -> None:
    wire.unblock("out0")
    before = wire.refused()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", (V4, 53))
        client.sendto(b"x", ("127.0.0.1", 53))
    assert wire.refused() == before


@pytest.fixture
def bare(wire: Guard) -> Guard:
    """Beside the guarded link one that is free and has the default route, but no address yet."""
    for line in (
        "ip link add free0 type veth peer name far1",
        "ip link set free0 up",
        "ip link set far1 up",
        "ip -6 neighbour add fe80::1 lladdr 02:00:00:00:00:01 dev free0",
        "ip -6 route add default via fe80::1 dev free0",
    ):
        subprocess.run(line.split(), check=True)
    return wire


ELSEWHERE = ("2001:db8:ffff::1", 80)


def test_an_address_of_a_standby_is_no_source_on_another_link(bare: Guard) -> None:
    """The kernel takes it where the other link has none, and the answer would go astray."""
    with socket.socket(socket.AF_INET6) as client:
        client.settimeout(10)
        with pytest.raises(ConnectionRefusedError):
            client.connect(ELSEWHERE)
    assert bare.refused() == 1

    bare.unblock("out0")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ELSEWHERE)
        assert bare.refused() == 1


def test_an_address_that_a_standby_got_later_is_no_source_either(bare: Guard) -> None:
    """A privacy address is another one every day; whoever looks at the guard sees to it."""
    command = "ip address add 2001:db8:0:5::2/64 dev out0 nodad"
    subprocess.run(command.split(), check=True)
    assert set(bare.guarded()) == {"out0"}
    with socket.socket(socket.AF_INET6) as client:
        client.settimeout(10)
        client.bind(("2001:db8:0:5::2", 0))
        with pytest.raises(ConnectionRefusedError):
            client.connect(ELSEWHERE)


def test_an_address_that_the_other_link_has_too_is_its_own(bare: Guard) -> None:
    """A cable and a Wi-Fi in one network under one hardware address, for one."""
    command = "ip address add 2001:db8::2/128 dev free0 nodad"
    subprocess.run(command.split(), check=True)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.connect(ELSEWHERE)
        assert client.getsockname()[0] == "2001:db8::2"
        client.send(b"x")
    assert bare.refused() == 0


def test_an_address_of_a_standby_answers_its_own_network_by_the_other_link(bare: Guard) -> None:
    """A cable and a Wi-Fi in one network: whoever is in it asks for either address."""
    command = "ip route add 2001:db8::77/128 dev free0"
    subprocess.run(command.split(), check=True)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as answering:
        answering.bind(("2001:db8::2", 0))
        answering.sendto(b"x", ("2001:db8::77", 9))
        assert bare.refused() == 0
        with contextlib.suppress(OSError):
            answering.sendto(b"x", ELSEWHERE)
    assert bare.refused() == 1


def test_an_address_of_a_standby_is_reached_from_within(bare: Guard) -> None:
    with (
        socket.create_server(("2001:db8::2", 0), family=socket.AF_INET6) as server,
        socket.create_connection(server.getsockname()[:2], timeout=10),
    ):
        assert bare.refused() == 0


def test_an_accept_elsewhere_does_not_open_the_guard(wire: Guard) -> None:
    for command in (
        "add table inet other",
        "add chain inet other output { type filter hook output priority 100 ; policy accept ; }",
        "add rule inet other output accept",
    ):
        assert nft(command).returncode == 0
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        pytest.raises(PermissionError),
    ):
        client.sendto(b"x", (V4, 53))


ODD = ["b\udcfcro0", "a\u2003b", "a\u0085b", "a\x1cb"]
"""Names that the kernel takes: not UTF-8, or with what Unicode takes for white space."""


@pytest.mark.parametrize("name", ODD)
def test_somebody_elses_odd_name_holds_the_guard_up_neither_way(name: str) -> None:
    make("tether0")
    with Guard() as guard:
        guard.block("tether0")
        make(name)
        guard.unblock("tether0")
        assert not guard.guarded()
        guard.block("tether0")
        assert set(guard.guarded()) == {"tether0"}


@pytest.mark.parametrize("name", ["a}b", "a{b", "a,b", "a;b", "a#b", "a$b", "a(b"])
def test_a_link_with_an_odd_name_is_read_back(name: str) -> None:
    make(name)
    with Guard() as guard:
        guard.block(name)
        guard.block("tether0")
        assert set(guard.guarded()) == {name, "tether0"}
        guard.unblock(name)
        assert set(guard.guarded()) == {"tether0"}


def make(name: str) -> None:
    """Make an interface that has an IPv6 address."""
    far = f"far{len(socket.if_nameindex())}"
    for command in ("add {} type veth peer name {far}", "set {far} up", "set {} up"):
        words = [word.format(name, far=far) for word in command.split()]
        subprocess.run(["ip", "link", *words], check=True)
