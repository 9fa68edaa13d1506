"""Problems in the words of texts.yaml: a code becomes what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from knowledge.entry import CONTENT, Problem
from knowledge.texts import t


def problem(path: str, line: int, code: str, /, **values: Any) -> Problem:
    """A problem whose two sentences stand under check.<code> in texts.yaml."""
    return Problem(path, line, t(f"check.{code}.what", **values), t(f"check.{code}.fix", **values))


def shown_path(path: Path) -> str:
    """A path as a curator knows it: from the content folder on."""
    parts = path.parts
    return (
        "/".join(parts[len(parts) - 1 - parts[::-1].index(CONTENT.name) + 1 :]) if CONTENT.name in parts else str(path)
    )
