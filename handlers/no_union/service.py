"""The use cases of telling in confidence: record, take back, count by opening, alert once, name oneself or not.

No function here returns, logs or stores a number below the threshold, and nothing that a person hears depends on how
many others told the same.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session

from db.codes import new_code
from db.models import Account, DeliveryKind, NoUnionInterest, Person
from db.no_union import (
    Facts,
    add_decoys,
    add_interest,
    find_interest,
    forget_interest,
    list_interests,
    set_facts,
)
from db.people import list_accounts
from db.session import keys_of_session
from db.units import find_heir
from handlers.access import Actor, NotAllowed, Right, may
from handlers.actions import AnswerNaming, ShowFounding, ShowMenu
from handlers.chat import Button, Reply
from handlers.crowds import band_of
from handlers.deciders import find_upper_unit, list_deciders
from handlers.errors import Outdated
from handlers.no_union.papers import make_plan
from handlers.no_union.rules import CONSENT_VERSION, MOST_DECOYS, Place, is_same
from handlers.notify import WITHOUT_DESK, tell_account, tell_person
from knowledge.texts import t


@dataclass(frozen=True)
class Founding:
    """A workplace of which the upper union was told: as typed by one of those who told, how many at least, and what
    those who agreed want to be called."""

    code: str
    workplace: str
    place: str
    at_least: int
    named: tuple[str, ...]
    people: frozenset[int]


def find_own(session: Session, account: Account) -> NoUnionInterest | None:
    """What this person told before, on any of their accounts."""
    return find_interest(session, _account_ids(session, account))


def _account_ids(session: Session, account: Account) -> set[int]:
    own = list_accounts(session, account.person_id) if account.person_id is not None else []
    return {account.id, *(one.id for one in own)}


def record(session: Session, account: Account, workplace: str, place: str, today: date) -> None:
    """Keep that somebody told; one row for a person, so telling again replaces what they told before."""
    earlier = find_own(session, account)
    if earlier is not None:
        forget_interest(session, earlier)
    facts: Facts = {
        "account_id": account.id,
        "workplace": workplace,
        "place": place,
        "consent": CONSENT_VERSION,
        "agreed_on": today.isoformat(),
    }
    add_interest(session, facts, today)


def take_back(session: Session, account: Account) -> None:
    """Erase what this person told. Raises `Outdated` when there is nothing."""
    row = find_own(session, account)
    if row is None:
        raise Outdated
    forget_interest(session, row)


def name_oneself(session: Session, account: Account, name: str | None, now: datetime, today: date) -> None:
    """Somebody wants to be named to the officer, or (None) not; those who decide hear that somebody does. Raises
    `Outdated` when they told nothing, or were not asked."""
    row = find_own(session, account)
    if row is None or "alert" not in row.facts:
        raise Outdated
    facts = {key: value for key, value in row.facts.items() if key != "named"}
    set_facts(row, facts | ({"named": name} if name else {}))
    if name:
        code = row.facts["alert"]
        reply = Reply(t("no_union.somebody_named"), (Button(t("no_union.open"), ShowFounding(code)),))
        heir_id = find_heir(session, row.facts["shown"]["unit_id"], today)
        if heir_id is not None:
            _tell_deciders(session, heir_id, reply, f"named:{code}:{row.id}", now, today)


def watch(session: Session, threshold: int, now: datetime, today: date) -> None:
    """The daily look, at the same hour whoever told when: opens all rows, tells the upper union of each workplace that
    reached the threshold, once, and lays rows among them that stand for nobody."""
    rows = list_interests(session)
    places = _read_places(session, rows, today)
    alerted = [row for row in rows if "alert" in row.facts]
    quiet = [row for row in rows if "alert" not in row.facts]
    for row in list(quiet):
        known = next((one for one in alerted if is_same(places[row.id], places[one.id])), None)
        if known is not None:
            _join(session, row, known.facts["alert"], known.facts["shown"], now)
            quiet.remove(row)
    for centre in quiet:
        unit_id = places[centre.id].unit_id
        group = [row for row in quiet if "alert" not in row.facts and is_same(places[centre.id], places[row.id])]
        if centre in group and unit_id is not None and _count_people(session, group) >= threshold:
            _alert(session, group, unit_id, threshold, now, today)
    add_decoys(session, secrets.randbelow(MOST_DECOYS), today)


def _read_places(session: Session, rows: Iterable[NoUnionInterest], today: date) -> dict[int, Place]:
    units: dict[str, int | None] = {}
    places = {}
    for row in rows:
        place = row.facts["place"]
        if place not in units:
            units[place] = find_upper_unit(session, place, today)
        places[row.id] = Place(row.facts["workplace"], place, units[place])
    return places


def _count_people(session: Session, group: Iterable[NoUnionInterest]) -> int:
    """Distinct people: two accounts of one person are one, and so are two people found to be one."""
    people = set()
    for row in group:
        account = session.get(Account, row.facts["account_id"])
        if account is not None:
            people.add(("account", account.id) if account.person_id is None else ("person", _kept(session, account)))
    return len(people)


def _kept(session: Session, account: Account) -> int:
    person = session.get(Person, account.person_id)
    return account.person_id or 0 if person is None else person.merged_into_id or person.id


def _alert(
    session: Session, group: list[NoUnionInterest], unit_id: int, threshold: int, now: datetime, today: date
) -> None:
    """Tell those who decide at the upper union, then ask each person whether to be named. With nobody to tell the rows
    stay as they are, and the next day tries again. The shortest spelling is shown: the longest would be somebody's own
    words."""
    code, at_least = new_code(), band_of(_count_people(session, group), threshold)
    workplace, place = (min((row.facts[name] for row in group), key=len) for name in ("workplace", "place"))
    text = t("no_union.alert", workplace=workplace, place=place, count=at_least)
    plan = make_plan(workplace, place, at_least, today)
    reply = Reply(text, (Button(t("no_union.open"), ShowFounding(code)),), (plan,))
    if not _tell_deciders(session, unit_id, reply, f"alert:{code}", now, today):
        return
    shown = {"workplace": workplace, "place": place, "at_least": at_least, "unit_id": unit_id}
    for row in group:
        _join(session, row, code, shown, now)


def _tell_deciders(session: Session, unit_id: int, reply: Reply, about: str, now: datetime, today: date) -> bool:
    """The subject in the ledger is hashed: it stands there in clear."""
    subject = "founding:" + keys_of_session(session).hash("founding", about)
    tell = partial(tell_person, session, reply=reply, subject=subject, now=now, without=WITHOUT_DESK)
    told = [tell(person_id, kind=DeliveryKind.NOTICE) for person_id in list_deciders(session, unit_id, now, today)]
    return any(told)


def _join(session: Session, row: NoUnionInterest, code: str, shown: Facts, now: datetime) -> None:
    """A row becomes one of those the upper union knows of; its person is asked whether to be named, no being the rule.
    The question names no workplace: somebody may be looking over the shoulder."""
    set_facts(row, row.facts | {"alert": code, "shown": shown})
    account = session.get(Account, row.facts["account_id"])
    if account is None:
        return
    buttons = (
        Button(t("no_union.keep_secret"), AnswerNaming("n")),
        Button(t("no_union.name_me"), AnswerNaming("y")),
        Button(t("menu.button"), ShowMenu()),
    )
    subject = "asked:" + keys_of_session(session).hash("founding", f"ask:{row.id}:{code}")
    tell_account(session, account, Reply(t("no_union.ask_naming"), buttons), subject, now)


def list_foundings(session: Session, actor: Actor, today: date) -> list[Founding]:
    """The workplaces of which the upper union was told, within the actor's reach; those of a unit that ended since are
    with its heir."""
    groups: dict[str, list[NoUnionInterest]] = {}
    for row in list_interests(session):
        if "alert" in row.facts:
            groups.setdefault(row.facts["alert"], []).append(row)
    found = [
        (_describe(session, code, rows), find_heir(session, _unit_of(rows), today)) for code, rows in groups.items()
    ]
    return [one for one, heir in found if heir and may(session, actor, Right.DECIDE_APPLICATIONS, heir, today)]


def _unit_of(rows: list[NoUnionInterest]) -> int:
    unit_id: int = rows[0].facts["shown"]["unit_id"]
    return unit_id


def _describe(session: Session, code: str, rows: list[NoUnionInterest]) -> Founding:
    shown = rows[0].facts["shown"]
    named = [row.facts for row in rows if "named" in row.facts]
    accounts = filter(None, (session.get(Account, facts["account_id"]) for facts in named))
    return Founding(
        code,
        shown["workplace"],
        shown["place"],
        shown["at_least"],
        tuple(facts["named"] for facts in named),
        frozenset(account.person_id for account in accounts if account.person_id is not None),
    )


def get_founding(session: Session, actor: Actor, code: str, today: date) -> Founding:
    """One of them. Raises `NotAllowed` for somebody without the right, `Outdated` when it is gone."""
    if not actor.holds(Right.DECIDE_APPLICATIONS):
        raise NotAllowed
    found = next((one for one in list_foundings(session, actor, today) if one.code == code), None)
    if found is None:
        raise Outdated
    return found
