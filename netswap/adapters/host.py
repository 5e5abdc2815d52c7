"""What this machine allows: capabilities and reverse-path filtering. Read from /proc."""

from __future__ import annotations

from pathlib import Path

_BITS = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}  # linux/capability.h
NEEDED = frozenset(_BITS)
"""CAP_NET_ADMIN for the guard and for marked probes, CAP_NET_RAW for the probes' raw sockets."""

_PROC = Path("/proc")


def missing_capabilities(needed: frozenset[str] = NEEDED, proc: Path = _PROC) -> frozenset[str]:
    """Tell which of the needed capabilities this process does not have (proc(5), CapEff)."""
    status = (proc / "self/status").read_text()
    effective = int(
        next(line for line in status.splitlines() if line.startswith("CapEff:"))[7:], 16
    )
    return frozenset(name for name in needed if not effective >> _BITS[name] & 1)


def strict_rp_filter(ifname: str, proc: Path = _PROC) -> bool:
    """Tell whether strict reverse-path filtering would lose the replies on a standby link.

    The larger of the settings for `all` and for the device counts: 1 is strict, 2 loose, 0 off
    (ip-sysctl.rst). A device without the setting filters nothing: it is gone or has no IPv4. Where
    nothing can be opened it is not known, and taken not to filter.
    """
    conf = proc / "sys/net/ipv4/conf"
    try:
        return max(int((conf / name / "rp_filter").read_text()) for name in ("all", ifname)) == 1
    except OSError:
        return False


def mend_rp_filter(ifname: str) -> str:
    """Return the command that makes the filter loose; 2 wins over whatever `all` says.

    With slashes, sysctl(8) takes a dot for a part of the name (eth0.10).
    """
    if "." in ifname:
        return f"sysctl -w net/ipv4/conf/{ifname}/rp_filter=2"
    return f"sysctl -w net.ipv4.conf.{ifname}.rp_filter=2"
