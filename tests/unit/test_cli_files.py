"""Files that are written for others to read."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from netswap.cli.files import write
from netswap.errors import UserError


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, b"the one of last month")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))  # as a full disk does
    try:
        with pytest.raises(UserError, match="cannot be written"):
            write(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "the one of last month"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_written_into_a_pipe() -> None:
    told = "from pathlib import Path; from netswap.cli.files import write"
    program = f"{told}; write(Path('/dev/stdout'), b'page')"
    assert subprocess.check_output([sys.executable, "-c", program]) == b"page"


def test_a_file_that_is_replaced_stays_as_readable_as_it_was(tmp_path: Path) -> None:
    path, link = tmp_path / "report.html", tmp_path / "newest.html"
    path.touch()
    path.chmod(0o604)
    link.symlink_to(path)
    write(link, b"after")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o604)
    assert link.is_symlink()


def test_a_circle_of_links_ends_in_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.symlink_to(path)
    write(path, b"page")
    assert path.read_text() == "page"


def test_a_link_that_somebody_put_into_the_way_is_not_followed(tmp_path: Path) -> None:
    path, theirs = tmp_path / "report.html", tmp_path / "shadow"
    theirs.write_text("secret")
    Path(f"{path}.{os.getpid()}").symlink_to(theirs)
    write(path, b"page")
    assert (path.read_text(), theirs.read_text()) == ("page", "secret")
