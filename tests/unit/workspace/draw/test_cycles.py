"""Which nodes need each other."""

from __future__ import annotations

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.draw.cycles import cycles, way_round

LINKS = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=16)


def reachable(links: list[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(links)
    for _ in range(7):
        found |= {(a, d) for (a, b), (c, d) in product(found, found) if b == c}
    return found


@given(LINKS)
def test_two_nodes_are_in_one_cycle_when_each_reaches_the_other(links: list[tuple[str, str]]) -> None:
    reach = reachable(links)
    together = {(a, b) for a, b in reach if a != b and (b, a) in reach}
    assert {(a, b) for group in cycles(links) for a in group for b in group if a != b} == together


@given(LINKS)
def test_the_way_round_a_cycle_goes_along_links_and_ends_where_it_began(links: list[tuple[str, str]]) -> None:
    for group in cycles(links):
        way = way_round(group, links)
        assert way[0] == way[-1] == group[0]
        assert set(pairwise(way)) <= set(links)


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = [(str(number), str(number + 1)) for number in range(5_000)]
    assert cycles(chain) == ()
    assert len(cycles([*chain, ("5000", "0")])[0]) == 5_001
