"""What netswapd says about itself, as frozen values. Pure.

The fields are the properties of the API (`data/org.netswap1.xml`), in the same order, spelt as in
Python: `ModeUntil`, a time in seconds, is `mode_until_s`. What the API has a special number for
is None here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

MANAGER = "org.netswap1.Manager"
LINK = "org.netswap1.Link"
NONE = {
    "metric4": -1, "metric6": -1, "rtt_s": -1, "loss": -1, "last_reply_s": 0, "mode_until_s": 0,
    "held_back_until_s": 0, "rests_until_s": 0,
}  # fmt: skip
"""The number that stands for "there is none", by field."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link. Times are seconds since the Unix epoch, `rtt_s` is a duration."""

    name: str
    preference: int
    device: str
    connection: str
    type: str
    metered: bool
    role: str
    health: str
    resting: bool
    reason: str
    since_s: float
    guarded: bool
    metric4: int | None
    metric6: int | None
    degraded: bool
    fault: str
    held_back_until_s: float | None
    health6: str
    reason6: str
    rtt_s: float | None
    loss: float | None
    target_loss: Mapping[str, float]
    last_reply_s: float | None
    probes_sent: int
    probes_lost: int
    replies_in_row: int
    losses_in_row: int
    bytes_received: int
    bytes_sent: int
    data_used: int
    data_cap: int
    data_since_s: float

    @property
    def active(self) -> bool:
        """Whether traffic leaves by it."""
        return self.role == "active"


@dataclass(frozen=True, slots=True)
class Status:
    """The whole. Links are in order of preference."""

    version: str
    active_link: str
    mode: str
    mode_until_s: float | None
    state: str
    reason: str
    since_s: float
    network_manager_running: bool
    dry_run: bool
    rests_until_s: float | None
    links: tuple[LinkStatus, ...] = field(default=(), metadata={"property": False})

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        return asdict(self)


def read(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Status:
    """Read what GetManagedObjects answered. Raises KeyError for a property that is missing."""
    managers = [found[MANAGER] for found in objects.values() if MANAGER in found]
    links = [_values(LinkStatus, found[LINK]) for found in objects.values() if LINK in found]
    if not managers:
        raise KeyError(MANAGER)
    ordered = sorted((LinkStatus(**link) for link in links), key=lambda link: link.preference)
    return Status(**_values(Status, managers[0]), links=tuple(ordered))


def properties(cls: type[LinkStatus | Status]) -> dict[str, str]:
    """Map the fields of a class to the names of the properties they are read from."""
    names = [item.name for item in fields(cls) if item.metadata.get("property", True)]
    return {name: "".join(map(str.capitalize, _unitless(name).split("_"))) for name in names}


def _unitless(name: str) -> str:
    return name.removesuffix("_s")


def _values(cls: type[LinkStatus | Status], found: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: found[property_] for name, property_ in properties(cls).items()}
    return {name: None if NONE.get(name) == value else value for name, value in values.items()}
