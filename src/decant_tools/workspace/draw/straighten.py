"""How high boxes stand, when their order within each column is settled: so that lines run straight."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

V = TypeVar("V", bound=Hashable)
ROUNDS = 24


def straighten(
    columns: Sequence[Sequence[V]],
    before: Mapping[V, Sequence[V]],
    after: Mapping[V, Sequence[V]],
    heights: Mapping[V, float],
    gap: Callable[[V, V], float],
) -> dict[V, float]:
    """Return the middle of each vertex.

    To and fro, each column is moved to where its neighbours are, as near as order and gaps allow: the least sum of
    squares, which pooling adjacent violators finds exactly.

    Args:
        columns: The vertices of each column, from top to bottom.
        before: The neighbours to the left of each vertex; those outside of ``columns`` pull nothing.
        after: The neighbours to the right.
        heights: Of each vertex; the bend of a line has none, and lines through bends are held straighter.
        gap: How far two neighbours in a column stay apart, edge to edge.
    """
    middles: dict[V, float] = {}
    for column in columns:
        middles |= _pooled(column, dict.fromkeys(column, 0.0), dict.fromkeys(column, 1.0), heights, gap)
    sides = [(before,), (after,), (before, after)]
    for number in range(ROUNDS):
        near = sides[2] if number >= ROUNDS - 4 else sides[number % 2]
        ordered = columns if number % 2 == 0 else columns[::-1]
        for column in ordered:
            wanted, weights = _wishes(column, near, middles, heights)
            middles |= _pooled(column, wanted, weights, heights, gap)
    return middles


def _wishes(
    column: Sequence[V],
    near: Sequence[Mapping[V, Sequence[V]]],
    middles: Mapping[V, float],
    heights: Mapping[V, float],
) -> tuple[dict[V, float], dict[V, float]]:
    """Return where each vertex would like to be, and how much."""
    wanted: dict[V, float] = {}
    weights: dict[V, float] = {}
    for vertex in column:
        pulls = [
            (middles[other], (1.0 if heights[vertex] else 3.0) * (1.0 if heights[other] else 3.0))
            for side in near
            for other in side.get(vertex, ())
            if other in middles
        ]
        total = sum(weight for _, weight in pulls)
        wanted[vertex] = sum(at * weight for at, weight in pulls) / total if total else middles[vertex]
        weights[vertex] = total or 0.3
    return wanted, weights


def _pooled(
    column: Sequence[V],
    wanted: Mapping[V, float],
    weights: Mapping[V, float],
    heights: Mapping[V, float],
    gap: Callable[[V, V], float],
) -> dict[V, float]:
    """Return the heights nearest to those wanted at which no two neighbours are closer than their gap."""
    offsets: list[float] = []
    for number, vertex in enumerate(column):
        above = column[number - 1] if number else None
        step = 0.0 if above is None else (heights[above] + heights[vertex]) / 2 + gap(above, vertex)
        offsets.append((offsets[-1] if offsets else 0.0) + step)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for vertex, offset in zip(column, offsets, strict=True):
        mean, weight, count = wanted[vertex] - offset, weights[vertex], 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, many = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return {vertex: mean + offset for vertex, mean, offset in zip(column, means, offsets, strict=True)}
