"""Lines from files: traces, and what ping wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.sim import recorded
from netswap.errors import UserError

SHIPPED = Path(__file__).parents[2] / "bench/sim/cable_modem.csv"
LOG = """\
PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.
[1700000000.020000] 64 bytes from 198.51.100.1: icmp_seq=1 ttl=57 time=20.0 ms
[1700000000.230000] 64 bytes from 198.51.100.1: icmp_seq=2 ttl=57 time=30.0 ms
[1700000000.620000] no answer yet for icmp_seq=3
[1700000000.820000] From 198.51.100.9 icmp_seq=4 Destination Host Unreachable
[1700000001.020000] 64 bytes from 198.51.100.1: icmp_seq=6 ttl=57 time=20.0 ms

--- 198.51.100.1 ping statistics ---
"""


def fates(found: recorded.Recorded, *times_s: float) -> list[float | None]:
    return [found.line.fate(at_s, "198.51.100.1") for at_s in times_s]


def test_a_log_tells_what_became_of_each_packet_and_what_is_not_in_it_was_lost() -> None:
    found = recorded.ping_log(LOG)
    assert found.step_s == pytest.approx(0.2)
    assert found.length_s == pytest.approx(1.2)
    assert fates(found, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1) == [0.02, 0.03, None, None, None, 0.02]
    assert [pytest.approx(each) for each in found.silences] == [(0.4, 1.0)]


def test_sequences_wrap() -> None:
    reply = "[{}.0] 64 bytes from 198.51.100.1: icmp_seq={} ttl=57 time=0 ms\n"
    text = "".join(reply.format(1000 + n, n % recorded.WRAP) for n in range(20_000, 90_000, 10_000))
    found = recorded.ping_log(text)
    assert found.step_s == pytest.approx(1.0)
    assert found.length_s == pytest.approx(60_001)


def test_a_trace_tells_of_troubles() -> None:
    found = recorded.trace(
        "start,length,kind\n10,5,outage\n# then\n20,5,rtt 300 ms\n30,5,loss 100%\n"
    )
    assert fates(found, 9, 10, 14.9, 15, 22, 32) == [0.02, None, None, 0.02, 0.3, None]
    assert found.silences == [(10, 15)]
    assert found.length_s == 35 + 3600


def test_the_shipped_trace_can_be_read() -> None:
    found = recorded.read(SHIPPED)
    assert 80_000 < found.length_s < 90_000
    assert len(found.silences) == 9


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("10,5,flood", "not a line"),
        ("10,5,loss", "not a line"),
        ("10,5,loss 5 ms", "not a line"),
        ("10,5,outage 5%", "not a line"),
        ("10,0,outage", "not a line"),
        ("10,x,outage", "not a line"),
        ("10,outage", "not a line"),
        ("4,9,outage", "before the last one is over"),
    ],
)
def test_a_line_that_is_none_is_told(row: str, wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        recorded.trace(f"start,length,kind\n1,5,outage\n{row}\n")


@pytest.mark.parametrize("text", ["", "hello\n", LOG.replace("[", "("), LOG[:140]])
def test_what_is_no_log_is_told(text: str) -> None:
    with pytest.raises(UserError, match="no log"):
        recorded.ping_log(text)
    with pytest.raises(UserError, match="does not begin"):
        recorded.trace(text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        recorded.read(tmp_path / "none.csv")
