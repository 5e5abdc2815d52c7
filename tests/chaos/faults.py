"""The catalogue: everything that can die or lie, how it begins, how it ends, what it excuses."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM

from tests.chaos.stage import BACKUP, PREFERRED, RENAMED, Stage
from tests.lab.commands import wait_until
from tests.lab.netswap_toml import NAMED
from tests.lab.services import DISPATCHER

Act = Callable[[Stage, str], None]
"""Does something on the stage to the link that is named."""

FLAP_HZ = 5
MENDS = {"cut": "heal", "pull": "plug"}
LINK = "link"
INTERNET = f"internet of {LINK}"
"""What is behind it; whatever happens to that, anything may happen to the link itself."""
DAEMON = frozenset({"daemon"})
NM = frozenset({"nm"})
EVERYWHERE = frozenset(INTERNET.replace(LINK, link) for link in (PREFERRED, BACKUP))
DHCP = frozenset({f"dhcp of {LINK}"})
USER = frozenset({LINK, "nm"})
"""What a user does to a link waits for NetworkManager."""


def nothing(stage: Stage, link: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    name: str
    begin: Act
    end: Act = nothing
    uses: frozenset[str] = frozenset({LINK})
    """Of two faults that use the same only one is there at a time; LINK: the link that is hit."""
    longest_s: float = 5.0
    """How long it lasts at most."""
    excuses: bool = False
    """Whether netswap can do nothing while it lasts: being offline does not count then."""
    blinds: bool = False
    """Whether netswapd is there and sees nothing, so that a guard may stand where it must not."""

    @property
    def of_link(self) -> bool:
        """Whether it is a fault of one link."""
        return any(LINK in used for used in self.uses)

    def on(self, link: str) -> frozenset[str]:
        """Return what it uses when it hits this link."""
        return frozenset(used.replace(LINK, link) for used in self.uses)


def on_daemon(signal: int) -> Act:
    """Return what sends netswapd a signal."""
    return lambda stage, _: stage.daemon.signal(signal)


def on_nm(signal: int) -> Act:
    """Return what sends NetworkManager a signal."""
    return lambda stage, _: stage.lab.services.signal_nm(signal)


def on_link(method: str) -> Act:
    """Return what calls a method of the link."""
    return lambda stage, link: getattr(stage.lab.link(link), method)()


def on_all(method: str) -> Act:
    """Return what calls a method of every link."""

    def act(stage: Stage, _: str) -> None:
        for link in stage.lab.links.values():
            getattr(link, method)()

    return act


def start(stage: Stage, _: str) -> None:
    """Start netswapd."""
    stage.start()


def watchdog(stage: Stage, _: str) -> None:
    """Do as systemd does with a service that does not feed its watchdog."""
    stage.kill()
    stage.start()


def no_descriptors(stage: Stage, _: str) -> None:
    """Let netswapd open nothing more."""
    resource.prlimit(stage.daemon.pid, resource.RLIMIT_NOFILE, (3, 1024))


def descriptors(stage: Stage, _: str) -> None:
    """Let it open files again."""
    resource.prlimit(stage.daemon.pid, resource.RLIMIT_NOFILE, (1024, 1024))


def disk_full(stage: Stage, _: str) -> None:
    """Let netswapd write to no file: a write of a single byte ends it (setrlimit(2))."""
    resource.prlimit(stage.daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def disk_free(stage: Stage, _: str) -> None:
    """Let it write again."""
    everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(stage.daemon.pid, resource.RLIMIT_FSIZE, everything)


def garbage(stage: Stage, _: str) -> None:
    """Replace the configuration by garbage and have it read."""
    stage.toml.write_bytes(os.urandom(200))
    stage.daemon.signal(SIGHUP)


def mended(stage: Stage, _: str) -> None:
    """Put the configuration back and have it read."""
    stage.toml.write_text(NAMED)
    stage.daemon.signal(SIGHUP)


def foreign_table(stage: Stage, _: str) -> None:
    """While netswapd is away somebody else takes the name of its table; it must not start then."""

    def tables() -> str:
        return stage.lab.sh("nft", "list", "tables")

    stage.kill()
    wait_until(lambda: "netswap" not in tables(), 10, "the kernel takes the table away")
    stage.help("squatter")
    wait_until(lambda: "netswap" in tables(), 10, "a foreign table")
    stage.cannot_start()


def no_rights(stage: Stage, _: str) -> None:
    """While netswapd is away it loses the right to set routes and the guard; it must not start."""
    stage.kill()
    stage.cannot_start(by="setpriv --bounding-set=-net_admin --inh-caps=-net_admin")


def no_backup(stage: Stage, _: str) -> None:
    """Take the backup out of the configuration and have that read."""
    stage.toml.write_text(NAMED[: NAMED.index('[[link]]\nname = "phone"')])
    stage.daemon.signal(SIGHUP)


def clock_set(stage: Stage, _: str) -> None:
    """Set the clock on the wall, by years."""
    stage.clocks.set(ahead_s=-3e8)


def clock_right(stage: Stage, _: str) -> None:
    """Set it right."""
    stage.clocks.set(ahead_s=0)


def suspend(stage: Stage, _: str) -> None:
    """Stop what runs on the laptop; the world around it goes on."""
    stage.daemon.signal(SIGSTOP)
    stage.lab.services.signal_nm(SIGSTOP)


def resume(stage: Stage, _: str) -> None:
    """Go on as after some hours."""
    stage.clocks.sleep(20_000)
    stage.lab.services.signal_nm(SIGCONT)
    stage.daemon.signal(SIGCONT)


def own_table(stage: Stage, _: str) -> None:
    """Let the name be free again and start netswapd."""
    stage.dismiss("squatter")
    stage.start()


def flush(stage: Stage, _: str) -> None:
    """Flush the ruleset, and try to delete the table, as a firewall's restart does."""
    stage.lab.sh("nft", "flush", "ruleset")
    stage.lab.sh("nft", "delete", "table", "inet", "netswap", check=False)


