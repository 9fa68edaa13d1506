"""The only way to a Vietnamese sentence: t("cases.opened", code=…) from content/texts.yaml."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from knowledge.entry import CONTENT


class MissingTextError(KeyError):
    """A sentence or one of its placeholders is absent: a mistake of ours, never the member's."""


@lru_cache(maxsize=4)
def load_texts(path: Path = CONTENT / "texts.yaml") -> dict[str, str]:
    """Every sentence by its dotted key. Read once."""
    with path.open(encoding="utf-8") as file:
        tree = yaml.load(file, Loader=yaml.CSafeLoader) or {}
    return dict(_flatten(tree, ""))


def _flatten(tree: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            pairs += _flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", str(value)))
    return pairs


class _Strict(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        raise MissingTextError(key)


def t(key: str, /, **values: Any) -> str:
    """The sentence with its placeholders filled. Raises MissingTextError when the key or a placeholder is unknown."""
    try:
        sentence = load_texts()[key]
    except KeyError:
        raise MissingTextError(key) from None
    try:
        return sentence.format_map(_Strict(values))
    except MissingTextError as missing:
        raise MissingTextError(f"{key}: {{{missing.args[0]}}}") from None


def has_text(key: str) -> bool:
    return key in load_texts()


def placeholders(sentence: str) -> set[str]:
    """The names a sentence wants filled: "{code} – {name}" → {"code", "name"}."""
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in Formatter().parse(sentence) if name}
