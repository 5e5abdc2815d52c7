"""Nothing done in a lab reaches the host or stays there. These tests run on the host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

from tests.lab import sandbox
from tests.lab.commands import wait_until

LOOKS = (
    "ip -o link",
    "ip -br address",
    "ip route show table all",
    "ip -6 route show table all",
    "ip rule",
    "ip netns list",
    "nft list ruleset",
    "ls -A /run /etc /etc/NetworkManager /var/lib/NetworkManager",
    "hostname",
    "sysctl -e net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv6.conf.all.forwarding",
)
COUNTDOWN = re.compile(r"expires \d+sec")

EVERYTHING = """
set -e
nft 'add table inet here { flags owner; }'
nft 'add table inet stays; add chain inet stays out { type filter hook output priority 0; }'
ip link add name left index 4242 type veth peer name behind
ip route add 198.51.100.77 dev cable0
sysctl -q net.ipv4.ip_forward=1
hostname changed-in-the-lab
echo trash >/run/trash
echo trash >/etc/trash
if echo trash >>/etc/nsswitch.conf; then exit 9; fi
grep -q 10.1.0.1 /etc/resolv.conf
nmcli connection up tether0
cut cable0
pull tether0
"""
"""Whatever a lab, its laptop or a daemon in it might do to a machine."""


def host() -> dict[str, str]:
    """Return all of the host that a lab could have changed."""
    state = {look: run(look) for look in LOOKS}
    for path in ("/etc/resolv.conf", "/etc/hosts", "/proc/self/mountinfo"):
        state[path] = Path(path).read_bytes().decode(errors="replace")
    return state


def run(command: str) -> str:
    """Return what a command prints, errors too; countdowns left out."""
    path = sandbox.environment()["PATH"]
    done = subprocess.run(
        command.split(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    return COUNTDOWN.sub("", done.stdout)


def processes_with(mark: str) -> list[int]:
    """Return the ids of the processes which have this text in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in process.joinpath("environ").read_bytes():
                found.append(int(process.name))
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found


def shell(script: str, mark: str) -> subprocess.Popen[str]:
    """Start a script in a lab; its processes carry the mark."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.lab.shell", "-c", script],
        cwd=sandbox.ROOT,
        env={**os.environ, "NETSWAP_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_whole_lab_leaves_the_host_as_it_was() -> None:
    mark = str(uuid.uuid4())
    before = host()
    with shell(EVERYTHING + "echo done", mark) as lab:
        output, _ = lab.communicate(timeout=60)
    assert output.endswith("done\n"), output
    assert host() == before
    assert processes_with(mark) == []


def test_a_killed_lab_leaves_the_host_as_it_was() -> None:
    mark = str(uuid.uuid4())
    before = host()
    with shell(EVERYTHING + "echo done; exec sleep 1000", mark) as lab:
        assert lab.stdout is not None
        assert "done\n" in iter(lab.stdout.readline, "")
        assert len(processes_with(mark)) > 5
        lab.kill()
    wait_until(lambda: processes_with(mark) == [], 10, "every process of the lab is gone")
    assert host() == before