def strict(stage: Stage, link: str) -> None:
    """Switch strict reverse-path filtering on."""
    stage.set_rp_filter("1")


def loose(stage: Stage, link: str) -> None:
    """Switch it off again."""
    stage.set_rp_filter(stage.rp_filter)


def flood(stage: Stage, _: str) -> None:
    """Call the service as fast as it can be called."""
    stage.help("flood")


def drought(stage: Stage, _: str) -> None:
    """End the calls."""
    stage.dismiss("flood")


def up(stage: Stage, link: str) -> None:
    """Let a user connect what is connected, which undoes every Reapply."""
    stage.nmcli("connection", "up", link)


def modify(stage: Stage, link: str) -> None:
    """Let a user change what is in force, again and again, so that versions race.

    A user who fights netswap wins as long as it lasts.
    """
    for metric in range(300, 310):
        stage.nmcli("device", "modify", link, "ipv4.route-metric", str(metric))


def reapply(stage: Stage, link: str) -> None:
    """Let the user take it back."""
    stage.nmcli("device", "reapply", link)


def disconnect(stage: Stage, link: str) -> None:
    """Let a user disconnect the link."""
    stage.nmcli("device", "disconnect", link)


def pulled_and_plugged(stage: Stage, link: str) -> None:
    """Take the cable out for a moment, so that NetworkManager asks for the lease again."""
    stage.lab.link(link).pull()
    stage.lab.link(link).plug()


def other_lease(stage: Stage, link: str) -> None:
    """Let the ISP give another address from now on."""
    stage.restart_dhcp(link, replace=(".0.10,", ".0.60,"))
    pulled_and_plugged(stage, link)


def other_gateway(stage: Stage, link: str) -> None:
    """Let the ISP name another router from now on."""
    number = stage.number[link]
    isp = stage.lab.link(link).spec.isp
    stage.lab.sh("ip", "addr", "replace", f"10.{number}.0.254/24", "dev", "lan", netns=isp)
    stage.restart_dhcp(link, f"--dhcp-option=3,10.{number}.0.254")
    pulled_and_plugged(stage, link)


def as_before(stage: Stage, link: str) -> None:
    """Let the ISP be as it was."""
    stage.restart_dhcp(link)
    pulled_and_plugged(stage, link)


def conflict(stage: Stage, link: str) -> None:
    """Give the laptop's address to somebody else on the link, too."""
    stage.claim(link, stage.lab.link(link).address())


def no_conflict(stage: Stage, link: str) -> None:
    """Take it away again."""
    stage.claim(link, None)


def flapper(kind: str) -> Act:
    """Return what takes a link down and up many times a second."""
    return lambda stage, link: stage.help("flapper", kind, link, str(FLAP_HZ))


def calm(kind: str) -> Act:
    """Return what ends the flapping."""

    def act(stage: Stage, link: str) -> None:
        stage.dismiss(f"flapper {kind} {link}")
        getattr(stage.lab.link(link), MENDS[kind])()

    return act


def nm_stops(signal: int) -> Act:
    """Return what ends NetworkManager."""
    return lambda stage, _: stage.stop_nm(signal)


