"""The order of initialisation."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import SetupError
from decant.modules import in_dependency_order


def order(names: str, **needs: str) -> str:
    return " ".join(in_dependency_order(names.split(), lambda name: needs.get(name, "").split()))


def test_what_a_module_needs_comes_before_it() -> None:
    assert order("orders cart catalog", orders="cart catalog", cart="catalog") == "catalog cart orders"


def test_modules_that_do_not_need_each_other_keep_their_order() -> None:
    assert order("web cart auth") == "web cart auth"


def test_no_modules_have_an_order() -> None:
    assert order("") == ""


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"a": "a"}, "a -> a"),
        ({"a": "b", "b": "a"}, "a -> b -> a|b -> a -> b"),
        ({"a": "b", "b": "c", "c": "a"}, "a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c"),
    ],
)
def test_a_circle_is_refused_and_named_from_user_to_used(needs: dict[str, str], circle: str) -> None:
    with pytest.raises(SetupError, match=f"in a circle: ({circle})\\."):
        order("a b c", **needs)


def test_every_unknown_dependency_is_named_with_the_nearest_name() -> None:
    with pytest.raises(SetupError) as caught:
        order("cart catalog orders", cart="catalogue", orders="payments")

    assert caught.value.detail == (
        "There is no such module: 'cart' depends on 'catalogue'; 'orders' depends on 'payments'."
    )
    assert caught.value.hint == "Did you mean 'catalog'?"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_any_graph_is_ordered_or_has_a_circle(edges: list[tuple[int, int]]) -> None:
    needs = {str(node): [str(to) for source, to in edges if source == node] for node in range(10)}
    try:
        ordered = in_dependency_order(needs, needs.__getitem__)
    except SetupError as error:
        circle = error.detail.partition("circle: ")[2].rstrip(".").split(" -> ")
        assert circle[0] == circle[-1]
        assert all(used in needs[user] for user, used in itertools.pairwise(circle))
    else:
        assert sorted(ordered) == sorted(needs)
        assert all(ordered.index(need) < ordered.index(name) for name in needs for need in needs[name])
