"""The dispatcher hook as `make install` puts it in place, and as the dispatcher runs it."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from tests.lab import sandbox
from tests.lab.spec import LabSpec, LinkSpec

HOOK = sandbox.ROOT / "dispatcher.d/90-netswap"
CHEAP_BACKUP = LabSpec(
    links=(LinkSpec("cable0"), LinkSpec("tether0", True, metric=70)), dispatcher=True
)
"""With its profile's metric the backup goes before the cable."""


def install_hook() -> None:
    """Put the hook and its links where the dispatcher looks, as `make install` does."""
    there = Path("/usr/lib/NetworkManager/dispatcher.d")
    for directory in ("no-wait.d", "pre-up.d"):
        (there / directory).mkdir()
    shutil.copy(HOOK, there / "no-wait.d")
    (there / HOOK.name).symlink_to(f"no-wait.d/{HOOK.name}")
    (there / "pre-up.d" / HOOK.name).symlink_to(f"../no-wait.d/{HOOK.name}")


def run_hook(*arguments: str | bytes, path: str | None = None) -> float:
    """Run the hook as the dispatcher does; return the seconds it took."""
    env = {"PATH": path or sandbox.environment()["PATH"]}
    env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/run/dbus/system_bus_socket"
    started = time.monotonic()
    done = subprocess.run([HOOK, *arguments], env=env, capture_output=True, check=False)
    took_s = time.monotonic() - started
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return took_s
