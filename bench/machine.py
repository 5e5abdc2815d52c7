"""Where it was measured: nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version


def machine() -> dict[str, str | int | float]:
    """Return the kind of machine, and the versions of all that takes part."""
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "cores": os.cpu_count() or 0,
        "architecture": platform.machine(),
        "kernel": kernel[0].rstrip(".") if kernel else "unknown",
        "python": platform.python_version(),
        "networkmanager": _printed("NetworkManager", "--version"),
        "nftables": _printed("nft", "--version").split()[1].removeprefix("v"),
        "dbus_next": version("dbus-next"),
        "scapy": version("scapy"),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
