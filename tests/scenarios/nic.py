"""One simulated network device, with the ISP behind it and its routes in the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

from netswap.adapters.bus import Variant, plain
from netswap.adapters.nm.names import KINDS, DeviceState
from netswap.adapters.nm.settings import Applied
from netswap.adapters.nm.view import Device
from netswap.core.model import PENALTY

FIRST_METRIC = {"ethernet": 100, "wifi": 600, "modem": 700, "bluetooth": 750}
"""NetworkManager's default metrics by type; each further device of a type gets the next one."""

NUMBERS = {kind: number for number, kind in reversed(KINDS.items())}


def profile(v6: bool, metric: int = -1) -> Applied:
    """Return a connection's settings as NetworkManager stores them."""
    addressing = {"method": Variant("s", "auto"), "route-metric": Variant("x", metric)}
    return {
        "connection": {"id": Variant("s", "profile")},
        "ipv4": dict(addressing),
        "ipv6": dict(addressing) if v6 else {"method": Variant("s", "disabled")},
    }


@dataclass(eq=False)
class Nic:
    """A device. What an ISP does is on top, what NetworkManager and the kernel have below."""

    ifname: str
    address: str = "198.51.100.1"
    kind: str = "ethernet"
    connection: str = ""
    metered: bool = False
    v6: bool = False
    v4: bool = True
    metric: int = -1
    """The profile's own route metric, -1 for NetworkManager's default."""

    on_demand: bool = False
    """NetworkManager does not connect it by itself."""
    refusal: str = ""
    """Why NetworkManager refuses to connect it, "" if it does not."""
    private: str = ""
    """Likewise to change its metric."""

    answers: bool = True
    rtt_s: float = 0.02
    lose: int = 0
    """How many of the next probes get lost."""
    drop_every: int = 0
    """Which probes it drops: every so many; 0: none."""
    probes: int = 0
    """How many were sent over it."""
    failing: dict[str, str] = field(default_factory=dict)
    """Methods of checking that fail over it → why."""
    error: str = ""
    """Why a packet cannot be sent from here, "" if it can."""

    carrier: bool = True
    state: DeviceState = DeviceState.ACTIVATED
    applied: Applied = field(default_factory=dict)
    activation: str = ""
    activation_metric: int = 0
    checked_s: float = 0.0
    """When the check was begun that was the last to be heard of."""
    limited: bool = False
    """NetworkManager's connectivity check got no answer: it adds 20000 to the metric."""
    seen_carrier: bool = True
    seen_dns: tuple[int, int] = (0, 0)
    routes4: set[int] = field(default_factory=set)
    routes6: set[int] = field(default_factory=set)
    ahead: int = 0
    """The metric of a route that netswap made ahead of NetworkManager, 0 if there is none."""
    replaced: set[int] = field(default_factory=set)
    """The metrics of NetworkManager's own that it took the place of."""

    def loses(self) -> bool:
        """Take a probe; say whether it gets lost."""
        self.probes += 1
        if self.lose:
            self.lose -= 1
            return True
        dropped = self.drop_every > 0 and self.probes % self.drop_every == 0
        return dropped or not self.works

    @property
    def works(self) -> bool:
        """Whether what leaves by it reaches the internet."""
        return self.carrier and self.answers and not self.error

    @property
    def activated(self) -> bool:
        return self.state is DeviceState.ACTIVATED

    @property
    def activating(self) -> bool:
        return DeviceState.PREPARE <= self.state < DeviceState.ACTIVATED

    def applied_number(self, name: str) -> int | None:
        setting, _, key = name.partition(".")
        value = plain(self.applied.get(setting, {}).get(key))
        return value if isinstance(value, int) else None

    def effective_metric(self, family: str) -> int:
        """Return the metric that NetworkManager gives the default route of a family."""
        wanted = self.applied_number(f"{family}.route-metric")
        base = self.activation_metric if wanted in (None, -1) else wanted
        assert base is not None
        return base + PENALTY * self.limited

    def route(self) -> None:
        """Have the kernel's default routes as NetworkManager wants them, and no other."""
        self.routes4 = {self.effective_metric("ipv4")} if self.activated and self.v4 else set()
        self.ahead = 0
        self.replaced = set()
        self.route6()

    def route6(self) -> None:
        self.routes6 = {self.effective_metric("ipv6")} if self.activated and self.v6 else set()

    def show_dns(self) -> None:
        """Have NetworkManager show the DNS priorities on the bus; 100 is its default."""
        ipv4, ipv6 = (self.applied_number(f"ipv{n}.dns-priority") or 100 for n in (4, 6))
        self.seen_dns = ipv4, ipv6

    def forget_stale(self) -> None:
        """Drop the routes that NetworkManager does not know (any more)."""
        self.routes4 &= {self.effective_metric("ipv4")}
        self.routes6 &= {self.effective_metric("ipv6")}
        self.ahead = 0
        self.replaced = set()

    def seen(self) -> Device:
        """Return it as NetworkManager shows it on the bus."""
        return Device(
            path=f"/Devices/{self.ifname}",
            interface=self.ifname,
            ifname=self.ifname,
            number=NUMBERS[self.kind],
            kind=self.kind,
            driver="",
            state=self.state,
            carrier=self.seen_carrier,
            metered=self.metered,
            limited=self.limited,
            connection=self.connection if self.activated or self.activating else "",
            activation=self.activation if self.activated or self.activating else "/",
            uuid="",
            addresses=(self.address,) if self.activated else (),
            metrics4=frozenset(self.routes4),
            metrics6=frozenset(self.routes6),
            gateway="",
            dns4=self.seen_dns[0] if self.activated else 0,
            dns6=self.seen_dns[1] if self.activated and self.v6 else 0,
        )
