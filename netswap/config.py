"""netswap.toml → `Settings`. What may stand in the file is told by `netswap.core.settings`.

msgspec parses and checks; this file builds its types from the settings' classes, and turns its
errors into one line that says what is wrong, where, and how to mend it.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Hashable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import msgspec

from netswap import contradictions
from netswap.core.settings import Doc, Settings
from netswap.errors import ConfigurationError
from netswap.lines import line_of

DEFAULT_PATH = Path("/etc/netswap/netswap.toml")


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
        text = where.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path is None:
            return Configuration()
        hint = "without --config, netswap picks its links itself"
        raise ConfigurationError(f"{path}: no such file", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(where, error) from None
    settings = parse(text, str(where))
    return Configuration(settings, where, frozenset(_keys(tomllib.loads(text))))


def _unreadable(where: Path, error: OSError | UnicodeDecodeError) -> ConfigurationError:
    if isinstance(error, OSError):
        hint = "what is it, and who may read it? `ls -ld` tells"
        return ConfigurationError(f"{where}: cannot be read: {error.strerror}", hint=hint)
    line = error.object[: error.start].count(b"\n") + 1
    hint = "save it as UTF-8; `iconv -f latin1 -t utf-8` converts it"
    return ConfigurationError(f"{where}:{line}: it is not UTF-8 text", hint=hint)


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
        raise ConfigurationError(_at(source, text, where, "unknown setting", key), hint=hint)
    try:
        settings: Settings = _build(Settings, msgspec.convert(raw, _schema(Settings)))
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        where = path.strip("`").removeprefix(".")
        kind, doc = _setting(where)
        problem = _at(source, text, where, _in_toml_words(message, kind))
        raise ConfigurationError(problem, hint=_range(doc)) from None
    for where, problem, hint in contradictions.found(settings):
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


def _in_toml_words(message: str, kind: Any) -> str:
    """Say what msgspec found in the words of TOML: it speaks of objects, arrays and enums."""
    if wrong := re.fullmatch("Invalid enum value (.*)", message):
        values = [str(value) for value in get_args(kind)]
        return f"must be {', '.join(values[:-1])} or {values[-1]}, got {wrong[1]}"
    words = {
        " | null": "",
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


def _setting(where: str) -> tuple[Any, Doc]:
    """Return the type of a setting, and what is told of it."""
    kind: Any = Settings
    doc = Doc("")
    for name in re.sub(r"\[[^]]*\]", "", where).split("."):
        cls = get_args(kind)[0] if get_origin(kind) is tuple else kind
        found = {item.name: (kind, doc) for item, kind, doc in documented(cls)}.get(name)
        if found is None:
            break
        kind, doc = found
    return kind, doc


def _range(doc: Doc) -> str:
    """Say which values a setting takes."""
    bounds = f" ({doc.lowest:g} to {doc.highest:g})" if doc.lowest is not None else ""
    return f"{doc.text}{bounds}" if doc.text else "see netswap.toml(5)"


def _at(source: str, text: str, where: str, problem: str, unknown: str = "") -> str:
    """Say where: the file, the line if it can be found, and the setting."""
    path = [int(index) if index else name for name, index in re.findall(r"(\w+)|\[(\d+)\]", where)]
    line = line_of(text, [*path, unknown] if unknown else path)
    return f"{source}{f':{line}' if line else ''}: {where + unknown or 'the file'}: {problem}"
