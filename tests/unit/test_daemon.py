"""What the daemon does about what nobody foresaw."""

from __future__ import annotations

import asyncio

import pytest

from netswap.daemon.daemon import end_if_broken


def test_steps_that_end_as_nobody_foresaw_end_netswapd(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise KeyError("tether0")

    async def run() -> None:
        asyncio.create_task(broken()).add_done_callback(end_if_broken)
        await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        asyncio.run(run())
    assert "KeyError: 'tether0'" in caplog.text


def test_steps_that_end_well_end_nothing() -> None:
    async def run() -> None:
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(end_if_broken)
        await task

    asyncio.run(run())
