"""Where boxes stand and how lines run: columns from left to right, as Sugiyama, Tagawa and Toda drew them in 1981.

Four steps, each its own function: every box gets a column to the right of those that need it; long lines get a bend in
each column that they pass; the order within the columns is chosen so that few lines cross; heights are chosen so that
lines run straight. Frames are lanes: one above the other, so that they never overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from typing import NamedTuple

from decant_tools.workspace.draw.straighten import straighten

GAP_Y = 20.0
GAP_BEND = 11.0
GAP_X = 56.0
GAP_X_MOST = 150.0
LANE_PAD = 18.0
LANE_HEAD = 24.0
SWEEPS = 16


class Size(NamedTuple):
    """How much room a box takes, in pixels."""

    width: float
    height: float


class Place(NamedTuple):
    """Where a box or a frame stands: its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


class Point(NamedTuple):
    """A point of a line, in pixels."""

    x: float
    y: float


@dataclass
class Layout:
    """Where everything is.

    Attributes:
        places: The boxes.
        routes: The points of each line, from its source to its target: two per column that it touches.
        frames: The lanes that have a frame.
        width: Of everything.
        height: Of everything.
    """

    places: dict[str, Place] = field(default_factory=dict)
    routes: dict[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)
    frames: dict[str, Place] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


Link = tuple[str, str]
_Vertex = str | tuple[str, str, int, int]
"""A box, or the bend of a line in a column: its ends, which of several between them it is, and the column."""


def arrange(sizes: Mapping[str, Size], links: Iterable[Link], frames: Mapping[str, str] | None = None) -> Layout:
    """Return where boxes stand and how the lines between them run.

    Args:
        sizes: The boxes.
        links: Pairs of boxes, from left to right where no cycle forbids it.
        frames: The frame of each box that stands in one.
    """
    known = sorted(set(links))
    lonely = _lonely(sizes, known, frames or {})
    columns = _columns(sizes, known, lonely)
    backwards = {link for link in known if columns[link[0]] > columns[link[1]]}
    forwards: dict[Link, list[Link]] = defaultdict(list)
    for a, b in known:
        forwards[(b, a) if (a, b) in backwards else (a, b)].append((a, b))
    lanes = _lanes(sizes, known, frames or {}, lonely)
    grid = _Grid.build(columns, forwards, lanes)
    grid.uncross()
    layout = _place(grid, sizes, frames or {})
    for forward, both in forwards.items():
        for number, link in enumerate(both):  # there and back, where two need each other
            points = _route(grid, layout, forward, number)
            layout.routes[link] = points if forward == link else points[::-1]
    return layout


def _lonely(sizes: Mapping[str, Size], links: Iterable[Link], frames: Mapping[str, str]) -> list[str]:
    """Return the boxes outside of frames that no line touches."""
    linked = {end for link in links for end in link}
    return [box for box in sizes if box not in linked and box not in frames]


def _columns(sizes: Mapping[str, Size], links: Sequence[Link], lonely: Sequence[str]) -> dict[str, int]:
    """Return the column of each box: as far left as what needs it allows; lonely ones fill rows."""
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        after[source].append(target)
    order = _topological(sizes, after)
    position = {box: number for number, box in enumerate(order)}
    column = dict.fromkeys(order, 0)
    for box in order:
        for other in after[box]:
            if position[other] > position[box]:
                column[other] = max(column[other], column[box] + 1)
    linked = {end for link in links for end in link}
    widest = max(column.values(), default=0) + 1
    rows = max(widest, round((len(lonely) * 1.2) ** 0.5))
    column |= {box: number % rows for number, box in enumerate(lonely)}
    framed = [box for box in sizes if box not in linked and box not in set(lonely)]
    return column | {box: number % max(widest, 3) for number, box in enumerate(framed)}


