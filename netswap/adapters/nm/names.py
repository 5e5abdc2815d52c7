"""Names and numbers of NetworkManager's D-Bus API (`man nm-dbus-types`, NM 1.42)."""

from __future__ import annotations

from enum import IntEnum

SERVICE = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
OBJECTS_PATH = "/org/freedesktop"
OLDEST = (1, 42)
"""Older ones treat DHCP differently on Reapply (below 1.36), or were never measured."""

MANAGER = SERVICE
DEVICE = f"{SERVICE}.Device"
DNS_PATH = f"{PATH}/DnsManager"
DNS = f"{SERVICE}.DnsManager"
SETTINGS = f"{SERVICE}.Settings"
SETTINGS_PATH = f"{PATH}/Settings"
PROFILE = f"{SERVICE}.Settings.Connection"
WIRED = f"{SERVICE}.Device.Wired"
ACTIVE = f"{SERVICE}.Connection.Active"
PORT_OF = ("Master", "Controller")
"""Properties of an active connection: the device that has its own as a port, "/" if none has; the
second is the newer word."""
IP4 = f"{SERVICE}.IP4Config"
IP6 = f"{SERVICE}.IP6Config"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"

VERSION_ID_MISMATCH = f"{SERVICE}.Device.VersionIdMismatch"


class DeviceState(IntEnum):
    """NMDeviceState."""

    UNKNOWN = 0
    UNMANAGED = 10
    UNAVAILABLE = 20
    DISCONNECTED = 30
    PREPARE = 40
    CONFIG = 50
    NEED_AUTH = 60
    IP_CONFIG = 70
    IP_CHECK = 80
    SECONDARIES = 90
    ACTIVATED = 100
    DEACTIVATING = 110
    FAILED = 120


OBSTACLES = {
    DeviceState.UNKNOWN: "state unknown",
    DeviceState.UNMANAGED: "not managed by NetworkManager",
    DeviceState.UNAVAILABLE: "not available",
    DeviceState.DISCONNECTED: "not connected",
    DeviceState.PREPARE: "connecting",
    DeviceState.CONFIG: "connecting",
    DeviceState.NEED_AUTH: "waiting for a password",
    DeviceState.IP_CONFIG: "waiting for an address",
    DeviceState.DEACTIVATING: "disconnecting",
    DeviceState.FAILED: "connection failed",
}
"""Why a device in this state carries no traffic. From IP_CHECK on its addresses and routes are in
the kernel, while NetworkManager still waits for pre-up scripts and VPNs."""

CONNECTING = frozenset(
    state for state in DeviceState if DeviceState.PREPARE <= state < DeviceState.ACTIVATED
)
NOTABLE = frozenset(
    state for state in DeviceState if DeviceState.IP_CONFIG <= state <= DeviceState.ACTIVATED
)
"""In these a Reapply of nothing but a note disturbs nothing: the device itself is set up."""

KINDS = {1: "ethernet", 2: "wifi", 5: "bluetooth", 8: "modem", 20: "ethernet"}
"""NMDeviceType → the type that netswap.toml knows; 20 is veth, which NM treats as Ethernet."""

CARRIES = frozenset(KINDS) | {10, 11, 13, 15}
"""NMDeviceTypes that netswap picks by itself: those, and bond, VLAN, bridge and team over them."""

LIMITED = frozenset({1, 2, 3})
"""NMConnectivityState: none, portal, limited; 0 is unknown, 4 full."""

METERED = frozenset({1, 3})
"""NMMetered: yes, guessed yes."""
