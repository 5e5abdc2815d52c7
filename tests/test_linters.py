"""The linters and the type checker, as tests: what they find fails like anything else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {".git", ".venv", "build", "__pycache__"}
CACHES = {".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in NOT_OURS | CACHES:
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def is_shell_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and first.split()[-1].endswith((b"/sh", b"bash", b"dash"))


def check(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


@pytest.mark.parametrize(
    "tool",
    ["ruff check", "ruff format --check", "mypy", "codespell_lib"],
    ids=["ruff", "format", "mypy", "codespell"],
)
def test_python(tool: str) -> None:
    check(sys.executable, "-m", *tool.split())


def test_shell() -> None:
    if shutil.which("shellcheck") is None:
        pytest.fail("no shellcheck\nhint: make setup installs it", pytrace=False)
    scripts = [str(path.relative_to(ROOT)) for path in files() if is_shell_script(path)]
    assert {"scripts/setup.sh", ".ci/run"} <= set(scripts)
    check("shellcheck", *scripts)
