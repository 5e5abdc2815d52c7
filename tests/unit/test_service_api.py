"""The service's tables against the contract, data/org.netswap1.xml."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.service import api

CONTRACT = Path(__file__).parents[2] / "data/org.netswap1.xml"


def spelled(node: ET.Element) -> Iterator[tuple[str, ...]]:
    """Yield all that an interface says, but for the order and the comments."""
    for interface in node.iter("interface"):
        for member in interface:
            for part in (member, *member):
                facts = sorted(part.attrib.items())
                name = interface.get("name", "")
                yield name, member.get("name", ""), part.tag, *(f"{k}={v}" for k, v in facts)


@pytest.mark.parametrize("interface", [api.MANAGER_API, api.LINK_API], ids=lambda i: i.name)
def test_tables_say_what_the_contract_says(interface: api.Interface) -> None:
    contract = [line for line in spelled(ET.parse(CONTRACT).getroot()) if line[0] == interface.name]
    offered = spelled(ET.fromstring(api.introspect((interface,))))
    assert sorted(offered) == sorted(contract)


def test_every_name_in_the_contract_is_explained() -> None:
    """Each property, method and signal has a comment before it, its own or its group's."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.fromstring(CONTRACT.read_text(), parser)
    named = {"Name", "Metered", "Metric6", "Reason6", "ProbesSent", "ProbesLost", "BytesSent"}
    for interface in root.iter("interface"):
        before = None
        for child in interface:
            if child.tag in ("property", "method", "signal") and child.get("name") not in named:
                assert before is not None, child.get("name")
                assert before.tag is ET.Comment, child.get("name")
            before = child


@given(st.text(min_size=1, max_size=40))
def test_every_name_of_a_link_has_a_path_of_its_own(name: str) -> None:
    path = api.link_path(name)
    assert path.removeprefix(f"{api.LINKS_PATH}/").replace("_", "").isalnum()
    assert path.isascii()
    decoded = bytearray()
    rest = path.removeprefix(f"{api.LINKS_PATH}/")
    while rest:
        take = 3 if rest[0] == "_" else 1
        part, rest = rest[:take], rest[take:]
        decoded += bytes.fromhex(part[1:]) if take == 3 else part.encode()
    assert decoded.decode() == name
