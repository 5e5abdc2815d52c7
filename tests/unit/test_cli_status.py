"""What is read from the bus, held against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from netswap.cli import status
from netswap.cli.status import LINK, MANAGER, LinkStatus, Status
from tests.unit.cli_samples import OUTAGE

XML = Path(__file__).resolve().parents[2] / "data/org.netswap1.xml"


def contract(interface: str) -> list[str]:
    found = ElementTree.parse(XML).findall(f"interface[@name='{interface}']/property")
    return [item.attrib["name"] for item in found]


@pytest.mark.parametrize(("cls", "interface"), [(Status, MANAGER), (LinkStatus, LINK)])
def test_every_property_of_the_contract_is_read(
    cls: type[Status | LinkStatus], interface: str
) -> None:
    assert list(status.properties(cls).values()) == contract(interface)


def objects() -> dict[str, dict[str, dict[str, Any]]]:
    """Say OUTAGE as the service would, the phone first."""
    found = {"/org/netswap1": {MANAGER: wire(OUTAGE)}}
    for link in reversed(OUTAGE.links):
        found[f"/org/netswap1/link/{link.name}"] = {LINK: wire(link)}
    return found


def wire(value: Status | LinkStatus) -> dict[str, Any]:
    names = status.properties(type(value))
    values = {name: getattr(value, name) for name in names}
    return {
        property_: status.NONE[name] if values[name] is None else values[name]
        for name, property_ in names.items()
    }


def test_what_the_service_says_is_read_and_put_in_order() -> None:
    assert status.read(objects()) == OUTAGE


def test_the_numbers_for_nothing_become_none() -> None:
    said = objects()
    said["/org/netswap1/link/phone"][LINK].update(
        {"Metric4": -1, "Metric6": -1, "Rtt": -1.0, "Loss": -1.0, "LastReply": 0.0}
    )
    phone = status.read(said).links[1]
    assert (phone.metric4, phone.metric6, phone.rtt_s, phone.loss, phone.last_reply_s) == (
        None,
    ) * 5


def test_a_number_of_no_special_meaning_stays() -> None:
    said = objects()
    said["/org/netswap1/link/phone"][LINK].update({"Loss": 0.0, "ProbesLost": 0})
    phone = status.read(said).links[1]
    assert (phone.loss, phone.probes_lost) == (0.0, 0)


def test_a_property_that_is_missing_is_named() -> None:
    said = objects()
    del said["/org/netswap1/link/phone"][LINK]["Rtt"]
    with pytest.raises(KeyError, match="Rtt"):
        status.read(said)
    with pytest.raises(KeyError, match=r"org\.netswap1\.Manager"):
        status.read({})


def test_json_carries_everything() -> None:
    said = OUTAGE.as_json()
    assert said["active_link"] == "phone"
    assert said["links"][0]["rtt_s"] == OUTAGE.links[0].rtt_s
    assert set(said["links"][0]) == set(status.properties(LinkStatus))
