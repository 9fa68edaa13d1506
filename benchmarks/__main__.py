"""Runs every benchmark: one JSON line each, also kept in benchmarks/results.jsonl."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = ("search", "answers", "turns", "database", "organisation", "cases", "filing", "bulletins", "zalo_year")
RESULTS = Path(__file__).parent / "results.jsonl"


def main() -> int:
    """Each in a process of its own, so that none disturbs the memory figures of another."""
    names = [name for name in BENCHMARKS if not sys.argv[1:] or name in sys.argv[1:]]
    lines = []
    for name in names:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, check=True
        )
        print(done.stdout, end="", flush=True)
        lines += done.stdout.splitlines(keepends=True)
    if names == list(BENCHMARKS):
        RESULTS.write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
