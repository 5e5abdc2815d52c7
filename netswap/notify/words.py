"""What a notification says, in the user's language. Pure, but for the catalogue that is read."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netswap.notify.timing import Due, What

DOMAIN = "netswap"
PACKAGE = Path(__file__).resolve().parents[1]
LOCALES = (PACKAGE / "locale", PACKAGE.parent / "build/locale")
"""Where the catalogues are: installed with the package, or made in a checkout."""

USE = "use:"
PAUSE = "pause"
PAUSE_S = 1800.0

LOW, NORMAL, CRITICAL = 0, 1, 2
"""Urgencies (Desktop Notifications Specification)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A notification; `actions` are keys and what stands on their buttons."""

    summary: str
    body: str
    icon: str = "network-wired"
    urgency: int = NORMAL
    actions: tuple[tuple[str, str], ...] = ()


def catalogue(languages: list[str] | None = None) -> gettext.NullTranslations:
    """Return the translations for some languages; None: as the environment has it."""
    for folder in LOCALES:
        if gettext.find(DOMAIN, folder, languages):
            return gettext.translation(DOMAIN, folder, languages)
    return gettext.NullTranslations()


class Words:
    """Says things in one language."""

    def __init__(self, language: gettext.NullTranslations) -> None:
        self._language = language

    def message(self, due: Due) -> Message:
        """Put what is due into words."""
        _ = self._language.gettext
        news = due.news
        if news.what is What.OFFLINE:
            message = Message(_("Offline"), _("No link works."), "network-error", CRITICAL)
        elif news.what is What.BACK:
            body = _("{link} works again.").format(link=news.link)
            message = Message(_("Online again"), body, urgency=LOW)
        else:
            title = _("Now on {link}").format(link=news.link)
            message = Message(title, self._why(due), actions=self._actions(news.before))
        return message

    def failed(self, text: str) -> Message:
        """Say that what the user asked for did not work."""
        return Message(self._language.gettext("That did not work"), text, "dialog-warning")

    def unusable(self, link: str) -> Message:
        """Say that a link does not work, so that it cannot be used."""
        return self.failed(self._language.gettext("{link} does not work.").format(link=link))

    def _why(self, due: Due) -> str:
        reason = self.reason(due.news.reason)
        if due.count == 1:
            return reason
        text = self._language.ngettext(
            "{count} change since the last notice. The last one: {reason}",
            "{count} changes since the last notice. The last one: {reason}",
            due.count,
        )
        return text.format(count=due.count, reason=reason)

    def _actions(self, before: str) -> tuple[tuple[str, str], ...]:
        _ = self._language.gettext
        use = ((f"{USE}{before}", _("Use {link}").format(link=before)),) if before else ()
        return (*use, (PAUSE, _("Pause for 30 min")))

    def reason(self, text: str) -> str:
        """Translate a reason, `cable: 4 probes lost`; one that is not known stays as it is."""
        for pattern, say in self._reasons():
            if found := re.fullmatch(rf"(?:(?P<link>.+): )?{pattern}", text):
                count = int(found.groupdict().get("n") or 0)
                link = f"{found['link']}: " if found["link"] else ""
                return link + say(count)
        return text

    def _reasons(self) -> tuple[tuple[str, Callable[[int], str]], ...]:
        _, several = self._language.gettext, self._language.ngettext
        return (
            (
                r"(?P<n>\d+) probes? lost",
                lambda n: several("{n} probe lost", "{n} probes lost", n).format(n=n),
            ),
            (
                r"(?P<n>\d+) repl(?:y|ies) in a row",
                lambda n: several("{n} reply in a row", "{n} replies in a row", n).format(n=n),
            ),
            ("it replies", lambda _n: _("it replies")),
            ("carrier lost", lambda _n: _("carrier lost")),
            ("asked by the user", lambda _n: _("asked by the user")),
        )
