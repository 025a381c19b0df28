"""`python -m chaos --seed 1 --times 300`: attack homes in every way; what was found, as JSON.

`python -m chaos.NAME` is one kind of attack alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

SHARES = {
    "kills": 23,
    "signals": 18,
    "power": 12,
    "damage": 15,
    "paths": 12,
    "clocks": 8,
    "answers": 8,
    "full_disk": 4,
}
"""The kinds of attack, with how many of a hundred are of each."""
_FOR_ROOT = {"power", "full_disk"}
"""Those that mount disks of their own."""


def main() -> int:
    """Run all kinds of attack, each in a process of its own; 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1, help="says which ones, and when")
    parser.add_argument("--times", type=int, default=300, help="how many in all (%(default)s)")
    asked = parser.parse_args()
    found = {name: _run(name, asked.seed, asked.times * SHARES[name] // 100) for name in _kinds()}
    total = {
        "attacks": sum(each["attacks"] for each in found.values()),
        "faults": sum(len(each["faults"]) for each in found.values()),
    }
    print(json.dumps({**total, "by_kind": found}, indent=1))
    return 1 if total["faults"] else 0


def _kinds() -> list[str]:
    is_root = os.geteuid() == 0 and sys.platform.startswith("linux")
    return [name for name in SHARES if is_root or name not in _FOR_ROOT]


def _run(name: str, seed: int, times: int) -> dict[str, Any]:
    """What a kind of attack found; that it broke off is a fault too."""
    sys.stderr.write(f"{name}: {times}\n")
    words = [sys.executable, "-m", f"chaos.{name}", "--seed", str(seed), "--times", str(times)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    try:
        findings: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"attacks": 0, "faults": [f"{name} ended with exit code {done.returncode}"]}
    return findings


if __name__ == "__main__":
    sys.exit(main())
