"""netswap.toml → `Settings`. What may stand in the file is told by `netswap.core.settings` alone.

msgspec parses and checks; this file builds its types from the settings' classes, and turns its
errors into one line that says what is wrong, where, and how to mend it.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
import tomllib
from collections.abc import Hashable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import msgspec

from netswap import units
from netswap.core import target as target_of
from netswap.core.settings import (
    CheckSettings,
    Doc,
    LinkSettings,
    ProbeSettings,
    QualitySettings,
    Settings,
)
from netswap.errors import ConfigurationError

DEFAULT_PATH = Path("/etc/netswap/netswap.toml")
TYPES = ("ethernet", "wifi", "modem", "bluetooth")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force, and where they come from."""

    settings: Settings = field(default_factory=Settings)
    path: Path | None = None
    """The file, None where there is none."""
    given: frozenset[str] = frozenset()
    """What stands in the file, such as `probe.fall` or `link[0].name`."""

    def listed(self) -> list[tuple[str, str, str]]:
        """Return every setting: name, value as TOML, and the file it is from or `default`."""
        source = {name: str(self.path) for name in self.given}
        return [(name, value, source.get(name, "default")) for name, value in _flat(self.settings)]


def load(path: Path | None) -> Configuration:
    """Read the file; with None the default one, or the defaults if there is no such file.

    Raises ConfigurationError.
    """
    where = path or DEFAULT_PATH
    try:
        text = where.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return Configuration()
        hint = "without --config, netswap picks its links itself"
        raise ConfigurationError(f"{path}: no such file", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{where}: cannot be read: {reason}") from None
    settings = parse(text, str(where))
    return Configuration(settings, where, frozenset(_keys(tomllib.loads(text))))


def _keys(raw: Any, where: str = "") -> Iterator[str]:
    """Yield the full name of every value in parsed TOML."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from _keys(value, f"{where}.{key}" if where else key)
    elif isinstance(raw, list) and raw and isinstance(raw[0], dict):
        for i, value in enumerate(raw):
            yield from _keys(value, f"{where}[{i}]")
    else:
        yield where


def _flat(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield the full name and the value, as TOML, of everything in settings."""
    if is_dataclass(value):
        for item in fields(value):
            name = f"{where}.{item.name}" if where else item.name
            yield from _flat(getattr(value, item.name), name)
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for i, part in enumerate(value):
            yield from _flat(part, f"{where}[{i}]")
    elif value is not None:
        plain = list(value) if isinstance(value, tuple) else value
        yield where, json.dumps(plain, ensure_ascii=False)


def parse(text: str, source: str = "netswap.toml") -> Settings:
    """Turn TOML text into settings. Raises ConfigurationError, `source` and line named in it."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib's own, and what it does not catch
        raise ConfigurationError(
            f"{source}: not valid TOML: {error}", hint="see https://toml.io for the syntax"
        ) from None
    for where, key, known in _unknown_keys(raw, Settings):
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known here: {', '.join(known)}"
        raise ConfigurationError(_at(source, text, f"{where}{key}", "unknown setting"), hint=hint)
    try:
        settings: Settings = _build(Settings, msgspec.convert(raw, _schema(Settings)))
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        where = path.strip("`").removeprefix(".")
        problem = _in_toml_words(message)
        hint = _hint_for(where)
        raise ConfigurationError(_at(source, text, where, problem), hint=hint) from None
    for where, problem, hint in _contradictions(settings):
        raise ConfigurationError(_at(source, text, where, problem), hint=hint)
    return settings


def documented(cls: Any) -> Iterator[tuple[Field[Any], Any, Doc]]:
    """Yield every setting of a class: its field, its type, and what it is for."""
    hints = get_type_hints(cls, include_extras=True)
    for item in fields(cls):
        kind, *extras = (
            get_args(hints[item.name]) if _annotated(hints[item.name]) else [hints[item.name]]
        )
        yield item, kind, next((e for e in extras if isinstance(e, Doc)), Doc(""))


def _annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


@cache
def _schema(cls: Any) -> Any:
    """Build the msgspec type that parses one class of settings."""
    built: list[Any] = []
    for item, kind, doc in documented(cls):
        bounds = msgspec.Meta(ge=doc.lowest, le=doc.highest)
        parsed: Any = Annotated[_parsed_as(kind), bounds]
        if item.default is not MISSING:
            built.append((item.name, parsed, item.default))
        elif item.default_factory is not MISSING:
            built.append((item.name, parsed, msgspec.UNSET))
        else:
            built.append((item.name, parsed))
    return msgspec.defstruct(cls.__name__, built, forbid_unknown_fields=True)


def _parsed_as(kind: Any) -> Any:
    if is_dataclass(kind):
        return _schema(cast(Hashable, kind))
    if get_origin(kind) is tuple:  # tuple[X, ...], made at run time
        return GenericAlias(tuple, (_parsed_as(get_args(kind)[0]), ...))
    return kind


def _build(cls: Any, parsed: Any) -> Any:
    """Turn what msgspec parsed into the frozen classes of the core."""
    values = {}
    for item, kind, _ in documented(cls):
        value = getattr(parsed, item.name)
        if value is msgspec.UNSET:
            continue
        if is_dataclass(kind):
            value = _build(kind, value)
        elif get_origin(kind) is tuple and is_dataclass(get_args(kind)[0]):
            value = tuple(_build(get_args(kind)[0], part) for part in value)
        values[item.name] = value
    return cls(**values)


def _unknown_keys(raw: Any, cls: Any, where: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Yield where an unknown key stands, the key, and the keys that are known there."""
    if not isinstance(raw, dict):
        return
    kinds = {item.name: kind for item, kind, _ in documented(cls)}
    for key, value in raw.items():
        if key not in kinds:
            yield where, key, list(kinds)
        elif is_dataclass(kinds[key]):
            yield from _unknown_keys(value, kinds[key], f"{where}{key}.")
        elif isinstance(value, list) and (part := _part(kinds[key])):
            for i, entry in enumerate(value):
                yield from _unknown_keys(entry, part, f"{where}{key}[{i}].")


def _part(kind: Any) -> Any:
    """Return the class of the tables in an array of tables, None for any other kind."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and is_dataclass(args[0]) else None


def _contradictions(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield where the settings make no sense together, why, and a hint."""
    yield from _wrong_targets(settings.probe)
    yield from _wrong_quality(settings.quality)
    yield from _wrong_links(settings.link)
    known = [link.name for link in settings.link]
    for i, check in enumerate(settings.check):
        yield from _wrong_check(f"check[{i}]", check, known)
    damping = settings.damping
    if damping.reuse >= damping.suppress:
        problem = f"reuse {damping.reuse:g} must be less than suppress {damping.suppress:g}"
        yield "damping.reuse", problem, "the defaults are 0.75 and 2"
    metric = settings.metric
    if not metric.takeover < metric.preferred < metric.standby - 1:
        yield (
            "metric",
            f"takeover {metric.takeover}, preferred {metric.preferred} and standby "
            f"{metric.standby} must rise in this order",
            "the defaults are 60, 100 and 200",
        )


def _wrong_targets(probe: ProbeSettings) -> Iterator[tuple[str, str, str]]:
    if not probe.targets:
        yield "probe.targets", "must name at least one address", 'such as targets = ["8.8.8.8"]'
    for name, targets, version in (("targets", probe.targets, 4), ("targets6", probe.targets6, 6)):
        for i, target in enumerate(targets):
            if problem := _wrong_target(target, version):
                example = "8.8.8.8" if version == 4 else "2001:4860:4860::8888"
                hint = (
                    f"names need a working link to be resolved; give an address such as {example}"
                )
                yield f"probe.{name}[{i}]", problem, hint
        if len(set(targets)) < len(targets):
            yield f"probe.{name}", "names an address twice", "each target once"
    if probe.reliability > len(probe.targets):
        problem = f"{probe.reliability} of {len(probe.targets)} targets cannot answer"
        yield "probe.reliability", problem, "at most as many as there are targets"
    if probe.deadline_min_s > probe.deadline_max_s:
        problem = f"{probe.deadline_min_s:g} is more than deadline_max_s, {probe.deadline_max_s:g}"
        yield "probe.deadline_min_s", problem, "the defaults are 0.1 and 2"


def _wrong_target(target: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        address = None
    if address is None or address.version != version:
        return f"{target!r} is not an IPv{version} address"
    if address.is_loopback or address.is_multicast or address.is_unspecified:
        return f"{target} would not tell whether the internet can be reached"
    return ""


TARGETS = {"tcp": "192.0.2.1:443", "dns": "example.org", "http": "http://example.org/page"}
"""An example of what each method of checking asks."""


def _wrong_check(
    where: str, check: CheckSettings, known: list[str]
) -> Iterator[tuple[str, str, str]]:
    try:
        target_of.READERS[check.method](check.target)
    except ValueError as error:
        hint = f'for {check.method} such as target = "{TARGETS[check.method]}"'
        yield f"{where}.target", f"{check.target!r} {error}", hint
    for name in ("expect_status", "expect_body"):
        if getattr(check, name) and check.method != "http":
            problem = f"a check by {check.method} has no page"
            yield f"{where}.{name}", problem, 'only for method = "http"'
    if check.timeout_s > check.every_s:
        problem = f"{check.timeout_s:g} is more than every_s, {check.every_s:g}"
        yield f"{where}.timeout_s", problem, "the defaults are 5 and 30"
    for i, link in enumerate(check.links):
        if known and link not in known:
            hint = f"links in this file: {', '.join(known)}"
            yield f"{where}.links[{i}]", f"there is no link {link!r}", hint


def _wrong_quality(quality: QualitySettings) -> Iterator[tuple[str, str, str]]:
    if quality.loss_recovered > quality.loss:
        problem = f"{quality.loss_recovered:g} is more than loss, {quality.loss:g}"
        yield "quality.loss_recovered", problem, "the defaults are 0.1 and 0.25"
    if quality.latency_recovered_s > quality.latency_s:
        problem = f"{quality.latency_recovered_s:g} is more than latency_s, {quality.latency_s:g}"
        yield "quality.latency_recovered_s", problem, "such as latency_s = 0.5 and 0.3 here"


def _wrong_networks(where: str, networks: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for i, network in enumerate(networks):
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            hint = 'an address or a network, such as "192.0.2.7" or "2001:db8::/32"'
            yield f"{where}[{i}]", str(error), hint


def _wrong_links(links: tuple[LinkSettings, ...]) -> Iterator[tuple[str, str, str]]:
    seen: dict[object, str] = {}
    for i, link in enumerate(links):
        where = f"link[{i}]"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", link.name):
            hint = "up to 32 letters, digits and -_. that start with a letter or digit"
            yield f"{where}.name", f"{link.name!r} cannot be a name", hint
        if link.name in seen:
            yield f"{where}.name", f"{link.name!r} names two links", "names must differ"
        yield from _wrong_networks(f"{where}.allow", link.allow)
        criteria = (link.match.interface, link.match.connection, link.match.uuid)
        if link.match.type is not None and link.match.type not in TYPES:
            hint = f"known types: {', '.join(TYPES)}"
            yield f"{where}.match.type", f"{link.match.type!r} is no device type", hint
        if not any((*criteria, link.match.type, link.match.driver)):
            hint = 'such as match = { interface = "eth0" }; `nmcli device` lists them'
            yield f"{where}.match", "must say which device the link is", hint
        if link.connect == "on-demand" and not (link.match.connection or link.match.uuid):
            hint = 'such as match = { connection = "Phone" }; `nmcli connection` lists them'
            yield f"{where}.match", "must name the connection of a link on demand", hint
        yield from _wrong_cap(where, link)
        if link.match in seen:
            problem = f"matches the same device as {seen[link.match]!r}"
            yield f"{where}.match", problem, "make the two differ, or remove one"
        seen[link.name] = seen[link.match] = link.name


def _wrong_cap(where: str, link: LinkSettings) -> Iterator[tuple[str, str, str]]:
    if link.data_cap:
        try:
            units.parse_size(link.data_cap)
        except ValueError as error:
            yield f"{where}.data_cap", str(error), 'such as data_cap = "5 GB"'
    if link.at_cap == "avoid" and not link.data_cap:
        yield f"{where}.at_cap", "there is no cap", 'such as data_cap = "5 GB"'
    hint = 'a day on which a cycle began, such as cycle_since = "2026-03-17"'
    if link.cycle_days and not link.cycle_since:
        yield f"{where}.cycle_days", "needs to be told since when", hint
    if link.cycle_since:
        try:
            date.fromisoformat(link.cycle_since)
        except ValueError:
            yield f"{where}.cycle_since", f"{link.cycle_since!r} is no day", hint


def _in_toml_words(message: str) -> str:
    """Say what msgspec found in the words of TOML: it speaks of objects and arrays."""
    words = {
        "`object`": "a table",
        "Object": "it",
        "`str`": "text",
        "`int`": "a whole number",
        "`float`": "a number",
        "`bool`": "true or false",
        "`array`": "an array",
        "Expected": "must be",
        "missing required field": "lacks the setting",
    }
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message


def _hint_for(where: str) -> str:
    """Say which values a setting takes."""
    cls: Any = Settings
    doc = Doc("")
    for name in re.sub(r"\[[^]]*\]", "", where).split("."):
        found = {item.name: (kind, doc) for item, kind, doc in documented(cls)}.get(name)
        if found is None:
            break
        kind, doc = found
        cls = get_args(kind)[0] if get_origin(kind) is tuple else kind
        if not is_dataclass(cls):
            break
    bounds = f" ({doc.lowest:g} to {doc.highest:g})" if doc.lowest is not None else ""
    return f"{doc.text}{bounds}" if doc.text else "see netswap.toml(5)"


def _at(source: str, text: str, where: str, problem: str) -> str:
    """Say where: the file, the line if it can be found, and the setting."""
    line = _line_of(text, where)
    return f"{source}{f':{line}' if line else ''}: {where or 'the file'}: {problem}"


def _line_of(text: str, where: str) -> int | None:
    """Find the line that a setting stands in: good enough to point a person at it."""
    names = re.findall(r"([A-Za-z_]\w*)(?:\[(\d{1,6})\])?", where)
    line = 0
    lines = text.splitlines()
    for name, position in names:
        wanted = int(position or 0)
        pattern = re.compile(rf"^\s*\[+\s*{name}\b|(^|[{{,\s]){name}\s*=")
        hits = [i for i in range(line, len(lines)) if pattern.search(lines[i])]
        if hits:
            line = hits[min(wanted, len(hits) - 1)]
    return line + 1 if names and lines else None
