"""A filter in the kernel: what cannot be for us never wakes this program.

A raw socket gets every echo reply that comes in by its device. A stranger who sends ten thousand of
them a second would fill its buffer, in which the answers to our own probes wait, within 30 ms. So
the socket takes only what has our identifier, a classic BPF program (`man bpf`, linux/filter.h)
sees to it. Whether such a packet is to be believed is for `packet.py` to say.
"""

from __future__ import annotations

import socket
import struct
from array import array

from netswap.adapters.probe.packet import Family

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h

_LOAD_BYTE_AT_X, _LOAD_HALF_AT_X, _LOAD_HALF_AT = 0x50, 0x48, 0x28
_X_TO_HEADER_LENGTH = 0xB1  # X = 4 * (byte & 15)
_A_AND, _A_SHIFT_LEFT, _A_PLUS_X, _X_TO_A = 0x54, 0x64, 0x0C, 0x07
_IF_EQUAL, _RETURN = 0x15, 0x06
_ALL, _NOTHING = 0xFFFF, 0

Instruction = tuple[int, int, int, int]
"""Code, how far to jump if true and if not, operand."""


def _program(ident: int, family: Family) -> list[Instruction]:
    """Pass echo replies with our identifier, and errors about requests that had it."""
    verdict: list[Instruction] = [
        (_IF_EQUAL, 0, 1, ident),
        (_RETURN, 0, 0, _ALL),
        (_RETURN, 0, 0, _NOTHING),
    ]
    if family is Family.V6:  # without its IP header, and echo replies only: see `icmp.py`
        return [(_LOAD_HALF_AT, 0, 0, 4), *verdict]
    return [
        (_X_TO_HEADER_LENGTH, 0, 0, 0),
        (_LOAD_BYTE_AT_X, 0, 0, 0),
        (_IF_EQUAL, 0, 4, 0),  # an echo reply
        (_LOAD_HALF_AT_X, 0, 0, 4),
        *verdict,
        (_LOAD_BYTE_AT_X, 0, 0, 8),  # an error: X on by the header of the packet that it quotes
        (_A_AND, 0, 0, 0x0F),
        (_A_SHIFT_LEFT, 0, 0, 2),
        (_A_PLUS_X, 0, 0, 0),
        (_X_TO_A, 0, 0, 0),
        (_LOAD_HALF_AT_X, 0, 0, 12),
        *verdict,
    ]


def attach(raw: socket.socket, ident: int, family: Family) -> None:
    """Have a raw ICMP socket hear of nothing but this identifier. Raises OSError."""
    program = _program(ident, family)
    code = array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    address, _ = code.buffer_info()
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), address))
