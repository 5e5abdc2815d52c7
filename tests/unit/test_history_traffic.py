"""From the kernel's counters to what a link carried."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netswap.history.traffic import Counter, Meter
from tests.unit.worlds import FIXED


def counter(received: int, sent: int = 0, index: int = 3, boot: str = "a") -> Counter:
    return Counter(boot, index, received, sent)


def take(meter: Meter, seen: Counter | None, link: str = "phone") -> tuple[int, int]:
    return meter.take({link: seen}).get(link, (0, 0))


def test_what_was_before_the_first_look_ever_is_nobodys_business() -> None:
    meter = Meter()
    assert take(meter, counter(5000)) == (0, 0)
    assert take(meter, counter(5300, 20)) == (300, 20)


def test_what_came_while_netswapd_was_not_there_counts() -> None:
    before = Meter()
    take(before, counter(5000))
    after = Meter(before.known)
    assert take(after, counter(7000)) == (2000, 0)


def test_after_a_reboot_counting_goes_on_from_0() -> None:
    meter = Meter({"phone": counter(5000, index=9)})
    assert take(meter, counter(70, 7, index=2, boot="b")) == (70, 7)


def test_an_interface_that_was_made_anew_counts_from_0() -> None:
    meter = Meter()
    take(meter, counter(5000, index=3))
    assert take(meter, None) == (0, 0)
    assert take(meter, counter(40, index=4)) == (40, 0)


def test_what_an_interface_carried_while_it_was_not_the_link_does_not_count() -> None:
    """A Wi-Fi link is told by its connection; the same device carries others, too."""
    meter = Meter()
    take(meter, counter(5000))
    take(meter, None)
    assert take(meter, counter(9000)) == (0, 0)
    assert take(meter, counter(9100)) == (100, 0)


def test_what_a_device_carried_before_it_was_any_link_does_not_count() -> None:
    """The same, where the link is connected for the first time in this boot."""
    meter = Meter()
    wifi = counter(20_000, index=3)
    meter.take({"cable": counter(10, index=2), "phone": None}, [counter(10, index=2), wifi])
    assert take(meter, wifi) == (0, 0)
    assert take(meter, counter(20_100, index=3)) == (100, 0)


def test_an_interface_of_this_boot_is_known_beside_one_of_another() -> None:
    meter = Meter({"cable": counter(10, index=5), "phone": counter(10, index=9, boot="z")})
    assert meter.take({"wifi": counter(700, index=4)}) == {"wifi": (0, 0)}


def test_another_interface_that_was_there_all_the_time_counts_from_now_on() -> None:
    meter = Meter()
    meter.take({"cable": counter(10, index=5), "phone": counter(5000, index=3)})
    assert take(meter, counter(800, index=4)) == (0, 0)
    assert take(meter, counter(900, index=4)) == (100, 0)


def test_a_driver_that_begins_anew_counts_from_0() -> None:
    meter = Meter()
    take(meter, counter(5000, 100))
    assert take(meter, counter(30, 200)) == (30, 200)


@FIXED
@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=30))
def test_nothing_is_counted_twice_or_lost_whenever_netswapd_is_restarted(
    steps: list[tuple[int, bool]],
) -> None:
    meter, total, counted = Meter(), 100, 0
    take(meter, counter(total))
    for more, restarted in steps:
        total += more
        meter = Meter(meter.known) if restarted else meter
        counted += take(meter, counter(total))[0]
    assert counted == total - 100


def test_a_link_that_is_taken_out_of_the_configuration_does_not_count_meanwhile() -> None:
    meter = Meter()
    take(meter, counter(5000))
    meter.take({}, [counter(90_000)])
    assert take(meter, counter(90_010)) == (0, 0)


def test_a_link_that_is_renamed_and_back_counts_once() -> None:
    meter = Meter()
    take(meter, counter(5000))
    carried = [
        take(meter, counter(at), name)
        for name, at in (("mobile", 5000), ("mobile", 90_000), ("phone", 90_000))
    ]
    assert carried == [(0, 0), (85_000, 0), (0, 0)]


def test_a_counter_of_32_bits_that_is_full_goes_on_from_0() -> None:
    meter = Meter()
    take(meter, counter(2**32 - 100, 5000))
    assert take(meter, counter(50, 5100)) == (150, 100)
    take(meter, counter(50, 2**32 - 1))
    assert take(meter, counter(60, 1)) == (10, 2)
