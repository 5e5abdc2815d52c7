"""Packets made by scapy; the only file that imports it, and only its IP layer.

Pure but for the import, which takes care of five habits of scapy's:

* It loads a database of network card vendors, 20 MB in memory, that no probe needs (scapy 2.8:
  58 MB resident after the import, 34 MB without it). An empty one is put in its place meanwhile.
* It reads and writes pickles in the user's cache folder. A daemon must not trust such files, and
  the empty database must not be kept there: the folder is /dev/null meanwhile, which holds none.
* It reads all routes of the machine, for packets that it sends itself: a fifth of the time that the
  import takes.
* It warns on stderr about what a machine lacks. Its logger is told to keep to errors.
* Its dependencies' deprecation warnings are not ours to mend.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_UNUSED_DATABASES = ("scapy.libs.manuf", "scapy.libs.bluetoothids")


@contextmanager
def _frugal() -> Iterator[None]:
    logging.getLogger("scapy").setLevel(logging.ERROR)
    cache_home = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = os.devnull
    for name in _UNUSED_DATABASES:
        sys.modules[name] = empty = ModuleType(name)
        empty.__dict__["DATA"] = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in _UNUSED_DATABASES:
            del sys.modules[name]
        del os.environ["XDG_CACHE_HOME"]
        if cache_home is not None:
            os.environ["XDG_CACHE_HOME"] = cache_home


with _frugal():
    from scapy.config import conf

    conf.route_autoload = conf.route6_autoload = False
    from scapy.layers.inet import ICMP


def echo_request(ident: int, sequence: int, payload: bytes) -> bytes:
    """Build an ICMP echo request with its checksum (RFC 792)."""
    return bytes(ICMP(type="echo-request", id=ident, seq=sequence) / payload)
