"""Everything that is held of a person, gathered for their own eyes, and the readable file it goes into."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from docx import Document
from docx.shared import Pt
from sqlalchemy.orm import Session

from db.applications import list_applications_of
from db.bulletin_answers import list_given
from db.case_history import EventKind, list_lines
from db.case_parties import list_own
from db.codes import show_code
from db.deliveries import list_to
from db.inbox import list_texts
from db.models import Account, Conversation, Person, Role
from db.news_choices import find_shift, has_shift, list_choices
from db.no_union import find_interest
from db.officers import list_all_grants
from db.people import list_accounts, list_memberships
from db.privacy import find_grant_at, list_all_consents, list_reads, list_requests_of
from db.units import find_period, list_periods
from handlers.chat import File
from handlers.feature import VIETNAM
from knowledge.texts import has_text, t

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MOST_LINES = 1000
"""Lines of one section: a year of readings by officers fits, and the file still opens on a telephone."""

_FIELDS = ("full_name", "gender", "born_on", "ethnicity", "hometown", "residence", "citizen_id", "phone", "position")


@dataclass(frozen=True)
class Section:
    """A heading with its lines."""

    title: str
    lines: tuple[str, ...]


def gather(session: Session, account: Account, today: date) -> list[Section]:
    """Everything held of the person behind an account, or of the account when it is nobody's. Feedback and questions
    asked in vain are not among it: nothing ties them to anybody."""
    accounts = list_accounts(session, account.person_id) if account.person_id is not None else [account]
    person = session.get(Person, account.person_id) if account.person_id is not None else None
    sections = [("accounts", [_account(one) for one in accounts])]
    if person is not None:
        sections += [
            ("profile", list(_profile(person))),
            ("memberships", list(_memberships(session, person.id))),
            ("applications", list(_applications(session, person.id))),
            ("roles", list(_roles(session, person.id))),
            ("reads", list(_reads(session, person.id, today))),
            ("news", list(_news(session, person.id))),
        ]
    sections += [
        ("consents", list(_consents(session, account))),
        ("requests", list(_requests(session, account))),
        ("cases", list(_cases(session, account, accounts))),
        ("bulletin_answers", list(_bulletin_answers(session, accounts))),
        ("no_union", list(_interest(session, accounts))),
        ("talk", list(_talks(session, account, accounts))),
    ]
    return [Section(t(f"holdings.{name}"), tuple(lines[:_MOST_LINES])) for name, lines in sections]


def make_file(sections: list[Section], union: str, today: date) -> File:
    """The sections as a document that any telephone opens."""
    paper = Document()
    style = paper.styles["Normal"].font
    style.name, style.size = "Times New Roman", Pt(12)
    paper.add_heading(t("holdings.title"), 1)
    paper.add_paragraph(t("holdings.intro", union=union, day=_day(today)))
    for section in sections:
        paper.add_heading(section.title, 2)
        for line in section.lines or (t("holdings.nothing"),):
            paper.add_paragraph(line, style="List Bullet")
    content = io.BytesIO()
    paper.save(content)
    return File("du-lieu-cua-toi.docx", DOCX, content.getvalue())


def _account(account: Account) -> str:
    return t(
        "holdings.account",
        channel=t(f"channels.{account.sender.split(':')[0]}"),
        name=account.display_name or "–",
        address=account.address,
        first=_moment(account.first_seen_at),
        last=_moment(account.last_seen_at),
    )


def _profile(person: Person) -> Iterator[str]:
    yield t("holdings.code", code=show_code(person.code), day=_moment(person.created_at))
    profile: dict[str, Any] = person.profile or {}
    known = [*(name for name in _FIELDS if name in profile), *(name for name in profile if name not in _FIELDS)]
    for name in known:
        label = t(f"fields.{name}") if has_text(f"fields.{name}") else name
        yield f"{label}: {_value(name, profile[name])}"


def _value(name: str, value: object) -> str:
    if name == "born_on":
        return _day(date.fromisoformat(str(value)))
    return t(f"join.choice_{value}") if name == "gender" and has_text(f"join.choice_{value}") else str(value)


def _memberships(session: Session, person_id: int) -> Iterator[str]:
    for one in list_memberships(session, person_id):
        until = t("holdings.until", day=_day(one.until_on)) if one.until_on else t("holdings.still")
        number = t("holdings.decision", number=one.decision_number) if one.decision_number else ""
        yield f"{_unit(session, one.unit_id)}: {_day(one.since_on)} – {until}{number}"


def _applications(session: Session, person_id: int) -> Iterator[str]:
    for one in list_applications_of(session, person_id):
        more = "; ".join(filter(None, (one.workplace, one.reason, one.decision_number)))
        state = t(f"holdings.state_{one.state.value}")
        unit = _unit(session, one.unit_id)
        line = t("holdings.application", code=show_code(one.code), unit=unit, day=_moment(one.submitted_at))
        yield f"{line}, {state}" + (f" ({more})" if more else "")


def _roles(session: Session, person_id: int) -> Iterator[str]:
    for one in list_all_grants(session, person_id):
        ended = one.ended_at.astimezone(VIETNAM).date() if one.ended_at else one.to_on
        until = t("holdings.until", day=_day(ended)) if ended else t("holdings.still")
        yield f"{t(f'roles.{one.role.value}')}, {_unit(session, one.unit_id)}: {_day(one.from_on)} – {until}"


def _reads(session: Session, person_id: int, today: date) -> Iterator[str]:
    """Which role at which unit read what on which day; the officer's own name is not this person's data."""
    for one in list_reads(session, person_id, _MOST_LINES):
        grant = find_grant_at(session, one.reader_id, one.read_at)
        role = t(f"roles.{grant.role.value}") if grant else t(f"roles.{Role.OFFICER.value}")
        unit = _unit(session, grant.unit_id, today) if grant else "–"
        what = t(f"holdings.read_{one.what}") if has_text(f"holdings.read_{one.what}") else one.what
        yield f"{_day(one.read_at.astimezone(VIETNAM).date())}: {role}, {unit} – {what}"


def _consents(session: Session, account: Account) -> Iterator[str]:
    for one in list_all_consents(session, account.id, account.person_id):
        line = t("holdings.consent", purpose=purpose_name(one.purpose), version=one.version, day=_moment(one.given_at))
        yield line + (t("holdings.withdrawn", day=_moment(one.withdrawn_at)) if one.withdrawn_at else "")


def purpose_name(purpose: str) -> str:
    """What a person agreed to, in a few words."""
    return t(f"privacy.purpose_{purpose}") if has_text(f"privacy.purpose_{purpose}") else purpose


def _requests(session: Session, account: Account) -> Iterator[str]:
    for one in list_requests_of(session, account.id, account.person_id):
        done = t("holdings.done", day=_moment(one.done_at)) if one.done_at else ""
        kind = t(f"requests.kind_{one.kind.value}")
        due = t("holdings.request", code=show_code(one.code), kind=kind, day=_moment(one.asked_at))
        yield due + done + (f": {one.note}" if one.note else "")


def _cases(session: Session, account: Account, accounts: list[Account]) -> Iterator[str]:
    """Their reports with what they wrote; on a phone that others use too, only that they are looked at elsewhere."""
    if account.is_shared:
        yield t("holdings.cases_shared")
        return
    for case in list_own(session, accounts):
        state = t(f"own_cases.state_{case.state.value}")
        yield t("holdings.case", code=show_code(case.code), day=_moment(case.opened_at or case.created_at), state=state)
        for line in list_lines(session, case):
            if line.kind in (EventKind.OPENED, EventKind.WORKER_WROTE) and line.body:
                yield f"{_moment(line.at)}: " + " / ".join(str(value) for value in line.body.values() if value)


def _news(session: Session, person_id: int) -> Iterator[str]:
    """What they say about bulletins."""
    for topic, is_wanted in list_choices(session, person_id).items():
        name = t(f"bulletin_topics.{topic}") if has_text(f"bulletin_topics.{topic}") else topic
        yield t("bulletin_choices.held_wanted" if is_wanted else "bulletin_choices.held_refused", topic=name)
    if has_shift(session, person_id):
        shift = find_shift(session, person_id)
        yield t("bulletin_choices.held_shift", shift=t(f"bulletin_choices.shift_{shift.value}"))


def _bulletin_answers(session: Session, accounts: list[Account]) -> Iterator[str]:
    """What they answered to bulletins, also where nobody else could tell that it was they."""
    for one in list_given(session, accounts):
        blocks = one.bulletin.content.get("blocks", [])
        choices = blocks[one.block]["choices"] if one.block < len(blocks) else []
        choice = choices[one.choice] if one.choice < len(choices) else "–"
        yield f"{_moment(one.at)} {one.bulletin.content['title']}: {choice}"


def _interest(session: Session, accounts: list[Account]) -> Iterator[str]:
    row = find_interest(session, [one.id for one in accounts])
    if row is not None:
        yield t("holdings.interest", workplace=row.facts["workplace"], place=row.facts["place"])
        if "named" in row.facts:
            yield t("holdings.named", name=row.facts["named"])


def _talks(session: Session, account: Account, accounts: list[Account]) -> Iterator[str]:
    """What was said on all accounts; on a phone that others use too nothing of it, since a report may stand in it."""
    if account.is_shared:
        yield t("holdings.talk_shared")
        return
    for one in accounts:
        yield from _talk(session, one)


def _talk(session: Session, account: Account) -> Iterator[str]:
    """Both sides of the talk as far as it is kept, and what was begun and left open."""
    conversation = session.get(Conversation, account.id)
    for draft in (conversation.draft, *(conversation.held or ())) if conversation is not None else ():
        if draft:
            yield t("holdings.draft", draft=json.dumps(draft, ensure_ascii=False))
    if conversation is not None and conversation.last_question:
        yield t("holdings.last_question", question=conversation.last_question)
    said = [
        (at, t("holdings.you"), _words_in(json.loads(raw)))
        for at, raw in list_texts(session, account.address_hash, _MOST_LINES)
    ]
    sent = [
        (one.created_at, t("holdings.bot"), str(one.body["text"]))
        for one in list_to(session, account.address_hash, 0, _MOST_LINES, newest=True)
        if one.body is not None
    ]
    for at, who, words in sorted(said + sent):
        if words:
            yield f"{_moment(at)} {who}: {words}"


def _words_in(raw: Any) -> str:
    """What a person typed, in a platform's event: whatever the platform calls it, it calls it "text"."""
    if isinstance(raw, dict):
        text = raw.get("text")
        return text if isinstance(text, str) else next(filter(None, map(_words_in, raw.values())), "")
    return ""


def _unit(session: Session, unit_id: int, on: date | None = None) -> str:
    period = find_period(session, unit_id, on) if on else None
    known = period or next(reversed(list_periods(session, unit_id)), None)
    return known.name if known else "–"


def _day(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _moment(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
