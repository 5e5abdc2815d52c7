"""What carries out steps: for real (`steps`), or not (`dry`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from netswap.adapters.nm.view import Device
from netswap.core.actions import Step
from netswap.core.model import World


class StepError(Exception):
    """A step failed; says which."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(reason)
        self.step = step


class Stepper(Protocol):
    """Carries out steps, and lends the world its own view of them."""

    async def take(self, steps: Sequence[Step]) -> None:
        """Carry out the steps in their order. Raises StepError at the first that fails."""

    def seen(self, world: World) -> World:
        """Return the world as this stepper wants it seen."""

    async def release(self, link: str, device: Device) -> None:
        """Put back what is no link any more. Raises BusError, OSError, ValueError."""

    def dialled(self, device: Device) -> bool:
        """Whether it was netswap that had it connected."""