def _topological(sizes: Mapping[str, Size], after: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the boxes so that lines point to later ones; in a cycle, the fewest that a walk in order finds do not."""
    needed: dict[str, int] = dict.fromkeys(sizes, 0)
    for others in after.values():
        for other in others:
            needed[other] += 1
    order: list[str] = []
    done: set[str] = set()
    starts = [box for box in sizes if not needed[box]] + [box for box in sizes if needed[box]]
    for start in starts:
        work = [(start, iter(after.get(start, ())))] if start not in done else []
        done.add(start)
        while work:
            box, left = work[-1]
            following = next((each for each in left if each not in done), None)
            if following is None:
                order.append(box)
                work.pop()
            else:
                done.add(following)
                work.append((following, iter(after.get(following, ()))))
    return order[::-1]


def _lanes(
    sizes: Mapping[str, Size], links: Sequence[Link], frames: Mapping[str, str], lonely: Sequence[str]
) -> dict[str, int]:
    """Return the lane of each box: frames and what stands in none, near to what they need; the lonely last.

    Without frames, what no line connects has lanes of its own, the largest first.
    """
    if not frames:
        parts = _parts(sizes, links)
        count = 1 + max(parts.values(), default=0)
        return parts | dict.fromkeys(lonely, count)
    names = sorted({frames.get(box, "") for box in sizes})
    between: dict[tuple[str, str], int] = defaultdict(int)
    for source, target in links:
        ends = sorted((frames.get(source, ""), frames.get(target, "")))
        between[ends[0], ends[1]] += 1

    def length(order: Iterable[str]) -> int:
        at = {name: number for number, name in enumerate(order)}
        return sum(abs(at[a] - at[b]) * count for (a, b), count in between.items())

    if 1 < len(names) <= 6:
        names = list(min(permutations(names), key=lambda order: (length(order), order)))
    at = {name: number for number, name in enumerate(names)}
    apart = set(lonely)
    return {box: len(names) if box in apart else at[frames.get(box, "")] for box in sizes}


def _parts(sizes: Mapping[str, Size], links: Sequence[Link]) -> dict[str, int]:
    """Return which connected part each box is in, numbered from the largest."""
    near: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        near[source].append(target)
        near[target].append(source)
    parts: list[list[str]] = []
    seen: set[str] = set()
    for start in sizes:
        part = [start] if start not in seen else []
        seen.add(start)
        for box in part:  # grows as it is read
            part += [each for each in dict.fromkeys(near[box]) if each not in seen]
            seen.update(near[box])
        parts.append(part)
    ordered = sorted(parts, key=len, reverse=True)
    return {box: number for number, part in enumerate(ordered) for box in part}


@dataclass
class _Grid:
    """Boxes and bends in their columns, from top to bottom."""

    columns: list[list[_Vertex]]
    lane: dict[_Vertex, int]
    before: dict[_Vertex, list[_Vertex]]
    after: dict[_Vertex, list[_Vertex]]
    chains: dict[tuple[str, str, int], list[_Vertex]]

    @classmethod
    def build(cls, columns: Mapping[str, int], links: Mapping[Link, Sequence[Link]], lanes: Mapping[str, int]) -> _Grid:
        count = max(columns.values(), default=-1) + 1
        lane: dict[_Vertex, int] = {}
        lane.update(lanes)
        grid = cls([[] for _ in range(count)], lane, defaultdict(list), defaultdict(list), {})
        for box, column in columns.items():
            grid.columns[column].append(box)
        for (source, target), both in links.items():
            for number in range(len(both)):
                grid._chain((source, target, number), columns)
        for column_of in grid.columns:
            column_of.sort(key=lambda vertex: grid.lane[vertex])
        return grid

    def _chain(self, line: tuple[str, str, int], columns: Mapping[str, int]) -> None:
        """Add a line, with a bend in each column between its ends."""
        source, target, _ = line
        bends: list[_Vertex] = [(*line, column) for column in range(columns[source] + 1, columns[target])]
        for bend, column in zip(bends, range(columns[source] + 1, columns[target]), strict=True):
            self.lane[bend] = self.lane[target]
            self.columns[column].append(bend)
        self.chains[line] = [source, *bends, target]
        for one, other in pairwise(self.chains[line]):
            self.after[one].append(other)
            self.before[other].append(one)

    def uncross(self) -> None:
        """Order each column by where its neighbours stand, to and fro, and keep the order with the fewest crossings."""
        best, fewest = [list(column) for column in self.columns], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            to_right = sweep % 2 == 0
            numbers = range(1, len(self.columns)) if to_right else range(len(self.columns) - 2, -1, -1)
            for number in numbers:
                fixed = self.columns[number - 1 if to_right else number + 1]
                self._sort(number, fixed, self.before if to_right else self.after)
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best

    def _sort(self, number: int, fixed: Sequence[_Vertex], near: Mapping[_Vertex, Sequence[_Vertex]]) -> None:
        at = {vertex: place for place, vertex in enumerate(fixed)}
        column = self.columns[number]
        old = {vertex: place for place, vertex in enumerate(column)}

        def key(vertex: _Vertex) -> tuple[int, float, int]:
            places = [at[each] for each in near.get(vertex, ())]
            middle = sum(places) / len(places) if places else old[vertex] * len(fixed) / max(1, len(column))
            return self.lane[vertex], middle, old[vertex]

        column.sort(key=key)

    def crossings(self) -> int:
        """Return how many pairs of lines cross between neighbouring columns."""
        return sum(self._between(left, right) for left, right in pairwise(self.columns))

    def _between(self, left: Sequence[_Vertex], right: Sequence[_Vertex]) -> int:
        at = {vertex: place for place, vertex in enumerate(right)}
        ends = [place for vertex in left for place in sorted(at[each] for each in self.after.get(vertex, ()))]
        tree = [0] * (len(right) + 1)
        found = 0
        for seen, end in enumerate(ends):
            found += seen - _count(tree, end)
            _add(tree, end)
        return found


def _count(tree: Sequence[int], at: int) -> int:
    """Return how many entries a Fenwick tree has up to a place."""
    at, found = at + 1, 0
    while at:
        found += tree[at]
        at &= at - 1
    return found


def _add(tree: list[int], at: int) -> None:
    at += 1
    while at < len(tree):
        tree[at] += 1
        at += at & -at


def _place(grid: _Grid, sizes: Mapping[str, Size], frames: Mapping[str, str]) -> Layout:
    """Give every vertex its height, lane by lane, and every column its width."""
    layout = Layout()
    heights = {vertex: sizes[vertex].height if isinstance(vertex, str) else 0.0 for vertex in grid.lane}
    xs = _xs(grid, sizes, LANE_PAD if frames else 0.0)
    top = 0.0
    for lane in sorted(set(grid.lane.values())):
        inside = [[vertex for vertex in column if grid.lane[vertex] == lane] for column in grid.columns]
        middles = straighten(inside, grid.before, grid.after, heights, _gap)
        boxes = [vertex for column in inside for vertex in column if isinstance(vertex, str)]
        frame = frames.get(boxes[0], "") if boxes else ""
        upper = min((middles[v] - heights[v] / 2 for v in middles), default=0.0)
        lower = max((middles[v] + heights[v] / 2 for v in middles), default=0.0)
        shift = top - upper + (LANE_HEAD + LANE_PAD if frame else 0.0)
        for number, column in enumerate(inside):
            for vertex in column:
                size = sizes[vertex] if isinstance(vertex, str) else Size(xs[number][1], 0.0)
                place = Place(xs[number][0], middles[vertex] - size.height / 2 + shift, xs[number][1], size.height)
                layout.places[_name(vertex)] = place
        bottom = lower + shift + (LANE_PAD if frame else 0.0)
        if frame:
            layout.frames[frame] = _frame(layout, boxes, top, bottom)
        top = bottom + GAP_Y * 1.4
    layout.height = max(0.0, top - GAP_Y * 1.4)
    edges = [place.x + place.width for place in (*layout.places.values(), *layout.frames.values())]
    layout.width = max(edges, default=0.0)
    return layout


def _frame(layout: Layout, boxes: Sequence[str], top: float, bottom: float) -> Place:
    left = min(layout.places[box].x for box in boxes) - LANE_PAD
    right = max(layout.places[box].x + layout.places[box].width for box in boxes) + LANE_PAD
    return Place(left, top, right - left, bottom - top)


def _name(vertex: _Vertex) -> str:
    return vertex if isinstance(vertex, str) else "\0".join(map(str, vertex))


def _gap(one: _Vertex, other: _Vertex) -> float:
    """Return how far two neighbours in a column stay apart."""
    bends = (not isinstance(one, str)) + (not isinstance(other, str))
    return (GAP_Y, (GAP_Y + GAP_BEND) / 2, GAP_BEND)[bends]


def _xs(grid: _Grid, sizes: Mapping[str, Size], left: float) -> list[tuple[float, float]]:
    """Return where each column begins, and how wide it is; many lines between two need more room to turn."""
    found, x = [], left
    for column in grid.columns:
        width = max((sizes[vertex].width for vertex in column if isinstance(vertex, str)), default=0.0)
        found.append((x, width))
        turning = sum(len(grid.after.get(vertex, ())) for vertex in column)
        x += width + min(GAP_X_MOST, GAP_X + 4.0 * turning)
    return found


def _route(grid: _Grid, layout: Layout, link: Link, number: int) -> tuple[Point, ...]:
    """Return the points of a line: where it leaves, both sides of each column on its way, where it arrives."""
    chain = grid.chains[*link, number]
    source, target = (layout.places[end] for end in link)
    points = [Point(source.x + source.width, _port(layout, chain[0], chain[1], grid.after[chain[0]], number))]
    for vertex in chain[1:-1]:
        place = layout.places[_name(vertex)]
        points += [Point(place.x, place.y), Point(place.x + place.width, place.y)]
    points.append(Point(target.x, _port(layout, chain[-1], chain[-2], grid.before[chain[-1]], number)))
    return tuple(points)


def _port(layout: Layout, box: _Vertex, other: _Vertex, near: Sequence[_Vertex], number: int) -> float:
    """Return the height at which a line touches a box: lines do not meet, and do not cross on the last inch."""
    place = layout.places[_name(box)]
    others = sorted(near, key=lambda vertex: (layout.places[_name(vertex)].middle, _name(vertex)))
    at = others.index(other) + (number if isinstance(other, str) else 0)
    room = min(11.0, (place.height - 14) / max(1, len(others) - 1))
    return place.middle + (at - (len(others) - 1) / 2) * room
