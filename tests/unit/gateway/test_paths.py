from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.gateway.paths import canonical_path
from decant.gateway.problems import Refused

SIGNS = st.sampled_from(["/", ".", "%2e", "%2F", "%5c", ";", "%3b", "a", "B", "%61", "%00", "%25", "2e", "é", "%C3%A9", "+", "%2B", "\\", "~", "%7e", "{", "%", "%ff"])  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "routed"),
    [
        ("/", "/"),
        ("/products/p1", "/products/p1"),
        ("/products/", "/products/"),
        ("/a%7Eb%41", "/a~bA"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a b".replace(" ", "%20"), "/a%20b"),
        ("/a{b}|c", "/a%7Bb%7D%7Cc"),
        ("/a+b%2Bc", "/a+b%2Bc"),
        ("/100%25", "/100%25"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
    ],
)
def test_a_path_is_written_in_one_way(sent: str, routed: str) -> None:
    assert canonical_path(sent) == routed


@pytest.mark.parametrize(
    "sent",
    [
        "", "p", "//", "/a//b", "//a", "/a//", "/.", "/..", "/./a", "/a/..", "/a/../b", "/%2e", "/%2E%2e/a", "/a/%2e%2e", "/.%2e/",
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a;x", "/a;x=1/b", "/a%3Bx", "/a%00", "/a%0d%0ab", "/a%7f", "/a%", "/a%4", "/a%zz",
        "/%252e%252e/a", "/a%252fb", "/a#b", "/%c0%af", "/%ff", "/%ed%a0%80", "/a%EF%BC%8Fb", "/%E2%80%A4%E2%80%A4/a", "/a%EF%BC%BCb", "/a%C2%85", "/%EF%BD%81dmin", "/a%EF%BC%91",
    ],
)  # fmt: skip
def test_a_path_with_more_than_one_meaning_is_refused(sent: str) -> None:
    with pytest.raises(Refused) as refused:
        canonical_path(sent)
    assert refused.value.status == 400


@given(st.lists(SIGNS, max_size=12))
def test_what_is_accepted_is_canonical_and_safe_to_unquote(parts: list[str]) -> None:
    try:
        path = canonical_path("/" + "".join(parts).encode().decode("latin-1").replace("é", "%C3%A9"))
    except Refused:
        return
    assert canonical_path(path) == path
    read = unquote(path, errors="strict")
    assert read.count("/") == path.count("/")
    assert all(segment not in ("", ".", "..") for segment in read.split("/")[1:-1])
    assert read.isprintable()
    assert unquote(read) == read or "%" in read


@given(
    st.text(
        st.characters(codec="ascii", min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="/\\;%."),
        min_size=1,
        max_size=20,
    )
)
def test_any_plain_text_survives_as_a_segment(text: str) -> None:
    assert unquote(canonical_path(f"/a/{quote(text, safe='')}")) == f"/a/{text}"
