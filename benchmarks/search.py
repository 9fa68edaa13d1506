"""How fast and how big search is at 1,000 entries × 12 phrasings, and what rapidfuzz adds: one JSON line.

The library is made of the real entries and of copies of them in which some syllables are exchanged, each cut or filled
to 12 phrasings. Questions are phrasings, their typo'd twins, and stories of up to 120 syllables. One thread.
The ablation asks the real library its own phrasings, each left out of the index, as written and misspelt, with and
without rapidfuzz (mending of words, letter-by-letter comparison): how many find their entry first, or among four.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import benchmarks.one_thread  # noqa: F401  # before numpy, which reads the number of threads when it is loaded
from knowledge.answer import Answerer, build_answerer, load_answerer
from knowledge.entry import Entry, Library, Status
from knowledge.load import load_library
from knowledge.search import Searcher

ENTRIES, PHRASINGS = 1000, 12
QUESTIONS = 600
SAMPLE = 800
ON = date(2026, 11, 21)


def grown_library(library: Library, chance: random.Random) -> Library:
    """The library with as many entries and phrasings as the bar asks for."""
    real = [one for one in library.entries.values() if one.status is not Status.RETIRED]
    pool = [word for entry in real for word in entry.question.split()]
    entries: dict[str, Entry] = {}
    for number in range(ENTRIES):
        base = real[number % len(real)]
        phrasings = [*base.phrasings, *base.phrasings][:PHRASINGS]
        if number >= len(real):
            phrasings = [_exchanged(one, pool, chance) for one in phrasings]
        entry_id = base.id if number < len(real) else f"{base.id}-{number}"
        entries[entry_id] = replace(
            base, id=entry_id, question=phrasings[0], also_asked=tuple(phrasings[1:]), status=Status.PUBLISHED
        )
    return replace(library, entries=entries)


def _exchanged(text: str, pool: Sequence[str], chance: random.Random) -> str:
    return " ".join(chance.choice(pool) if chance.random() < 0.3 else word for word in text.split())


def misspelt(text: str, chance: random.Random) -> str:
    """The text with a slip in every fifth word: a letter lost, doubled, exchanged or swapped, or a space lost."""
    words = text.split()
    for place, word in enumerate(words):
        if len(word) < 3 or chance.random() > 0.2:
            continue
        cut = chance.randrange(1, len(word) - 1)
        slip = chance.randrange(4)
        words[place] = (
            word[:cut] + word[cut + 1 :],
            word[:cut] + word[cut] * 2 + word[cut + 1 :],
            word[: cut - 1] + word[cut] + word[cut - 1] + word[cut + 1 :],
            word[:cut] + chance.choice("abcdeghiklmnopqrstuvxy") + word[cut + 1 :],
        )[slip]
        if chance.random() < 0.15 and place + 1 < len(words):
            words[place] += words[place + 1]
            words[place + 1] = ""
    return " ".join(filter(None, words))


def latency(answerer: Answerer, library: Library, chance: random.Random) -> dict[str, float]:
    phrases = [phrase for entry in library.entries.values() for phrase in entry.phrasings]
    questions = []
    for number in range(QUESTIONS):
        text = chance.choice(phrases)
        if number % 3 == 1:
            text = misspelt(text, chance)
        if number % 3 == 2:
            text = " ".join([*(". ".join(chance.sample(phrases, 6))).split()[:110], text, "?"])
        questions.append(text)
    for text in questions[:30]:
        answerer.answer(text, ON)
    times, cpu = [], []
    for text in questions:
        start, used = time.perf_counter(), time.process_time()
        answerer.answer(text, ON)
        times.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - used))
    times.sort()
    cpu.sort()
    last = int(len(times) * 0.99)
    return {
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[last], 2),
        "p50_cpu_ms": round(cpu[len(cpu) // 2], 2),
        "p99_cpu_ms": round(cpu[last], 2),  # what one core does; on a busy machine the wall time says less
    }


def ablation(searcher: Searcher, chance: random.Random) -> dict[str, dict[str, float]]:
    """Own phrasings left out of the index, as written and misspelt, with rapidfuzz and without."""
    phrases = [(phrase, row) for row, one in enumerate(searcher.phrasings) for phrase in one]
    chosen = chance.sample(range(len(phrases)), min(SAMPLE, len(phrases)))
    result = {}
    for name, change in (("as_written", str), ("misspelt", lambda text: misspelt(text, chance))):
        for letters in (True, False):
            state, ranks = chance.getstate(), []
            for number in chosen:
                text, _row = phrases[number]
                hits = searcher.search(change(text), 4, without=number, letters=letters).hits
                ranks.append([hit.entry_id for hit in hits])
            chance.setstate(state)
            right = [searcher.ids[phrases[number][1]] for number in chosen]
            first = sum(found[:1] == [one] for found, one in zip(ranks, right, strict=True))
            among = sum(one in found for found, one in zip(ranks, right, strict=True))
            result[f"{name}_{'with' if letters else 'without'}_rapidfuzz"] = {
                "first": round(100 * first / len(chosen), 1),
                "among_4": round(100 * among / len(chosen), 1),
            }
    return result


_COLD = """
import time
start = time.perf_counter()
from knowledge.answer import load_answerer
imported = time.perf_counter()
load_answerer()
print(imported - start, time.perf_counter() - imported)
"""
"""In a process of its own, as when the bot starts: seconds to import, and to load."""


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    chance = random.Random(7)
    library = grown_library(load_library(), chance)
    start = time.perf_counter()
    answerer = build_answerer(library)
    build = time.perf_counter() - start
    figures = latency(answerer, library, chance)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tracemalloc.start()
    kept = build_answerer(library)
    memory = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    del kept
    cold = subprocess.run([sys.executable, "-c", _COLD], capture_output=True, text=True, check=True).stdout
    importing, loading = map(float, cold.split())
    real = load_answerer(include_drafts=True)
    print(
        json.dumps(
            {
                "benchmark": "search",
                "cores": os.cpu_count(),
                "entries": ENTRIES,
                "phrasings": ENTRIES * PHRASINGS,
                **figures,
                "build_s": round(build, 2),
                "import_s": round(importing, 2),
                "cold_load_s": round(loading, 2),
                "index_mb": round(memory, 1),
                "process_peak_mb": round(peak, 1),
                "ablation": ablation(real.parts.searcher, chance),
            }
        )
    )


if __name__ == "__main__":
    main()
