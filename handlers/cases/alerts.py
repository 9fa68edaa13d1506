"""The ladder: who is asked to take a case, each time somebody else, until one claims it.

An alert says which case, of what kind, how urgent and by when; nothing of who wrote it or what they wrote.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import add_reader, is_fit, list_reader_units, read_viewer
from db.case_history import EventKind, append, list_lines
from db.case_ladder import add_alert, close_pauses, list_alerted, list_ever_alerted
from db.deliveries import call_off, is_due
from db.duty import list_absences
from db.models import Case, CaseAlert, CaseState, DeliveryKind, Role, WhyReader
from db.officers import get_genders, is_unsearched, list_officers
from db.people import list_addresses
from db.session import keys_of_session
from handlers.actions import ClaimCase, DeclineCase, ShowCase
from handlers.case_viewers import may_be_named
from handlers.cases.deadlines import plan_of
from handlers.cases.names import bar_named
from handlers.cases.routing import list_chain, list_fit
from handlers.cases.sex import prefer_sex
from handlers.cases.stages import begin_stage
from handlers.cases.words import describe_case, show_moment
from handlers.chat import Button, Reply
from handlers.feature import VIETNAM
from handlers.notify import WITHOUT_DESK, choose_account, tell_person
from knowledge.case_terms import Stage, Urgency
from knowledge.texts import t

LADDER = (Role.OFFICER, Role.DEPUTY_CHAIR, Role.CHAIR)
"""The rungs within one unit."""

_REPLACED, _KEPT = "a:", "m:"
"""That a case waits is said once, by the newest message that says it; other news of it is not replaced by that."""

Rung = tuple[int, list[int]]
"""A unit and those of its people who come next."""


def alert_next(session: Session, case: Case, now: datetime, today: date) -> bool:
    """Ask the next people to take a case, never any of those asked before in this search. Their unit may read it from
    now on. False when there is nobody left to ask; the caller holds the case locked."""
    told = list_alerted(session, case)
    rung = next(_rungs_left(session, case, {alert.person_id for alert in told}, now, today), None)
    if rung is None:
        return False
    unit_id, people = rung
    number = told[-1].rung + 1 if told else 0
    if unit_id not in list_reader_units(session, case):
        add_reader(session, case, unit_id, WhyReader.ESCALATED, now)
    for person_id in people:
        add_alert(session, case, number, person_id, now)
        tell_officer(session, case, person_id, f"alert:{case.round}", now)
    append(session, case, EventKind.ALERTED, now, body={"unit": unit_id, "rung": number, "people": len(people)})
    return True


def seek_holder(session: Session, case: Case, now: datetime, today: date) -> None:
    """Look for somebody to claim a case: a new search, in which people asked in an earlier one may be asked again. The
    caller holds the case locked and has given it its unit."""
    silence(session, case, now)
    case.holder_id, case.state = None, CaseState.OPENED
    case.round += 1
    close_pauses(session, case, now)  # whoever asked the worker is gone, and nobody else waits for the answer
    begin_stage(session, case, Stage.CLAIM, now, now)
    if not alert_next(session, case, now, today):
        case.next_step_at = now  # the clock calls for help, and keeps calling


def seek_another(session: Session, case: Case, now: datetime, today: date, why: str) -> None:
    """Look for somebody else when whoever works on a case may not have it any more; one that was merged stands on its
    own again. The caller holds it locked."""
    case.merged_into_id = None
    append(session, case, EventKind.RELEASED, now, body={"why": why})
    seek_holder(session, case, now, today)


def _rungs_left(session: Session, case: Case, told: set[int], now: datetime, today: date) -> Iterator[Rung]:
    for unit_id in _list_units(session, case, today):
        bar_named(session, case, [unit_id], now, today)
        for on_duty in list_rungs(session, case, unit_id, now, today):
            people = [one for one in on_duty if one not in told]
            if people:
                yield unit_id, people


def list_rungs(session: Session, case: Case, unit_id: int, now: datetime, today: date) -> list[list[int]]:
    """Who of a unit is asked to take a case, rung by rung; where the worker wishes to be read by a woman or by a man
    and the unit has any who can be told, only those."""
    rungs = [
        [one for one in list_on_duty(session, case, unit_id, role, now, today) if can_be_told(session, one)]
        for role in LADDER
    ]
    wish = read_wish(session, case)
    if wish is None:
        return rungs
    everybody = [one for rung in rungs for one in rung]
    preferred = set(prefer_sex(everybody, get_genders(session, everybody), wish))
    return [[one for one in rung if one in preferred] for rung in rungs]


def read_wish(session: Session, case: Case) -> str | None:
    """By whom the worker wishes to be read; asked only in cases that nobody but the holder opens."""
    if not case.holder_only:
        return None
    told = (line.body.get("reader_sex") for line in list_lines(session, case) if line.body)
    return next((str(wish) for wish in told if wish), None)


def _list_units(session: Session, case: Case, today: date) -> list[int]:
    """The unit that answers for the case, the others that may read it, then everything above."""
    chain = [period.unit_id for period in list_chain(session, case, today)]
    above = chain[chain.index(case.unit_id) + 1 :] if case.unit_id in chain else chain
    first = [case.unit_id] if case.unit_id is not None else []
    return list(dict.fromkeys([*first, *list_reader_units(session, case), *above]))


def list_on_duty(session: Session, case: Case, unit_id: int, role: Role, now: datetime, today: date) -> list[int]:
    """The people of a role at a unit whom nothing bars from a case; who is away is replaced by whoever stands in, if
    that person may have it too. A substitute who is away is replaced in the same way."""
    people = list_fit(session, case, unit_id, now, today, [role])
    if not people or not list_absences(session, people, today):
        return people
    at_unit = {grant.person_id for grant in list_officers(session, [unit_id], LADDER, now, today)}
    away = list_absences(session, at_unit, today)
    there = [one for one in people if one not in away]
    stand_ins = dict.fromkeys(_find_stand_in(one, away) for one in people if one in away)
    fit = [one for one in stand_ins if one in at_unit and is_fit(session, case, read_viewer(session, one, now, today))]
    return list(dict.fromkeys([*there, *fit]))


def _find_stand_in(person_id: int, away: Mapping[int, int | None]) -> int | None:
    """Who is there for somebody who is away; None when nobody is, also where those who are away name one another."""
    passed, one = {person_id}, away[person_id]
    while one is not None and one in away and one not in passed:
        passed.add(one)
        one = away[one]
    return None if one in away else one


def can_be_told(session: Session, person_id: int) -> bool:
    """Whether an officer has an account on a channel with a desk that is not blocked."""
    return choose_account(session, person_id, WITHOUT_DESK) is not None


def tell_officer(
    session: Session, case: Case, person_id: int, about: str, now: datetime, key: str = "case_alerts.new"
) -> bool:
    """Send an officer what may be said outside the desk: code, kind, urgency, deadline; once for each ``about``. False,
    and nothing sent, when something bars them by now, or they gave up the role by which they might read it."""
    if not may_have(session, case, person_id, now):
        return False
    if is_unsearched(session, person_id) and may_be_named(session, case, person_id):
        return False
    text = t(key, case=describe_case(case), due=show_moment(case.due_at) if case.due_at else t("case_alerts.no_due"))
    buttons: Iterable[Button] = (Button(t("case_alerts.open"), ShowCase(case.code)),)
    if case.holder_id is None:
        buttons = (
            Button(t("case_alerts.claim"), ClaimCase(case.code)),
            Button(t("case_alerts.decline"), DeclineCase(case.code)),
        )
    return tell_person(
        session,
        person_id,
        Reply(text, tuple(buttons)),
        _name_alert(session, case, person_id, about),
        now,
        DeliveryKind.CASE_ALERT,
        is_urgent=is_by_clock(case),
        without=WITHOUT_DESK,
    )


def tell_anew(
    session: Session, case: Case, person_id: int, about: str, now: datetime, key: str = "case_alerts.new"
) -> None:
    """Tell an officer what they may have been told before. What of it they have not heard, for the night or for an
    outage, is called off: nobody finds one case thirty times after an outage."""
    told = tell_officer(session, case, person_id, about, now, key)
    subject = _name_alert(session, case, person_id, about)
    if told and is_due(session, list_addresses(session, [person_id]), subject):
        _call_off(session, case, [person_id], now, _REPLACED, but=subject)


def may_have(session: Session, case: Case, person_id: int, now: datetime) -> bool:
    """Whether somebody holds a role by which they may read a case, and nothing bars them from it."""
    viewer = read_viewer(session, person_id, now, now.astimezone(VIETNAM).date())
    return not viewer.units.isdisjoint(list_reader_units(session, case)) and is_fit(session, case, viewer)


def is_unheard(session: Session, case: Case) -> bool:
    """Whether nobody who was asked last can answer: they said no, or no channel reaches them any more."""
    last = _list_last(list_alerted(session, case))
    return all(_said_no(alert) or not can_be_told(session, alert.person_id) for alert in last)


def silence(session: Session, case: Case, now: datetime, but: int | None = None) -> None:
    """Nobody is to take a case any more, or others are from now on: whoever was told of it and has not heard yet, for
    the night or for an outage, hears nothing."""
    _call_off(session, case, [one for one in _list_told(session, case) if one != but], now)


def silence_for(session: Session, case: Case, person_id: int, now: datetime) -> None:
    """Somebody does not want a case: what they have not heard of it they need not hear."""
    _call_off(session, case, [person_id], now)


def silence_barred(session: Session, case: Case, now: datetime) -> None:
    """Whoever was told of a case, has not heard yet and may not have it any more hears nothing, and is waited for no
    longer: the worker named them, or they gave up their role, while the message waited for the morning."""
    barred = {one for one in _list_told(session, case) if not may_have(session, case, one, now)}
    _call_off(session, case, barred, now)
    for alert in list_alerted(session, case):
        if alert.person_id in barred:
            alert.barred_at = alert.barred_at or now


def ask_on(session: Session, case: Case, now: datetime, today: date) -> None:
    """Go on to the next people at once when all who were asked last said no, or may not have the case by now."""
    if case.state is not CaseState.OPENED:
        return
    last = _list_last(list_alerted(session, case))
    if all(_said_no(alert) for alert in last) and not alert_next(session, case, now, today):
        case.next_step_at = min(case.next_step_at or now, now)


def ask_again(session: Session, case: Case, about: str, now: datetime) -> None:
    """Nobody is left: ask once more whoever was asked last, and whoever may have the case again and can be told."""
    told = list_alerted(session, case)
    for alert in told:
        since = alert.barred_at
        if since and may_have(session, case, alert.person_id, now) and can_be_told(session, alert.person_id):
            alert.barred_at, alert.rung = None, told[-1].rung
            tell_officer(session, case, alert.person_id, f"again:{since.timestamp()}", now)
    _tell_asked(session, case, _list_last(told), about, now)


def ask_sooner(session: Session, case: Case, about: str, now: datetime) -> None:
    """A case became more urgent: whoever was asked to take it hears so, and the next come sooner."""
    _tell_asked(session, case, list_alerted(session, case), about, now)


def _tell_asked(session: Session, case: Case, asked: Iterable[CaseAlert], about: str, now: datetime) -> None:
    """Ask these once more, but for who said no, and the holder, who has it already."""
    for alert in asked:
        if not _said_no(alert) and alert.person_id != case.holder_id:
            tell_anew(session, case, alert.person_id, f"again:{about}", now)


def _said_no(alert: CaseAlert) -> bool:
    return alert.declined_at is not None or alert.barred_at is not None


def _list_last(told: list[CaseAlert]) -> list[CaseAlert]:
    """Those who were asked last."""
    return [alert for alert in told if alert.rung == told[-1].rung]


def _list_told(session: Session, case: Case) -> set[int]:
    """Who may have been told of a case: whoever was ever asked to claim it, and its holder."""
    return list_ever_alerted(session, case) | ({case.holder_id} if case.holder_id is not None else set())


def _call_off(
    session: Session, case: Case, people: Collection[int], now: datetime, group: str = "", but: str = ""
) -> None:
    begins = [_begin_of(session, case, person_id) + group for person_id in people]
    call_off(session, DeliveryKind.CASE_ALERT, list_addresses(session, people), begins, now, but)


def is_by_clock(case: Case) -> bool:
    """Whether the case is to be claimed by the clock, at night as well."""
    return plan_of(case.category, Urgency(case.urgency))[Stage.CLAIM].is_by_clock


def hash_subject(session: Session, case: Case, about: str) -> str:
    """What a message about a case is called in the ledger, where subjects stand in clear."""
    return "case:" + keys_of_session(session).hash("case", case.code, about)


def _begin_of(session: Session, case: Case, person_id: int) -> str:
    """How the name of everything begins that an officer is told of a case."""
    keys = keys_of_session(session)
    return f"case:{keys.hash('told', case.code)[:16]}:{keys.hash('told', case.code, str(person_id))[:16]}:"


def _name_alert(session: Session, case: Case, person_id: int, about: str) -> str:
    group = _REPLACED if about.split(":")[0] in ("alert", "again", "step") else _KEPT
    return _begin_of(session, case, person_id) + group + keys_of_session(session).hash("case", case.code, about)
