"""Memory that is touched before it is needed, as real-time programs do it (mlockall(2), NOTES).

A swap on a computer that has run out of memory then needs none from the kernel. Without it the
first hours would take as much, a page now and then, whenever more small objects than ever live at
one moment.
"""

from __future__ import annotations

SMALL_B = 768 << 10
"""For small objects (https://docs.python.org/3/c-api/memory.html#the-pymalloc-allocator): twice
what hours of outages were seen to take."""
LARGE_B = 64 << 10
"""For all others: malloc(3) keeps so much of what is freed (mallopt(3), M_TRIM_THRESHOLD)."""
_BLOCK_B = 400


def of_small() -> bytes:
    """Touch room for small objects; what is returned keeps it from being given back."""
    return [bytes(_BLOCK_B) for _ in range(SMALL_B // _BLOCK_B)][-1]


def of_large() -> None:
    """Touch room for large ones, in the heap of the thread that calls."""
    _ = b"\1" * LARGE_B  # zeros need not be written
