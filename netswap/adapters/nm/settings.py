"""Editing a connection's settings as GetAppliedConnection gives them and Reapply takes them. Pure.

One rank per link goes into route metric and DNS priority alike, so that name servers follow the
route. What was there before is noted in the applied connection itself, under `user.data`: it
survives a crash of netswap, and goes with the activation that it belongs to. The stored profile is
never touched.

`ipv4.dhcp-timeout` becomes infinite with the first edit: a Reapply restarts DHCP, and where the
server does not answer NetworkManager would tear the link down after that time-out.
"""

from __future__ import annotations

import re
from typing import Any

from netswap.adapters.bus import Variant, plain

Applied = dict[str, dict[str, Variant]]

NOTE = "netswap.found"
DIALLED = "netswap.dialled"
TIMEOUT = "ipv4.dhcp-timeout"
NEVER_S = 2**31 - 1
"""NetworkManager's word for an infinite time-out (`man nm-settings-nmcli`, ipv4.dhcp-timeout)."""

_TYPES = {"route-metric": "x", "dns-priority": "i", "dhcp-timeout": "i"}
_BITS = {"x": 64, "i": 32}
_OURS = frozenset(f"{family}.{key}" for family in ("ipv4", "ipv6") for key in _TYPES)
_NO_IP = ("disabled", "ignore")


def rank(applied: Applied, v4: int | None, v6: int | None) -> Applied:
    """Return the settings with these ranks; None leaves a family alone."""
    values: dict[str, int] = {}
    if v4 is not None:
        values |= {"ipv4.route-metric": v4, "ipv4.dns-priority": v4, TIMEOUT: NEVER_S}
    if v6 is not None and ranks6(applied):
        values |= {"ipv6.route-metric": v6, "ipv6.dns-priority": v6}
    found = {name: str(_get(applied, name)) for name in values}
    return _with_note(_with(applied, values), found | _note(applied))


def ranks6(applied: Applied) -> bool:
    """Whether NetworkManager has anything to do with IPv6 on this link."""
    return plain(applied.get("ipv6", {}).get("method")) not in _NO_IP


def restore(applied: Applied, *, patient: bool = False) -> Applied | None:
    """Return the settings as they were found, None if they are.

    With `patient` the time-out stays infinite, and noted.
    """
    note = _note(applied)
    kept = {name: was for name, was in note.items() if patient and name == TIMEOUT}
    values = {
        name: None if was == "None" else int(was) for name, was in note.items() if name not in kept
    }
    return _with_note(_with(applied, values), kept) if values else None


def dialled(applied: Applied) -> Applied:
    """Return the settings with a note that netswap had this link connected."""
    return _with_data(applied, _user_data(applied) | {DIALLED: "yes"})


def is_dialled(applied: Applied) -> bool:
    """Whether it is noted that netswap had this link connected."""
    return _user_data(applied).get(DIALLED) == "yes"


def _get(applied: Applied, name: str) -> int | None:
    """Return a value, None where NetworkManager leaves it out because it is the default."""
    setting, _, key = name.partition(".")
    value = plain(applied.get(setting, {}).get(key))
    return value if isinstance(value, int) and _fits(key, value) else None


def _fits(key: str, value: int) -> bool:
    """Whether D-Bus can carry a value as the type it is to have."""
    limit = 1 << (_BITS[_TYPES[key]] - 1)
    return -limit <= value < limit


def _with(applied: Applied, values: dict[str, int] | dict[str, int | None]) -> Applied:
    edited = {name: dict(setting) for name, setting in applied.items()}
    for name, value in values.items():
        setting, _, key = name.partition(".")
        if value is None:
            edited.get(setting, {}).pop(key, None)
        else:
            edited.setdefault(setting, {})[key] = Variant(_TYPES[key], value)
    return edited


def _note(applied: Applied) -> dict[str, str]:
    """Return what was noted as found, as {"ipv4.route-metric": "-1", …}.

    Whoever may edit the profile may have written it: what makes no sense is passed over.
    """
    text = _user_data(applied).get(NOTE, "")
    pairs = (entry.partition("=") for entry in text.split())
    return {name: was for name, _, was in pairs if name in _OURS and _makes_sense(name, was)}


def _makes_sense(name: str, was: str) -> bool:
    if re.fullmatch(r"-?[0-9]{1,19}", was):
        return _fits(name.partition(".")[2], int(was))
    return was == "None"


def _with_note(applied: Applied, note: dict[str, str]) -> Applied:
    data = {key: value for key, value in _user_data(applied).items() if key != NOTE}
    if note:
        data[NOTE] = " ".join(f"{name}={was}" for name, was in sorted(note.items()))
    return _with_data(applied, data)


def _with_data(applied: Applied, data: dict[str, str]) -> Applied:
    rest = {name: setting for name, setting in applied.items() if name != "user"}
    return {**rest, "user": {"data": Variant("a{ss}", data)}} if data else rest


def _user_data(applied: Applied) -> dict[str, str]:
    data: Any = plain(applied.get("user", {}).get("data", {}))
    return dict(data) if isinstance(data, dict) else {}
