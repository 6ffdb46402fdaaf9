"""A cursor gives back the keys it was made of, and whatever else comes is refused."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cursors import (
    BadCursorError,
    BatchCursor,
    decode_keys,
    encode_keys,
    read_position,
    read_text,
    read_time,
    read_uuid,
)

STORABLE = st.characters(codec="utf-8", exclude_characters="\0")

ID = "6d2e0175-afe7-4de2-9c26-a4e5e8f03c36"


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(
    name=st.text(STORABLE, max_size=200),
    time=st.datetimes(timezones=st.just(UTC)),
    id=st.uuids(),
    position=st.integers(0, 2**31 - 1),
)
def test_keys_come_back_as_they_were(name, time, id, position):
    keys = decode_keys(encode_keys(name, time, id, position))

    assert [read_text(keys[0]), read_time(keys[1]), read_uuid(keys[2]), read_position(keys[3])] == [
        name,
        time,
        id,
        position,
    ]


def test_the_longest_name_in_the_widest_letters_makes_a_cursor_that_is_accepted():
    assert decode_keys(encode_keys("collections", "\U0001f30a" * 200, uuid4()))[1] == "\U0001f30a" * 200


@given(id=st.uuids(), seq=st.integers(0, 2**63 - 1))
def test_a_batch_cursor_comes_back_as_it_was(id, seq):
    cursor = BatchCursor(id, seq)

    assert BatchCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "a",
        "ä",
        "=",
        forged("x"),
        forged("{}"),
        forged("[["),
        forged("5"),
        "A" * 4_001,
        "a b",
        "W10\n",
    ],
)
def test_a_text_that_is_no_cursor_is_refused(cursor):
    with pytest.raises(BadCursorError):
        decode_keys(cursor)


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text):
    with suppress(BadCursorError):
        assert isinstance(decode_keys(text), list)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [ID],
        [ID, -1],
        [ID, 2**63],
        [ID, True],
        [ID, 1.5],
        [ID, "1"],
        ["x", 1],
        [7, 1],
        [ID, 1, 2],
    ],
    ids=repr,
)
def test_keys_of_another_list_are_no_batch_cursor(keys):
    with pytest.raises(BadCursorError):
        BatchCursor.decode(encode_keys(*keys))


@pytest.mark.parametrize("key", [None, 5, "", "today", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_key_that_is_no_instant_is_refused(key):
    with pytest.raises(BadCursorError):
        read_time(key)


def test_an_instant_is_read_in_utc():
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert read_time(noon.isoformat()).isoformat() == "2026-01-01T10:00:00+00:00"


@pytest.mark.parametrize("key", [None, 5, [], "nul \0", "half \ud800"])
def test_a_key_that_postgresql_cannot_take_as_text_is_refused(key):
    with pytest.raises(BadCursorError):
        read_text(key)


@pytest.mark.parametrize("key", [None, "1", 1.0, True, -2, 2**31])
def test_a_key_that_is_no_place_is_refused(key):
    with pytest.raises(BadCursorError):
        read_position(key)
