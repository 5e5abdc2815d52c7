"""Errors that a person reads: one line that says what and where, one hint how to mend it."""

from __future__ import annotations

FAILED = 1
"""Exit status: it could not be done."""
MISCONFIGURED = 2
"""Exit status: wrong usage or configuration."""
NOT_RUNNING = 3
"""Exit status: there is no netswapd to talk to."""
NOT_ALLOWED = 4
"""Exit status: this user may not do that."""


def one_line(text: str) -> str:
    """Make text from outside fit to be shown: no line breaks, nothing that a terminal obeys."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


class UserError(Exception):
    """Something the user can mend. `status` is the exit status it leads to."""

    def __init__(self, message: str, *, hint: str = "", status: int = FAILED) -> None:
        super().__init__(one_line(message))
        self.hint = one_line(hint)
        self.status = status

    def lines(self, program: str) -> str:
        """Return the one line, and the hint below it."""
        hint = f"\nHint: {self.hint}" if self.hint else ""
        return f"{program}: {self}{hint}"


class ConfigurationError(UserError):
    """The configuration is wrong."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, status=MISCONFIGURED)
