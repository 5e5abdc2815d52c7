"""The state of netswap in one line: for status bars, prompts and scripts. Pure.

What the line is made of comes from outside (a Wi-Fi network names itself), and bars read markup:
each format escapes what its bar would obey.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from html import escape

from netswap import units
from netswap.cli import render
from netswap.cli.status import LinkStatus, Status

ABSENT = "absent"
"""The state where there is no netswapd; the others are those of the API."""

TMUX = {"backup": "yellow", "offline": "red", ABSENT: "red", "starting": "yellow"}
I3 = {"backup": "#e5c07b", "offline": "#e06c75", ABSENT: "#e06c75", "starting": "#e5c07b"}
"""Colours by state. While all is well a bar has none."""

Found = Status | None
"""How things stand; None: netswapd is not running."""


def condition(state: Found) -> str:
    """Return the state in one word."""
    return state.state if state else ABSENT


def summary(state: Found) -> str:
    """Say where traffic goes as briefly as a bar wants it: `phone (backup)`."""
    if not state:
        return "netswapd is not running"
    said = [word for word in (state.state, state.mode) if word not in ("preferred", "auto")]
    if state.state == "offline" or not state.active_link:
        return ", ".join(said)
    return state.active_link + (f" ({', '.join(said)})" if said else "")


def _short(state: Found) -> str:
    return state.active_link if state and state.active_link else condition(state)


def _details(state: Found, now_s: float) -> list[str]:
    """Return the lines of a tool tip: what `status` says, but for the table."""
    if not state:
        return [summary(state)]
    troubles = [text for link in state.links for text in render.troubles_of(link, now_s)]
    links = [f"{render.mark(link)}: {render.health(link).text}" for link in state.links]
    return [render.headline(state, now_s), *render.notes(state, now_s), *links, *troubles]


def waybar(state: Found, now_s: float) -> str:
    """Return a line of JSON for Waybar's custom module (waybar-custom(5), return-type json)."""
    return json.dumps(
        {
            "text": escape(summary(state)),  # Pango markup
            "alt": condition(state),
            "class": [condition(state), *([state.mode] if state else [])],
            "tooltip": escape("\n".join(_details(state, now_s))),
        }
    )


def i3blocks(state: Found, _now_s: float) -> str:
    """Return a line of JSON for i3blocks (format=json), in the words of the i3bar protocol."""
    said = {"full_text": summary(state), "short_text": _short(state)}
    colour = I3.get(condition(state))
    return json.dumps({**said, **({"color": colour} if colour else {})})


def tmux(state: Found, _now_s: float) -> str:
    """Return a text for tmux's status line (tmux(1), STYLES)."""
    text, colour = summary(state).replace("#", "##"), TMUX.get(condition(state))
    return f"#[fg={colour}]{text}#[default]" if colour else text


def plain(state: Found, _now_s: float) -> str:
    """Return a text without any markup."""
    return summary(state)


Format = Callable[[Found, float], str]
FORMATS: dict[str, Format] = {
    "waybar": waybar,
    "i3blocks": i3blocks,
    "tmux": tmux,
    "plain": plain,
}

OF_ALL: dict[str, tuple[str, Callable[[Status, float], str]]] = {
    "state": (f"preferred, backup, offline, starting, or {ABSENT}", lambda s, _: s.state),
    "summary": ("the line of --format plain", lambda s, _: summary(s)),
    "link": ("the active link", lambda s, _: s.active_link),
    "reason": ("why it is the active one", lambda s, _: s.reason),
    "since": ("since when it is", lambda s, now_s: render.clock(s.since_s, now_s)),
    "for": ("and for how long", lambda s, now_s: units.duration(now_s - s.since_s)),
    "mode": ("auto, pinned or paused", lambda s, _: s.mode),
    "links": ("all links with their health", lambda s, _: _links(s)),
    "version": ("the version of netswapd", lambda s, _: s.version),
}
OF_ACTIVE: dict[str, tuple[str, Callable[[LinkStatus], str]]] = {
    "device": ("interface of the active link", lambda link: link.device),
    "connection": ("its connection", lambda link: link.connection),
    "health": ("how it is, such as up", lambda link: render.health(link).text),
    "metered": ("metered, or nothing", lambda link: "metered" if link.metered else ""),
    "rtt": ("its last round trip", lambda link: units.round_trip(link.rtt_s)),
    "loss": ("its loss", lambda link: units.share(link.loss)),
}
"""What a template may name: in words, and its value."""

FIELDS = {name: doc for name, (doc, _) in [*OF_ALL.items(), *OF_ACTIVE.items()]}

PART = re.compile(r"\{\{|\}\}|\{(?P<name>\w+)\}|[{}]")


class TemplateError(ValueError):
    """A template that means nothing."""


def template(text: str) -> Format:
    """Return a template as a format: `{name}` stands for a field, `{{` and `}}` for braces.

    It is no str.format: that reaches into objects, and fills memory with a wide enough field.
    Raises TemplateError for a field that there is not and for a brace without its other half.
    """
    for part in PART.finditer(text):
        _check(part)

    def filled(state: Found, now_s: float) -> str:
        return PART.sub(lambda part: _fill(part, state, now_s), text)

    return filled


def _check(part: re.Match[str]) -> None:
    name = part["name"]
    if name is None and len(part[0]) == 1:
        raise TemplateError(f"{part[0]!r} stands alone; write it twice if you mean it")
    if name is not None and name not in FIELDS:
        near = get_close_matches(name, FIELDS, 1) or [", ".join(FIELDS)]
        raise TemplateError(f"there is no field {name!r}; do you mean {near[0]}?")


def _fill(part: re.Match[str], state: Found, now_s: float) -> str:
    name = part["name"]
    if name is None:
        return part[0][0]
    if not state:
        return {"state": ABSENT, "summary": summary(state)}.get(name, "")
    if name in OF_ALL:
        return OF_ALL[name][1](state, now_s)
    active = [link for link in state.links if link.active]
    return OF_ACTIVE[name][1](active[0]) if active else ""


def _links(state: Status) -> str:
    return ", ".join(f"{link.name} {render.health(link).text}" for link in state.links)


def fields() -> str:
    """Return what `--help` says about the fields of a template."""
    width = max(map(len, FIELDS)) + 2
    return "\n".join(f"{f'{{{name}}}':<{width}}  {doc}" for name, doc in FIELDS.items())
