"""Files that are written for others to read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace(path: Path, content: bytes, mode: int | None = None) -> None:
    """Put a file in place at once, whole, so that nobody reads half of it. May raise OSError.

    What was there stays then. `mode` is what chmod(2) takes; None: the file's that is replaced, or
    what umask(2) leaves of a new one. Nobody's symbolic link is followed, be the folder /tmp.
    Nothing can take the place of a pipe or a device, nor of /dev/stdout: it is written to.
    """
    ours = path.parent == Path("/dev") or not path.is_symlink()  # there all links are root's
    if ours and (path.is_symlink() or (path.exists() and not path.is_file())):
        path.write_bytes(content)
        return
    draft = Path(f"{path}.{os.getpid()}")
    draft.unlink(missing_ok=True)
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
