"""What the actions of `make lab` answer where they are called wrongly."""

from __future__ import annotations

import pytest

from tests.lab import shell, trouble


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("lose cable0", "usage: lose LINK PERCENT\n"),
        ("lose cable0 much", "usage: lose LINK PERCENT\n"),
        ("pull", "usage: pull LINK\n"),
        ("explode cable0", "usage: cut LINK | cut_icmp LINK | lose LINK PERCENT | heal LINK | "),
    ],
)
def test_an_action_tells_how_it_is_called(
    capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    assert trouble.main(arguments.split()) == 2
    assert capsys.readouterr().err.startswith(said)


def test_a_newcomer_is_told_the_same() -> None:
    assert "  lose LINK PERCENT          the ISP loses so many percent\n" in shell.greeting()
