"""What surrounds netswap, simulated: devices, NetworkManager, the kernel's routes and the guard.

It behaves as NetworkManager 1.42 was seen to behave:

- a Reapply that changes a setting restarts DHCP; where no server answers, the link is torn down
  after `ipv4.dhcp-timeout`. One that changes nothing removes the routes NetworkManager forgot;
- a Reapply that changes IPv4 or IPv6 takes the link's IPv6 away for some 15 ms;
- the DNS priority is seen on the bus some 16 ms after the call;
- a lost carrier is told after 4 ms, the route goes after 6 s; what was applied at run time goes
  with it, and the device comes back with the next free metric;
- the connectivity check (`checks.py`) adds 20000 to the metric of a link that it finds limited;
- a restart forgets what was applied at run time, and leaves its routes in the kernel;
- connecting what it does not connect by itself takes `DIAL_S`, the call itself no time; without an
  answer from the DHCP server it is given up after `DHCP_TIMEOUT_S`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from netswap.adapters.nm import links, settings
from netswap.adapters.nm.links import Metrics, Picker
from netswap.adapters.nm.names import DeviceState
from netswap.adapters.nm.router import PATIENCE_S, RANK_S
from netswap.adapters.nm.settings import NEVER_S, Applied
from netswap.adapters.nm.view import Device
from netswap.core.actions import (
    Block,
    Connect,
    Disconnect,
    EndConnections,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import Link, World
from netswap.core.settings import Settings
from tests.scenarios.checks import Checks
from tests.scenarios.clock import Clock
from tests.scenarios.nic import FIRST_METRIC, Nic, profile

CARRIER_TOLD_S = 0.004
CARRIER_PATIENCE_S = 6.0
REAPPLY_S = 0.003
IPV6_GONE_S = 0.015
DNS_TOLD_S = 0.016
REACTIVATION_S = 0.1
DHCP_TIMEOUT_S = 45.0
DIAL_S = 1.5


class RefusedError(Exception):
    """A step could not be carried out."""


class Network:
    """The surroundings. `changed` is called after each change that netswap would be told of."""

    def __init__(self, config: Settings, clock: Clock, changed: Callable[[], None]) -> None:
        self.nics: dict[str, Nic] = {}
        self.guard: set[str] = set()
        self.mute: set[str] = set()
        """The targets that do not answer."""
        self.running = True
        self.refusal = ""
        self.hangs = False
        self.kernel_refuses = False
        """Whether no route can be set ahead of NetworkManager."""
        self.sockets_fail = False
        """Whether no connection can be ended."""
        self.own: set[str] = set()
        """The activations that netswap asked for."""
        self.checks = Checks(clock, self.nics, self.guard, self._hold_back)
        self._config = config
        self._clock = clock
        self._changed = changed
        self._picker = Picker()
        self._devices: list[Device] = []
        self._paths: dict[str, str] = {}
        self._metrics: dict[str, int] = {}
        self._activations = itertools.count(1)

    # what netswap sees

    def observe(self) -> World:
        if self.running:
            self._devices = [nic.seen() for nic in self.nics.values()]
        wanted = self._config.link or self._picker.pick(self._devices)
        assigned = links.assign(wanted, self._devices)
        self._paths = {link.name: device.ifname for link, device in assigned if device}
        metrics: Metrics = {}
        for nic in self.nics.values():
            metrics[nic.ifname, 4] = sorted(nic.routes4)
            metrics[nic.ifname, 6] = sorted(nic.routes6)
        return World(
            links=tuple(
                self._unconfirmed(links.observe(link, device, metrics, self.own))
                for link, device in assigned
            ),
            guarded=frozenset(self.guard),
            managed=self.running,
        )

    def _unconfirmed(self, link: Link) -> Link:
        """Tell of a route that went ahead, as the steps do."""
        nic = self.nics.get(link.ifname)
        if link.v4 is None or nic is None or not nic.ahead:
            return link
        return replace(link, v4=replace(link.v4, confirmed=False))

    @property
    def leader(self) -> Nic | None:
        """The device that the kernel sends by."""
        return min(self._routed, key=lambda nic: min(nic.routes4), default=None)

    @property
    def _routed(self) -> list[Nic]:
        return [nic for nic in self.nics.values() if nic.routes4]

    @property
    def traffic(self) -> Nic | None:
        """The device that traffic reaches the internet by, None if it does not."""
        nic = self.leader
        return nic if nic and nic.works and nic.ifname not in self.guard else None

    # what netswap does

    def duration_s(self, step: Step) -> float:
        """Say how long a step takes."""
        if isinstance(step, SetMetric) and self.hangs:
            return RANK_S
        if isinstance(step, SetMetric | Restore | Tidy | Connect | Disconnect):
            return PATIENCE_S if self.hangs else REAPPLY_S
        return 0.0

    def begin(self, step: Step) -> None:
        """Do what is done ahead of NetworkManager: what moves traffic is in the kernel at once."""
        nic = self.nics.get(self._paths.get(step.link, ""))
        if isinstance(step, Restore) and nic and nic.ahead and not nic.replaced:
            self._withdraw(nic)
        if not isinstance(step, SetMetric) or step.v4 is None or nic is None or not nic.routes4:
            return
        if nic.ahead and nic.ahead != step.v4:
            self._withdraw(nic)
        if self.kernel_refuses or not nic.routes4:
            return
        lowest = min(nic.routes4)
        others = {at for other in self._routed if other is not nic for at in other.routes4}
        rivals = {at for at in others if lowest <= at < step.v4}
        if lowest <= step.v4 and not rivals:
            return
        nic.replaced = {at for at in nic.routes4 if at <= min(rivals, default=0)}
        nic.ahead = step.v4
        nic.routes4 = nic.routes4 - nic.replaced | {nic.ahead}
        self._changed()

    def _withdraw(self, nic: Nic) -> None:
        """Take a route that went ahead away again; the only one is NetworkManager's by now."""
        nic.routes4 |= nic.replaced
        if nic.routes4 - {nic.ahead}:
            nic.routes4.discard(nic.ahead)
        nic.ahead, nic.replaced = 0, set()

    def take(self, step: Step) -> None:
        """Carry out a step. Raises RefusedError."""
        match step:
            case Block(_, ifname):
                self.guard.add(ifname)
            case Unblock(_, ifname):
                self.guard.discard(ifname)
            case EndConnections() if self.sockets_fail:
                raise RefusedError("Too many open files")
            case _:
                self._ask(step)

    def _ask(self, step: Step) -> None:
        """Have NetworkManager carry out a step."""
        match step:
            case Recheck():
                self.checks.now()
            case SetMetric() | Restore() | Tidy():
                nic = self._nic(step.link)
                if isinstance(step, Restore) and not settings.restore(nic.applied):
                    self._withdraw(nic)  # all there is of ours; NetworkManager is not asked
                    self._changed()
                    return
                if nic.private:
                    raise RefusedError(nic.private)
                self.reapply(nic, _edited(step, nic.applied))
            case Connect(_, _, connection):
                self._obeys()
                self.own.add(self.dial(self._profile(connection)))
            case Disconnect():
                self.deactivate(self._nic(step.link), DeviceState.DISCONNECTED)

    def _profile(self, connection: str | None) -> Nic:
        for nic in self.nics.values():
            if nic.connection == connection:
                return nic
        raise RefusedError("NetworkManager has no such connection")

    def dial(self, nic: Nic) -> str:
        """Begin to connect a device; return the activation. Raises RefusedError."""
        if nic.refusal:
            raise RefusedError(nic.refusal)
        activation = nic.activation = f"/ActiveConnection/{next(self._activations)}"
        nic.state = DeviceState.PREPARE

        def still(state: DeviceState) -> bool:
            return nic.activation == activation and nic.state is state

        def get_address() -> None:
            if still(DeviceState.PREPARE):
                self.activate(nic)
                self._clock.later(DHCP_TIMEOUT_S, give_up)

        def give_up() -> None:
            if still(DeviceState.IP_CONFIG):
                self.deactivate(nic, DeviceState.DISCONNECTED)

        self._clock.later(DIAL_S, get_address)
        self._changed()
        return activation

    def _nic(self, link: str) -> Nic:
        self._obeys()
        if self._paths.get(link) not in self.nics:
            raise RefusedError(f"{link} is gone")
        return self.nics[self._paths[link]]

    def _obeys(self) -> None:
        if not self.running:
            raise RefusedError("NetworkManager is not there")
        if self.hangs:
            raise RefusedError("no answer (org.freedesktop.DBus.Error.NoReply)")
        if self.refusal:
            raise RefusedError(self.refusal)

    def reapply(self, nic: Nic, applied: Applied) -> None:
        changed = any(applied.get(name) != nic.applied.get(name) for name in ("ipv4", "ipv6"))
        nic.applied = applied
        if not changed:
            nic.forget_stale()
        else:
            nic.route()
            nic.routes6 = set()
            self._then(IPV6_GONE_S, nic.route6)
            self._then(DNS_TOLD_S, nic.show_dns)
            self._restart_dhcp(nic)
        self._changed()

    def _restart_dhcp(self, nic: Nic) -> None:
        if nic.applied_number("ipv4.dhcp-timeout") != NEVER_S:
            applied = nic.applied

            def time_out() -> None:
                if nic.applied is applied and not nic.answers:
                    self.deactivate(nic, DeviceState.FAILED)

            self._then(DHCP_TIMEOUT_S, time_out)

    # what happens to devices

    def add(self, nic: Nic) -> None:
        """Have a device appear, and connect it."""
        self.nics[nic.ifname] = nic
        nic.state = DeviceState.DISCONNECTED
        if not nic.on_demand:
            self.activate(nic)

    def remove(self, ifname: str) -> Nic:
        """Have a device vanish, with all that belongs to it."""
        nic = self.nics.pop(ifname)
        self.deactivate(nic, DeviceState.UNAVAILABLE)
        return nic

    def activate(self, nic: Nic) -> None:
        """Connect a device, as far as it gets."""
        if not nic.answers:
            nic.state = DeviceState.IP_CONFIG
        elif nic.carrier:
            first = FIRST_METRIC[nic.kind]
            nic.activation_metric = self._metrics.get(nic.kind, first)
            self._metrics[nic.kind] = nic.activation_metric + 1
            if not nic.activating:
                nic.activation = f"/ActiveConnection/{next(self._activations)}"
            nic.state = DeviceState.ACTIVATED
            self._apply_profile(nic)
        self._changed()

    def _apply_profile(self, nic: Nic) -> None:
        nic.applied = profile(nic.v6, nic.metric)
        nic.route()
        nic.show_dns()

    def deactivate(self, nic: Nic, state: DeviceState) -> None:
        nic.state, nic.applied, nic.limited = state, {}, False
        nic.route()
        self._changed()

    def reactivate(self, nic: Nic) -> None:
        """Connect a device anew, with what its profile says."""
        self.deactivate(nic, DeviceState.DEACTIVATING)
        self._clock.later(REACTIVATION_S, partial(self.activate, nic))

    def pull(self, nic: Nic) -> None:
        """Pull the cable."""
        nic.carrier = False

        def give_up() -> None:
            if not nic.carrier and self.running:
                self.deactivate(nic, DeviceState.UNAVAILABLE)

        self._then(CARRIER_TOLD_S, lambda: self._show_carrier(nic))
        self._clock.later(CARRIER_PATIENCE_S, give_up)

    def plug(self, nic: Nic) -> None:
        """Put the cable back."""
        nic.carrier = True
        self._then(CARRIER_TOLD_S, lambda: self._show_carrier(nic))
        if not (nic.activated or nic.on_demand):
            self._clock.later(CARRIER_TOLD_S, lambda: self.activate(nic))

    def _show_carrier(self, nic: Nic) -> None:
        nic.seen_carrier = nic.carrier

    # what NetworkManager does by itself

    def leave(self) -> None:
        """Have NetworkManager leave the bus; links stay as they are."""
        self.running = False
        self._changed()

    def come_back(self) -> None:
        """Have NetworkManager start again: it adopts the links, with the profiles' settings."""
        if self.running:
            return
        self.running = True
        for nic in self.nics.values():
            if nic.activated and not nic.carrier:
                self.deactivate(nic, DeviceState.UNAVAILABLE)
            elif nic.activated:
                old4, old6 = nic.routes4, nic.routes6
                nic.activation = f"/ActiveConnection/{next(self._activations)}"
                self._apply_profile(nic)
                nic.routes4 |= old4
                nic.routes6 |= old6
        self._changed()

    def _hold_back(self, nic: Nic, limited: bool) -> None:
        if nic.activated and self.running and nic.limited is not limited:
            nic.limited = limited
            nic.route()
            self._changed()

    def _then(self, delay_s: float, change: Callable[[], None]) -> None:
        def do() -> None:
            change()
            self._changed()

        self._clock.later(delay_s, do)


def _edited(step: SetMetric | Restore | Tidy, applied: Applied) -> Applied:
    match step:
        case SetMetric(_, v4, v6):
            return settings.rank(applied, v4, v6)
        case Restore(patient=patient):
            return settings.restore(applied, patient=patient) or applied
        case Tidy():
            return applied
