"""Where the long drills write down what they found: one JSON line each in benchmarks/drills.jsonl."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "drills.jsonl"


def note_drill(what: str, n: int, **found: Any) -> None:
    """Keep what a drill of so many events, kills or federations found; a sample of one is not kept."""
    line = {"drill": what, "n": n, **found, "cores": os.cpu_count(), "on": datetime.now(UTC).date().isoformat()}
    text = json.dumps(line, ensure_ascii=False)
    sys.stdout.write(f"{text}\n")
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
