"""``decant shell``: what is in scope."""

from __future__ import annotations

import pytest
from flask import Flask

from decant.cli.shell import scope_of, snake


@pytest.mark.parametrize(
    ("name", "expected"), [("Catalog", "catalog"), ("PriceList", "price_list"), ("V2Api", "v2_api")]
)
def test_a_client_is_named_like_its_contract(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_a_plain_application_has_itself_in_scope() -> None:
    app = Flask("plain")
    assert scope_of(app) == {"app": app}
