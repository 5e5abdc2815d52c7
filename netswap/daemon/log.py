"""Logging to stderr: with a timestamp for a terminal, with priorities for the journal."""

from __future__ import annotations

import logging
import os
import sys

from netswap.errors import one_line

LEVELS = ("debug", "info", "warning", "error")
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


class _LineFormatter(logging.Formatter):
    """One message is one line: names of connections and errors of others are in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line; a traceback comes after it."""
        return one_line(super().formatMessage(record))


class _JournalFormatter(_LineFormatter):
    """Prefix lines as sd-daemon(3) wants them; the journal keeps the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with its priority."""
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{super().format(record)}"


def set_up(level: str, *, dry_run: bool = False) -> None:
    """Send the log to stderr; in a dry run each line says that it is one."""
    message = "Dry run: %(message)s" if dry_run else "%(message)s"
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter(message))
    else:
        line = f"%(asctime)s.%(msecs)03d %(levelname)-7s {message}"
        handler.setFormatter(_LineFormatter(line, datefmt="%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
