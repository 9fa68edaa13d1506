"""Results as a workbook: everybody and the units, the lines that failed, and who answered where names are kept."""

from sqlalchemy.orm import Session

from db.bulletin_answers import list_named
from db.bulletin_results import list_failed
from db.models import Bulletin, BulletinRun
from db.officers import get_names
from handlers.bulletins.content import BlockKind, Content
from handlers.bulletins.result_counts import MEASURES, Summary, choose_cells, list_rows, name_outcome, name_unit, sum_up
from handlers.bulletins.result_rules import Part, is_safe, split
from handlers.bulletins.tasks import find_task, list_reports
from handlers.bulletins.telling import name_channel
from handlers.chat import File
from handlers.feature import VIETNAM
from handlers.workbooks import Cell, Sheet, make_workbook
from knowledge.texts import t

_FAILED_SHOWN = 1000


def make_file(session: Session, run: BulletinRun, bulletin: Bulletin, k: int) -> File:
    """The results as a workbook: everybody, by units, the answers, what did not arrive."""
    summary = sum_up(session, run, bulletin)
    sheets = [_sheet_of_units(session, summary, k), _sheet_of_failed(session, summary, k)]
    if find_task(bulletin) is not None:
        sheets.append(_sheet_of_reports(session, summary))
    sheets += _sheets_of_named(session, summary)
    day = run.started_at.astimezone(VIETNAM).strftime("%Y-%m-%d")
    return make_workbook(f"ket-qua-ban-tin-{bulletin.code}-{day}", sheets, t("bulletin_results.note", count=k))


def _sheet_of_units(session: Session, summary: Summary, k: int) -> Sheet:
    cells = choose_cells(summary, k)
    rows: list[list[Cell]] = [
        [t("bulletin_results.everybody"), *(_cell(measure(summary.total), k) for measure in MEASURES.values())]
    ]
    for unit_id, name in list_rows(session, summary):
        counts = summary.by_unit[unit_id]
        rows.append([name, *(part(counts)[0] if unit_id in cells[one] else None for one, part in MEASURES.items())])
    header = [t("bulletin_results.column_unit"), *(t(f"bulletin_results.column_{one}") for one in MEASURES)]
    return Sheet(t("bulletin_results.sheet_units"), header, rows)


def _cell(part: Part, k: int) -> int | None:
    return part[0] if is_safe(part, k) else None


def _sheet_of_failed(session: Session, summary: Summary, k: int) -> Sheet:
    """Single lines, by their numbers in the ledger and without a word of whose they are; of reasons that enough people
    share."""
    shown, _ = split(
        {name: amount for name, amount in summary.total.items() if name.startswith("failed") and amount}, k
    )
    rows: list[list[Cell]] = [
        [
            line.number,
            name_channel(line.channel),
            name_outcome(line.outcome),
        ]
        for line in list_failed(session, summary.run.id, _FAILED_SHOWN)
        if line.outcome in shown
    ]
    header = [t(f"bulletin_results.column_{one}") for one in ("line", "channel", "reason")]
    return Sheet(t("bulletin_results.sheet_failed"), header, rows)


def _sheet_of_reports(session: Session, summary: Summary) -> Sheet:
    task = find_task(summary.bulletin)
    choices = task[1].choices if task else ()
    rows: list[list[Cell]] = [
        [
            one.unit,
            one.name,
            choices[one.choice]
            if one.choice is not None and one.choice < len(choices)
            else t("bulletin_tasks.no_answer"),
        ]
        for one in list_reports(session, summary.bulletin, summary.run)
    ]
    header = [t(f"bulletin_results.column_{one}") for one in ("unit", "officer", "report")]
    return Sheet(t("bulletin_results.sheet_reports"), header, rows)


def _sheets_of_named(session: Session, summary: Summary) -> list[Sheet]:
    """Who comes: people were told that their name is kept before they answered."""
    sheets = []
    header = [t(f"bulletin_results.column_{one}") for one in ("unit", "name", "answer")]
    for number, block in enumerate(Content.from_json(summary.bulletin.content).blocks):
        if block.kind is BlockKind.RSVP:
            said = list_named(session, summary.run.id, number)
            names = get_names(session, list(said))
            rows: list[list[Cell]] = [
                [name_unit(session, unit_id, summary.run.audience_on), names.get(person_id, ""), block.choices[choice]]
                for person_id, (choice, unit_id) in said.items()
                if choice < len(block.choices)
            ]
            sheets.append(Sheet(t("bulletin_results.sheet_named"), header, sorted(rows, key=str)))
    return sheets
