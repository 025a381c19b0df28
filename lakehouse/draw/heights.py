"""How far down each node of a column stands: near its neighbours, and clear of the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from lakehouse.draw.order import Node, Ranks

Near: TypeAlias = dict[Node, list[Node]]
"""The nodes that each node is drawn level with."""

_ROUNDS = 24


def settle(
    ranks: Ranks, before: Near, after: Near, size: Callable[[Node], float], gap: float
) -> dict[Node, float]:
    """The middle of every node: edges as level as the order and the gaps allow."""
    at: dict[Node, float] = {}
    for rank in ranks:
        steps = _steps(rank, size, gap)
        at.update((node, step - steps[-1] / 2) for node, step in zip(rank, steps, strict=True))
    for _round in range(_ROUNDS):
        # Towards the children last: what leads up to a fan of them becomes a level line.
        for near, order in ((before, ranks), (after, ranks[::-1])):
            for rank in order:
                at.update(_level(rank, near, at, _steps(rank, size, gap)))
    return at


def _level(
    rank: Sequence[Node], near: Near, at: dict[Node, float], steps: Sequence[float]
) -> dict[Node, float]:
    wishes = []
    for node in rank:
        others = [at[other] for other in near.get(node, [])]
        wishes.append(sum(others) / len(others) if others else at[node])
    free = _rising([wish - step for wish, step in zip(wishes, steps, strict=True)])
    return {node: place + step for node, place, step in zip(rank, free, steps, strict=True)}


def _steps(rank: Sequence[Node], size: Callable[[Node], float], gap: float) -> list[float]:
    """The least distance of each node's middle from the first one's."""
    steps = [0.0] * len(rank)
    for index in range(1, len(rank)):
        steps[index] = steps[index - 1] + (size(rank[index - 1]) + size(rank[index])) / 2 + gap
    return steps


def _rising(wishes: Sequence[float]) -> list[float]:
    """The closest values to `wishes`, by least squares, that never fall."""
    blocks: list[tuple[float, int]] = []
    for wish in wishes:
        total, count = wish, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            more, members = blocks.pop()
            total, count = total + more, count + members
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]
