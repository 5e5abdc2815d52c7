"""The service API as tables. `data/org.netswap1.xml` is the contract, with what all of it means.

A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from netswap.adapters.bus import Variant

NAME = "org.netswap1"
PATH = "/org/netswap1"
LINKS_PATH = f"{PATH}/link"
MANAGER = f"{NAME}.Manager"
LINK = f"{NAME}.Link"
CONTROL = f"{NAME}.control"
"""The polkit action of everything that changes something."""

PROPERTIES = "org.freedesktop.DBus.Properties"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PEER = "org.freedesktop.DBus.Peer"

UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_INTERFACE = "org.freedesktop.DBus.Error.UnknownInterface"
UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"
READ_ONLY = "org.freedesktop.DBus.Error.PropertyReadOnly"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NO_SUCH_LINK = f"{NAME}.Error.NoSuchLink"
INVALID_ARGUMENT = f"{NAME}.Error.InvalidArgument"
INVALID_CONFIGURATION = f"{NAME}.Error.InvalidConfiguration"
CANNOT_PROBE = f"{NAME}.Error.CannotProbe"
NOT_ALLOWED = f"{NAME}.Error.NotAllowed"
BUSY = f"{NAME}.Error.Busy"


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface: names and D-Bus signatures."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    """Properties that change all the time, without PropertiesChanged."""
    methods: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = field(default_factory=dict)
    """Name → arguments in, arguments out."""
    signals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def variants(self, values: Mapping[str, Any]) -> dict[str, Variant]:
        """Wrap property values as D-Bus wants them."""
        return {name: Variant(self.properties[name], value) for name, value in values.items()}


MANAGER_API = Interface(
    MANAGER,
    properties={
        "Version": "s", "ActiveLink": "s", "Mode": "s", "ModeUntil": "d", "State": "s",
        "Reason": "s", "Since": "d", "NetworkManagerRunning": "b", "DryRun": "b",
        "RestsUntil": "d",
    },
    methods={
        "Resync": ({"reason": "s"}, {}),
        "Use": ({"link": "s", "seconds": "d", "even_if_dead": "b"}, {}),
        "Auto": ({}, {}),
        "Forgive": ({}, {}),
        "Pause": ({"seconds": "d"}, {}),
        "Resume": ({}, {}),
        "Reload": ({}, {}),
        "Probe": ({"link": "s"}, {"replies": "a(sd)"}),
        "Transitions": ({"since": "d"}, {"transitions": "a(dsss)"}),
        "Settings": ({}, {"settings": "a(sss)"}),
        "Offers": ({}, {"offers": "a(ssssbs)"}),
        "Diagnose": ({}, {"findings": "a(ssss)"}),
    },
    signals={
        "Swapped": {"from": "s", "to": "s", "reason": "s"},
        "Transition": {"time": "d", "kind": "s", "link": "s", "text": "s"},
    },
)  # fmt: skip

LINK_API = Interface(
    LINK,
    properties={
        "Name": "s", "Preference": "u", "Device": "s", "Connection": "s", "Type": "s",
        "Metered": "b", "Role": "s", "Health": "s", "Resting": "b", "Reason": "s", "Since": "d",
        "Guarded": "b", "Metric4": "x", "Metric6": "x", "Degraded": "b", "Fault": "s",
        "HeldBackUntil": "d", "Health6": "s", "Reason6": "s", "Rtt": "d", "Loss": "d",
        "TargetLoss": "a{sd}", "LastReply": "d", "ProbesSent": "t", "ProbesLost": "t",
        "RepliesInRow": "u", "LossesInRow": "u", "BytesReceived": "t",
        "BytesSent": "t", "DataUsed": "t", "DataCap": "t", "DataSince": "d",
    },
    silent=frozenset(
        {
            "Rtt", "Loss", "TargetLoss", "LastReply", "ProbesSent", "ProbesLost",
            "RepliesInRow", "LossesInRow", "BytesReceived", "BytesSent", "DataUsed",
        }
    ),
)  # fmt: skip

STANDARD = (
    Interface(INTROSPECTABLE, methods={"Introspect": ({}, {"xml_data": "s"})}),
    Interface(
        PROPERTIES,
        methods={
            "Get": ({"interface_name": "s", "property_name": "s"}, {"value": "v"}),
            "GetAll": ({"interface_name": "s"}, {"properties": "a{sv}"}),
            "Set": ({"interface_name": "s", "property_name": "s", "value": "v"}, {}),
        },
        signals={
            "PropertiesChanged": {
                "interface_name": "s",
                "changed_properties": "a{sv}",
                "invalidated_properties": "as",
            }
        },
    ),
    Interface(PEER, methods={"Ping": ({}, {})}),
)
OBJECT_MANAGER_API = Interface(
    OBJECT_MANAGER,
    methods={"GetManagedObjects": ({}, {"objects": "a{oa{sa{sv}}}"})},
    signals={
        "InterfacesAdded": {"object_path": "o", "interfaces_and_properties": "a{sa{sv}}"},
        "InterfacesRemoved": {"object_path": "o", "interfaces": "as"},
    },
)


def link_path(name: str) -> str:
    """Return the object path of a link: what is no letter or digit becomes _xx."""
    encoded = (
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"_{byte:02x}"
        for byte in name.encode()
    )
    return f"{LINKS_PATH}/{''.join(encoded)}"


def introspect(interfaces: tuple[Interface, ...], children: tuple[str, ...] = ()) -> str:
    """Return the introspection XML of an object."""
    lines = ["<node>"]
    for interface in interfaces:
        lines.append(f"<interface name={_quoted(interface.name)}>")
        for name, signature in interface.properties.items():
            lines += _property(name, signature, silent=name in interface.silent)
        for name, (inward, outward) in interface.methods.items():
            arguments = [*_args(inward, "in"), *_args(outward, "out")]
            lines += [f"<method name={_quoted(name)}>", *arguments, "</method>"]
        for name, values in interface.signals.items():
            lines += [f"<signal name={_quoted(name)}>", *_args(values), "</signal>"]
        lines.append("</interface>")
    lines += [f"<node name={_quoted(child)}/>" for child in children]
    return "\n".join([*lines, "</node>"])


def _property(name: str, signature: str, *, silent: bool) -> list[str]:
    head = f'<property name="{name}" type="{signature}" access="read"'
    if not silent:
        return [f"{head}/>"]
    changes = "org.freedesktop.DBus.Property.EmitsChangedSignal"
    return [f"{head}>", f'<annotation name="{changes}" value="false"/>', "</property>"]


def _args(arguments: Mapping[str, str], direction: str = "") -> list[str]:
    towards = f' direction="{direction}"' if direction else ""
    return [f'<arg name="{name}" type="{sig}"{towards}/>' for name, sig in arguments.items()]


def _quoted(text: str) -> str:
    """Quote an attribute of XML; xml.sax would bring an HTTP client along, 2 MB in memory."""
    return f'"{escape(text)}"'
