"""What comes from NetworkManager: missing, of another type, huge, or pointing in circles."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.bus import Signal, Variant, plain
from netswap.adapters.nm import links, names, settings
from netswap.adapters.nm.links import Picker
from netswap.adapters.nm.view import View
from netswap.core.model import Link
from netswap.core.settings import LinkSettings, Match
from tests.unit.worlds import fixed

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
"""What D-Bus allows as text."""
INTERFACES = (
    names.MANAGER, names.DEVICE, names.WIRED, names.ACTIVE, names.IP4, names.IP6, names.DNS,
)  # fmt: skip
PATHS = (names.PATH, names.DNS_PATH, "/d/1", "/d/2", "/a/1", "/c/1", "/")
PROPERTIES = (
    "Interface", "IpInterface", "DeviceType", "Driver", "State", "Metered", "ActiveConnection",
    "Ip4Config", "Ip6Config", "Carrier", "Id", "Uuid", "AddressData", "RouteData", "DnsPriority",
    "NameserverData", "Gateway", "Version", "Mode", "Ip4Connectivity", "ConnectivityCheckEnabled",
)  # fmt: skip
KEYS = ("address", "prefix", "metric", "table", "dest", "next-hop")
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([0, 1, 100, 254, 2**32 - 1])
    | st.floats()
    | TEXTS
    | st.sampled_from([*PATHS, "eth0", "198.51.100.7", "2001:db8::7", "1.42.4", "x" * 100_000])
    | st.binary(max_size=8)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner)
    ),
    max_leaves=8,
)
TABLES = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=4)
OBJECTS: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(PATHS),
    st.dictionaries(
        st.sampled_from(INTERFACES),
        st.dictionaries(st.sampled_from(PROPERTIES), VALUES | TABLES, max_size=10) | VALUES,
    )
    | VALUES,
)
ARGUMENTS = st.tuples(
    st.sampled_from(PATHS) | st.sampled_from(INTERFACES) | VALUES,
    st.dictionaries(st.sampled_from(INTERFACES), VALUES)
    | st.dictionaries(st.sampled_from(PROPERTIES), VALUES | TABLES)
    | st.lists(st.sampled_from(INTERFACES) | VALUES, max_size=4)
    | VALUES,
) | st.lists(VALUES, max_size=4).map(tuple)
SIGNALS = st.builds(
    lambda path, member, args: Signal(
        ":1.5",
        path,
        names.PROPERTIES if member == "PropertiesChanged" else names.OBJECT_MANAGER,
        member,
        (*args, []) if member == "PropertiesChanged" else args,
    ),
    st.sampled_from(PATHS),
    st.sampled_from(["PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"]),
    ARGUMENTS,
)
WANTED = (
    LinkSettings("cable", Match(interface="eth0")),
    LinkSettings("phone", Match(connection="Phone", type="ethernet"), allow=("192.0.2.0/24",)),
)


def seen(view: View) -> list[Link]:
    """Go all the way from what is cached to what the core is told."""
    devices = list(view.devices())
    links.conflicts(WANTED, devices)
    wanted = (*WANTED, *Picker().pick(devices))
    return [links.observe(link, device, {}) for link, device in links.assign(wanted, devices)]


@fixed()
@given(OBJECTS | VALUES, st.lists(SIGNALS, max_size=4))
def test_whatever_networkmanager_says_links_are_made_of_it(
    objects: Any, signals: list[Signal]
) -> None:
    view = View()
    view.replace(objects)
    for signal in signals:
        view.apply(signal)
    assert isinstance(view.version, str)
    assert isinstance(view.dns_mode, str)
    assert view.checks_connectivity in (True, False)
    for link in seen(view):
        assert isinstance(link.obstacle, str)
        assert all(isinstance(address, str) for address in link.addresses)


NOTES = st.text("0123456789-²٣=. None", max_size=20).map(lambda text: f"ipv4.route-metric={text}")
APPLIED: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["connection", "ipv4", "ipv6", "user"]),
    st.dictionaries(
        st.sampled_from(["method", "route-metric", "dns-priority", "id", "data"]),
        st.builds(lambda number: Variant("x", number), st.integers(-(2**63), 2**63 - 1))
        | st.builds(lambda text: Variant("s", text), TEXTS)
        | st.builds(
            lambda data: Variant("a{ss}", data),
            st.dictionaries(
                st.sampled_from([settings.NOTE, settings.DIALLED]) | TEXTS, NOTES | TEXTS
            ),
        ),
    ),
)


@fixed()
@given(APPLIED)
def test_whatever_a_profile_holds_its_ranks_can_be_set_and_put_back(applied: Any) -> None:
    settings.is_dialled(applied)
    settings.dialled(applied)
    settings.restore(applied)
    ranked = settings.rank(applied, 60, 60)
    assert plain(ranked["ipv4"]["route-metric"]) == 60
    restored = settings.restore(ranked)
    assert restored is not None
    assert settings.restore(restored) is None
