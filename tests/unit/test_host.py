"""What is read from /proc, on a /proc made for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from netswap.adapters.host import mend_rp_filter, missing_capabilities, strict_rp_filter


@pytest.mark.parametrize(
    ("effective", "missing"),
    [
        ("000001ffffffffff", set()),
        ("0000000000003000", set()),
        ("0000000000001000", {"CAP_NET_RAW"}),
        ("0000000000002000", {"CAP_NET_ADMIN"}),
        ("0000000000000000", {"CAP_NET_ADMIN", "CAP_NET_RAW"}),
    ],
)
def test_missing_capabilities_are_named(tmp_path: Path, effective: str, missing: set[str]) -> None:
    (tmp_path / "self").mkdir()
    status = f"Name:\tnetswapd\nCapPrm:\t0000000000000000\nCapEff:\t{effective}\n"
    (tmp_path / "self/status").write_text(status)

    assert missing_capabilities(proc=tmp_path) == missing


@pytest.mark.parametrize(
    ("everywhere", "device", "strict"),
    [(0, 0, False), (1, 0, True), (0, 1, True), (1, 1, True), (2, 1, False), (1, 2, False)],
)
def test_the_larger_setting_counts(
    tmp_path: Path, everywhere: int, device: int, *, strict: bool
) -> None:
    for name, value in {"all": everywhere, "eth0.10": device}.items():
        folder = tmp_path / "sys/net/ipv4/conf" / name
        folder.mkdir(parents=True)
        (folder / "rp_filter").write_text(f"{value}\n")

    assert strict_rp_filter("eth0.10", tmp_path) is strict


def test_a_link_that_is_gone_filters_nothing(tmp_path: Path) -> None:
    assert not strict_rp_filter("eth0", tmp_path)


def test_the_mending_command_is_one_that_sysctl_understands() -> None:
    assert mend_rp_filter("eth0") == "sysctl -w net.ipv4.conf.eth0.rp_filter=2"
    assert mend_rp_filter("eth0.10") == "sysctl -w net/ipv4/conf/eth0.10/rp_filter=2"


def test_what_cannot_be_read_is_taken_not_to_filter(tmp_path: Path) -> None:
    for name in ("all", "eth0"):
        (tmp_path / "sys/net/ipv4/conf" / name / "rp_filter").mkdir(parents=True)
    assert not strict_rp_filter("eth0", tmp_path)
