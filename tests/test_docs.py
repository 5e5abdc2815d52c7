"""What the documentation names exists: files, tests, make targets, links, options, log lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from netswap import config
from netswap.core.settings import MetricSettings, ProbeSettings
from netswap.daemon.__main__ import main
from tests.chaos.faults import CATALOGUE

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
DOCS += sorted((ROOT / "docs").rglob("*.md"))
NAMES = [str(doc.relative_to(ROOT)) for doc in DOCS]

FENCED = re.compile(r"^```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:\A|\n)\n((?: {4}.*\n?|\n(?= {4}))+)")
SPAN = re.compile(r"`([^`]+)`")

OURS = r"(?:netswap|tests|docs|scripts|bench|data|contrib|dispatcher\.d|\.ci)"
OUR_PATH = re.compile(rf"(?<![\w/.-]){OURS}/[\w./*-]*[\w*]")
TEST_ID = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>[\w:\[\]-]+)")
TEST_NAME = re.compile(r"\btest_\w+")
MAKE = re.compile(r"(?:^|[;&(] *|sudo )make (?P<target>[a-z][\w-]*)", re.MULTILINE)
CALL = re.compile(r"\bnetswapd(?P<options>(?: \[?--?[a-z][\w-]*(?: [A-Z]+)?\]?)+)")
OPTION = re.compile(r"--?[a-z][\w-]*")
LINK = re.compile(r"\[[^]]*\]\((?P<target>[^)\s]+)\)")
LOG_LINE = re.compile(r"^[\d-]{10} [\d:.]{12} (?:INFO|WARNING|ERROR) +(?P<text>.+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)


def code(text: str) -> Iterator[str]:
    """Yield every piece of code: fenced or indented blocks, and spans in the prose."""
    yield from (match["code"] for match in FENCED.finditer(text))
    prose = FENCED.sub("", text)
    yield from INDENTED.findall(prose)
    yield from SPAN.findall(INDENTED.sub("\n", prose))


def anchor(heading: str) -> str:
    """Return what a heading is linked by, as forges make it: small letters, dashes for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@cache
def functions(file: Path) -> frozenset[str]:
    """Name the functions that a file defines, at whatever depth."""
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(file.read_text() if file.exists() else "")
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, found))


@cache
def all_tests() -> frozenset[str]:
    """Name all tests, and the modules they are in."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return frozenset().union(*(functions(file) | {file.stem} for file in files))


@cache
def said() -> tuple[re.Pattern[str], ...]:
    """Return patterns of every text in netswap that could be a line of the log."""
    patterns = []
    for file in sorted((ROOT / "netswap").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            template = _template(node)
            if len(template.replace(".+", "").replace("\\", "")) >= 10:
                patterns.append(re.compile(template, re.DOTALL))
    return tuple(patterns)


def is_said(line: str) -> bool:
    return any(pattern.fullmatch(line) for pattern in said())


def _template(node: ast.AST) -> str:
    """Return a text, be it plain, an f-string or one for %, as a pattern; "" if it is none."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[sdr]", ".+", re.escape(text))
        case ast.JoinedStr(values=parts):
            return "".join(_template(part) or ".+" for part in parts)
    return ""


@pytest.fixture(params=DOCS, ids=NAMES)
def doc(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_files_exist(doc: Path) -> None:
    named = {match.rstrip(".") for match in OUR_PATH.findall(doc.read_text())}
    missing = {name for name in named if not any(ROOT.glob(name))}
    assert missing == set()


def test_tests_exist(doc: Path) -> None:
    text = doc.read_text()
    for match in TEST_ID.finditer(text):
        assert match["name"] in functions(ROOT / match["file"]), match[0]
    assert set(TEST_NAME.findall(text)) - all_tests() == set()


def test_make_targets_exist(doc: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    named = {match["target"] for piece in code(doc.read_text()) for match in MAKE.finditer(piece)}
    assert named - targets == set()


def test_relative_links_resolve(doc: Path) -> None:
    for match in LINK.finditer(doc.read_text()):
        path, _, heading = match["target"].partition("#")
        if ":" in path:
            continue
        target = (doc.parent / path) if path else doc
        assert target.exists(), match[0]
        if heading:
            anchors = {anchor(found["text"]) for found in HEADING.finditer(target.read_text())}
            assert heading in anchors, match[0]


def test_options_of_netswapd_exist(doc: Path) -> None:
    known = {option for param in main.params for option in param.opts} | {"--help", "-h"}
    for match in CALL.finditer(doc.read_text()):
        assert set(OPTION.findall(match["options"])) <= known, match[0]


def test_examples_of_netswap_toml_are_valid(doc: Path) -> None:
    for match in FENCED.finditer(doc.read_text()):
        if match["kind"] == "toml":
            config.parse(match["code"], doc.name)


def test_the_first_example_shows_the_defaults() -> None:
    example = next(m for m in FENCED.finditer(DOCS[0].read_text()) if m["kind"] == "toml")
    settings = config.parse(example["code"])
    assert (settings.probe, settings.metric) == (ProbeSettings(), MetricSettings())
    for part in (ProbeSettings, MetricSettings):
        for item, _, _ in config.documented(part):
            assert re.search(rf"^{item.name} = ", example["code"], re.MULTILINE), item.name


def test_netswap_says_what_troubleshooting_explains() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    headings = [match["text"] for match in HEADING.finditer(text)]
    lines = [line for heading in headings for line in SPAN.findall(heading)]
    assert lines
    assert [line for line in lines if not is_said(line)] == []


def test_quoted_log_lines_are_said(doc: Path) -> None:
    quoted = [match["text"] for match in LOG_LINE.finditer(doc.read_text())]
    assert [line for line in quoted if not is_said(line)] == []


def test_what_is_not_said_is_noticed() -> None:
    assert is_said("Changing default interface from one to other: a reason")
    assert not is_said("The moon is made of cheese: says who")


def test_code_is_found_however_it_is_written() -> None:
    text = "a `span`\n\n    indented\n\n```sh\nfenced\n```\nprose\n"
    assert [piece.strip() for piece in code(text)] == ["fenced", "indented", "span"]
    assert MAKE.findall("make demo; sudo make test") == ["demo", "test"]
    assert anchor("What it will *not* do: `x`") == "what-it-will-not-do-x"


def test_the_table_of_faults_has_all_that_chaos_makes_and_no_others() -> None:
    rows = (ROOT / "docs/reliability.md").read_text().partition("## The table")[2]
    rows = rows.partition("## Limits")[0]
    last = [line.split("|")[-2] for line in rows.splitlines() if line.startswith("|")]
    named = [name for cell in last for name in SPAN.findall(cell)]
    assert sorted(named) == sorted(fault.name for fault in CATALOGUE)


def test_every_row_of_faults_has_a_test() -> None:
    rows = (ROOT / "docs/reliability.md").read_text().partition("## The table")[2]
    for line in rows.partition("## Limits")[0].splitlines():
        if line.startswith("| ") and not line.startswith("| fault"):
            assert SPAN.search(line.split("|", 3)[3]), line
