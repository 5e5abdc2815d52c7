"""Facts that come in, in the past tense."""

from __future__ import annotations

from dataclasses import dataclass

from netswap.core.actions import Step
from netswap.core.model import Override, World


@dataclass(frozen=True, slots=True)
class Observed:
    """The world was looked at."""

    world: World


@dataclass(frozen=True, slots=True)
class Replied:
    """A target answered a probe, `sequence` being that of the round it was sent in."""

    link: str
    sequence: int
    target: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something else than our probes says that the link may be dead, such as a router."""

    link: str


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """A probe could not be sent to any target: a local error, which is not a loss."""

    link: str
    sequence: int
    reason: str
    version: int = 4


@dataclass(frozen=True, slots=True)
class Checked:
    """A check came to its end, `run` being the number that it was asked for with."""

    link: str
    run: int
    ok: bool | None
    """Whether it succeeded; None: it could not be made, a local error, which is no failure."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """The steps handed out last were carried out, up to one that `failed`, if any.

    `world` is how it looked right afterwards.
    """

    world: World
    failed: Step | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """A link has used so much of its data cap in this billing cycle: 1 is all of it."""

    link: str
    share: float


@dataclass(frozen=True, slots=True)
class Overridden:
    """The user asked for a link, for a pause, or for neither any more."""

    override: Override


@dataclass(frozen=True, slots=True)
class Forgiven:
    """The user wants no link held back any more for having failed."""


@dataclass(frozen=True, slots=True)
class Slept:
    """The computer was suspended, and has woken up: all that was known is old."""

    slept_s: float = 0.0
    """For how long, which monotonic times know nothing of."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A deadline came; nothing else happened."""


Event = (
    Observed
    | Replied
    | Doubted
    | ProbeFailed
    | Checked
    | Applied
    | Used
    | Overridden
    | Forgiven
    | Slept
    | Elapsed
)
