"""What can go wrong with the guard."""

from __future__ import annotations


class GuardError(Exception):
    """The guard cannot do what was asked; `hint` says how to mend it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NoTableError(GuardError):
    """There is no guard table."""
