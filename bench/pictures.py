"""`make pictures`: the report in a browser, light and dark, on a desk and a phone: docs/pictures.

Needs Debian's chromium and pngquant, and playwright from PyPI, which no test does. A month of the
past is made up (`bench.past`), the same each time but for the dates; the quarter of an hour of
`bench.recorded`, made before, is from the lab.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import past, recorded

PICTURES = Path(__file__).resolve().parents[1] / "docs/pictures"
SIZES = {"desk": (1080, 1500), "phone": (390, 1500)}
"""Width of the window, and how much of the page is shown."""
SCHEMES = ("light", "dark")
CHROMIUM = "/usr/bin/chromium"
COLOURS = "128"


def report(folder: Path) -> Path:
    """Make up 30 days, and the report on them; return the page."""
    database, html = folder / "history.db", folder / "report.html"
    now_s = time.time()
    past.fill(database, 30, now_s)
    command = [sys.executable, "-m", "netswap.cli.main", "report"]
    subprocess.run([*command, "--database", database, "--html", html], check=True)
    return html


def taken(html: Path, folder: Path, subject: str) -> Iterator[Path]:
    """Yield a picture of a page for each size and scheme.

    Raises OSError where the page asks for anything.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (for this alone)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                page = browser.new_page(
                    viewport={"width": width, "height": 800}, color_scheme=scheme
                )
                yield _take(page, html, folder / f"{subject}-{name}-{scheme}.png", height)
        browser.close()


def _take(page: Any, html: Path, picture: Path, height: int) -> Path:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(html.as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0 or len(asked) > 1:
        raise OSError(f"{picture.name}: {wide} pixels too wide, asked for {asked[1:]}")
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    page.screenshot(path=picture, clip=clip, full_page=True)
    page.close()
    return picture


def main() -> int:
    """Take all pictures; return the exit status."""
    missing = [tool for tool in (CHROMIUM, "pngquant") if not shutil.which(tool)]
    if missing:
        print(f"no {' and no '.join(missing)}\nhint: apt install chromium pngquant")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = {"report": report(folder), "recorded": recorded.PAGE.absolute()}
        for subject, html in pages.items():
            for picture in taken(html, folder, subject):
                keep(picture)
    return 0


def keep(picture: Path) -> None:
    """Put a picture where they are kept, with as few colours as it needs."""
    small = PICTURES / picture.name
    options = ("--force", "--speed", "1", "--strip", "--output", str(small))
    subprocess.run(["pngquant", COLOURS, *options, picture], check=True)
    print(f"{small}: {small.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
