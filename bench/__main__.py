"""`python -m bench [NAME ...]`: the benchmarks, or those named, as one JSON document."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from bench import (
    backfill,
    checks,
    day,
    merge,
    old_home,
    one_more_day,
    people,
    plan,
    publish,
    refresh,
    rest_api,
    site,
)

BENCHMARKS = {
    "day": day.measure,
    "backfill": backfill.measure,
    "merge": merge.measure,
    "publish": publish.measure,
    "plan": plan.measure,
    "checks": checks.measure,
    "refresh": refresh.measure,
    "one_more_day": one_more_day.measure,
    "history": old_home.measure,
    "people": people.measure,
    "rest_api": rest_api.measure,
    "site": site.measure,
}


def main() -> None:
    """Run benchmarks one after the other, each in a home of its own."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    document: dict[str, object] = {"cores": os.cpu_count(), "python": sys.version.split()[0]}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            document[name] = BENCHMARKS[name](Path(folder) / name)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
