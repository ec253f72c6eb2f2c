"""A whole number may be written with a fraction of zero, as JSON allows; anything else stays refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from decant.http.integral import with_integers


class Line(BaseModel):
    qty: int


class Order(BaseModel):
    lines: list[Line] = []
    either: int | str = 0
    by_name: dict[str, int] = {}


def repaired(document: Any) -> Any:
    raw = json.dumps(document).encode()
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Order).validate_json(raw, strict=True)
    found = with_integers(raw, caught.value)
    return None if found is None else json.loads(found)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"lines": [{"qty": 1}, {"qty": 2.0}]}, {"lines": [{"qty": 1}, {"qty": 2}]}),
        ({"either": 1e3}, {"either": 1000}),
        ({"by_name": {"a": -0.0}}, {"by_name": {"a": 0}}),
        ({"lines": [{"qty": 2.0}, {"qty": "x"}]}, {"lines": [{"qty": 2}, {"qty": "x"}]}),
    ],
)
def test_a_whole_float_becomes_the_integer(sent: Any, read: Any) -> None:
    found = repaired(sent)
    assert found == read
    assert "." not in json.dumps(found)


@pytest.mark.parametrize("sent", [{"lines": [{"qty": 1.5}]}, {"lines": [{"qty": True}]}, {"lines": "x"}, []])
def test_nothing_else_is_repaired(sent: Any) -> None:
    assert repaired(sent) is None
