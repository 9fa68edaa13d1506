"""Refits the bar between answer, ask back and abstain: python -m benchmarks.fit_search QUESTIONS_DIR [--write].

Two logistic curves with an L2 penalty over the features of knowledge/features.py: the chance that the first entry is
right, the chance that one of the first four is. "Right" means that it rests on an article of the label. Our own test
questions (tests/knowledge/questions.yaml, where the entry itself is the label) are fitted along with a tenth of the
weight: they are short and in dialect, and without them such questions are taken for another field. Every figure printed
is cross-validated, by group on the measuring set. Small talk, questions about an own file and those without a label
stay out.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.gold import Question, read_questions
from knowledge.answer import Answerer, load_answerer
from knowledge.entry import CONTENT
from knowledge.features import NAMES

OWN = Path(__file__).resolve().parents[1] / "tests" / "knowledge" / "questions.yaml"
OWN_WEIGHT = 0.1
FOLDS = 10
PENALTY = 10.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Questions as features, with what was right about them."""

    features: Array
    first: NDArray[np.bool_]
    among: NDArray[np.bool_]
    off: NDArray[np.bool_]
    bar: NDArray[np.bool_]
    folds: NDArray[np.int64]
    weights: Array

    def __add__(self, other: Sample) -> Sample:
        return Sample(*(np.concatenate([getattr(self, one.name), getattr(other, one.name)]) for one in fields(self)))


def take_sample(answerer: Answerer, questions: list[Question], on: date) -> Sample:
    rows, first, among = [], [], []
    for question in questions:
        found = answerer.parts.searcher.search(question.text)
        places = [answerer.places_of(hit.entry_id, on) & question.gold for hit in found.hits]
        rows.append(answerer.features(found, on) if found.hits else (0.0,) * len(NAMES))
        first.append(bool(places and places[0]))
        among.append(any(places[:4]))
    off = [one.off_topic for one in questions]
    bar = [bool(one.gold) and one.worker and one.in_force for one in questions]
    folds = [int(one.group, 16) % FOLDS for one in questions]
    return Sample(
        np.array(rows), np.array(first), np.array(among), np.array(off), np.array(bar), np.array(folds),
        np.ones(len(rows)),
    )  # fmt: skip


def take_own(answerer: Answerer, on: date) -> Sample:
    """Our own test questions: the entry found is right when it is the one named there."""
    asked = yaml.safe_load(OWN.read_text(encoding="utf-8")) or []
    rows, first, among, off = [], [], [], []
    for row in asked:
        wanted = row.get("entry", [])
        wanted = wanted if isinstance(wanted, list) else [wanted]
        found = answerer.parts.searcher.search(row["ask"])
        entries = [hit.entry_id for hit in found.hits]
        rows.append(answerer.features(found, on) if found.hits else (0.0,) * len(NAMES))
        first.append(bool(entries) and entries[0] in wanted)
        among.append(any(one in wanted for one in entries[:4]))
        off.append(not wanted)
    folds = np.arange(len(rows)) % FOLDS
    weights = np.full(len(rows), OWN_WEIGHT)
    return Sample(np.array(rows), np.array(first), np.array(among), np.array(off), ~np.array(off), folds, weights)


def fit(features: Array, right: NDArray[np.bool_], weight: Array) -> tuple[Array, float]:
    """Weights and bias for features as they are; fitted on scaled ones so that the penalty is fair."""
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    table = np.c_[(features - mean) / scale, np.ones(len(features))]
    weights = np.zeros(table.shape[1])
    penalty = np.diag([PENALTY] * len(NAMES) + [1e-6])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-table @ weights))
        slope = table.T @ (weight * (chance - right)) + penalty @ weights
        weights -= np.linalg.solve((table * (weight * chance * (1 - chance))[:, None]).T @ table + penalty, slope)
    plain = weights[:-1] / scale
    return plain, float(weights[-1] - plain @ mean)


def chances(features: Array, curve: tuple[Array, float]) -> Array:
    return np.asarray(1 / (1 + np.exp(-(features @ curve[0] + curve[1]))))


def cross_validate(sample: Sample, right: NDArray[np.bool_]) -> Array:
    result = np.zeros(len(right))
    for fold in range(FOLDS):
        test = sample.folds == fold
        result[test] = chances(sample.features[test], fit(sample.features[~test], right[~test], sample.weights[~test]))
    return result


def figures(sample: Sample, first: Array, among: Array, answer_from: float, ask_from: float) -> dict[str, float]:
    answered = first >= answer_from
    asked = ~answered & (among >= ask_from)

    def share(mask: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
        return round(100 * float(mask[of].mean()), 1)

    return {
        "answer_from": answer_from,
        "ask_from": ask_from,
        "direct": share(answered & sample.first, sample.bar),
        "helped": share((answered | asked) & sample.among, sample.bar),
        "wrong": share(answered & ~sample.first, sample.bar),
        "asked_back": share(asked, sample.bar),
        "off_topic_answered": share(answered, sample.off),
        "off_topic_asked_back": share(asked, sample.off),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--drafts", action="store_true")
    parser.add_argument("--answer-from", type=float)
    parser.add_argument("--ask-from", type=float)
    parser.add_argument("--write", action="store_true", help="write content/search.yaml; needs both bars")
    arguments = parser.parse_args()
    on = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    questions = [one for one in read_questions(arguments.questions) if not one.small_talk and not one.own_case]
    questions = [one for one in questions if one.gold or one.off_topic]
    answerer = load_answerer(include_drafts=arguments.drafts)
    measured, own = take_sample(answerer, questions, on), take_own(answerer, on)
    sample, size = measured + own, len(questions)
    first, among = cross_validate(sample, sample.first), cross_validate(sample, sample.among)
    answers = [arguments.answer_from] if arguments.answer_from else [0.5, 0.55, 0.6, 0.65, 0.7, 0.75]
    asks = [arguments.ask_from] if arguments.ask_from else [0.25, 0.3, 0.35]
    for answer_from in answers:
        for ask_from in asks:
            print(json.dumps(figures(measured, first[:size], among[:size], answer_from, ask_from)))
            print(json.dumps({"own": figures(own, first[size:], among[size:], answer_from, ask_from)}))
    if arguments.write:
        write(sample, answers[0], asks[0])


def write(sample: Sample, answer_from: float, ask_from: float) -> None:
    lines = ["# Made by python -m benchmarks.fit_search; see docs/explanation/search.md.", "bar:"]
    alone_from = round((1 + 3 * answer_from) / 4, 2)
    lines += [f"  answer_from: {answer_from}", f"  ask_from: {ask_from}", f"  alone_from: {max(alone_from, 0.95)}"]
    for name, right in (("first", sample.first), ("among", sample.among)):
        weights, bias = fit(sample.features, right, sample.weights)
        lines.append(f"{name}:")
        lines += [f"  {feature}: {weight:.4f}" for feature, weight in zip(NAMES, weights, strict=True)]
        lines.append(f"  bias: {bias:.4f}")
    (CONTENT / "search.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
