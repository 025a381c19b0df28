"""Word of an ingestion, among its pages, that the rows of one key could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Unread:
    """The rows of one key that could not be read in the window that is fetched, and the reason.

    `key` gives columns of the unique key their values, such as `{"site": "anna"}`. `message` says
    what failed, `hint` what to do about it. An ingestion yields it among its pages, and goes on.
    """

    key: Mapping[str, str | int]
    message: str
    hint: str = ""
