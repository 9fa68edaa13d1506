"""Answer, ask back or abstain: two logistic curves over a few features, fitted by python -m benchmarks.fit_search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT
from knowledge.features import NAMES


@dataclass(frozen=True)
class Curve:
    """A chance from features: weights in the order of NAMES, for features as they are, not scaled."""

    weights: tuple[float, ...]
    bias: float

    def chance(self, features: Sequence[float]) -> float:
        total = self.bias + sum(weight * one for weight, one in zip(self.weights, features, strict=True))
        return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))


@dataclass(frozen=True)
class Bar:
    """The fitted numbers of content/search.yaml: how likely the first entry is right, how likely one of four is,
    and from which chance on each is shown."""

    first: Curve
    among: Curve
    answer_from: float
    ask_from: float
    alone_from: float


def load_bar(content: Path = CONTENT) -> Bar:
    """The numbers of search.yaml; those of the program when a content folder has none of its own."""
    path = content / "search.yaml"
    if not path.exists():
        path = CONTENT / "search.yaml"
    tree: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return Bar(_curve(tree["first"]), _curve(tree["among"]), **{name: float(tree["bar"][name]) for name in tree["bar"]})


def _curve(tree: dict[str, float]) -> Curve:
    return Curve(tuple(float(tree[name]) for name in NAMES), float(tree["bias"]))
