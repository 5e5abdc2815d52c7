"""Three links, and one of them is not netswap's to touch: its profile is one user's own."""

from __future__ import annotations

from pathlib import Path
from signal import SIGHUP

import pytest

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.services import BUS_ADDRESS, BUS_CONFIG
from tests.lab.spec import CABLE, LabSpec, LinkSpec

PHONE, WIFI = LinkSpec("phone0", metered=True), LinkSpec("wifi0", metric=600)
LINKS = "".join(
    f'[[link]]\nname = "{name}"\nmatch = {{ interface = "{name}0" }}\n'
    for name in ("cable", "wifi", "phone")
)


def refuse(lab: Lab, ifname: str) -> None:
    """Have the bus refuse every Reapply of one device."""
    path = lab.nmcli("-g", "GENERAL.DBUS-PATH", "device", "show", ifname).strip()
    deny = (
        '<policy context="mandatory"><deny send_interface="org.freedesktop.NetworkManager.Device"'
        f' send_member="Reapply" send_path="{path}"/></policy>'
    )
    Path("/run/lab/bus.conf").write_text(BUS_CONFIG.format(address=BUS_ADDRESS, more=deny))
    lab.commands.services["bus"].send_signal(SIGHUP)


@pytest.mark.lab(LabSpec(links=(PHONE, WIFI, CABLE)))
def test_a_backup_that_is_refused_keeps_traffic_on_no_metered_one(lab: Lab) -> None:
    refuse(lab, "wifi0")
    daemon = lab.netswapd(QUICK + LINKS)
    daemon.wait_for("Failed: Setting the metric of wifi", 10)
    wait_until(lambda: lab.active() == "cable0", 5, "the cable carries traffic")
    wait_until(lambda: lab.guarded() == {"wifi0", "phone0"}, 5, "the backups are guarded")


PHONE6, MODEM6, CABLE6 = (
    LinkSpec("phone0", metered=True, ipv6=True),
    LinkSpec("modem0", metered=True, ipv6=True),
    LinkSpec("cable0", ipv6=True),
)


@pytest.mark.lab(LabSpec(links=(PHONE6, MODEM6, CABLE6)))
def test_nor_does_one_that_has_ipv6(lab: Lab) -> None:
    refuse(lab, "modem0")
    daemon = lab.netswapd(QUICK + LINKS.replace("wifi", "modem"))
    daemon.wait_for("Failed: Setting the metric of modem", 10)
    wait_until(lambda: lab.active() == "cable0", 8, "the cable carries traffic")
    wait_until(lambda: lab.guarded() == {"modem0", "phone0"}, 5, "the backups are guarded")
