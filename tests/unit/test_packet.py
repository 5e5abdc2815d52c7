"""Echo requests and replies against scapy's own idea of them, and against hostile input."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.probe.packet import EchoTemplate, Family

# isort: split
# After ours, which imports scapy without its databases and its cache folder.
from scapy.layers.inet import ICMP, IP, IPOption_NOP
from scapy.utils import checksum

idents = st.integers(0, 0xFFFF)
sequences = st.integers(0, 0xFFFF)
tokens = st.binary(min_size=1, max_size=64)

TOKEN = b"0123456789abcdef"
TEMPLATE = EchoTemplate(0x1234, TOKEN)


def reply(
    ident: int = 0x1234, sequence: int = 7, token: bytes = TOKEN, options: int = 0, **icmp: int
) -> bytes:
    """Let scapy build what a target would answer."""
    header = IP(src="198.51.100.1", dst="198.51.100.2", options=[IPOption_NOP()] * options)
    fields = {"type": 0, "code": 0, "id": ident, "seq": sequence} | icmp
    return bytes(header / ICMP(**fields) / token)


@given(idents, tokens, sequences)
def test_a_patched_request_is_what_scapy_builds(ident: int, token: bytes, sequence: int) -> None:
    request = EchoTemplate(ident, token).request(sequence)

    assert request == bytes(ICMP(type=8, id=ident, seq=sequence) / token)
    assert checksum(request) == 0


@given(idents, tokens, sequences)
def test_a_v6_request_leaves_the_checksum_to_the_kernel(
    ident: int, token: bytes, sequence: int
) -> None:
    request = EchoTemplate(ident, token, Family.V6).request(sequence)

    assert request[:4] == b"\x80\0\0\0"
    assert request[4:] == ident.to_bytes(2) + sequence.to_bytes(2) + token


@given(idents, tokens, sequences, st.integers(0, 40))
def test_a_reply_is_recognised_whatever_the_ip_options(
    ident: int, token: bytes, sequence: int, options: int
) -> None:
    datagram = reply(ident, sequence, token, options)

    assert EchoTemplate(ident, token).sequence_of(datagram) == sequence


@given(idents, tokens, sequences)
def test_a_v6_reply_is_recognised(ident: int, token: bytes, sequence: int) -> None:
    template = EchoTemplate(ident, token, Family.V6)
    message = b"\x81\0ck" + template.request(sequence)[4:]

    assert template.sequence_of(message) == sequence
    assert template.sequence_of(b"\x80" + message[1:]) is None


@pytest.mark.parametrize(
    "datagram",
    [
        reply(ident=0x1235),
        reply(token=b"0123456789abcdeg"),
        reply(token=TOKEN + b"\0"),
        reply(token=TOKEN[:-1]),
        reply(type=8),
        reply(type=3),
        reply(code=1),
        reply(chksum=0x0001),
        b"\x60" + reply()[1:],
        b"\x44" + reply()[1:],
        b"\x4f" + reply()[1:],
        reply()[:9] + b"\x11" + reply()[10:],
        reply() + bytes(65000),
    ],
    ids=[
        "other ident", "other token", "longer", "shorter", "request", "unreachable", "code",
        "checksum", "IP version", "short IP header", "long IP header", "UDP", "huge",
    ],
)  # fmt: skip
def test_anything_else_is_nobody(datagram: bytes) -> None:
    assert TEMPLATE.sequence_of(datagram) is None


@given(st.integers(0, len(reply()) - 1))
def test_a_truncated_reply_is_nobody(length: int) -> None:
    assert TEMPLATE.sequence_of(reply()[:length]) is None


@given(st.integers(0, len(reply(options=8)) * 8 - 1))
def test_no_flipped_bit_after_the_ip_header_goes_unseen(bit: int) -> None:
    datagram = bytearray(reply(options=8))
    datagram[bit // 8] ^= 1 << bit % 8

    assert TEMPLATE.sequence_of(bytes(datagram)) == (7 if _harmless(bit // 8) else None)


def _harmless(byte: int) -> bool:
    """Tell the IP header's bytes apart that the kernel has looked at for us."""
    return byte < 28 and byte not in {0, 9}


@given(st.binary(max_size=200))
def test_noise_is_nobody(noise: bytes) -> None:
    assert TEMPLATE.sequence_of(noise) is None
    assert EchoTemplate(1, TOKEN, Family.V6).sequence_of(noise) is None


def refusal(kind: int, ident: int = 0x1234, quoted: int = 8) -> bytes:
    """Let scapy build what a router says that cannot deliver a request."""
    request = IP(src="198.51.100.2", dst="198.51.100.1") / ICMP(type=quoted, id=ident, seq=7)
    return bytes(IP(src="10.0.0.1", dst="198.51.100.2") / ICMP(type=kind, code=1) / request)


@pytest.mark.parametrize(
    ("datagram", "refused"),
    [
        (refusal(3), True),
        (refusal(11), True),
        (refusal(5), False),
        (refusal(3, ident=0x1235), False),
        (refusal(3, quoted=0), False),
        (refusal(3)[:40], False),
        (refusal(3)[:-1] + b"\xff", False),
        (reply(), False),
    ],
)
def test_a_router_that_cannot_deliver(datagram: bytes, refused: bool) -> None:
    assert TEMPLATE.refused(datagram) is refused
    assert TEMPLATE.sequence_of(datagram) == (7 if datagram == reply() else None)


@given(st.binary(max_size=200))
def test_noise_refuses_nothing(noise: bytes) -> None:
    assert not TEMPLATE.refused(noise)
    assert not EchoTemplate(1, TOKEN, Family.V6).refused(noise)


@pytest.mark.parametrize("sequence", [-1, 0x10000])
def test_a_sequence_has_16_bits(sequence: int) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        TEMPLATE.request(sequence)


def test_scapy_comes_quietly_and_without_its_databases() -> None:
    script = (
        "import sys, os; from netswap.adapters.probe import craft; import scapy.data;"
        "assert not scapy.data.MANUFDB.d; assert 'scapy.all' not in sys.modules;"
        "assert 'XDG_CACHE_HOME' not in os.environ"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env={}
    )
    assert (done.returncode, done.stderr) == (0, "")
