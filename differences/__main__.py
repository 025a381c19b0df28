"""`python -m differences`: compare DuckDB with Trino, construct by construct; the counts as JSON.

It needs a stack: `source .stack/main/env` says where it is. `--all` also lists every difference.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence

from differences.answers import Asked
from differences.constructs import constructs
from differences.engines import engines
from differences.verdicts import Judged, Verdict, is_mended, judge


def main() -> int:
    """Compare both engines over all constructs; 1 if a difference is neither flagged nor listed."""
    parser = argparse.ArgumentParser(prog="python -m differences", description=main.__doc__)
    parser.add_argument("--only", default="", help="names begin with this, such as 'Cast('")
    parser.add_argument("--all", action="store_true", help="list every difference")
    asked = parser.parse_args()
    chosen = [each for each in constructs() if each.name.startswith(asked.only)]
    with engines(dict(os.environ)) as (duckdb, trino):
        judged = list(judge(chosen, Asked(duckdb).answers(chosen), Asked(trino).answers(chosen)))
    document: dict[str, object] = {
        **counts(judged),
        "unflagged": {each.name: each.difference for each in _of(judged, Verdict.UNFLAGGED)},
    }
    document["mended_operations"] = sorted(
        {type(c.subject).__name__ for c in chosen if is_mended(c)}
    )
    if asked.all:
        document["every_difference"] = _by_verdict(judged)
    print(json.dumps(document, indent=1, ensure_ascii=False))
    return 1 if _of(judged, Verdict.UNFLAGGED) else 0


def counts(judged: Sequence[Judged]) -> dict[str, int]:
    """Return how many constructs were tried, and how many of them are of each verdict."""
    by_verdict = Counter(each.verdict for each in judged)
    differing = (Verdict.MENDED, Verdict.FLAGGED, Verdict.LISTED, Verdict.UNFLAGGED)
    return {
        "constructs": len(judged),
        "differences": sum(by_verdict[verdict] for verdict in differing),
        **{f"differences {verdict}": by_verdict[verdict] for verdict in differing},
        "flagged though equal": by_verdict[Verdict.CAUTIOUS],
    }


def _of(judged: Sequence[Judged], verdict: Verdict) -> list[Judged]:
    return [each for each in judged if each.verdict is verdict]


def _by_verdict(judged: Sequence[Judged]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for each in judged:
        if each.difference or each.verdict is Verdict.CAUTIOUS:
            found[each.verdict][each.name] = f"{each.because}: {each.difference}"
    return found


if __name__ == "__main__":
    sys.exit(main())
