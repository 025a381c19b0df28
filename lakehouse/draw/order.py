"""The order of nodes within each column, chosen so that few edges cross."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import TypeAlias

Node: TypeAlias = tuple[str, int]
"""Box id and column: the box in its own column, or where its outgoing edges cross a later one."""
Links: TypeAlias = dict[tuple[Node, Node], None]
"""Pairs of nodes in neighbouring columns: an ordered set, so that pictures are reproducible."""
Ranks: TypeAlias = list[list[Node]]
"""The nodes of each column, from top to bottom."""

_SWEEPS = 24
"""Number of barycentre sweeps; the best result of all is taken."""


def untangle(ranks: Ranks, links: Links, lane: Callable[[Node], int]) -> Ranks:
    """Reorder the columns by barycentre sweeps; nodes of lane 0 stay above those of lane 1."""
    before = neighbours((target, source) for source, target in links)
    after = neighbours(links)
    ranks = [sorted(rank, key=lane) for rank in ranks]
    best, fewest = ranks, _crossings(ranks, links)
    for sweep in range(_SWEEPS):
        ranks = _sweep(ranks, before if sweep % 2 == 0 else after, lane, forward=sweep % 2 == 0)
        ranks = _swap(ranks, links, lane)
        count = _crossings(ranks, links)
        if count < fewest:
            best, fewest = ranks, count
    return best


def neighbours(pairs: Iterable[tuple[Node, Node]]) -> dict[Node, list[Node]]:
    """Group pairs by their first node: return the second nodes of each."""
    seconds: dict[Node, list[Node]] = {}
    for first, second in pairs:
        seconds.setdefault(first, []).append(second)
    return seconds


def _sweep(
    ranks: Ranks,
    near: dict[Node, list[Node]],
    lane: Callable[[Node], int],
    *,
    forward: bool,
) -> Ranks:
    """Order each column by the mean position of its nodes' neighbours in the column before."""
    swept: Ranks = []
    at: dict[Node, float] = {}
    for rank in ranks if forward else reversed(ranks):
        middle = {
            node: _mean([at[other] for other in near.get(node, [])], index)
            for index, node in enumerate(rank)
        }
        ordered = sorted(rank, key=lambda node: (lane(node), middle[node]))
        at.update((node, float(index)) for index, node in enumerate(ordered))
        swept.append(ordered)
    return swept if forward else swept[::-1]


def _swap(ranks: Ranks, links: Links, lane: Callable[[Node], int]) -> Ranks:
    """Swap two nodes that lie next to each other in a column where that lowers the crossings."""
    before = neighbours((target, source) for source, target in links)
    after = neighbours(links)
    swapped = [list(rank) for rank in ranks]
    at = {node: index for rank in swapped for index, node in enumerate(rank)}
    for rank in swapped:
        for index in range(len(rank) - 1):
            upper, lower = rank[index], rank[index + 1]
            gain = sum(
                (at[a] > at[b]) - (at[a] < at[b])
                for near in (before, after)
                for a in near.get(upper, [])
                for b in near.get(lower, [])
            )
            if gain > 0 and lane(upper) == lane(lower):
                rank[index : index + 2] = [lower, upper]
                at[upper], at[lower] = index + 1, index
    return swapped


def _crossings(ranks: Ranks, links: Links) -> int:
    """Count the pairs of links that cross."""
    at = {node: index for rank in ranks for index, node in enumerate(rank)}
    by_gap: dict[int, list[tuple[int, int]]] = {}
    for source, target in links:
        by_gap.setdefault(source[1], []).append((at[source], at[target]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for pairs in by_gap.values()
        for a, b in combinations(pairs, 2)
    )


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
