"""Route entries: what `url()` takes, and what it refuses first."""

from __future__ import annotations

from typing import Any

import pytest

import decant
from decant.modules import (
    InvalidURLFunction,
    InvalidURLName,
    InvalidURLRule,
    UnspecifiedURLMethods,
    Url,
    url,
)


def view() -> str:
    return "seen"


@pytest.mark.parametrize(
    "entry",
    [url("/x", view), url(rule="/x", view_func=view), url("/x", view, None, ["GET"])],
    ids=["short", "keywords", "positional"],
)
def test_a_url_has_no_name_and_answers_get_by_default(entry: Url) -> None:
    assert entry == ("/x", None, view, ["GET"])


def test_a_url_is_a_named_tuple_whose_fields_have_their_own_order() -> None:
    assert Url._fields == ("rule", "name", "view_func", "methods")


def test_name_and_methods_are_taken_by_position_and_by_keyword() -> None:
    assert url("/x", view, "home", ["POST"]) == url(rule="/x", view_func=view, name="home", methods=["POST"])


@pytest.mark.parametrize("rule", ["", None, 10, b"/x", ["/x"]])
def test_a_rule_must_be_a_non_empty_string(rule: Any) -> None:
    with pytest.raises(InvalidURLRule):
        url(rule, view)


@pytest.mark.parametrize("view_func", ["views.x", None, 3])
def test_a_view_must_be_callable(view_func: Any) -> None:
    with pytest.raises(InvalidURLFunction):
        url("/x", view_func)


@pytest.mark.parametrize("name", ["", 1, 0, b"n"])
def test_a_name_must_be_none_or_a_non_empty_string(name: Any) -> None:
    with pytest.raises(InvalidURLName):
        url("/x", view, name=name)


@pytest.mark.parametrize("methods", [[], [""], [None], "GET", 1, None, ("GET",), {"GET"}], ids=repr)
def test_methods_must_be_a_list_with_an_entry(methods: Any) -> None:
    with pytest.raises(UnspecifiedURLMethods):
        url("/x", view, methods=methods)


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("", None, "", []), InvalidURLRule),
        (("/x", None, "", []), InvalidURLFunction),
        (("/x", view, "", []), InvalidURLName),
        (("/x", view, "n", []), UnspecifiedURLMethods),
    ],
)
def test_of_several_faults_the_leftmost_field_is_named(arguments: Any, first: type[Exception]) -> None:
    with pytest.raises(first):
        url(*arguments)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [((10, view), "10"), (("/x", "views.x"), "views.x"), (("/x", view, 77), "77"), (("/x", view, None, "PUT"), "PUT")],
)
def test_the_message_carries_the_offending_value(arguments: Any, value: str) -> None:
    with pytest.raises(Exception, match=value):
        url(*arguments)


def test_a_rule_without_a_slash_is_left_for_registration_to_refuse() -> None:
    assert url("x", view).rule == "x"


def test_blank_entries_beside_a_method_are_accepted() -> None:
    assert url("/x", view, methods=["GET", ""]).methods == ["GET", ""]


def test_changing_the_methods_of_one_url_leaves_the_next_alone() -> None:
    url("/x", view).methods.append("DELETE")

    assert url("/y", view).methods == ["GET"]


@pytest.mark.parametrize(
    "name",
    [
        "InvalidModulePath",
        "InvalidURLFunction",
        "InvalidURLName",
        "InvalidURLPattern",
        "InvalidURLRule",
        "UnspecifiedURLMethods",
    ],
)
def test_the_six_exceptions_are_exported_and_derive_straight_from_exception(name: str) -> None:
    assert getattr(decant, name).__bases__ == (Exception,)
