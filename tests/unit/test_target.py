"""What a check asks, read from text."""

from __future__ import annotations

import pytest

from netswap.core import target
from netswap.core.target import Endpoint


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http://192.0.2.1", Endpoint("192.0.2.1", 80, "/")),
        ("http://a.example:8080/x?y=1#z", Endpoint("a.example", 8080, "/x?y=1")),
        ("http://a.example?y", Endpoint("a.example", 80, "/?y")),
    ],
)
def test_urls(text: str, read: Endpoint) -> None:
    assert target.url(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "http://", "http:///x", "https://a.example", "http://a.example:0/", "http://a b/",
        "http://user@a.example/", "http://a.example/ x", "http://a.example/\r\nX: y",
        "http://[2001:db8::1]/", f"http://{'a' * 64}.example/", "http://-a.example/",
        "http://a.example:99999/", "http://a..example/", "http://\u00e4.example/",
    ],
)  # fmt: skip
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not|has no) "):
        target.url(text)


def test_names_may_end_with_a_dot() -> None:
    assert target.name("a.example.") == "a.example"
    assert target.url("http://a.example./") == Endpoint("a.example", 80, "/")


def test_names_and_ports_have_limits() -> None:
    assert target.endpoint("192.0.2.1:65535") == Endpoint("192.0.2.1", 65535)
    for text in ("192.0.2.1:65536", "192.0.2.1:", "192.0.2.1", ":80", "192.0.2.1:\u0663"):
        with pytest.raises(ValueError, match=r"^(is not|has no) "):
            target.endpoint(text)
    with pytest.raises(ValueError, match="is not a domain name"):
        target.name(".".join(["a" * 60] * 5))
