"""Changing metrics through NetworkManager: at run time only, compare-and-swap, nothing on disk.

GetAppliedConnection, edit, Reapply with the version that was read. A link that was changed by
somebody else in between is read and edited once more, then given up with the error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from netswap.adapters.bus import Bus, BusError
from netswap.adapters.nm import names, settings
from netswap.adapters.nm.settings import Applied

PATIENCE_S = 5.0
"""For one call."""
RANK_S = 1.0
"""Likewise, where traffic is to move. NetworkManager takes some ms."""
PRESERVE_NOTHING = 0
"""Reapply flags. Flag 1 (preserve external IP) made NM 1.42 wipe the link's IPv6."""


class Router:
    """Gives links their rank. Devices are named by their D-Bus path.

    `owner` tells whose paths these are: by the same one another NetworkManager, started a moment
    ago, may mean another device.
    """

    def __init__(self, bus: Bus, owner: Callable[[], str] = lambda: names.SERVICE) -> None:
        self._bus = bus
        self.owner = owner

    async def set_metric(self, device: str, v4: int | None, v6: int | None) -> bool:
        """Set route metric and DNS priority; None leaves a family alone. Raises BusError.

        Return whether IPv6 could be ranked. Not much is waited for one that hangs: the steps that
        follow are due.
        """
        ranked6 = True

        def edit(applied: Applied) -> Applied:
            nonlocal ranked6
            ranked6 = settings.ranks6(applied)
            return settings.rank(applied, v4, v6)

        await self._edit(device, edit, RANK_S)
        return ranked6

    async def restore(self, device: str, *, patient: bool = False) -> bool:
        """Put back what was found before the first `set_metric`; return whether anything was.

        With `patient` a link survives it whose DHCP server is silent (N3). Raises BusError.
        """
        return await self._edit(device, partial(settings.restore, patient=patient))

    async def tidy(self, device: str) -> None:
        """Reapply unchanged settings, which removes routes that NM does not know: no DHCP restart.

        NM ≥ 1.42: only a changed setting restarts its family. Raises BusError.
        """
        await self._edit(device, lambda applied: applied)

    async def dialled(self, device: str, *, note: Callable[[], bool]) -> bool:
        """Return whether it is noted that netswap connected this device; note it if wanted.

        `note` is asked once it is read. What was changed in between is not tried again: it may be
        another activation. Raises BusError.
        """
        found = False

        def edit(applied: Applied) -> Applied | None:
            nonlocal found
            found = settings.is_dialled(applied)
            return settings.dialled(applied) if note() and not found else None

        return await self._edit_once(device, edit) or found

    def recheck(self) -> None:
        """Ask for a connectivity check, without waiting: one over a dead link takes 20 s."""
        self._bus.send(names.SERVICE, names.PATH, names.MANAGER, "CheckConnectivity")

    async def _edit(
        self, device: str, edit: Callable[[Applied], Applied | None], timeout_s: float = PATIENCE_S
    ) -> bool:
        try:
            return await self._edit_once(device, edit, timeout_s)
        except BusError as error:
            if error.name != names.VERSION_ID_MISMATCH:
                raise
            return await self._edit_once(device, edit, timeout_s)

    async def _edit_once(
        self, device: str, edit: Callable[[Applied], Applied | None], timeout_s: float = PATIENCE_S
    ) -> bool:
        owner = self.owner()
        applied, version = await self._bus.call(
            owner, device, names.DEVICE, "GetAppliedConnection", "u", 0, timeout_s=timeout_s
        )
        edited = edit(applied)
        if edited is not None:
            await self._bus.call(
                owner, device, names.DEVICE, "Reapply", "a{sa{sv}}tu",
                edited, version, PRESERVE_NOTHING, timeout_s=timeout_s,
            )  # fmt: skip
        return edited is not None
