"""What a caller can put right is told by field and code; what is good passes in silence."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.refusals import TextRule, refuse_object, refuse_reference, refuse_text
from engine.words import UserErrorCode

TITLE = TextRule(longest=20)
PROSE = TextRule(longest=20, lines=True, optional=True)
REQUIRED, TOO_MANY, INVALID = UserErrorCode.REQUIRED, UserErrorCode.TOO_MANY, UserErrorCode.INVALID


@pytest.mark.parametrize(
    ("text", "rule", "code"),
    [
        ("", TITLE, REQUIRED),
        (" \t\n", TITLE, REQUIRED),
        ("x" * 21, TITLE, TOO_MANY),
        ("a\nb", TITLE, INVALID),
        ("nul\0", TITLE, INVALID),
        ("bell\a", PROSE, INVALID),
        ("delete\x7f", PROSE, INVALID),
        ("next line\x85", PROSE, INVALID),
        ("half a pair \ud83d", PROSE, INVALID),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(text, rule, code):
    (refusal,) = refuse_text(text, ("input", "title"), rule)

    assert (refusal.path, refusal.code) == (("input", "title"), code)
    assert refusal.message.startswith("input.title ")


@pytest.mark.parametrize(
    ("text", "rule"),
    [("x" * 20, TITLE), ("Ünïcödé 🌊", TITLE), ("", PROSE), ("two\r\n\tlines", PROSE)],
)
def test_a_good_text_passes(text, rule):
    assert list(refuse_text(text, ("title",), rule)) == []


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        5,
        {"a": math.inf},
        {"a": math.nan},
        {"a": 2**64},
        {"a": -(2**63) - 1},
        {"a": "nul \0"},
        {"nul \0": 1},
        {"a": ["\ud800"]},
        {"a": "x" * 100_001},
        {"a": [0] * 10_001},
        dict.fromkeys(map(str, range(1_001))),
        {"a": ...},
        nested(21),
        nested(400),
    ],
    ids=repr,
)
def test_what_no_json_column_gives_back_is_refused(value):
    (refusal,) = refuse_object(value, ("parameters",))

    assert (refusal.path, refusal.code) == (("parameters",), INVALID)


@pytest.mark.parametrize(
    "value", [{}, {"a": [1.5, None, True, "x", {"b": -(2**63)}], "": 2**64 - 1}, nested(20)]
)
def test_a_plain_object_passes(value):
    assert list(refuse_object(value, ("parameters",))) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "picture.png",
        "//host/picture.png",
        "http://example.org/picture.png",
        "ftp://example.org/picture.png",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///picture.png",
        "https://user:secret@example.org/",
        "https://user@example.org/",
        "https://@example.org/",
        "https://exa mple.org/",
        "https://example.org/\n",
        "https://example.org:port/",
        "https://example.org:99999/",
        "https://[::1/",
        "https://exämple.org/",
        "https://example.org/" + "x" * 2_048,
    ],
)
@pytest.mark.parametrize("loopback", [False, True])
def test_a_reference_that_is_no_https_address_is_refused(address, loopback):
    (refusal,) = refuse_reference(address, ("referenceUrl",), loopback=loopback)

    assert (refusal.path, refusal.code) == (("referenceUrl",), INVALID)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "http://localhost/", "http://[::1]:9/"])
def test_plain_http_is_for_this_very_machine_where_that_is_allowed(address):
    assert list(refuse_reference(address, ("referenceUrl",), loopback=True)) == []
    assert len(list(refuse_reference(address, ("referenceUrl",), loopback=False))) == 1


def test_an_https_address_passes():
    assert list(refuse_reference("https://example.org:8443/a.png?b=c#d", (), loopback=False)) == []


@given(st.text(max_size=30))
def test_what_passes_as_a_title_is_not_empty_short_and_can_be_stored(text):
    if not list(refuse_text(text, ("title",), TITLE)):
        assert 0 < len(text) <= 20
        assert "\0" not in text
        text.encode()
