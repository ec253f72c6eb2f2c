"""Where boxes stand and how lines run."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.draw.layout import Layout, Place, Size, arrange

BOX = Size(120, 48)
NAMES = [f"n{number:02d}" for number in range(14)]
LINKS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda link: link[0] != link[1]))
FRAMES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["one", "two", "three"]))


def overlap(one: Place, other: Place) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height - 1e-6
        and other.y < one.y + one.height - 1e-6
    )


def boxes(layout: Layout) -> dict[str, Place]:
    return {name: layout.places[name] for name in NAMES if name in layout.places}


@given(LINKS, FRAMES)
def test_nothing_overlaps_and_every_line_goes_from_its_box_to_its_box(
    links: list[tuple[str, str]], frames: dict[str, str]
) -> None:
    layout = arrange(dict.fromkeys(NAMES, BOX), links, frames)
    places = boxes(layout)
    assert set(places) == set(NAMES)
    assert not [pair for pair in combinations(places, 2) if overlap(places[pair[0]], places[pair[1]])]
    for one, other in combinations(layout.frames.values(), 2):
        assert not overlap(one, other)
    for name, place in places.items():
        inside = {frame for frame, around in layout.frames.items() if overlap(place, around)}
        assert inside == ({frames[name]} if name in frames else set())
    for link in set(links):
        points, (source, target) = layout.routes[link], (places[end] for end in link)
        ends = (source, target) if points[0].x < points[-1].x else (target, source)
        left, right = (points[0], points[-1]) if points[0].x < points[-1].x else (points[-1], points[0])
        assert (left.x, right.x) == (ends[0].x + ends[0].width, ends[1].x)
        for point, place in ((left, ends[0]), (right, ends[1])):
            assert place.y < point.y < place.y + place.height


@given(LINKS)
def test_a_long_line_runs_past_the_boxes_on_its_way(links: list[tuple[str, str]]) -> None:
    layout = arrange(dict.fromkeys(NAMES, BOX), links)
    places = boxes(layout)
    for link, points in layout.routes.items():
        level = [(one, other) for one, other in pairwise(points) if one.y == other.y and one.x != other.x]
        for one, other in level:
            line = Place(min(one.x, other.x), one.y - 1, abs(other.x - one.x), 2)
            assert not [name for name, place in places.items() if name not in link and overlap(line, place)]


@given(LINKS)
def test_the_same_graph_is_drawn_the_same(links: list[tuple[str, str]]) -> None:
    sizes = dict.fromkeys(NAMES, BOX)
    assert arrange(sizes, links) == arrange(sizes, links[::-1])


def test_what_is_needed_stands_to_the_right() -> None:
    layout = arrange(dict.fromkeys("abc", BOX), [("a", "b"), ("b", "c"), ("a", "c")])
    assert layout.places["a"].x < layout.places["b"].x < layout.places["c"].x


def test_two_that_need_each_other_have_two_lines_that_do_not_meet() -> None:
    layout = arrange(dict.fromkeys("ab", BOX), [("a", "b"), ("b", "a")])
    there, back = layout.routes["a", "b"], layout.routes["b", "a"]
    assert {point.y for point in there}.isdisjoint(point.y for point in back)
    assert there[0].x == back[-1].x


def test_a_chain_is_a_straight_line() -> None:
    layout = arrange(dict.fromkeys("abcd", BOX), [("a", "b"), ("b", "c"), ("c", "d")])
    assert len({round(layout.places[name].y, 3) for name in "abcd"}) == 1


def test_lines_that_need_not_cross_do_not() -> None:
    links = [("a", "z"), ("b", "y"), ("c", "x")]
    layout = arrange(dict.fromkeys("abcxyz", BOX), links)
    order = sorted("abc", key=lambda name: layout.places[name].y)
    partners = dict(links)
    assert sorted("xyz", key=lambda name: layout.places[name].y) == [partners[name] for name in order]


def test_an_empty_picture_has_no_size() -> None:
    layout = arrange({}, [])
    assert (layout.width, layout.height, layout.places) == (0, 0, {})
