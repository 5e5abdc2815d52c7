"""Files that are written for others to read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from netswap.errors import UserError


def write(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file; one that is there is replaced at once, whole: nobody reads half of it.

    What was there stays where that fails. `mode` is what chmod(2) takes; None: the file's that is
    replaced, or what umask(2) leaves of a new one. Raises UserError.
    """
    try:
        real = Path(os.path.realpath(path))  # which minds no circle of links
        if (path.exists() and not path.is_file()) or not os.access(real.parent, os.W_OK):
            path.write_bytes(content)  # such as a pipe: nothing can take its place
        else:
            _replace(real, content, mode)
    except OSError as error:
        hint = f"`ls -ld` and `df` tell what is wrong with {path.parent}"
        raise UserError(f"{path} cannot be written: {error.strerror}", hint=hint) from None


def _replace(path: Path, content: bytes, mode: int | None) -> None:
    draft = Path(f"{path}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # such as somebody's symbolic link, be the folder /tmp
    try:
        with draft.open("xb") as file:
            file.write(content)
        if mode is None and path.exists():
            mode = path.stat().st_mode & 0o7777
        if mode is not None:
            draft.chmod(mode)
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # what is half written is of no use
            draft.unlink()
        raise
