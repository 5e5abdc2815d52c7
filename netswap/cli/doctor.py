"""The command `doctor`: what is wrong with this installation, and the command that mends it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from netswap import __version__, config
from netswap.cli import render
from netswap.cli.client import NETWORK_MANAGER, Finding, Service, if_running, talk
from netswap.cli.options import as_json
from netswap.cli.show import print_lines, print_rows
from netswap.cli.text import paint_for
from netswap.errors import NOT_RUNNING, ConfigurationError, UserError

HOOK = "90-netswap"
DISPATCHER = ("etc/NetworkManager/dispatcher.d", "usr/lib/NetworkManager/dispatcher.d")
"""Where NetworkManager looks for hooks; the first hides the second."""
HOOKED = ("", "pre-up.d", "no-wait.d")
"""The hook's places below: after events, before a link counts as up, and without queueing."""

POLKIT = "org.freedesktop.PolicyKit1"
POLKIT_SERVICE = f"usr/share/dbus-1/system-services/{POLKIT}.service"
POLKIT_ACTION = "usr/share/polkit-1/actions/org.netswap1.policy"


REINSTALL = "apt install --reinstall netswap (or: make install)"


@click.command()
@as_json
def doctor(in_json: bool) -> int:
    """Check the installation and say how to mend it.

    Exits with 1 if anything fails. Works without netswapd running, too.
    """
    root = Path("/")
    found = [*_live(), *hook(root), *polkit(root)]
    if in_json:
        print_rows(found)
    else:
        print_lines([*render.findings(found, paint_for()), "", render.verdict(found)])
    return 1 if any(finding.verdict == "fail" for finding in found) else 0


def _live() -> list[Finding]:
    """Ask the service; where it is not there, find out what can be found without it."""
    try:
        return talk(_ask)
    except UserError as error:
        mend = f"systemctl {'start dbus' if error.status == NOT_RUNNING else 'restart netswapd'}"
        return [Finding("service", "fail", str(error), mend), configuration()]


async def _ask(service: Service) -> list[Finding]:
    if told := await if_running(lambda: _told(service)):
        return told
    found = [Finding("service", "fail", "netswapd is not running", "systemctl start netswapd")]
    if not await service.running(NETWORK_MANAGER):
        mend = "systemctl start NetworkManager"
        found.append(Finding("NetworkManager", "fail", "not running", mend))
    return [*found, configuration()]


async def _told(service: Service) -> list[Finding]:
    version = (await service.status()).version
    paths = [Path(file) for file in await service.files()]
    read = next((path for path in paths if path.is_absolute()), None)
    return [_running(version), configuration(read), *await service.findings()]


def _running(version: str) -> Finding:
    if version == __version__:
        return Finding("service", "ok", f"netswapd {version} is running", "")
    found = f"netswapd {version} is running, netswapctl is {__version__}"
    return Finding("service", "warn", found, "systemctl restart netswapd")


def configuration(path: Path | None = None) -> Finding:
    """Check the configuration, as netswapd will read it when it is started."""
    if path == config.DEFAULT_PATH:
        path = None  # which may be missing
    try:
        there = config.load(path).path
    except ConfigurationError as error:
        if isinstance(error.__context__, PermissionError):  # netswapd is another user
            return Finding("configuration", "warn", str(error), "sudo netswapctl doctor")
        return Finding("configuration", "fail", str(error), f"edit {path or config.DEFAULT_PATH}")
    return Finding("configuration", "ok", str(there or "none: netswap picks its links itself"), "")


def hook(root: Path, owner: int = 0) -> Iterator[Finding]:
    """Check whether NetworkManager will run the hook: it has netswap look again."""
    files = {
        place: _first(root / folder / place / HOOK for folder in DISPATCHER) for place in HOOKED
    }
    if not any(files.values()):
        found = "not installed: netswap sees a link come back only after its routes are there"
        yield Finding("hook", "warn", found, REINSTALL)
        return
    for place, file in files.items():
        name = f"hook {place}".strip()
        if file is None:
            yield Finding(name, "warn", "not installed here", REINSTALL)
        elif not file.is_file():
            yield Finding(name, "warn", f"{file} leads to no file", REINSTALL)
        elif fault := _fault(file.stat(), owner):
            mend = f"chown root: {file}; chmod 755 {file}"
            yield Finding(name, "warn", f"NetworkManager ignores {file}: {fault}", mend)
        else:
            yield Finding(name, "ok", str(file), "")


def _first(files: Iterable[Path]) -> Path | None:
    return next((file for file in files if file.is_symlink() or file.exists()), None)


def _fault(found: os.stat_result, owner: int) -> str:
    """Say why NetworkManager would not run a file (nm-dispatcher.c, check_permissions)."""
    if found.st_uid != owner:
        return "not owned by root"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID):
        return "writable by others, or setuid"
    return "" if found.st_mode & stat.S_IXUSR else "not executable"


def polkit(root: Path) -> Iterator[Finding]:
    """Check whether polkit can let others than root steer netswap."""
    if not (root / POLKIT_SERVICE).exists():
        found = "not installed: only root may steer netswap"
        yield Finding("polkit", "warn", found, "apt install polkitd")
    elif not (root / POLKIT_ACTION).exists():
        found = "does not know netswap: only root may steer it"
        yield Finding("polkit", "warn", found, REINSTALL)
    else:
        yield Finding("polkit", "ok", "lets the user of an active local session steer netswap", "")
