"""Do the code and texts.yaml agree? Every key exists, with the same placeholders, and none is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.entry import CONTENT, Problem
from knowledge.problems import problem
from knowledge.texts import load_texts, placeholders

PAGES = {".html", ".js", ".css", ".txt", ".webmanifest"}
DOTTED = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
PACKAGES = ("bot", "handlers", "knowledge", "db")


@dataclass
class Uses:
    """How the code speaks of texts: calls with known keys, prefixes of built keys, and any string at all."""

    calls: list[tuple[str, set[str] | None]] = field(default_factory=list)
    prefixes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)


def check_texts(root: Path = CONTENT.parent.parent, path: Path = CONTENT / "texts.yaml") -> list[Problem]:
    """Missing keys, placeholders that differ, broken braces, and sentences nobody uses."""
    texts = load_texts(path)
    lines = path.read_text(encoding="utf-8")
    uses = read_uses(root)
    problems = []
    wanted: dict[str, set[str]] = {}
    for key, sentence in texts.items():
        try:
            wanted[key] = placeholders(sentence)
        except ValueError:
            problems.append(problem(path.name, _line(lines, key), "text_braces", key=key))
    for key, given in uses.calls:
        if key not in texts:
            problems.append(problem(path.name, 1, "text_missing", key=key))
        elif given is not None and wanted.get(key, given) - given:
            there, passed = (", ".join(sorted(names)) or "–" for names in (wanted[key], given))
            problems.append(
                problem(path.name, _line(lines, key), "text_placeholders", key=key, there=there, given=passed)
            )
    used = uses.strings | {key for key, _ in uses.calls}
    for key in texts:
        if key not in used and not key.startswith(tuple(uses.prefixes)):
            problems.append(problem(path.name, _line(lines, key), "text_unused", key=key))
    return sorted(set(problems), key=lambda one: (one.line, one.what))


def read_uses(root: Path) -> Uses:
    """Every use of a text in the code below the root, and in the pages of web/."""
    uses = Uses()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "migrations" not in path.parts:  # they speak SQL only
                _read_tree(ast.parse(path.read_text(encoding="utf-8")), uses)
    for path in sorted((root / "web").rglob("*")):
        if path.suffix in PAGES:
            uses.strings |= set(DOTTED.findall(path.read_text(encoding="utf-8")))
    return uses


def _read_tree(tree: ast.AST, uses: Uses) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            uses.strings.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            uses.prefixes |= set(_prefix(node))
        elif isinstance(node, ast.Call):
            uses.calls += _calls(node)


def _prefix(node: ast.JoinedStr) -> Iterator[str]:
    first = node.values[0] if node.values else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and "." in first.value:
        yield first.value


def _calls(node: ast.Call) -> Iterator[tuple[str, set[str] | None]]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name != "t" or not node.args:
        return
    given = None if any(one.arg is None for one in node.keywords) else {str(one.arg) for one in node.keywords}
    branches = [node.args[0]]
    while branches:
        one = branches.pop()
        if isinstance(one, ast.IfExp):
            branches += [one.body, one.orelse]
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value, given


def _line(text: str, key: str) -> int:
    """The line of a dotted key, found by walking down its parts."""
    at = 0
    for depth, part in enumerate(key.split(".")):
        found = text.find(f"\n{'  ' * depth}{part}:", at)
        if found < 0:
            break
        at = found + 1
    return text.count("\n", 0, at) + 1
