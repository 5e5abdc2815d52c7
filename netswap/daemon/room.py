"""Memory that is touched before it is needed, as real-time programs do it (mlockall(2), NOTES).

A swap on a computer that has run out of memory then needs none from the kernel. Without it the
first hours would take as much, a page now and then, whenever more small objects than ever live at
one moment.
"""

from __future__ import annotations

from sys import getsizeof

SMALL_B = 768 << 10
"""For small objects: twice what hours of outages were seen to take."""
LARGE_B = 64 << 10
"""For all others: malloc(3) keeps so much of what is freed (mallopt(3), M_TRIM_THRESHOLD)."""
_POOL_B = 16 << 10
"""Of objects of one size, up to `_LARGEST_B` in steps of 16
(https://docs.python.org/3/c-api/memory.html#the-pymalloc-allocator)."""
_LARGEST_B = 512
_HEAD_B = getsizeof(b"")


def of_small() -> bytes:
    """Touch room for small objects; what is returned keeps it from being given back."""
    for size in range(_HEAD_B, _LARGEST_B + 1, 16):  # in the pools that there are
        _blocks(size, _POOL_B)
    _ = [float(number) for number in range(_POOL_B // 32)]
    return _blocks(_LARGEST_B, SMALL_B)[-1]


def of_large() -> None:
    """Touch room for large ones, in the heap of the thread that calls."""
    _ = b"\1" * LARGE_B  # zeros need not be written


def _blocks(size: int, total: int) -> list[bytes]:
    return [bytes(size - _HEAD_B) for _ in range(total // size)]
