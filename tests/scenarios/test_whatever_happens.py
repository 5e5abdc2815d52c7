"""Any sequence of happenings: afterwards, when all is well again, all is as it should be.

While it plays, `player.py` checks what must hold at every moment.
"""

from __future__ import annotations

from hypothesis import given, note
from hypothesis import strategies as st

from tests.scenarios.player import Player
from tests.scenarios.script import read
from tests.unit.worlds import FIXED

NICS = ("cable0", "wlan0", "tether0")
DEVICES = """\
device cable0 ethernet{ipv6}
device wlan0 wifi{ipv6}
device tether0 ethernet metered rtt=0.15
"""
PHONE = "phone0 bluetooth on-demand metered"
ON_DEMAND = (
    "device {phone}\nconfig\n"
    + "".join(
        f'    [[link]]\n    name = "{name}"\n    match = {{{{ connection = "{name}" }}}}\n'
        for name in (*NICS, "phone0")
    )
    + """\
    connect = "on-demand"
    connect_when = "{when}"
    connect_timeout_s = 20
    release_after_s = 5
"""
)
OF_A_LINK = [
    "cut {}", "heal {}", "slow {} 1.3", "slow {} 2.6", "slow {} 0.02", "lose {} 1", "lose {} 3",
    "error {} no buffer", "error {}", "pull {}", "plug {}", "reset {} 70", "reset {} 500",
    "expire {}", "vanish {}", "reactivate {}", "portal {}", "fail {} dns", "pass {}",
]  # fmt: skip
OF_OTHERS = [
    "appear cable0 ethernet", "appear tether0 ethernet metered",
    "nm refuses", "nm obeys", "nm hangs", "nm leaves", "nm returns",
    "use tether0", "use wlan0 for 5", "use cable0 even if dead", "pause for 5", "auto",
]  # fmt: skip
OF_THE_PHONE = [
    "connect phone0", "disconnect phone0", "refuse phone0 no such network", "refuse phone0",
    "use phone0", "use phone0 for 5", "use phone0 even if dead", f"appear {PHONE}",
]  # fmt: skip
TROUBLES = st.one_of(
    st.builds(str.format, st.sampled_from(OF_A_LINK), st.sampled_from(NICS)),
    st.sampled_from(OF_OTHERS),
)
TROUBLES_ON_DEMAND = st.one_of(
    TROUBLES,
    st.builds(str.format, st.sampled_from(OF_A_LINK), st.just("phone0")),
    st.sampled_from(OF_THE_PHONE),
)
APPEAR = ["appear cable0 ethernet", "appear wlan0 wifi", "appear tether0 ethernet metered"]
GAPS = st.sampled_from([0.0, 0.001, 0.02, 0.3, 0.7, 1.0, 2.5, 7.0, 13.0])
CHECKS = st.sampled_from(["", "check every 5\n", "check every 30\n"])
OURS = """\
    [[check]]
    method = "http"
    target = "http://198.51.100.1/"
    [[check]]
    method = "dns"
    target = "example.org"
    every_s = 7
    fall = 3
"""


@st.composite
def plays(draw: st.DrawFn) -> tuple[str, float]:
    """Return a scenario that ends well, and when the last trouble was mended."""
    text = DEVICES.format(ipv6=draw(st.sampled_from(["", " ipv6"]))) + draw(CHECKS)
    text += draw(st.sampled_from(["", OURS]))
    when = draw(st.sampled_from(["", "down", "suspect"]))
    if when:
        text += ON_DEMAND.format(phone=PHONE, when=when)
    troubles = TROUBLES_ON_DEMAND if when else TROUBLES
    now_s = 0.5
    for trouble in draw(st.lists(troubles, min_size=1, max_size=8)):
        now_s += draw(GAPS)
        text += f"at {now_s:.3f} {trouble}\n"
    now_s += 10
    nics = (*NICS, "phone0") if when else NICS
    mended = ["auto", "auto now", "nm returns", "nm obeys", "refuse phone0", *APPEAR]
    mended += [f"{verb} {nic}" for nic in nics for verb in ("heal", "error", "plug", "pass")]
    mended += [f"slow {nic} 0.02" for nic in nics]
    text += "".join(f"at {now_s:.3f} {what}\n" for what in mended)
    return f"{text}until {now_s + 120:.3f}\n", now_s


@FIXED
@given(plays())
def test_in_the_end_all_is_as_it_should_be(play: tuple[str, float]) -> None:
    text, mended_s = play
    player = Player(read(text))
    note(f"{text}----\n{player.run()}")

    network = player.network
    phone = network.nics.get("phone0")
    dialled = phone is not None and phone.activated
    assert not (phone and dialled and phone.activation in network.own), "it is not released"
    assert network.traffic is network.nics["cable0"]
    assert network.guard == {"wlan0", "tether0"} | ({"phone0"} if dialled else set())
    assert player.engine.snapshot(player.clock.now_s).active == "cable0"
    late = [line for line in player.transcript.lines if float(line.split()[0]) > mended_s + 60]
    late = [line for line in late if "passes its checks" not in line]  # made rarely at rest
    assert [line for line in late if line.split()[1] in ("do", "log", "announce")] == []
