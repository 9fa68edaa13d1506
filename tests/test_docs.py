"""The documents: links lead somewhere, words exist in the code, tables and commands are all there."""

import ast
import re
from pathlib import Path

import pytest
from sqlalchemy import Table

from db.models import Base
from db.types import SEALED_TYPES
from handlers.retention import PERIODS
from knowledge.__main__ import build_parser

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "handlers", "db", "knowledge")
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts) and "content" not in page.parts
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def links_of(page: Path) -> list[str]:
    """Relative links; what stands in code is an example, not a link."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def anchors_of(page: Path) -> set[str]:
    """The names under which a page's headings are reached."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    """A link to a file or to a heading of one leads there."""
    broken = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_glossary_identifiers_exist() -> None:
    """Every identifier the glossary pairs with a Vietnamese word is a name in the code."""
    names = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    names.add(node.name)
                elif isinstance(node, ast.Name):
                    names.add(node.id)
                elif isinstance(node, ast.Attribute):
                    names.add(node.attr)
    today = read("docs/glossary.md").split("\n## ")[1]
    rows = re.findall(r"^\| .+? \| .+? \| (.+?) \| .+ \|$", today, re.MULTILINE)
    words = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert len(words) > 50
    assert sorted(words - names) == []


def test_glossary_uses_each_word_once() -> None:
    """One word each way: no Vietnamese and no English word stands in two rows."""
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", read("docs/glossary.md"), re.MULTILINE)
    pairs = [row for row in rows if row[1] not in ("English", "---")]
    for side in (0, 1):
        words = [row[side] for row in pairs]
        assert len(words) == len(set(words))


def sealed_columns(table: Table) -> set[str]:
    return {column.name for column in table.columns if isinstance(column.type, SEALED_TYPES)}


def test_data_page_lists_every_table_with_its_sealed_columns() -> None:
    """Nobody needs to read the code to learn what is kept and what of it is encrypted."""
    section = read("docs/reference/data.md").split("\n## ")[1]
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (.+?) \| .+ \|$", section, re.MULTILINE)
    found = {name: set(re.findall(r"`(\w+)`", sealed)) for name, sealed in rows}
    assert found == {table.name: sealed_columns(table) for table in Base.metadata.sorted_tables}


def test_data_page_lists_every_retention_period() -> None:
    """The periods people are told are those that are applied."""
    section = read("docs/reference/data.md").split("\n## ")[2]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section, re.MULTILINE)
    assert {(kind, int(days)) for kind, days in rows} == {(period.kind, period.days) for period in PERIODS}


def test_commands_page_lists_every_make_target() -> None:
    """What `make` lists stands in the reference, and nothing else."""
    targets = set(re.findall(r"^([a-z]+):.*##", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^\| `make (\w+)`", read("docs/reference/commands.md"), re.MULTILINE)) == targets


def test_commands_page_lists_every_curators_command() -> None:
    """Every command of `python -m knowledge` is explained."""
    choices = next(action.choices for action in build_parser()._actions if action.choices)
    listed = re.findall(r"^\| `python -m knowledge (\w+)", read("docs/reference/commands.md"), re.MULTILINE)
    assert set(listed) == set(choices)


def test_commands_page_lists_every_operators_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of `python -m bot` is explained."""
    from bot.__main__ import main

    with pytest.raises(SystemExit):
        main(["--help"])
    choices = re.search(r"\{([a-z,-]+)\}", capsys.readouterr().out)
    listed = re.findall(r"^\| `python -m bot ([a-z][a-z-]*)", read("docs/reference/commands.md"), re.MULTILINE)
    assert choices is not None
    assert set(listed) == set(choices[1].split(","))