def nm_starts(stage: Stage, _: str) -> None:
    """Start NetworkManager."""
    stage.start_nm()


def nm_refuses(stage: Stage, _: str) -> None:
    """Have every change of what is in force refused."""
    stage.lab.services.refuse(reapply=True)


def nm_obeys(stage: Stage, _: str) -> None:
    """Have none refused any more."""
    stage.lab.services.refuse(reapply=False)


CATALOGUE = (
    Fault("cut", on_link("cut"), on_link("heal"), frozenset({INTERNET})),
    Fault("cut_all", on_all("cut"), on_all("heal"), EVERYWHERE),
    Fault("flap_internet", flapper("cut"), calm("cut"), frozenset({INTERNET})),
    Fault("pull", on_link("pull"), on_link("plug")),
    Fault("pull_long", on_link("pull"), on_link("plug"), longest_s=12),
    Fault("flap_carrier", flapper("pull"), calm("pull")),
    Fault(
        "dhcp_dead",
        on_link("stop_dhcp"),
        on_link("start_dhcp"),
        DHCP,
        longest_s=20,
    ),
    Fault("other_lease", other_lease, as_before),
    Fault("other_gateway", other_gateway, as_before),
    Fault("address_conflict", conflict, no_conflict),
    Fault(
        "replaced",
        lambda stage, link: stage.remove_device(link),
        lambda stage, link: stage.insert_device(link),
    ),
    Fault(
        "renamed",
        lambda stage, link: stage.rename(link, RENAMED),
        lambda stage, link: stage.rename(RENAMED, link),
    ),
    Fault("kill", lambda stage, _: stage.kill(), start, DAEMON, 2, excuses=True),
    Fault("stop", lambda stage, _: stage.stop(), start, DAEMON, 2, excuses=True),
    Fault("freeze", on_daemon(SIGSTOP), on_daemon(SIGCONT), DAEMON, 3, excuses=True, blinds=True),
    Fault("watchdog", on_daemon(SIGSTOP), watchdog, DAEMON, 3, excuses=True, blinds=True),
    Fault("no_descriptors", no_descriptors, descriptors, DAEMON, excuses=True, blinds=True),
    Fault("disk_full", disk_full, disk_free, DAEMON),
    Fault(
        "disk_hangs",
        lambda stage, _: stage.hang_disk(),
        lambda stage, _: stage.free_disk(),
        DAEMON,
    ),
    Fault("garbage", garbage, mended, DAEMON),
    Fault("no_backup", no_backup, mended, DAEMON, excuses=True),
    Fault("no_rights", no_rights, start, DAEMON, 2, excuses=True),
    Fault("clock_set", clock_set, clock_right, frozenset({"clock"})),
    Fault("suspend", suspend, resume, DAEMON | NM | {"clock"}, excuses=True, blinds=True),
    Fault("foreign_table", foreign_table, own_table, DAEMON, 2, excuses=True),
    Fault("flush_ruleset", flush, uses=frozenset({"nft"}), longest_s=0.1),
    Fault("flood", flood, drought, frozenset({"flood"})),
    Fault("nm_stop", nm_stops(SIGTERM), nm_starts, NM, excuses=True),
    Fault("nm_kill", nm_stops(SIGKILL), nm_starts, NM, excuses=True),
    Fault("nm_hangs", on_nm(SIGSTOP), on_nm(SIGCONT), NM, 8),
    Fault("nm_refuses", nm_refuses, nm_obeys, NM, 8),
    Fault(
        "bus",
        lambda stage, _: stage.stop_bus(),
        lambda stage, _: stage.start_bus(),
        NM,
        excuses=True,
    ),
    Fault(
        "no_dispatcher",
        lambda stage, _: stage.stop_dispatcher(),
        lambda stage, _: stage.restart_dispatcher(),
        NM,
    ),
    Fault(
        "dispatcher_hangs",
        lambda stage, _: stage.lab.commands.services[DISPATCHER].send_signal(SIGSTOP),
        lambda stage, _: stage.lab.commands.services[DISPATCHER].send_signal(SIGCONT),
        NM,
    ),
    Fault("connection_up", up, uses=USER, longest_s=0.1),
    Fault("device_modify", modify, reapply, USER, longest_s=0.1, excuses=True),
    Fault("disconnect", disconnect, up, USER),
    Fault("strict_rp_filter", strict, loose, frozenset({"sysctl"})),
)
BY_NAME = {fault.name: fault for fault in CATALOGUE}
SWAPS = (BY_NAME["cut"], BY_NAME["pull"])
"""What makes netswap swap when it hits the preferred link."""
