"""Curators' commands: python -m knowledge check · new · ask · preview · report · impact · law · places."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from knowledge.answer import build_answerer, load_answerer
from knowledge.ask import answer_batch, as_record, describe, preview
from knowledge.check import check_content, summary
from knowledge.check_texts import check_texts
from knowledge.curate import CurateError, new_entry, show_impact
from knowledge.entry import CONTENT
from knowledge.heard import read_heard
from knowledge.law import INDEX, LawError, build_index, import_law, write_index
from knowledge.load import load_library
from knowledge.places import index_annex, write_places
from knowledge.report import report, report_heard
from knowledge.texts import t

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
ANNEX = "293-2025-ND-CP-phu-luc.json"
LAW_FOLDER = Path("data/law")
Command = Callable[[argparse.Namespace], int]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def law_folder() -> Path:
    """Where imported law texts are: LAW_TEXTS, else data/law. It need not exist."""
    return Path(os.environ.get("LAW_TEXTS") or LAW_FOLDER)


def check(arguments: argparse.Namespace) -> int:
    texts = law_folder()
    problems = check_content(CONTENT, today=arguments.today, law_texts=texts if texts.is_dir() else None)
    problems += check_texts()
    wanted = [one for one in problems if not arguments.only or one.path.startswith(tuple(arguments.only))]
    for one in wanted:
        say(str(one))
    say(summary(wanted, load_library()))
    return 1 if wanted else 0


def new(arguments: argparse.Namespace) -> int:
    say(t("knowledge.new.made", path=new_entry(arguments.id, arguments.topic, arguments.today)))
    return 0


def show_report(arguments: argparse.Namespace) -> int:
    heard = read_heard(arguments.questions) if arguments.questions is not None else None
    library = load_library()
    if heard is not None:
        say(report_heard(heard, build_answerer(library), arguments.today) + "\n")
    say(report(library, arguments.today))
    if heard is None:
        say("\n" + t("knowledge.report.no_questions"))
    return 0


def impact(arguments: argparse.Namespace) -> int:
    say(show_impact(load_library(), arguments.law, arguments.article))
    return 0


def ask(arguments: argparse.Namespace) -> int:
    answerer = load_answerer(include_drafts=arguments.drafts, law_texts=law_folder())
    on: date = arguments.on or arguments.today
    if arguments.batch is not None:
        if not arguments.batch.is_file():
            say(t("answer.ask.no_file", path=arguments.batch))
            return 1
        for line in answer_batch(answerer, arguments.batch, on):
            say(line)
    elif arguments.question is None:
        say(t("answer.ask.nothing"))
        return 1
    elif arguments.json:
        say(json.dumps(as_record(answerer, answerer.answer(arguments.question, on)), ensure_ascii=False))
    else:
        say(describe(answerer, arguments.question, on))
    return 0


def show_preview(arguments: argparse.Namespace) -> int:
    on: date = arguments.on or arguments.today
    shown = preview(load_answerer(include_drafts=arguments.drafts), arguments.id, on)
    say(shown or t("answer.preview.none", id=arguments.id, day=f"{on:%d/%m/%Y}"))
    return 0 if shown else 1


def law_index(arguments: argparse.Namespace) -> int:
    if not arguments.folder.is_dir():
        raise LawError("knowledge.law_command.no_folder", folder=arguments.folder)
    laws = build_index(arguments.folder)
    write_index(laws)
    articles = sum(len(law.articles) for law in laws.values())
    say(t("knowledge.law_command.indexed", laws=len(laws), articles=articles, path=INDEX.name))
    return 0


def law_add(arguments: argparse.Namespace) -> int:
    folder = law_folder()
    try:
        path, articles = import_law(arguments.file, folder, arguments.number, arguments.title)
    except OSError as error:
        raise LawError("knowledge.law_command.not_writable", folder=folder, text=error.strerror) from None
    say(t("knowledge.law_command.added", articles=articles, path=path))
    return 0


def places_index(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file or law_folder() / ANNEX
    if not path.is_file():
        say(t("answer.place.no_annex", path=path))
        return 1
    found = index_annex(path)
    count = sum(len(one["places"]) for one in found["provinces"].values())
    target = write_places(found)
    say(t("answer.place.indexed", places=count, provinces=len(found["provinces"]), path=target.name))
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m knowledge", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    one = commands.add_parser("check", help="every problem in the content at once; exit 1 when there is any")
    one.add_argument("only", nargs="*", help="show only files whose path begins so, e.g. faq/bhtn")
    one.set_defaults(run=check)

    one = commands.add_parser("new", help="a fresh draft from the template")
    one.add_argument("id")
    one.add_argument("topic")
    one.set_defaults(run=new)

    one = commands.add_parser("report", help="what is due, which figures are used where, what was asked in vain")
    one.add_argument("--questions", type=Path, help="file written by python -m bot questions export")
    one.set_defaults(run=show_report)

    one = commands.add_parser("impact", help="every entry that rests on a law or on one article of it")
    one.add_argument("law", help="number as printed, e.g. 45/2019/QH14")
    one.add_argument("article", nargs="?")
    one.set_defaults(run=impact)

    one = commands.add_parser("ask", help="what a member would be told, the score, and what came second")
    one.add_argument("question", nargs="?")
    one.add_argument("--batch", type=Path, help='file of lines {"id","text"}; prints one JSON line each')
    one.add_argument("--json", action="store_true")
    one.add_argument("--on", type=date.fromisoformat, help="by the law of that day, YYYY-MM-DD")
    one.add_argument("--drafts", action="store_true", help="entries not yet published too")
    one.set_defaults(run=ask)

    one = commands.add_parser("preview", help="an entry as each channel shows it")
    one.add_argument("id")
    one.add_argument("--on", type=date.fromisoformat)
    one.add_argument("--drafts", action="store_true")
    one.set_defaults(run=show_preview)

    law = commands.add_parser("law", help="article index and imported texts").add_subparsers(required=True)
    one = law.add_parser("index", help="make the article index from the texts of a folder")
    one.add_argument("folder", type=Path)
    one.set_defaults(run=law_index)
    one = law.add_parser("add", help="import an official text (.jsonl, or plain text with lines “Điều 1. …”)")
    one.add_argument("file", type=Path)
    one.add_argument("--number", default="", help="number as printed, when the text does not name it")
    one.add_argument("--title", default="")
    one.set_defaults(run=law_add)
    places = commands.add_parser("places", help="minimum wage by commune").add_subparsers(required=True)
    one = places.add_parser("index", help="make places.json from the annex of the minimum-wage decree")
    one.add_argument("file", type=Path, nargs="?", help=f"default: {ANNEX} among the law texts")
    one.set_defaults(run=places_index)
    return parser


def main(words: list[str] | None = None) -> int:
    arguments = build_parser().parse_args(words)
    arguments.today = datetime.now(VIETNAM).date()
    run: Command = arguments.run
    try:
        return run(arguments)
    except CurateError as error:
        say(str(error))
    except LawError as error:
        say(t(error.key, **error.values))
    return 1


if __name__ == "__main__":
    sys.exit(main())
