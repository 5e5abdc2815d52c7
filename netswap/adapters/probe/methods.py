"""The methods by which a link is checked, by the names they have in netswap.toml."""

from __future__ import annotations

from collections.abc import Mapping

from netswap.adapters.probe import dns, http, tcp
from netswap.adapters.probe.way import Method

METHODS: Mapping[str, Method] = {"tcp": tcp.run, "dns": dns.run, "http": http.run}
