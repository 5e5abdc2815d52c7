"""Which programs are hooks, and which of those may be run.

Whoever could change a hook, or put another one in its place, would be root: so a hook, the folder
it is in, and every folder above must belong to root (or to whoever runs netswap-hooks), and nobody
else may write there.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_LINKS = 40
"""On the way to a hook, as the kernel has it (path_resolution(7))."""
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
LEFT_OVER = re.compile(r".*(\.bak|\.old|\.orig|\.swp|\.rpm\w+|\.dpkg-\w+)")
"""What editors and package managers leave behind is no hook (as in run-parts(8))."""


def hooks(folder: Path) -> list[Path]:
    """Return the hooks, in the order of their names. A folder that is not there has none."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [p for p in found if NAME.fullmatch(p.name) and not LEFT_OVER.fullmatch(p.name)]


def obstacle(folder: Path) -> str:
    """Return why the folder cannot be looked into; "" if it can."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def objection(hook: Path) -> str:
    """Return why a hook must not be run; "" if it may."""
    try:
        trouble = [*along(hook)]
        real = hook.resolve(strict=True)
        told = real.stat()
        trouble += alterable(real, told)
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"
    if trouble:
        return trouble[0]
    if not stat.S_ISREG(told.st_mode):
        return "it is no file"
    return "" if told.st_mode & stat.S_IXUSR else f"it is not executable: chmod 755 {real}"


def along(path: Path) -> Iterator[str]:
    """Yield what is wrong with every folder and every link that leads to a file."""
    here, rest, links = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    while rest:
        told = here.stat()
        # as /tmp: what is in there can be replaced by its owner only
        if not (told.st_mode & stat.S_ISVTX and told.st_uid in _trusted()):
            yield from alterable(here, told)
        name = rest.pop()
        step = here.parent if name == ".." else here / name
        told = step.lstat()
        if not stat.S_ISLNK(told.st_mode):
            here = step
            continue
        if told.st_uid not in _trusted():
            yield f"{step} does not belong to root: chown --no-dereference root {step}"
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = step.readlink()
        rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        here = Path("/") if target.is_absolute() else here


def alterable(path: Path, told: os.stat_result) -> Iterator[str]:
    """Yield how somebody else might change a file or a folder, and what mends it."""
    if told.st_uid not in _trusted():
        yield f"{path} does not belong to root: chown root {path}"
    if told.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"others may write to {path}: chmod go-w {path}"


def _trusted() -> set[int]:
    return {0, os.geteuid()}
