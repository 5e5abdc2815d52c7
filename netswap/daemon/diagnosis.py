"""What netswapd finds of the system it runs on: for `netswapctl doctor`.

Each finding is a check, a verdict (ok, warn, fail), what was found, and the command that mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netswap.adapters import host
from netswap.adapters.nm import names
from netswap.adapters.nm.client import Client
from netswap.adapters.nm.view import Device
from netswap.core.model import LinkSnapshot, Snapshot, State
from netswap.core.settings import LOWEST_METRIC

Finding = tuple[str, str, str, str]
TUNNELS = (16, 29)
"""NMDeviceTypes tun and WireGuard."""


def examine(
    client: Client | None,
    snapshot: Snapshot,
    *,
    can_end: bool,
    dry_run: bool,
) -> list[Finding]:
    """Return everything that was found, in a fixed order."""
    devices = list(client.view.devices()) if client else []
    return [
        _manager(client),
        *_capabilities(),
        *_links(snapshot),
        *_filters(snapshot.links),
        _guard(dry_run=dry_run),
        _sockets(can_end=can_end),
        _check(client),
        _names(client),
        *_gateways(devices, snapshot.links),
        *_tunnels(devices),
    ]


def _manager(client: Client | None) -> Finding:
    if client is None or not client.running:
        mend = "systemctl start NetworkManager"
        return "NetworkManager", "fail", "not running: no metric can be changed", mend
    oldest = ".".join(map(str, names.OLDEST))
    return "NetworkManager", "ok", f"version {client.view.version} ({oldest} or newer needed)", ""


def _capabilities() -> Iterator[Finding]:
    missing = host.missing_capabilities()
    found = f"missing: {', '.join(sorted(missing))}" if missing else "all that is needed"
    mend = "run netswapd through its systemd unit" if missing else ""
    yield "capabilities", "fail" if missing else "ok", found, mend


def _links(snapshot: Snapshot) -> Iterator[Finding]:
    if len(snapshot.links) < 2:
        found = f"{len(snapshot.links)} link(s): there is nothing to swap to"
        yield "links", "warn", found, "nmcli connection show; netswapctl links"
    yield from map(_link, snapshot.links)


def _link(link: LinkSnapshot) -> Finding:
    name = f"link {link.name}"
    if link.resting:
        return name, "ok", "not connected: that is done on demand", ""
    if link.fault:
        return (
            name,
            "warn",
            f"faulty: {link.fault}",
            f"netswapctl log; netswapctl probe {link.name}",
        )
    if link.state is State.UP:
        return name, "ok", f"up: {link.reason}", ""
    mend = f"netswapctl probe {link.name}; nmcli device" if link.ifname else "nmcli device"
    return name, "warn", f"{link.state.value}: {link.reason}", mend


def _filters(links: Sequence[LinkSnapshot]) -> Iterator[Finding]:
    strict = [link.ifname for link in links if link.ifname and host.strict_rp_filter(link.ifname)]
    for ifname in strict:
        found = f"strict on {ifname}: replies to probes are lost while it is on standby"
        yield "rp_filter", "fail", found, host.mend_rp_filter(ifname)
    if not strict:
        yield "rp_filter", "ok", "not strict on any link", ""


def _guard(*, dry_run: bool) -> Finding:
    """Say how the guard stands: netswapd does not start where the kernel does not tie it to it."""
    if dry_run:
        return "guard", "warn", "a dry run guards nothing", "run netswapd without --dry-run"
    return "guard", "ok", "the kernel removes it with netswapd, however it ends (flags owner)", ""


def _sockets(*, can_end: bool) -> Finding:
    if can_end:
        return "connections", "ok", "the kernel can end them (SOCK_DESTROY)", ""
    found = "this kernel cannot end them: they end at their next packet, by the guard's refusal"
    return "connections", "warn", found, "a kernel with CONFIG_INET_DIAG_DESTROY"


def _check(client: Client | None) -> Finding:
    name = "connectivity check"
    if client is not None and client.view.checks_connectivity:
        found = "on: netswap has NetworkManager check again whenever it holds back a working link"
        return name, "ok", found, ""
    return name, "ok", "off", ""


def _names(client: Client | None) -> Finding:
    mode = client.view.dns_mode if client else ""
    if mode == "none":
        found = "NetworkManager sets no name servers (dns=none): they do not follow a swap"
        return "name servers", "warn", found, "remove dns=none from NetworkManager.conf"
    follow = {"systemd-resolved": "by systemd-resolved", "dnsmasq": "by NetworkManager's dnsmasq"}
    return "name servers", "ok", f"they follow the route, {follow.get(mode, 'by resolv.conf')}", ""


def _gateways(devices: Sequence[Device], links: Sequence[LinkSnapshot]) -> Iterator[Finding]:
    gateways: dict[str, str] = {}
    for device in devices:
        if device.gateway and device.ifname in {link.ifname for link in links}:
            other = gateways.setdefault(device.gateway, device.ifname)
            if other != device.ifname:
                found = (
                    f"{other} and {device.ifname} have the same gateway, {device.gateway}: "
                    "probably one and the same way out"
                )
                yield "gateways", "warn", found, "connect the backup to another network"


def _tunnels(devices: Sequence[Device]) -> Iterator[Finding]:
    for device in devices:
        metrics = [metric for metric in device.metrics4 if metric >= LOWEST_METRIC]
        if device.number in TUNNELS and metrics:
            found = f"{device.ifname} has metric {min(metrics)}: a link may go before it"
            mend = f"nmcli connection modify '{device.connection}' ipv4.route-metric 50"
            yield "VPN", "warn", found, mend
