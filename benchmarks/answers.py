"""How well questions are answered: python -m benchmarks.answers [QUESTIONS_DIR] [--drafts] → one JSON line.

direct: the answer cites an article of the label among its first four; helped: it does, or one of the four options
does; wrong: an answer that cites none; silent: neither answered nor asked back. The fitted numbers of
content/search.yaml were fitted on dev_*.jsonl, so on those files the cross-validated figures of fit_search.py count.

The baselines rank entries; they have no rule for when to answer. Each gets the two bars on its own top score that are
best for it on these very questions (an advantage): of all bars that leave at most 2 % of the off-topic messages
answered and 10 % asked back, those with the highest helped minus twice wrong. Since the best of these is mostly to
answer nothing, each is also shown with the bars at which it answers, and asks back, as often as ours (`at_our_rate`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.baselines import Scorer, build_baselines
from benchmarks.gold import CITED, Outcome, Place, Question, judge, read_questions, stripped, tally, tally_off_topic
from knowledge.answer import Answerer, load_answerer

QUESTIONS = Path(__file__).resolve().parents[2] / "shared" / "questions"
OFF_ANSWERED, OFF_ASKED = 0.02, 0.10


def outcomes_of(
    answerer: Answerer, questions: Sequence[Question], on: date, change: Callable[[str], str] = str
) -> dict[str, Outcome]:
    found = {}
    for one in questions:
        answer = answerer.answer(change(one.text), on)
        cited = answerer.places_of(answer.entry_id, answer.on) if answer.entry_id else frozenset()
        offered: set[Place] = set().union(*(answerer.places_of(option, answer.on) for option in answer.options))
        found[one.id] = Outcome(answer.outcome.value, cited, frozenset(offered), answer.score)
    return found


def summary(questions: Sequence[Question], outcomes: dict[str, Outcome]) -> dict[str, object]:
    """Everything issue 3 asks for, over questions with a label in current law."""
    counted = [one for one in questions if one.worker and one.in_force]
    off = [one for one in questions if one.off_topic and not one.small_talk]
    talk = [one for one in questions if one.small_talk]
    cases = [one for one in questions if one.own_case]
    labelled = [one for one in questions if one.gold]
    return {
        "worker_in_force": tally(counted, outcomes),
        "real": tally([one for one in counted if one.style.startswith("real")], outcomes),
        "all_labelled": tally(labelled, outcomes),
        "style": {
            name: tally([one for one in labelled if one.style == name], outcomes) for name in _names(labelled, "style")
        },
        "topic": {
            name: tally([one for one in labelled if one.topic == name], outcomes) for name in _names(labelled, "topic")
        },
        "off_topic": tally_off_topic(off, outcomes),
        "small_talk": tally_off_topic(talk, outcomes) | {"friendly": _share(talk, outcomes, "small_talk")},
        "own_case_handed_over": _share(cases, outcomes, "handover"),
        "wrongly_handed_over": _share(labelled, outcomes, "handover"),
    }


def _names(questions: Sequence[Question], field: str) -> list[str]:
    return sorted({str(getattr(one, field)) for one in questions})


def _share(questions: Sequence[Question], outcomes: dict[str, Outcome], wanted: str) -> float:
    return round(100 * sum(outcomes[one.id].outcome == wanted for one in questions) / max(len(questions), 1), 1)


def baseline(
    answerer: Answerer,
    scorer: Scorer,
    ids: Sequence[str],
    questions: Sequence[Question],
    on: date,
    ours: dict[str, Outcome],
) -> dict[str, object]:
    """The best a ready-made search can do with bars chosen for it on these questions, and with bars that let it answer
    and ask back as often as ours."""
    asked = [one for one in questions if not one.small_talk and not one.own_case]
    ranked: dict[str, tuple[list[str], float]] = {}
    for one in asked:
        scores = scorer(one.text)
        best = np.argsort(-scores, kind="stable")[:CITED]
        ranked[one.id] = ([ids[row] for row in best], float(scores[best[0]]))
    top = np.array([ranked[one.id][1] for one in asked])
    off = np.array([one.off_topic for one in asked])
    counted = [one for one in asked if one.worker and one.in_force]
    bars = np.unique(np.quantile(top, np.linspace(0, 1, 41)))
    best_value, best_result = -1e9, {}
    for answer_from in [*bars, np.inf]:
        for ask_from in bars[bars <= answer_from]:
            answered = float((top[off] >= answer_from).mean())
            if answered > OFF_ANSWERED or float((top[off] >= ask_from).mean()) - answered > OFF_ASKED:
                continue
            outcomes = {one.id: _with_bars(answerer, ranked[one.id], answer_from, ask_from, on) for one in asked}
            result = tally(counted, outcomes)
            value = result["helped"] - 2 * result["wrong"]
            if value > best_value:
                best_value, best_result = (
                    value,
                    {"worker_in_force": result, "off_topic": tally_off_topic(asked, outcomes)},
                )
    right = [
        any(one.gold & answerer.places_of(entry, on) for entry in ranked[one.id][0][:1]) for one in counted if one.gold
    ]
    four = [any(one.gold & answerer.places_of(entry, on) for entry in ranked[one.id][0]) for one in counted if one.gold]
    ranking = {
        "right_first": round(100 * float(np.mean(right)), 1),
        "right_among_4": round(100 * float(np.mean(four)), 1),
    }
    reached = np.sort([ranked[one.id][1] for one in counted])[::-1]
    answering = sum(ours[one.id].outcome == "answer" for one in counted)
    speaking = answering + sum(ours[one.id].outcome == "ask_back" for one in counted)
    alike = {
        one.id: _with_bars(answerer, ranked[one.id], reached[answering - 1], reached[speaking - 1], on) for one in asked
    }
    at_our_rate = {"worker_in_force": tally(counted, alike), "off_topic": tally_off_topic(asked, alike)}
    return {"ranking": ranking, **best_result, "at_our_rate": at_our_rate}


def _with_bars(
    answerer: Answerer, found: tuple[list[str], float], answer_from: float, ask_from: float, on: date
) -> Outcome:
    entries, score = found
    if score >= answer_from:
        return Outcome("answer", answerer.places_of(entries[0], on))
    if score >= ask_from:
        return Outcome("ask_back", offered=frozenset().union(*(answerer.places_of(one, on) for one in entries)))
    return Outcome("abstain")


def twins(questions: Sequence[Question], marked: dict[str, Outcome], bare: dict[str, Outcome]) -> float:
    """How many points more are helped with marks than without."""
    counted = [one for one in questions if one.worker and one.in_force]
    return round(tally(counted, marked)["helped"] - tally(counted, bare)["helped"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path, nargs="?", default=QUESTIONS)
    parser.add_argument("--drafts", action="store_true", help="entries not yet published too")
    parser.add_argument("--misses", action="store_true", help="print what went wrong instead, one line each")
    arguments = parser.parse_args()
    on = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    if not arguments.questions.is_dir():
        print(json.dumps({"benchmark": "answers", "skipped": f"no folder {arguments.questions}"}))
        return
    questions = read_questions(arguments.questions)
    answerer = load_answerer(include_drafts=arguments.drafts)
    outcomes = outcomes_of(answerer, questions, on)
    if arguments.misses:
        for one in questions:
            mark = judge(one, outcomes[one.id])
            if mark in ("wrong", "wrong_but_offered", "missed_back", "answered") or (mark == "silent" and one.gold):
                print(mark, one.id, sorted(one.gold), one.text[:120].replace("\n", " "), sep="\t")
        return
    bare = outcomes_of(answerer, questions, on, stripped)
    entries = [answerer.parts.library.entries[one] for one in answerer.parts.searcher.ids]
    ids = answerer.parts.searcher.ids
    result = {
        "benchmark": "answers",
        "entries": len(entries),
        "ours": summary(questions, outcomes),
        "ours_without_marks": summary(questions, bare),
        "gap_with_and_without_marks": twins(questions, outcomes, bare),
        "baselines": {
            name: baseline(answerer, scorer, ids, questions, on, outcomes)
            for name, scorer in build_baselines(entries).items()
        },
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
