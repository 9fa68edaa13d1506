"""The ladder: who is asked to take a case, each time somebody else, until one claims it.

An alert says which case, of what kind, how urgent and by when; nothing of who wrote it or what they wrote.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.case_access import add_reader, is_fit, list_reader_units, read_viewer
from db.case_history import EventKind, append, list_lines
from db.case_ladder import add_alert, list_alerted, list_done_steps
from db.deliveries import call_off
from db.duty import list_absences
from db.models import Case, CaseAlert, CaseState, DeliveryKind, Role, WhyReader
from db.officers import get_genders, is_unsearched, list_officers
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
    case.holder_id, case.state = None, CaseState.OPENED
    case.round += 1
    begin_stage(session, case, Stage.CLAIM, now, now)
    if not alert_next(session, case, now, today):
        case.next_step_at = now  # the clock calls for help, and keeps calling


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
    that person may have it too."""
    people = list_fit(session, case, unit_id, now, today, [role])
    away = list_absences(session, people, today) if people else {}
    substitutes = [one for one in map(away.get, people) if one is not None and one not in away]
    if not substitutes:
        return [one for one in people if one not in away]
    at_unit = {grant.person_id for grant in list_officers(session, [unit_id], LADDER, now, today)}
    fit = [
        one for one in substitutes if one in at_unit and is_fit(session, case, read_viewer(session, one, now, today))
    ]
    return list(dict.fromkeys([*(one for one in people if one not in away), *fit]))


def can_be_told(session: Session, person_id: int) -> bool:
    """Whether an officer has an account on a channel with a desk that is not blocked."""
    return choose_account(session, person_id, WITHOUT_DESK) is not None


def tell_officer(
    session: Session, case: Case, person_id: int, about: str, now: datetime, key: str = "case_alerts.new"
) -> bool:
    """Send an officer what may be said outside the desk: code, kind, urgency, deadline; once for each ``about``. False,
    and nothing sent, when something bars them by now, or they gave up the role by which they might read it."""
    if not _may_have(session, case, person_id, now):
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
        hash_subject(session, case, f"{about}:{person_id}"),
        now,
        DeliveryKind.CASE_ALERT,
        is_urgent=is_by_clock(case),
        without=WITHOUT_DESK,
    )


def tell_anew(
    session: Session, case: Case, person_id: int, about: str, now: datetime, key: str = "case_alerts.new"
) -> None:
    """Tell an officer what they may have been told before. What of it still waits, for the night or because their
    channel is away, is called off: nobody finds one case thirty times after an outage."""
    _call_off(session, case, [person_id], now, but=about)
    tell_officer(session, case, person_id, about, now, key)


def _may_have(session: Session, case: Case, person_id: int, now: datetime) -> bool:
    """Whether somebody holds a role by which they may read a case, and nothing bars them from it."""
    viewer = read_viewer(session, person_id, now, now.astimezone(VIETNAM).date())
    return not viewer.units.isdisjoint(list_reader_units(session, case)) and is_fit(session, case, viewer)


def is_unheard(session: Session, case: Case) -> bool:
    """Whether nobody who was asked last can answer: they said no, or no channel reaches them any more."""
    last = _list_last(list_alerted(session, case))
    return all(alert.declined_at is not None or not can_be_told(session, alert.person_id) for alert in last)


def silence(session: Session, case: Case, now: datetime, but: int | None = None) -> None:
    """Nobody is to take a case any more: whoever was asked and has not heard of it yet, for the night or for an outage,
    hears nothing. Called before the next stage begins."""
    asked = [alert.person_id for alert in list_alerted(session, case) if alert.person_id != but]
    _call_off(session, case, asked, now)


def silence_barred(session: Session, case: Case, now: datetime, today: date) -> None:
    """Whoever was asked and may not have the case any more hears nothing, and counts as having said no: the worker
    named them, or they gave up their role, while the alert waited for the morning. Where nobody of those asked last is
    left, the next are asked at once."""
    barred = [one for one in list_alerted(session, case) if not _may_have(session, case, one.person_id, now)]
    for alert in barred:
        alert.declined_at = alert.declined_at or now
    _call_off(session, case, [alert.person_id for alert in barred], now)
    if barred and case.state is CaseState.OPENED:
        ask_on(session, case, now, today)


def ask_on(session: Session, case: Case, now: datetime, today: date) -> None:
    """Go on to the next people at once when all who were asked last said no."""
    last = _list_last(list_alerted(session, case))
    if all(alert.declined_at for alert in last) and not alert_next(session, case, now, today):
        case.next_step_at = min(case.next_step_at or now, now)


def _list_last(told: list[CaseAlert]) -> list[CaseAlert]:
    """Those who were asked last."""
    return [alert for alert in told if alert.rung == told[-1].rung]


def _call_off(session: Session, case: Case, people: Iterable[int], now: datetime, but: str = "") -> None:
    steps = [f"{case.stage_round}:{kind}:{number}" for kind, number in list_done_steps(session, case)]
    again = [f"again:{about}" for about in (f"{case.stage_round}:nobody", *steps)]
    abouts = [about for about in (f"alert:{case.round}", *steps, *again) if about != but]
    subjects = [hash_subject(session, case, f"{about}:{person_id}") for person_id in people for about in abouts]
    call_off(session, DeliveryKind.CASE_ALERT, subjects, now)


def is_by_clock(case: Case) -> bool:
    """Whether the case is to be claimed by the clock, at night as well."""
    return plan_of(case.category, Urgency(case.urgency))[Stage.CLAIM].is_by_clock


def hash_subject(session: Session, case: Case, about: str) -> str:
    """What a message about a case is called in the ledger, where subjects stand in clear."""
    return "case:" + keys_of_session(session).hash("case", case.code, about)
