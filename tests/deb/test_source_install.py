"""`make install` and `make uninstall` on a running system."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.deb.laptop import QUICK, Laptop, changed, on_disk
from tests.lab.commands import wait_until

CONFIG = Path("/etc/netswap/netswap.toml")
HISTORY = Path("/var/lib/netswap")
MAKE = ("make", "--silent", "--directory=/source")


def test_what_it_says_to_do_next_starts_it(laptop: Laptop, before: dict[str, str]) -> None:
    said = laptop.sh(*MAKE, "install")
    assert "systemctl enable --now netswapd" in said
    CONFIG.write_text(QUICK)
    laptop.sh("systemctl", "enable", "--now", "netswapd")
    assert laptop.unit("FragmentPath") == "/usr/local/lib/systemd/system/netswapd.service"
    wait_until(lambda: laptop.tether.metrics() == [200], 5, "the tether stands by")
    print(laptop.sh("netswapctl", "status"))
    laptop.sh("netswapctl", "doctor")


def test_installing_again_restarts_it(laptop: Laptop) -> None:
    pid = laptop.unit("MainPID")
    laptop.sh(*MAKE, "install")
    assert laptop.unit("ActiveState") == "active"
    assert laptop.unit("MainPID") != pid


def test_uninstalling_leaves_nothing(laptop: Laptop, before: dict[str, str]) -> None:
    told = laptop.sh(*MAKE, "uninstall")
    assert str(CONFIG.parent) in told
    assert str(HISTORY) in told
    wait_until(lambda: laptop.tether.metrics() == [101], 5, "the metrics are as found")
    assert laptop.sh("nft", "list", "ruleset") == ""
    CONFIG.unlink()
    CONFIG.parent.rmdir()
    shutil.rmtree(HISTORY)
    assert changed(before, on_disk()) == set()
