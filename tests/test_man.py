"""The man pages: they build, formatters find nothing wrong, and they agree with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from netswap import config, manual
from netswap.cli.main import STATUSES, cli
from netswap.core.settings import Settings
from netswap.daemon.__main__ import main as netswapd
from netswap.hooks.__main__ import main as netswap_hooks
from netswap.notify.__main__ import main as netswap_notify

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("netswapd.8", "netswapctl.1", "netswap.toml.5", "netswap-hooks.8", "netswap-notify.1")


def run(*command: str) -> str:
    """Run a command that must succeed and complain of nothing; return its output."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"no {command[0]}\nhint: make setup installs it", pytrace=False)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def shown(page: str) -> str:
    """Return a page as a reader sees it, in one line; blanks are single."""
    run("make", "-s", f"build/man/{page}")
    text = run(
        "groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-rHY=0", "-rLL=500n", f"build/man/{page}"
    )
    return " ".join(text.split())


@pytest.mark.parametrize("page", PAGES)
def test_page_builds_without_warnings(page: str) -> None:
    text = shown(page)
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"):
        assert section in text
    assert "made:" not in text
    assert "\\" not in text


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in manual.files().items()
        if text != path.read_text()
    ]
    assert stale == [], "run: .venv/bin/python -m netswap.manual"


def test_pages_are_referred_to_by_what_they_are() -> None:
    for page in PAGES:
        text = shown(page)
        ours = set(re.findall(r"\b(netswap[a-z.-]*\(\d\))", text))
        assert ours <= {re.sub(r"(.+)\.(\d)", r"\1(\2)", name) for name in PAGES}


def test_every_setting_is_explained_with_its_default_and_range() -> None:
    text = shown("netswap.toml.5")
    for item, kind, _ in config.documented(Settings):
        part = kind if not hasattr(kind, "__args__") else kind.__args__[0]
        for setting, _, doc in config.documented(part):
            explained = re.escape(doc.text.replace("`", ""))
            found = re.search(rf"\b{setting.name} = .{{1,60}}? {explained}(.{{0,60}})", text)
            assert found, f"{item.name}.{setting.name}"
            if doc.lowest is not None and doc.highest is not None:
                assert f"({doc.lowest:g} to {doc.highest:g})" in found[1]
                assert f"Default: {setting.default}." in found[1]


@pytest.mark.parametrize(
    ("command", "page"),
    [
        (netswapd, "netswapd.8"),
        (cli, "netswapctl.1"),
        (netswap_hooks, "netswap-hooks.8"),
        (netswap_notify, "netswap-notify.1"),
    ],
)
def test_every_option_is_explained_as_in_the_help(command: click.Command, page: str) -> None:
    text = shown(page)
    for option in every_option(command):
        assert option.opts[-1] in text
        assert " ".join((option.help or "").replace("`", "").split()) in text


def every_option(command: click.Command) -> list[click.Option]:
    """Return the options of a command and of all its commands."""
    found = [param for param in command.params if isinstance(param, click.Option)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found += every_option(inner)
    return found


def test_every_command_has_its_section() -> None:
    page = (ROOT / "docs/man/netswapctl.1.md").read_text()
    assert re.findall(r"^## netswapctl (\w+)", page, re.MULTILINE) == cli.list_commands(
        click.Context(cli)
    )


def test_every_exit_status_is_explained_as_in_the_help() -> None:
    page, told = shown("netswapctl.1"), " ".join(cli.get_help(click.Context(cli)).split())
    for status, meaning in STATUSES.items():
        assert f"{status} {meaning}" in told
        assert f"{status} {meaning}." in page


def test_the_example_file_changes_nothing() -> None:
    text = (ROOT / "data/netswap.toml").read_text()
    assert config.parse(text) == Settings()


def test_the_example_file_shows_the_defaults() -> None:
    text = (ROOT / "data/netswap.toml").read_text()
    links, tables = text.split("[probe]")
    uncommented = re.sub(r"^#(?=\w+ = )", "", f"[probe]{tables}", flags=re.MULTILINE)
    assert uncommented.count(" = ") >= 8
    assert config.parse(uncommented) == Settings()
    examples = re.sub(r"^#(?=\w+ = |\[\[)", "", links, flags=re.MULTILINE)
    assert [link.name for link in config.parse(examples).link] == ["cable", "phone"]
