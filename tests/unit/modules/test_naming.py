"""Names that a module can have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import SetupError
from decant.modules import RESERVED, Module
from decant.modules.naming import check_module_name, suggest


@pytest.mark.parametrize("name", ["catalog", "order_lines", "a", "v2"])
def test_an_identifier_in_lower_case_is_a_name(name: str) -> None:
    assert Module("decant.modules", name).name == name


@pytest.mark.parametrize(
    "name", ["", "Catalog", "2nd", "_private", "a-b", "a.b", "a b", "é", "class", "__main__", "a\n"]
)
def test_any_other_text_is_refused_with_the_cure(name: str) -> None:
    with pytest.raises(SetupError, match=r"(?s)cannot be a module's name.*identifier in lower case"):
        Module("decant.modules", name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(SetupError, match=f"'{name}' is reserved"):
        Module("decant.modules", name)


@given(st.text(max_size=20))
def test_a_name_is_taken_as_it_is_or_refused(name: str) -> None:
    try:
        assert check_module_name(name) == name
    except SetupError:
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)


def test_a_wrong_name_gets_the_nearest_ones() -> None:
    assert suggest("catalogue", ["catalog", "cart"]) == "Did you mean 'catalog'?"


def test_without_a_near_name_all_are_listed() -> None:
    assert suggest("zzz", {"cart", "catalog"}) == "There are: cart, catalog."


def test_where_there_are_no_names_it_says_so() -> None:
    assert suggest("zzz", []) == "There are none."
