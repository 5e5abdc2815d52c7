"""What a hook is told, and which programs are hooks that may be run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netswap.cli.client import Swapped
from netswap.hooks import facts, scripts
from tests.unit.cli_samples import NOW_S, OUTAGE

SWAP = Swapped("cable", "phone", "cable: 2 probes lost")


def test_the_environment_of_a_hook() -> None:
    assert facts.environment(SWAP, OUTAGE, NOW_S) == {
        **facts.SURROUNDINGS,
        "NETSWAP_HOOK_VERSION": "1",
        "NETSWAP_EVENT": "swap",
        "NETSWAP_FROM": "cable",
        "NETSWAP_TO": "phone",
        "NETSWAP_REASON": "cable: 2 probes lost",
        "NETSWAP_TIME": f"{NOW_S:.3f}",
        "NETSWAP_STATE": "backup",
        "NETSWAP_MODE": "auto",
        "NETSWAP_FROM_DEVICE": "eth0",
        "NETSWAP_FROM_CONNECTION": "Wired",
        "NETSWAP_FROM_METERED": "no",
        "NETSWAP_TO_DEVICE": "usb0",
        "NETSWAP_TO_CONNECTION": "Wired",
        "NETSWAP_TO_METERED": "no",
    }


def test_without_the_service_the_same_variables_are_there() -> None:
    known, unknown = (facts.environment(SWAP, state, NOW_S) for state in (OUTAGE, None))
    assert known.keys() == unknown.keys()
    assert unknown["NETSWAP_TO"] == "phone"
    assert unknown["NETSWAP_TO_DEVICE"] == unknown["NETSWAP_TO_METERED"] == ""


def test_the_manual_names_every_variable() -> None:
    page = Path(__file__).parents[2] / "docs/man/netswap-hooks.8.md"
    told = {name for name in facts.environment(SWAP, None, NOW_S) if name.startswith("NETSWAP_")}
    assert {name for name in told if f"**{name}**" not in page.read_text()} == set()


def test_a_value_is_not_longer_than_the_kernel_takes() -> None:
    told = facts.environment(Swapped("a", "b", "x" * 10**6), None, NOW_S)
    assert len(told["NETSWAP_REASON"]) == facts.LONGEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hooks.d").mkdir(mode=0o755)
    return tmp_path / "hooks.d"


def hook(folder: Path, name: str = "10-hook", mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_hooks_are_found_in_order_without_what_editors_leave(folder: Path) -> None:
    for name in ("20-b", "10-a.sh", "10-a.sh~", ".hidden", "x.bak", "x.dpkg-old", "a b", "README"):
        hook(folder, name)
    assert [path.name for path in scripts.hooks(folder)] == ["10-a.sh", "20-b", "README"]
    assert scripts.obstacle(folder) == ""


def test_a_folder_that_is_not_there_has_no_hooks_and_says_why(folder: Path) -> None:
    assert scripts.hooks(folder / "none") == []
    assert scripts.obstacle(folder / "none") == "No such file or directory"


def test_a_hook_that_only_its_owner_may_write_is_run(folder: Path) -> None:
    assert scripts.objection(hook(folder)) == ""
    (folder / "link").symlink_to("10-hook")
    assert scripts.objection(folder / "link") == ""


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (0o775, "others may write to {}: chmod go-w {}"),
        (0o757, "others may write to {}: chmod go-w {}"),
        (0o644, "it is not executable: chmod 755 {}"),
    ],
)
def test_a_hook_with_a_wrong_mode_is_not_run(folder: Path, mode: int, why: str) -> None:
    path = hook(folder, mode=mode)
    assert scripts.objection(path) == why.format(path, path)


def test_a_hook_in_a_folder_that_others_may_write_is_not_run(folder: Path) -> None:
    path = hook(folder)
    folder.chmod(0o777)
    assert scripts.objection(path) == f"others may write to {folder}: chmod go-w {folder}"


def test_a_link_out_of_the_folder_is_followed_to_where_it_leads(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (folder / "link").symlink_to(hook(tmp_path / "open"))
    assert scripts.objection(folder / "link").startswith("others may write to ")
    (folder / "dangling").symlink_to("nowhere")
    assert scripts.objection(folder / "dangling").startswith("it cannot be looked at: ")
    (folder / "folder").mkdir()
    assert scripts.objection(folder / "folder") == "it is no file"


def test_a_hook_of_somebody_else_is_not_run() -> None:
    path = Path("/etc/netswap/hooks.d/x")
    somebody = os.geteuid() + 1
    told = os.stat_result((0o100755, 1, 1, 1, somebody, 0, 0, 0, 0, 0))
    assert list(scripts.alterable(path, told)) == [
        f"{path} does not belong to root: chown root {path}"
    ]
