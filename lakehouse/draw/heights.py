"""The height of each node of a column: level with its neighbours, clear of the node below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from lakehouse.draw.order import Node, Ranks

Near: TypeAlias = dict[Node, list[Node]]
"""For each node, the nodes that it should be level with."""

_ROUNDS = 24
"""Number of times that all columns are adjusted to their neighbours."""


def settle(
    ranks: Ranks, before: Near, after: Near, size: Callable[[Node], float], gap: float
) -> dict[Node, float]:
    """Return the `y` of every node's middle: edges as level as the order and the gaps allow."""
    at: dict[Node, float] = {}
    for rank in ranks:
        steps = _steps(rank, size, gap)
        at.update((node, step - steps[-1] / 2) for node, step in zip(rank, steps, strict=True))
    for _round in range(_ROUNDS):
        # Children last, so that a chain that ends in several children becomes a level line.
        for near, order in ((before, ranks), (after, ranks[::-1])):
            for rank in order:
                at.update(_level(rank, near, at, _steps(rank, size, gap)))
    return at


def _level(
    rank: Sequence[Node], near: Near, at: dict[Node, float], steps: Sequence[float]
) -> dict[Node, float]:
    """Move a column's nodes towards the mean height of their neighbours, in order and apart."""
    wishes = []
    for node in rank:
        others = [at[other] for other in near.get(node, [])]
        wishes.append(sum(others) / len(others) if others else at[node])
    free = _rising([wish - step for wish, step in zip(wishes, steps, strict=True)])
    return {node: place + step for node, place, step in zip(rank, free, steps, strict=True)}


def _steps(rank: Sequence[Node], size: Callable[[Node], float], gap: float) -> list[float]:
    """Return the least distance of each node's middle from that of the column's first node."""
    steps = [0.0] * len(rank)
    for index in range(1, len(rank)):
        steps[index] = steps[index - 1] + (size(rank[index - 1]) + size(rank[index])) / 2 + gap
    return steps


def _rising(wishes: Sequence[float]) -> list[float]:
    """Return the values closest to `wishes`, by least squares, of which none is below the last."""
    blocks: list[tuple[float, int]] = []
    for wish in wishes:
        total, count = wish, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            last_total, last_count = blocks.pop()
            total, count = total + last_total, count + last_count
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]
