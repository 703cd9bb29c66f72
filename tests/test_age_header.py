"""The header's grammar: what the test kit does not cover, limits above all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passkeep.age import header
from passkeep.age.header import HEADER_LIMIT, STANZA_LIMIT, Stanza
from passkeep.errors import DamagedError, LimitError

KEY = b"YELLOW SUBMARINE"
WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
STANZAS = st.lists(
    st.builds(Stanza, WORDS, st.lists(WORDS, max_size=3).map(tuple), st.binary(max_size=150)),
    min_size=1,
    max_size=5,
)


@given(STANZAS, st.binary(max_size=50))
def test_headers_go_there_and_back(stanzas, rest):
    data = header.serialize(stanzas, KEY)
    parsed, length = header.parse(data + rest)
    assert (list(parsed.stanzas), length) == (stanzas, len(data))
    header.verify_mac(parsed, KEY)
    with pytest.raises(DamagedError):
        header.verify_mac(parsed, KEY[::-1])


@given(STANZAS, st.data())
def test_a_prefix_asks_for_more(stanzas, data):
    whole = header.serialize(stanzas, KEY)
    assert header.parse(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(st.binary(max_size=300))
def test_anything_else_is_a_typed_error(data):
    for start in (b"", b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> X\n\n--- "):
        try:
            parsed = header.parse(start + data)
        except (DamagedError, LimitError):
            continue
        assert parsed is None or parsed[0].stanzas


def test_limits():
    many = header.serialize([Stanza("x", (), b"")] * (STANZA_LIMIT + 1), KEY)
    with pytest.raises(LimitError):
        header.parse(many)
    endless = b"age-encryption.org/v1\n-> " + b"x" * HEADER_LIMIT
    with pytest.raises(LimitError):
        header.parse(endless)
    with pytest.raises(LimitError):
        header.serialize([Stanza("x", (), bytes(HEADER_LIMIT))], KEY)


def test_a_large_header_is_read_in_linear_time():
    """A megabyte of stanzas, as a stream brings it, in a moment (quadratic: minutes)."""
    data = header.serialize([Stanza("x", ("y",), bytes(180))] * 4000, KEY)
    start = time.perf_counter()
    size = 1024
    while header.parse(data[:size]) is None:
        size *= 2
    assert time.perf_counter() - start < 5
