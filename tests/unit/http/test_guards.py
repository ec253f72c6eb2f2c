"""The cheap scan of a body never misses what the thorough walk would find."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.http.guards import forbidden, suspicious

VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.integers(2**62, 2**70)
    | st.text(max_size=5)
    | st.sampled_from(["\0", "a\\u0000", "1e999", "0e000"])
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.sampled_from([None, 0, 2]))
def test_whatever_is_forbidden_is_suspicious(value, indent) -> None:
    raw = json.dumps(value, indent=indent).encode()
    assert suspicious(raw) or not list(forbidden(raw, "body"))


@pytest.mark.parametrize("number", ["1e400", "-1E400", "1.5e+400", "0.0001e999", "9e0309", "123456789e308"])
@pytest.mark.parametrize("shape", ["{}", " {}", "[{}]", "[1,{}]", '{{"a":{}}}', '{{"a": {}}}', "[1,\n{}]"])
def test_an_infinite_number_is_suspicious_wherever_it_is(number, shape) -> None:
    raw = shape.format(number).encode()
    assert suspicious(raw)
    assert [one["code"] for one in forbidden(raw, "body")] == ["finite_number"]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "3e456789-0e00-4e12-8e123-1e1234567890"}',
        b'{"a": 1e22, "b": 123456789012345678, "c": "\\u00e9"}',
        b"[1e-400, 1e-5000]",
    ],
)
def test_ordinary_bodies_are_not(raw) -> None:
    assert not suspicious(raw)


def test_a_body_that_writes_nan_is_not_json() -> None:
    with pytest.raises(ValueError, match="expected value"):
        list(forbidden(b'{"a": NaN}', "body"))
