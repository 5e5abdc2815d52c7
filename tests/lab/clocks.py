"""The clocks of netswapd alone: set at any time, and gone on in a sleep that nothing else had.

The real ones are the machine's own. netswapd reads them with clock_gettime(2), which is replaced in
its process (ld.so(8), LD_PRELOAD); the monotonic one stays as it is, as it does in a real sleep.
"""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
_ADDED = struct.Struct("=qq")


class Clocks:
    """Two clocks that may be set, for the programs that are started with `environment`."""

    def __init__(self, folder: Path = Path("/run/lab")) -> None:
        library, file = folder / "clocks.so", folder / "clocks"
        build = ("cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl")
        subprocess.run(build, check=True)
        file.write_bytes(_ADDED.pack(0, 0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _ADDED.size)
        self.environment = {"LD_PRELOAD": str(library), "CLOCKS": str(file)}

    def set(self, *, ahead_s: float) -> None:
        """Set the clock on the wall so far ahead of the real one."""
        self._write(round(ahead_s * 1e9), self._read()[1])

    def sleep(self, for_s: float) -> None:
        """Let a sleep be over in which the monotonic clock stood still."""
        wall, boot = self._read()
        self._write(wall + round(for_s * 1e9), boot + round(for_s * 1e9))

    def _read(self) -> tuple[int, int]:
        wall, boot = _ADDED.unpack(self._map[:])
        return wall, boot

    def _write(self, wall: int, boot: int) -> None:
        self._map[:] = _ADDED.pack(wall, boot)
