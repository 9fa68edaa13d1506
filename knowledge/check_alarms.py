"""Checks of alarms.yaml: every name used exists, every number has its day and source, no list is dead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from knowledge.alarm_book import AGES, FILE, MANNERS, Category, Danger, Urgency, read_tree
from knowledge.entry import Library, Problem
from knowledge.normalize import fold
from knowledge.problems import problem
from knowledge.texts import has_text

KEYS = {"numbers", "borrowed", "dialect", "idioms", "words", "dangers", "grievances", "calm", *MANNERS}
DANGER_KEYS = {"numbers", "category", "fades", "uses", "phrases", "together", "examples"}
GRIEVANCE_KEYS = {"urgency", "phrases", "together", "examples"}
NUMBER_KEYS = {"from", "number", "source", "article"}


def check_alarms(content: Path, library: Library) -> list[Problem]:
    """Every problem of the file; none when a content folder has no such file."""
    path = content / FILE
    if not path.exists():
        return []
    text, tree = path.read_text(encoding="utf-8"), read_tree(content)
    found = [
        *_bad_keys(tree),
        *_bad_numbers(tree, library),
        *_bad_signs(tree),
        *_bad_phrases(tree),
        *(("not_nfc", {}, line) for line in text.split("\n") if not unicodedata.is_normalized("NFC", line)),
    ]
    return [problem(FILE, _line_of(text, near), code, **values) for code, values, near in found]


Found = tuple[str, dict[str, Any], str]
"""A code of texts.yaml, its values, and words that stand in the line."""


def _line_of(text: str, near: str) -> int:
    at = text.find(near)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _bad_keys(tree: dict[str, Any]) -> Iterator[Found]:
    wanted: list[tuple[str, dict[str, Any], set[str]]] = [("", tree, KEYS)]
    wanted += [(name, one, DANGER_KEYS) for name, one in tree["dangers"].items()]
    wanted += [(name, one, GRIEVANCE_KEYS) for name, one in tree["grievances"].items()]
    for _name, one, allowed in wanted:
        for key in set(one) - allowed:
            yield "unknown_key", {"key": key, "allowed": ", ".join(sorted(allowed))}, f"{key}:"
    for kinds, block in ((Danger, "dangers"), (Category, "grievances")):
        for name in {str(one) for one in kinds} ^ set(tree[block]):
            yield "alarm_kind", {"name": name, "block": block, "allowed": ", ".join(kinds)}, f"{block}:"


def _bad_numbers(tree: dict[str, Any], library: Library) -> Iterator[Found]:
    for name, rows in tree["numbers"].items():
        near = f"  {name}: ["
        if not has_text(f"alarms.number.{name}"):
            yield "alarm_number_text", {"name": name}, near
        days = [row["from"] for row in rows if isinstance(row.get("from"), date)]
        if len(days) < len(rows) or not rows or any(later <= earlier for later, earlier in pairwise(days)):
            yield "alarm_number_days", {"name": name}, near
        for row in rows:
            for key in set(row) - NUMBER_KEYS:
                yield "unknown_key", {"key": key, "allowed": ", ".join(sorted(NUMBER_KEYS))}, near
            if not str(row.get("number", "")).isdecimal():
                yield "alarm_number", {"name": name, "number": row.get("number", "")}, near
            source = library.sources.get(str(row.get("source", "")))
            if source is None:
                yield "unknown_source", {"source": row.get("source", "")}, near
            elif isinstance(row.get("from"), date) and not source.span.holds(row["from"]):
                yield "alarm_number_source", {"name": name, "source": source.number, "day": row["from"]}, near


def _bad_signs(tree: dict[str, Any]) -> Iterator[Found]:
    groups = set(tree["words"])
    used = set(AGES)
    for name, one in [*tree["dangers"].items(), *tree["grievances"].items()]:
        for row in one.get("together", ()):
            used |= set(row.split())
            for group in set(row.split()) - groups:
                yield "alarm_group", {"group": group, "name": name}, row
        for number in one.get("numbers", ()):
            if number not in tree["numbers"]:
                yield "alarm_call", {"number": number, "name": name}, f"  {name}:"
        if not one.get("examples"):
            yield "alarm_examples", {"name": name}, f"  {name}:"
    for name, one in tree["dangers"].items():
        if one.get("category") not in set(Category):
            yield (
                "alarm_kind",
                {"name": one.get("category"), "block": name, "allowed": ", ".join(Category)},
                f"  {name}:",
            )
    for name, one in tree["grievances"].items():
        if one.get("urgency") not in {Urgency.URGENT, Urgency.ORDINARY}:
            values = {"name": one.get("urgency"), "block": name, "allowed": "urgent, ordinary"}
            yield "alarm_kind", values, f"  {name}:"
    for group in groups - used:
        yield "alarm_unused", {"group": group}, f"  {group}: ["


def _bad_phrases(tree: dict[str, Any]) -> Iterator[Found]:
    """Values that YAML took for something else ("no", 1)."""
    lists = {**tree["words"], **{name: tree[name] for name in (*MANNERS, "idioms", "calm")}}
    for name, one in [*tree["dangers"].items(), *tree["grievances"].items()]:
        lists[name] = [*one.get("phrases", ()), *one.get("examples", ())]
    for name, phrases in lists.items():
        for phrase in phrases:
            if not isinstance(phrase, str) or not fold(phrase):
                yield "alarm_phrase", {"phrase": phrase, "name": name}, f"{name}:"
