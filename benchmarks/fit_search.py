"""Refits the bar between answer, ask back and abstain: python -m benchmarks.fit_search QUESTIONS_DIR [--write].

Two logistic curves with an L2 penalty over the features of knowledge/features.py: the chance that the first entry is
right, the chance that one of the first four is. Each is fitted in two steps, so that few questions decide little:

1. How the entries found stand to one another (COMPARED) is weighed on phrasings of our own entries, each left out of
   the index; "right" means that the article which its entry rests on first is cited.
2. That sum and the other five features are weighed on the measuring set ("right" = rests on an article of the label)
   together with our own test questions (tests/knowledge/questions.yaml, where the entry itself is the label) at a fifth
   of the weight: they are short and in dialect, and without them such questions are taken for another field.

Every figure printed is cross-validated, by group on the measuring set, over twelve ways of folding: mean, least, most.
With both bars given, the last line is the whole way of a message (knowledge/answer.py) over three ways of folding.
Small talk, questions about an own file and those without a label stay out.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.answers import outcomes_of
from benchmarks.gold import Question, read_questions, tally, tally_off_topic
from knowledge.answer import Answerer, load_answerer
from knowledge.decide import Bar
from knowledge.decide import Curve as Chance
from knowledge.entry import CONTENT
from knowledge.features import NAMES

OWN = Path(__file__).resolve().parents[1] / "tests" / "knowledge" / "questions.yaml"
OWN_WEIGHT = 0.2
FOLDS, FOLDINGS, WHOLE_FOLDINGS = 10, 12, 3
LEFT_OUT = 3500
COMPARED = [NAMES.index(one) for one in ("nearness", "margin", "runner_up", "agreement", "likeness", "ending")]
REST = [place for place in range(len(NAMES)) if place not in COMPARED]
PENALTY = 10.0
GROUPS = 10_000
"""From this number on the groups of our own questions are counted; the measuring set has fewer."""

Array = NDArray[np.float64]
Curve = tuple[Array, float]
"""Weights of features and a bias."""


@dataclass(frozen=True)
class Sample:
    """Questions as features, with what was right about them."""

    features: Array
    first: NDArray[np.bool_]
    among: NDArray[np.bool_]
    off: NDArray[np.bool_]
    bar: NDArray[np.bool_]
    groups: NDArray[np.int64]
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
    groups = np.unique([one.group for one in questions], return_inverse=True)[1]
    return Sample(
        np.array(rows), np.array(first), np.array(among), np.array(off), np.array(bar), groups,
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
    groups, weights = GROUPS + np.arange(len(rows)), np.full(len(rows), OWN_WEIGHT)
    return Sample(np.array(rows), np.array(first), np.array(among), np.array(off), ~np.array(off), groups, weights)


def take_left_out(answerer: Answerer, on: date) -> Sample:
    """Phrasings of entries, each left out of the index: right is an entry that cites what theirs rests on first."""
    searcher = answerer.parts.searcher
    phrases = [(row, text) for row, texts in enumerate(searcher.phrasings) for text in texts]
    heads = {int(one) for one in np.cumsum([0, *map(len, searcher.phrasings)])}  # the question compares by itself too
    chosen = random.Random(3).sample([one for one in range(len(phrases)) if one not in heads], LEFT_OUT)
    rows, first, among = [], [], []
    for number in chosen:
        row, text = phrases[number]
        found = searcher.search(text, without=number)
        lead = next(iter(answerer.citations_of(searcher.ids[row], on)), None)
        right = [
            lead is not None and (lead.source, str(lead.article)) in answerer.places_of(hit.entry_id, on)
            for hit in found.hits
        ]
        rows.append(answerer.features(found, on) if found.hits else (0.0,) * len(NAMES))
        first.append(bool(right and right[0]))
        among.append(any(right[:4]))
    no, size = np.zeros(len(rows), dtype=np.bool_), len(rows)
    return Sample(np.array(rows), np.array(first), np.array(among), no, ~no, np.arange(size), np.ones(size))


def fit(features: Array, right: NDArray[np.bool_], weight: Array) -> Curve:
    """Weights and bias for features as they are; fitted on scaled ones so that the penalty is fair."""
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    table = np.c_[(features - mean) / scale, np.ones(len(features))]
    weights = np.zeros(table.shape[1])
    penalty = np.diag([PENALTY] * features.shape[1] + [1e-6])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-table @ weights))
        slope = table.T @ (weight * (chance - right)) + penalty @ weights
        weights -= np.linalg.solve((table * (weight * chance * (1 - chance))[:, None]).T @ table + penalty, slope)
    plain = weights[:-1] / scale
    return plain, float(weights[-1] - plain @ mean)


def fit_upon(compared: Curve, features: Array, right: NDArray[np.bool_], weight: Array) -> Curve:
    """The second step: the sum of the first is one feature beside the rest. The result is over all features again."""
    total = features[:, COMPARED] @ compared[0] + compared[1]
    upper, bias = fit(np.c_[total, features[:, REST]], right, weight)
    weights = np.zeros(len(NAMES))
    weights[COMPARED], weights[REST] = upper[0] * compared[0], upper[1:]
    return weights, bias + float(upper[0] * compared[1])


def chances(features: Array, curve: Curve) -> Array:
    return np.asarray(1 / (1 + np.exp(-(features @ curve[0] + curve[1]))))


def folds_of(sample: Sample, folding: int) -> NDArray[np.int64]:
    """The fold of each question; those of one group are never parted."""
    return np.random.RandomState(folding).randint(0, FOLDS, int(sample.groups.max()) + 1)[sample.groups]


def cross_validate(sample: Sample, right: NDArray[np.bool_], compared: Curve, folding: int) -> Array:
    """The chance of each question from curves that have not seen its group."""
    result, folds = np.zeros(len(right)), folds_of(sample, folding)
    for fold in range(FOLDS):
        test = folds == fold
        curve = fit_upon(compared, sample.features[~test], right[~test], sample.weights[~test])
        result[test] = chances(sample.features[test], curve)
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


def whole_way(
    answerer: Answerer,
    questions: Sequence[Question],
    sample: Sample,
    compared: Sequence[Curve],
    bars: tuple[float, float],
    folding: int,
    on: date,
) -> dict[str, float]:
    """What the bot does with each message when its curves have not seen the group of the message."""
    folds, outcomes = folds_of(sample, folding), {}
    for fold in range(FOLDS):
        rest = folds != fold
        first, among = (
            fit_upon(curve, sample.features[rest], right[rest], sample.weights[rest])
            for curve, right in zip(compared, (sample.first, sample.among), strict=True)
        )
        bar = Bar(_as_curve(first), _as_curve(among), *bars, alone_from=alone_from(bars[0]))
        asked = [one for one, row in zip(questions, ~rest[: len(questions)], strict=True) if row]
        outcomes |= outcomes_of(Answerer(replace(answerer.parts, bar=bar)), asked, on)
    worker = tally([one for one in questions if one.worker and one.in_force], outcomes)
    off = tally_off_topic(questions, outcomes)
    real = tally([one for one in questions if one.worker and one.in_force and one.style.startswith("real")], outcomes)
    return {
        **{name: worker[name] for name in ("direct", "helped", "wrong", "asked_back", "silent")},
        "real_helped": real["helped"],
        "off_topic_answered": off["answered"],
        "off_topic_asked_back": off["asked_back"],
    }


def _as_curve(curve: Curve) -> Chance:
    return Chance(tuple(float(one) for one in curve[0]), curve[1])


def alone_from(answer_from: float) -> float:
    return max(round((1 + 3 * answer_from) / 4, 2), 0.95)


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
    measured, own, left_out = take_sample(answerer, questions, on), take_own(answerer, on), take_left_out(answerer, on)
    sample, size = measured + own, len(questions)
    compared = [
        fit(left_out.features[:, COMPARED], right, left_out.weights) for right in (left_out.first, left_out.among)
    ]
    foldings = [
        [
            cross_validate(sample, right, curve, one)
            for right, curve in zip((sample.first, sample.among), compared, strict=True)
        ]
        for one in range(FOLDINGS)
    ]
    answers = [arguments.answer_from] if arguments.answer_from else [0.64, 0.66, 0.68, 0.69, 0.7, 0.72]
    asks = [arguments.ask_from] if arguments.ask_from else [0.45, 0.5, 0.55]
    for answer_from in answers:
        for ask_from in asks:
            bars = (answer_from, ask_from)
            print(
                json.dumps(spread([figures(measured, first[:size], among[:size], *bars) for first, among in foldings]))
            )
            own_figures = spread([figures(own, first[size:], among[size:], *bars) for first, among in foldings])
            print(json.dumps({"own": own_figures}))
    if arguments.answer_from and arguments.ask_from:
        bars = (arguments.answer_from, arguments.ask_from)
        ways = [whole_way(answerer, questions, sample, compared, bars, one, on) for one in range(WHOLE_FOLDINGS)]
        print(json.dumps({"whole_way": spread(ways)}))
    if arguments.write:
        curves = [
            fit_upon(curve, sample.features, right, sample.weights)
            for curve, right in zip(compared, (sample.first, sample.among), strict=True)
        ]
        write(curves, answers[0], asks[0])


def spread(found: list[dict[str, float]]) -> dict[str, list[float]]:
    """Mean, least and most of each figure."""
    columns = {name: [one[name] for one in found] for name in found[0]}
    return {name: [round(float(np.mean(one)), 3), min(one), max(one)] for name, one in columns.items()}


def write(curves: list[Curve], answer_from: float, ask_from: float) -> None:
    lines = ["# Made by python -m benchmarks.fit_search; see docs/explanation/search.md.", "bar:"]
    lines += [f"  answer_from: {answer_from}", f"  ask_from: {ask_from}", f"  alone_from: {alone_from(answer_from)}"]
    for name, (weights, bias) in zip(("first", "among"), curves, strict=True):
        lines.append(f"{name}:")
        lines += [f"  {feature}: {weight:.4f}" for feature, weight in zip(NAMES, weights, strict=True)]
        lines.append(f"  bias: {bias:.4f}")
    (CONTENT / "search.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
