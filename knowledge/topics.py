"""The topics a member can browse: one button each, gathering one or more folders of entries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from knowledge.entry import CONTENT


@dataclass(frozen=True)
class Topic:
    """A button: its key, its title, the folders behind it, and the entries that stand first."""

    key: str
    title: str
    folders: tuple[str, ...]
    first: tuple[str, ...] = ()


def load_topics(content: Path = CONTENT) -> list[Topic]:
    """The topics in the order of content/topics.yaml; none when there is no such file."""
    path = content / "topics.yaml"
    if not path.exists():
        return []
    rows = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or []
    return [
        Topic(row["folders"][0], row["title"], tuple(row["folders"]), tuple(row.get("first") or ())) for row in rows
    ]
