"""netswap.toml: what it may say, and one line with a hint for everything that is wrong in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap import config
from netswap.core.settings import LinkSettings, Match, MetricSettings, ProbeSettings, Settings
from netswap.errors import MISCONFIGURED, ConfigurationError
from netswap.lines import LONG
from tests.unit.worlds import FIXED

TWO_LINKS = """\
[[link]]
name = "cable"
match = { interface = "enx00e04c680b8d" }

[[link]]
name = "phone"
match = { connection = "Phone", type = "ethernet" }
metered = true

[probe]
targets = ["198.51.100.8", "198.51.100.9"]
interval_s = 0.5
fall = 3
rise = 4

[metric]
takeover = 70
preferred = 110
standby = 300
"""


def error_of(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        config.parse(text)
    return caught.value


def test_everything_at_its_place() -> None:
    assert config.parse(TWO_LINKS) == Settings(
        link=(
            LinkSettings("cable", Match(interface="enx00e04c680b8d")),
            LinkSettings("phone", Match(connection="Phone", type="ethernet"), metered=True),
        ),
        probe=ProbeSettings(("198.51.100.8", "198.51.100.9"), interval_s=0.5, fall=3, rise=4),
        metric=MetricSettings(70, 110, 300),
    )


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "[probe]\n", "link = []\n"])
def test_what_is_left_out_has_its_default(text: str) -> None:
    assert config.parse(text) == Settings()


def test_a_whole_number_will_do_for_seconds() -> None:
    assert config.parse("[probe]\ninterval_s = 2\n").probe.interval_s == 2.0


LINK = '[[link]]\nname = "a"\nmatch = { interface = "eth0" }\n'

WRONG = {
    "a cap that is no amount": (
        LINK + 'data_cap = "5"\n',
        ":4: link[0].data_cap: '5' is no amount of data",
        'data_cap = "5 GB"',
    ),
    "nothing to avoid": (
        LINK + 'at_cap = "avoid"\n',
        ":4: link[0].at_cap: there is no cap",
        'data_cap = "5 GB"',
    ),
    "a cycle that begins nowhere": (
        LINK + "cycle_days = 28\n",
        ":4: link[0].cycle_days: needs to be told since when",
        "cycle_since",
    ),
    "a cycle that begins on no day": (
        LINK + 'cycle_since = "2026-02-30"\n',
        ":4: link[0].cycle_since: '2026-02-30' is no day",
        "cycle_since",
    ),
    "a cycle of no days": (
        LINK + 'cycle_since = "2026-02-28"\n',
        ":4: link[0].cycle_since: needs to be told how many days a cycle has",
        "cycle_days = 30",
    ),
    "a port": (
        '[probe]\ntargets = ["198.51.100.1:53"]\n',
        ":2: probe.targets[0]: '198.51.100.1:53' is not an IPv4 address",
        "such as 8.8.8.8",
    ),
    "everybody": (
        '[probe]\ntargets = ["255.255.255.255"]\n',
        ":2: probe.targets[0]: 255.255.255.255 would not tell whether the internet",
        "such as",
    ),
    "somebody nearby": (
        '[probe]\ntargets6 = ["fe80::1%eth0"]\n',
        ":2: probe.targets6[0]: fe80::1%eth0 would not tell whether the internet",
        "such as",
    ),
    "an address twice, in two ways": (
        '[probe]\ntargets6 = ["2001:db8::1", "2001:0db8::1"]\n',
        ":2: probe.targets6: names an address twice",
        "once",
    ),
    "a name that is an address": (
        '[[check]]\nmethod = "dns"\ntarget = "198.51.100.1"\n',
        ":3: check[0].target: '198.51.100.1' is an address, not a domain name",
        "example.org",
    ),
    "a day of the month that there is not": (
        LINK + "cycle_start = 32\n",
        ":4: link[0].cycle_start",
        "1 to 31",
    ),
    "on demand without a connection": (
        LINK + 'connect = "on-demand"\n',
        ":3: link[0].match: must name the connection of a link on demand",
        "nmcli connection",
    ),
    "unknown table": ("\n[prob]\nfall = 3\n", ":2: prob: unknown setting", "'probe'"),
    "unknown key": ("[probe]\n\nfal = 3\n", ":3: probe.fal: unknown setting", "'fall'"),
    "unknown key of a link": (
        LINK + 'colour = "red"\n',
        ":4: link[0].colour: unknown setting",
        "known here: name, match, metered",
    ),
    "unknown key of the second link": (
        LINK + LINK.replace("eth0", "eth1").replace('"a"', '"b"') + "metred = true\n",
        ":7: link[1].metred: unknown setting",
        "'metered'",
    ),
    "unknown match": (
        '[[link]]\nname = "a"\nmatch = { interfce = "eth0" }\n',
        ":3: link[0].match.interfce: unknown setting",
        "'interface'",
    ),
    "wrong type": ("[probe]\nfall = true\n", ":2: probe.fall: ", "1 to 100"),
    "text for a number": ('[probe]\nrise = "3"\n', ":2: probe.rise: ", "replies in a row"),
    "fraction for a number": ("[probe]\nfall = 1.5\n", ":2: probe.fall: ", "1 to 100"),
    "number for a text": ("[[link]]\nname = 5\n", ":2: link[0].name: ", "what you call"),
    "table for a list": ("[link]\nname = 'a'\n", ":1: link: ", ""),
    "number for a table": ("probe = 5\n", ":1: probe: ", ""),
    "text for a list": ('[probe]\ntargets = "198.51.100.8"\n', ":2: probe.targets: ", "answer"),
    "number in a list of texts": ("[probe]\ntargets = [8]\n", ":2: probe.targets[", "answer"),
    "below its range": ("[probe]\nfall = 0\n", ":2: probe.fall: ", "1 to 100"),
    "above its range": ("[probe]\ninterval_s = 1e9\n", ":2: probe.interval_s: ", "0.1 to 3600"),
    "no number at all": ("[probe]\ninterval_s = nan\n", ":2: probe.interval_s: ", "0.1 to 3600"),
    "a metric where VPNs stand": ("[metric]\ntakeover = 50\n", ":2: metric.takeover: ", "52 to"),
    "metrics out of order": (
        "[metric]\ntakeover = 150\n",
        "metric: takeover 150, preferred 100 and standby 200 must rise in this order",
        "60, 100 and 200",
    ),
    "name for an address": (
        '[probe]\ntargets = ["198.51.100.8", "dns.example"]\n',
        ":2: probe.targets[1]: 'dns.example' is not an IPv4 address",
        "such as 8.8.8.8",
    ),
    "IPv6 target": (
        '[probe]\ntargets = ["2001:db8::1"]\n',
        ":2: probe.targets[0]: '2001:db8::1' is not an IPv4 address",
        "targets6",
    ),
    "IPv4 target for IPv6": (
        '[probe]\ntargets6 = ["8.8.8.8"]\n',
        ":2: probe.targets6[0]: '8.8.8.8' is not an IPv6 address",
        "IPv4 addresses go to targets",
    ),
    "not one of the words": (
        '[[check]]\nmethod = "icmp"\ntarget = "x"\n',
        ":2: check[0].method: must be tcp, dns or http, got 'icmp'",
        "a page is fetched",
    ),
    "may be left out, but is text": (
        '[[link]]\nname = "a"\nmatch = { interface = 3 }\n',
        ":3: link[0].match.interface: must be text, got a whole number",
        "as `nmcli device` prints it",
    ),
    "after a comment with its name": (
        '# interval_s = 3\n[probe]\n# interval_s = 4\ninterval_s = "x"\n',
        ":4: probe.interval_s: must be a number, got text",
        "0.1 to 3600",
    ),
    "with a dot": ('probe.fall = 3\nprobe.interval_s = "x"\n', ":2: probe.interval_s: ", "0.1"),
    "in quotes": ('[probe]\nfall = 3\n"fal" = 2\n', ":3: probe.fal: unknown", "'fall'"),
    "after a text of many lines": (
        '[[link]]\nname = """a\nfal = 3\n"""\n[probe]\nfal = 3\n',
        ":6: probe.fal: unknown",
        "'fall'",
    ),
    "in the second of two": (
        '[[link]]\nname = "a"\nmatch = { interface = "a" }\n'
        '[[link]]\nname = "b"\nmatch = { interface = "b" }\nmetred = true\n',
        ":7: link[1].metred: unknown setting",
        "'metered'",
    ),
    "no room between": (
        "[metric]\nstandby = 101\n",
        ":1: metric: takeover 60, preferred 100 and standby 101 must rise in this order, the last",
        "60, 100 and 200",
    ),
    "target on this machine": (
        '[probe]\ntargets = ["127.0.0.1"]\n',
        ":2: probe.targets[0]: 127.0.0.1 would not tell",
        "8.8.8.8",
    ),
    "no target": (
        "[probe]\ntargets = []\n",
        ":2: probe.targets: must name at least one",
        "8.8.8.8",
    ),
    "link without a name": ('[[link]]\nmatch = { type = "wifi" }\n', ":1: link[0]: ", ""),
    "link without a match": ('[[link]]\nname = "a"\n', ":1: link[0]: ", ""),
    "empty match": (
        '[[link]]\nname = "a"\nmatch = {}\n',
        ":3: link[0].match: must say which device",
        "nmcli device",
    ),
    "name that cannot be shown": (
        '[[link]]\nname = "a b"\nmatch = { interface = "eth0" }\n',
        ":2: link[0].name: 'a b' cannot be a name",
        "letters",
    ),
    "unknown device type": (
        '[[link]]\nname = "a"\nmatch = { type = "usb" }\n',
        ":3: link[0].match.type: 'usb' is no device type",
        "ethernet, wifi, modem, bluetooth",
    ),
    "two links of one name": (
        LINK + LINK.replace("eth0", "eth1"),
        ":5: link[1].name: 'a' names two links",
        "differ",
    ),
    "two links matching one device": (
        LINK + LINK.replace('"a"', '"b"'),
        ":6: link[1].match: matches the same device as 'a'",
        "differ",
    ),
    "unknown method of checking": (
        '[[check]]\nmethod = "ping"\ntarget = "192.0.2.1"\n',
        ":2: check[0].method: ",
        "tcp: a connection is made",
    ),
    "check without a target": ('[[check]]\nmethod = "tcp"\n', ":1: check[0]: ", ""),
    "tcp to a name": (
        '[[check]]\nmethod = "tcp"\ntarget = "host.example:443"\n',
        ":3: check[0].target: 'host.example:443' is not an IPv4 address and a port",
        "192.0.2.1:443",
    ),
    "tcp to no port": (
        '[[check]]\nmethod = "tcp"\ntarget = "192.0.2.1:0"\n',
        ":3: check[0].target: '192.0.2.1:0' has no port from 1 to 65535",
        "192.0.2.1:443",
    ),
    "dns for no name": (
        '[[check]]\nmethod = "dns"\ntarget = "a b"\n',
        ":3: check[0].target: 'a b' is not a domain name",
        "example.org",
    ),
    "http that is none": (
        '[[check]]\nmethod = "http"\ntarget = "https://example.org/"\n',
        ":3: check[0].target: 'https://example.org/' is not a URL that begins with http://",
        "http://example.org/page",
    ),
    "page of a check by dns": (
        '[[check]]\nmethod = "dns"\ntarget = "example.org"\nexpect_body = "x"\n',
        ":4: check[0].expect_body: a check by dns has no page",
        "http",
    ),
    "check that takes longer than it rests": (
        '[[check]]\nmethod = "dns"\ntarget = "example.org"\nevery_s = 3\n',
        "check[0].timeout_s: 5 is more than every_s, 3",
        "5 and 30",
    ),
    "check of a link that is not there": (
        LINK + '[[check]]\nmethod = "dns"\ntarget = "example.org"\nlinks = ["b"]\n',
        ":7: check[0].links[0]: there is no link 'b'",
        "links in this file: a",
    ),
    "no TOML": ("[probe\n", "not valid TOML", "toml.io"),
    "a key given twice": ("[probe]\nfall = 2\nfall = 3\n", "not valid TOML", "toml.io"),
}


@pytest.mark.parametrize(("text", "said", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_in_one_line_with_a_hint(text: str, said: str, hint: str) -> None:
    error = error_of(text)
    assert said in str(error)
    assert hint in error.hint
    assert error.hint, "there is a hint for everything"
    assert "\n" not in str(error) + error.hint
    assert str(error).startswith("netswap.toml")
    assert error.status == MISCONFIGURED == 2


def test_lines_for_people() -> None:
    error = error_of("[probe]\nfal = 3\n")
    assert error.lines("netswapd").splitlines() == [
        "netswapd: netswap.toml:2: probe.fal: unknown setting",
        "Hint: did you mean 'fall'?",
    ]


# files


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_text(TWO_LINKS)
    loaded = config.load(path)
    assert (loaded.settings, loaded.path) == (config.parse(TWO_LINKS), path)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_text(TWO_LINKS, encoding="utf-8-sig")
    assert config.load(path).settings == config.parse(TWO_LINKS)


def test_settings_are_listed_with_where_they_are_from(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_text("[probe]\nfall = 3\n")
    listed = config.load(path).listed()
    assert ("probe.fall", "3", str(path)) in listed
    assert ("probe.rise", "3", "default") in listed
    assert ("probe.targets", '["1.1.1.1", "8.8.8.8"]', "default") in listed


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent.toml: no such file") as caught:
        config.load(tmp_path / "absent.toml")
    assert caught.value.hint


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        config.load(tmp_path)


def test_what_is_no_text_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "netswap.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=":1: it is not UTF-8 text") as caught:
        config.load(path)
    assert "UTF-8" in caught.value.hint


def test_where_a_mistake_is_in_a_long_file_is_not_looked_for() -> None:
    assert str(error_of("\n" * LONG + "fal = 3\n")) == "netswap.toml: fal: unknown setting"


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[probe]\nfal = 3\n")
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(path))}:2: "):
        config.load(path)


# whatever stands in it

KEYS = st.sampled_from(
    ["link", "probe", "metric", "name", "match", "interface", "type", "targets", "fall", "takeover"]
)
VALUES = st.recursive(
    st.sampled_from(['"x"', "1", "-1", "1.5", "nan", "true", "1979-05-27", '"8.8.8.8"', '"\\n"']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: f"{{{', '.join(f'{key} = {value}' for key, value in table.items())}}}"
        ),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES),
    st.builds("[{}]".format, KEYS),
    st.builds("[[{}]]".format, KEYS),
    st.builds("{}.{} = {}".format, KEYS, KEYS, VALUES),
)
TEXTS = st.text(max_size=40) | st.lists(LINES, max_size=6).map("\n".join)


def explained(text: str) -> ConfigurationError | None:
    """Return what is wrong, None if nothing is. Any other exception is a bug."""
    try:
        config.parse(text)
    except ConfigurationError as error:
        return error
    return None


@FIXED
@given(TEXTS)
def test_whatever_stands_there_it_is_read_or_explained(text: str) -> None:
    if error := explained(text):
        assert "\n" not in str(error)
        assert error.hint
