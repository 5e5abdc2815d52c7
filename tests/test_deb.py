"""The Debian package builds and lintian is content; `make test-deb` installs it and tries it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HAS = (
    "./usr/sbin/netswapd",
    "./usr/bin/netswapctl",
    "./usr/lib/netswap/netswap/daemon/daemon.py",
    "./usr/lib/NetworkManager/dispatcher.d/90-netswap",
    "./usr/share/man/man8/netswapd.8.gz",
)


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.timeout(900)  # the first time it installs what builds packages
def test_the_package_builds_and_lintian_is_content() -> None:
    run("make", "--silent", "deb")
    (package,) = (ROOT / "build/deb").glob("netswap_*_all.deb")
    listed = {line.split()[5] for line in run("dpkg-deb", "--contents", str(package)).splitlines()}
    assert set(HAS) <= listed
    assert not [path for path in listed if "/tests/" in path or path.endswith(".pyc")]
