"""What `netswapctl doctor` finds by looking at files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netswap.cli import doctor
from netswap.cli.client import Finding
from netswap.cli.doctor import DISPATCHER, HOOK, HOOKED
from tests.unit.test_history_store import POWERLESS

ETC, USR = DISPATCHER


def installed(root: Path, folder: str = USR, mode: int = 0o755) -> Path:
    """Install the hook as `make install` does; return the file that the links lead to."""
    base = root / folder
    for place in HOOKED:
        (base / place).mkdir(parents=True, exist_ok=True)
    hook = base / "no-wait.d" / HOOK
    hook.write_text("#!/bin/sh\n")
    hook.chmod(mode)
    (base / HOOK).symlink_to(f"no-wait.d/{HOOK}")
    (base / "pre-up.d" / HOOK).symlink_to(f"../no-wait.d/{HOOK}")
    return hook


def examined(root: Path) -> list[Finding]:
    """Examine it as if whoever runs the tests were root."""
    return list(doctor.hook(root, os.getuid()))


def verdicts(root: Path) -> list[str]:
    return [finding.verdict for finding in examined(root)]


@pytest.mark.parametrize("folder", DISPATCHER)
def test_an_installed_hook_is_found(tmp_path: Path, folder: str) -> None:
    installed(tmp_path, folder)
    assert verdicts(tmp_path) == ["ok", "ok", "ok"]


def test_no_hook(tmp_path: Path) -> None:
    (finding,) = examined(tmp_path)
    assert (finding.check, finding.verdict) == ("hook", "warn")
    assert finding.mend


def test_a_hook_that_is_not_everywhere(tmp_path: Path) -> None:
    installed(tmp_path)
    (tmp_path / USR / "pre-up.d" / HOOK).unlink()
    assert [(item.check, item.verdict) for item in examined(tmp_path)] == [
        ("hook", "ok"),
        ("hook pre-up.d", "warn"),
        ("hook no-wait.d", "ok"),
    ]


@pytest.mark.parametrize(
    ("mode", "fault"),
    [
        (0o644, "not executable"),
        (0o775, "writable by others, or setuid"),
        (0o757, "writable by others, or setuid"),
        (0o4755, "writable by others, or setuid"),
    ],
)
def test_a_hook_that_networkmanager_ignores(tmp_path: Path, mode: int, fault: str) -> None:
    hook = installed(tmp_path, mode=mode)
    found = examined(tmp_path)
    assert {item.verdict for item in found} == {"warn"}
    assert found[-1].finding == f"NetworkManager ignores {hook}: {fault}"
    assert found[-1].mend == f"chown root: {hook}; chmod 755 {hook}"


def test_a_hook_of_somebody_else_is_ignored(tmp_path: Path) -> None:
    installed(tmp_path)
    found = list(doctor.hook(tmp_path, os.getuid() + 1))
    assert all("not owned by root" in item.finding for item in found)


def test_a_hook_masked_in_etc_is_found_out(tmp_path: Path) -> None:
    installed(tmp_path)
    (tmp_path / ETC).mkdir(parents=True)
    (tmp_path / ETC / HOOK).symlink_to("/dev/null")
    assert verdicts(tmp_path) == ["warn", "ok", "ok"]


def polkit(root: Path) -> tuple[str, str]:
    (finding,) = doctor.polkit(root)
    return finding.verdict, finding.finding.partition(":")[0]


def test_polkit(tmp_path: Path) -> None:
    assert polkit(tmp_path) == ("warn", "not installed")
    for path in (doctor.POLKIT_SERVICE, doctor.POLKIT_ACTION):
        (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / doctor.POLKIT_SERVICE).touch()
    assert polkit(tmp_path) == ("warn", "does not know netswap")
    (tmp_path / doctor.POLKIT_ACTION).touch()
    assert polkit(tmp_path)[0] == "ok"


def test_the_configuration_is_checked_as_netswapd_will_read_it(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_text("[probe]\nfall = 0\n")
    finding = doctor.configuration(path)
    assert (finding.verdict, finding.mend) == ("fail", f"edit {path}")
    assert "probe.fall" in finding.finding
    path.write_text("")
    assert doctor.configuration(path).verdict == "ok"


LOOKING = """
import sys
from pathlib import Path
from netswap.cli.doctor import configuration
found = configuration(Path(sys.argv[1]))
print(found.verdict, found.mend)
"""


def test_a_configuration_that_only_others_may_read_is_no_fault_of_its(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.touch(mode=0)
    command = [*POWERLESS, sys.executable, "-c", LOOKING, path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("warn sudo netswapctl doctor\n", "")
