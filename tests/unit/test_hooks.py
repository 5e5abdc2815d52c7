"""What a hook is told, and which programs are hooks that may be run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netswap.cli.client import Swapped
from netswap.hooks import facts, scripts
from netswap.hooks.runner import Runner
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


def by_way_of_joe(folder: Path) -> tuple[Path, Path]:
    """Make a hook that leads by a link in another folder; return both."""
    joes = folder.parent / "joe" / "tell"
    joes.parent.mkdir()
    joes.symlink_to(hook(folder, "real"))
    (folder / "10-tell").symlink_to("../joe/./tell")
    return folder / "10-tell", joes


def test_every_folder_on_the_way_to_a_hook_is_looked_at(folder: Path) -> None:
    path, joes = by_way_of_joe(folder)
    assert scripts.objection(path) == ""
    joes.parent.chmod(0o777)
    assert scripts.objection(path).startswith(f"others may write to {joes.parent}: ")


def test_a_link_of_somebody_else_on_the_way_is_not_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, joes = by_way_of_joe(folder)
    why = f"{joes} does not belong to root: chown --no-dereference root {joes}"
    assert why not in scripts.along(path)
    monkeypatch.setattr(scripts, "_trusted", set)  # nobody, then it is somebody else's
    assert why in scripts.along(path)


def test_links_that_lead_nowhere_in_a_circle_are_told(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    assert scripts.objection(folder / "a").startswith("it cannot be looked at: ")


def run(*turns: Callable[[Runner], None], runs_in: Path) -> None:
    """Have a runner do this, one after the other, and wait until all hooks have ended."""

    async def in_turn() -> None:
        runner = Runner(runs_in, 10)
        for turn in turns:
            turn(runner)
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        await runner.stop()

    asyncio.run(in_turn())


def test_it_is_judged_again_when_its_turn_has_come(folder: Path, tmp_path: Path) -> None:
    path, traces = hook(folder), tmp_path / "traces"
    path.write_text(f"#!/bin/sh\necho ran >>{traces}\nsleep 0.5\n")
    run(
        lambda runner: runner.start({}),
        lambda runner: runner.start({}),  # waits for the first
        lambda _: path.chmod(0o777),
        runs_in=folder,
    )
    assert traces.read_text() == "ran\n"


def test_a_hook_that_ends_by_any_signal_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook(folder).write_text("#!/bin/sh\nkill -35 $$\n")
    run(lambda runner: runner.start({}), runs_in=folder)
    assert "signal 35" in caplog.text
