"""What can happen in a scenario: `at TIME` one of these.

cut LINK · heal LINK            its upstream falls silent without a sign, and answers again
slow LINK SECONDS               replies take that long from now on
doubt LINK                      a router says that it cannot deliver a probe
lose LINK N                     the next N probes over it get lost
drop LINK N                     every Nth probe over it gets lost (ends with 0)
mute TARGET · unmute TARGET     a target answers nobody
error LINK [REASON]             packets cannot be sent from here (ends without a reason)
portal LINK                     its pages redirect to a portal, pings pass
fail LINK METHOD [REASON]       checks by tcp, dns or http fail over it
pass LINK                       its checks succeed again
pull LINK · plug LINK           the cable
expire LINK · renew LINK        it loses its address, and gets one again
appear LINK KIND …              a new device, as in `device`
reactivate LINK                 as `nmcli connection up` does it
connect LINK · disconnect LINK  by the user
refuse LINK [REASON]            NetworkManager refuses to connect it (ends without a reason)
private LINK                    it is one user's own: NetworkManager refuses to change its metric
vanish LINK · rename LINK NEW   a device goes, or comes back under another name
reset LINK METRIC               somebody else gives it this metric
nm leaves · nm returns          NetworkManager leaves the bus, and starts again
nm refuses · nm hangs · nm obeys
sockets fail · sockets obey     no connection can be ended
kernel refuses                  it takes no route of netswap's own
check fails · check works       the server that NetworkManager's check asks
spend LINK SHARE                so much of its data cap is used: 1 is all of it
use LINK [for SECONDS] [even if dead] · pause [for SECONDS] · auto
                                what the user asks for
auto now                        likewise: nothing is held back any more
wake up [after SECONDS]         the computer slept for so long, and woke up just now
stop netswap                    SIGTERM
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from math import inf

from netswap.adapters.bus import Variant
from netswap.adapters.nm.names import DeviceState
from netswap.core.model import Mode, Override
from tests.scenarios.network import Network, RefusedError
from tests.scenarios.nic import Nic
from tests.scenarios.script import device

REFUSAL = "Not authorized (org.freedesktop.NetworkManager.Device.PermissionDenied)"


USER = {"use": Mode.PINNED, "pause": Mode.PAUSED, "auto": Mode.AUTO}


def override(event: str, now_s: float) -> Override:
    """Read what the user asks for."""
    verb, *rest = event.split()
    return Override(
        mode=USER[verb],
        link=rest[0] if verb == "use" else "",
        until_s=now_s + float(rest[rest.index("for") + 1]) if "for" in rest else inf,
        even_if_dead=event.endswith("even if dead"),
    )


def happen(event: str, network: Network) -> None:
    """Make it happen."""
    verb, first, *rest = event.split()
    if event in AROUND:
        AROUND[event](network)
    elif verb == "mute":
        network.mute.add(first)
    elif verb == "unmute":
        network.mute.discard(first)
    elif verb == "appear" and first not in network.nics:
        network.add(device([first, *rest], len(network.nics)))
    elif verb in VERBS and first in network.nics:
        VERBS[verb](network, network.nics[first], rest)


def cut(network: Network, nic: Nic, _: Sequence[str]) -> None:
    nic.answers = False


def heal(network: Network, nic: Nic, _: Sequence[str]) -> None:
    nic.answers = True
    if nic.state in (DeviceState.IP_CONFIG, DeviceState.FAILED):
        network.activate(nic)


def slow(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    nic.rtt_s = float(rest[0])


def lose(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    nic.lose = int(rest[0])


def drop(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    nic.drop_every = int(rest[0])


def error(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    nic.error = " ".join(rest)


def portal(network: Network, nic: Nic, _: Sequence[str]) -> None:
    nic.failing["http"] = "captive portal (redirected to http://portal.example/)"


def fail(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    method, *reason = rest
    nic.failing[method] = " ".join(reason) or "no answer"


def pass_(network: Network, nic: Nic, _: Sequence[str]) -> None:
    nic.failing.clear()


def pull(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.pull(nic)


def plug(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.plug(nic)


def expire(network: Network, nic: Nic, _: Sequence[str]) -> None:
    if nic.activated:
        network.deactivate(nic, DeviceState.IP_CONFIG)


def renew(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.activate(nic)


def reactivate(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.reactivate(nic)


def connect(network: Network, nic: Nic, _: Sequence[str]) -> None:
    with contextlib.suppress(RefusedError):  # which nmcli tells the user
        network.dial(nic)


def disconnect(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.deactivate(nic, DeviceState.DISCONNECTED)


def refuse(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    nic.refusal = " ".join(rest)


def private(network: Network, nic: Nic, _: Sequence[str]) -> None:
    nic.private = REFUSAL


def vanish(network: Network, nic: Nic, _: Sequence[str]) -> None:
    network.remove(nic.ifname)


def rename(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    network.remove(nic.ifname)
    nic.ifname = rest[0]
    network.add(nic)


def reset(network: Network, nic: Nic, rest: Sequence[str]) -> None:
    if network.running and nic.activated:
        ipv4 = nic.applied["ipv4"] | {"route-metric": Variant("x", int(rest[0]))}
        network.reapply(nic, nic.applied | {"ipv4": ipv4})


def nm_refuses(network: Network) -> None:
    network.refusal = REFUSAL


def nm_hangs(network: Network) -> None:
    network.hangs = True


def nm_obeys(network: Network) -> None:
    network.refusal, network.hangs = "", False


def kernel_refuses(network: Network) -> None:
    network.kernel_refuses = True


def sockets_fail(network: Network) -> None:
    network.sockets_fail = True


def sockets_obey(network: Network) -> None:
    network.sockets_fail = False


def check_fails(network: Network) -> None:
    network.checks.server_answers = False


def check_works(network: Network) -> None:
    network.checks.server_answers = True


VERBS: dict[str, Callable[[Network, Nic, Sequence[str]], None]] = {
    what.__name__.rstrip("_"): what
    for what in (
        cut, heal, slow, lose, drop, error, pull, plug, expire, renew, reactivate, vanish,
        rename, reset, portal, fail, pass_, connect, disconnect, refuse,
        private,
    )
}  # fmt: skip

AROUND: dict[str, Callable[[Network], None]] = {
    "nm leaves": Network.leave,
    "nm returns": Network.come_back,
} | {
    what.__name__.replace("_", " "): what
    for what in (
        nm_refuses, nm_hangs, nm_obeys, kernel_refuses, sockets_fail, sockets_obey, check_fails,
        check_works,
    )
}  # fmt: skip
