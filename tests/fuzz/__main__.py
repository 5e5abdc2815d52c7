"""`make fuzz MINUTES=… TARGET=…`: the properties of this folder, led by coverage (atheris).

    python -m tests.fuzz [--minutes M] [TARGET ...]     each property of these files for M minutes
    python -m tests.fuzz --one FILE NAME ARGUMENTS      one property, as libFuzzer is told

What failed is kept in build/fuzz as bytes that libFuzzer found; `--one FILE NAME BYTES` tries it
again.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / "build/fuzz"
TARGETS = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
DONE = re.compile(r"^Done (\d+) runs", re.MULTILINE)


def module(target: str) -> ModuleType:
    return importlib.import_module(f"tests.fuzz.test_{target}")


def properties(target: str) -> Iterator[str]:
    """Yield the names of the properties in a file."""
    for name, value in vars(module(target)).items():
        if name.startswith("test_") and hasattr(value, "hypothesis"):
            yield name


def one(target: str, name: str, arguments: list[str]) -> None:
    """Fuzz one property in this process; it ends with it."""
    import atheris  # noqa: PLC0415 (only here is it needed: see the extra `fuzz`)

    with atheris.instrument_imports(include=["netswap"]):
        found = module(target)
    atheris.Setup([sys.argv[0], *arguments], getattr(found, name).hypothesis.fuzz_one_input)
    atheris.Fuzz()


def fuzz(target: str, name: str, seconds: float) -> bool:
    """Fuzz one property in a process of its own; print what came of it."""
    corpus = KEPT / target / name
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds:.0f}", "-max_len=4096", "-timeout=60"]
    kept = f"-artifact_prefix={corpus.parent}/{name}-"
    command = [sys.executable, "-m", "tests.fuzz", "--one", target, name, *limits, kept]
    done = subprocess.run([*command, str(corpus)], capture_output=True, text=True, check=False)
    tried = found[1] if (found := DONE.search(done.stderr)) else "?"
    print(f"{target}: {name}: {tried} tried, {'a failure' if done.returncode else 'none failed'}")
    sys.stdout.flush()
    if done.returncode:
        print(done.stderr[-4000:])
    return done.returncode == 0


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        target, name, *arguments = sys.argv[2:]
        one(target, name, arguments)
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each property")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    wanted = parser.parse_args()
    if unknown := set(wanted.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    results = [
        fuzz(target, name, 60 * wanted.minutes)
        for target in wanted.targets or TARGETS
        for name in properties(target)
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
