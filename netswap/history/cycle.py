"""Billing cycles: when the one that is running began. Pure; days are local days."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from netswap.core.settings import LinkSettings


def began(today: date, link: LinkSettings) -> date:
    """Return the first day of the cycle that `today` is in.

    A cycle that begins on the 31st begins on the last day of a shorter month.
    """
    if link.cycle_days:
        since = date.fromisoformat(link.cycle_since)
        return today - timedelta((today - since).days % link.cycle_days)
    this = _on(today.year, today.month, link.cycle_start)
    if this <= today:
        return this
    last = today.replace(day=1) - timedelta(1)
    return _on(last.year, last.month, link.cycle_start)


def _on(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
