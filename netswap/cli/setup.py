"""The command `setup`: from what NetworkManager offers to a netswap.toml that is in force."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from errno import ELOOP
from pathlib import Path
from typing import NamedTuple

import click

from netswap import config, contradictions
from netswap.cli import toml
from netswap.cli.client import Offer, Service, talk
from netswap.config import Configuration
from netswap.core.settings import CheckSettings, LinkSettings, Match, Settings
from netswap.errors import MISCONFIGURED, NOT_ALLOWED, ConfigurationError, UserError

KINDS = {"ethernet": "cable", "wifi": "wifi", "modem": "modem", "bluetooth": "bluetooth"}
"""What a link is called by the type of its device, unless the user knows better."""


class Candidate(NamedTuple):
    """What could be a link, and what netswap knows about it."""

    link: LinkSettings
    about: str
    is_link: bool
    """Whether it is one already: configured, or picked by netswap itself."""
    before: str = ""
    """What it was called until now; "" where it is none."""


@contextmanager
def _answered() -> Iterator[None]:
    """Say it where the input ends before all is answered. Raises UserError."""
    try:
        yield
    except (click.Abort, RuntimeError) as error:  # the latter where it was closed from the start
        if sys.stdin and not isinstance(error.__context__, EOFError):
            raise
        click.echo()
        hint = "--yes asks nothing"
        raise UserError("the input ended before all was answered", hint=hint) from None


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing: take the links that netswap found.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=config.DEFAULT_PATH,
    show_default=True,
    help="Write this file.",
)
@_answered()
def setup(yes: bool, force: bool, path: Path) -> None:
    """Find the links and write the configuration.

    It is explained in comments, shown first, and put in force. Settings in an old file are kept,
    and the old file itself with .old behind its name.
    """
    _check(path, yes=yes, force=force)
    old = _old(path)
    found = candidates(talk(Service.offers), old.settings.link)
    chosen = [item for item in found if item.is_link] if yes else _ask(found)
    links = [item.link for item in chosen]
    if len(links) < 2 and not (links and old.settings.link):
        click.echo("Fewer than two links: none is named, netswap picks them as they come.\n")
        links = []
    chosen.sort(key=lambda item: bool(item.before))  # a new link may take the name of an old one
    names = {item.before or item.link.name: item.link.name for item in chosen if links}
    text = toml.written(links, given(old), checks(old.settings, names))
    config.parse(text, str(path))  # what could not be read is never written
    click.echo(text)
    if not yes and not click.confirm(f"Write this to {path}?", default=True):
        raise click.Abort
    write(path, text)
    click.echo(f"Written to {path}.")
    if path == config.DEFAULT_PATH:
        _put_in_force(path)


def candidates(offers: Sequence[Offer], old: Sequence[LinkSettings]) -> list[Candidate]:
    """Return all that could be links: those of the old file, then what else there is, ranked."""
    there = {offer.link: offer for offer in offers if offer.link}
    found = [Candidate(link, _about(there.get(link.name)), True, link.name) for link in old]
    known = {link.name for link in old}
    for offer in offers:
        if offer.link not in known and (offer.link or offer.type in KINDS):
            name = _free_name(offer, {item.link.name for item in found})
            link = LinkSettings(name, _match(offer))
            found.append(Candidate(link, _about(offer), bool(offer.link), offer.link))
    return found


def given(old: Configuration) -> dict[str, str]:
    """Return what an old file sets, but for the links: full name and value as TOML."""
    return {name: value for name, value, source in old.listed() if source != "default"}


def checks(old: Settings, names: Mapping[str, str]) -> list[CheckSettings]:
    """Return the old file's checks of these links; none of one whose links are all gone.

    `names` are what the links are called now, by what they were called before.
    """
    kept = []
    for check in old.check:
        left = tuple(names[n] for n in check.links if n in names) if names else check.links
        if left or not check.links:
            kept.append(replace(check, links=left))
    return kept


def write(path: Path, text: str) -> None:
    """Put a file in place at once, whole; keep the old one. Raises UserError."""
    path = path.resolve()
    fresh, kept = Path(f"{path}.new"), Path(f"{path}.old")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)  # such as somebody's symbolic link
        with fresh.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        if path.exists():
            kept.unlink(missing_ok=True)
            kept.hardlink_to(path)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):  # what is half written is of no use
            fresh.unlink()
        raise _cannot_write(path, error.strerror or str(error)) from None


def _check(path: Path, *, yes: bool, force: bool) -> None:
    """Find out what stands in the way before asking anything."""
    try:
        with suppress(FileNotFoundError):
            path.stat()  # for a circle; Path.exists keeps silent about it since Python 3.13
        there = path.exists()
        parent = next(folder for folder in path.resolve().parents if folder.exists())
    except (OSError, RuntimeError) as error:  # the latter of a circle, before Python 3.13
        why = error.strerror if isinstance(error, OSError) and error.errno != ELOOP else None
        raise _cannot_write(path, why or "its symbolic links lead in a circle") from None
    question = f"There is a {path} already. Replace it?"
    if there and not (force or (not yes and click.confirm(question))):
        raise UserError(f"{path} is there already", hint="--force replaces it")
    if not os.access(parent, os.W_OK):
        raise _cannot_write(path, f"{parent} may not be written to")


def _cannot_write(path: Path, why: str) -> UserError:
    where = "" if path == config.DEFAULT_PATH else f" --file {shlex.quote(str(path))}"
    hint = f"run it as root: sudo netswapctl setup{where}"
    if os.geteuid() == 0:
        hint = "--file names another one; `ls -ld` and `df` tell what is wrong with this one"
    return UserError(f"{path} cannot be written: {why}", hint=hint, status=NOT_ALLOWED)


def _old(path: Path) -> Configuration:
    if not path.exists():
        return Configuration()
    try:
        return config.load(path)
    except ConfigurationError as error:
        click.echo(f"Nothing of the old file is kept: {error}\n")
        return Configuration()


def _about(offer: Offer | None) -> str:
    if offer is None:
        return "not there now"
    facts = [offer.type, offer.connection, offer.state, "metered" if offer.metered else ""]
    return f"{offer.device}: {', '.join(fact for fact in facts if fact)}"


def _free_name(offer: Offer, taken: set[str]) -> str:
    name = KINDS.get(offer.type, "link")
    if offer.metered and name != "modem":
        name = "phone"
    numbered = (f"{name}{number}" for number in range(2, 100))
    return name if name not in taken else next(free for free in numbered if free not in taken)


def _match(offer: Offer) -> Match:
    """Say which device it is by what will not change.

    A tethered phone comes back under another interface name (`enx…` is made from its MAC address,
    which is a random one); its connection is the same.
    """
    changing = offer.metered or offer.device.startswith("enx")
    if changing and offer.connection and "\N{REPLACEMENT CHARACTER}" not in offer.connection:
        return Match(connection=offer.connection)
    return Match(interface=offer.device)


def _ask(found: Sequence[Candidate]) -> list[Candidate]:
    for number, item in enumerate(found, 1):
        click.echo(f"{number:>3}  {item.link.name:<12}  {item.about}")
    default = " ".join(str(n) for n, item in enumerate(found, 1) if item.is_link)

    def numbers(text: str) -> list[int]:
        try:
            chosen = list(dict.fromkeys(int(word) for word in text.replace(",", " ").split()))
        except ValueError:
            raise click.BadParameter("write numbers, such as: 1 2") from None
        if not all(1 <= number <= len(found) for number in chosen):
            raise click.BadParameter(f"1 to {len(found)} are possible")
        return chosen

    chosen = click.prompt("Which links, the preferred one first?", default, value_proc=numbers)
    named: list[Candidate] = []
    for number in chosen:
        item = found[number - 1]
        named.append(item._replace(link=_named(item, {one.link.name for one in named})))
    return named


def _named(item: Candidate, taken: set[str]) -> LinkSettings:
    def name(text: str) -> str:
        if wrong := contradictions.wrong_name(text.strip(), taken):
            raise click.BadParameter("; ".join(wrong))
        return text.strip()

    question = f"What do you call {item.about}?"
    return replace(item.link, name=click.prompt(question, item.link.name, value_proc=name))


def _put_in_force(path: Path) -> None:
    async def work(service: Service) -> list[str]:
        await service.order("Reload")
        return await service.files()

    sources = talk(work)
    if sources and str(path) not in sources:
        raise UserError(
            f"netswapd reads {', '.join(sources)} instead",
            hint="start it without --config",
            status=MISCONFIGURED,
        )
    click.echo("It is in force; `netswapctl status` tells how things stand.")
