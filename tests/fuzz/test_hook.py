"""The dispatcher's hook: whatever it is called with, it starts one program with harmless arguments.

The program is a stand-in that notes how it was called; the lab has the real ones.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.hook import HOOK
from tests.unit.worlds import fixed

NOTE = '#!/bin/sh\nfor argument; do printf "%s\\\\0" "$argument"; done >>"$0.asked"\n'
ACTIONS = ("up", "down", "pre-up", "dns-change", "vpn-up", "reapply")
HARMLESS = re.compile(rb"([A-Za-z0-9._-]{1,15} |oddly named interface )?[a-z46-]+")
CALLED = {
    "busctl": [
        b"call",
        b"org.netswap1",
        b"/org/netswap1",
        b"org.netswap1.Manager",
        b"Resync",
        b"s",
    ],
    "dbus-send": [b"--dest=org.netswap1", b"/org/netswap1", b"org.netswap1.Manager.Resync"],
}
ODD = st.binary(max_size=40) | st.sampled_from(
    [b"$(touch x)", b"`touch x`", b"a;touch x", b"-x", b"--help", b"'\"\\", b"*", b"\n", b"x" * 16]
)
ARGUMENTS = ODD.map(lambda raw: raw.replace(b"\0", b""))


def asked(tool: str, arguments: list[bytes], env: dict[bytes, bytes]) -> list[bytes]:
    """Run the hook; return the arguments that the program got, [] if it was not started."""
    with TemporaryDirectory() as folder:
        for needed in ("sh", "timeout"):
            (Path(folder) / needed).symlink_to(shutil.which(needed) or needed)
        program = Path(folder) / tool
        program.write_text(NOTE)
        program.chmod(0o755)
        done = subprocess.run(
            [HOOK, *arguments],
            env={**env, b"PATH": folder.encode()},
            cwd=folder,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        notes = Path(f"{program}.asked")
        assert {path.name for path in Path(folder).iterdir()} <= {"sh", "timeout", tool, notes.name}
        return notes.read_bytes().split(b"\0")[:-1] if notes.exists() else []


@fixed()
@given(
    st.sampled_from(sorted(CALLED)),
    ARGUMENTS,
    st.sampled_from(ACTIONS).map(str.encode) | ARGUMENTS,
    st.dictionaries(
        st.sampled_from([b"CONNECTION_ID", b"IFS", b"interface", b"DEVICE_IP_IFACE"]), ARGUMENTS
    ),
)
def test_whatever_it_is_called_with_its_program_gets_harmless_arguments(
    tool: str, interface: bytes, action: bytes, env: dict[bytes, bytes]
) -> None:
    got = asked(tool, [interface, action], env)
    if action.decode("latin-1") not in ACTIONS:
        return
    *fixed_part, reason = got
    assert all(part in fixed_part for part in CALLED[tool])
    assert len(fixed_part) == (10 if tool == "busctl" else 5)
    assert HARMLESS.fullmatch(reason.removeprefix(b"string:"))
