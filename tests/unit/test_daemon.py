"""What the daemon does about what nobody foresaw."""

from __future__ import annotations

import asyncio

import pytest

from netswap.daemon.daemon import or_end


async def broken() -> None:
    with or_end():
        raise KeyError("tether0")


def test_what_nobody_foresaw_ends_netswapd_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        task = asyncio.create_task(broken())
        await asyncio.Event().wait()
        await task

    with pytest.raises(SystemExit):
        asyncio.run(run())
    assert "Cannot go on" in caplog.text
    assert "KeyError: 'tether0'" in caplog.text


def test_being_cancelled_is_no_surprise() -> None:
    async def run() -> None:
        with or_end():
            await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
