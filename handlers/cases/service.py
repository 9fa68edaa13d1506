"""The use cases of a report, on both sides: send, claim, talk, hand over, settle, close."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.case_access import (
    Viewer,
    add_reader,
    are_free_for,
    bar_person,
    bar_role,
    end_readers,
    is_fit,
    list_reader_units,
    read_viewer,
)
from db.case_files import attach_files
from db.case_history import EventKind, Line, append, list_lines
from db.case_ladder import close_pauses, list_alerted, list_ever_alerted, open_pause
from db.case_parties import add_party, find_by_receipt, is_party, list_own
from db.cases import add_case, find_visible, get_by_code, list_merged
from db.codes import new_digits, show_code
from db.duty import list_absences
from db.models import OPEN_CASE_STATES, Account, Case, CaseState, Role, WhyBarred, WhyReader
from db.officers import count_try
from db.people import list_accounts
from db.session import keys_of_session
from db.units import find_period
from handlers.access import NotAllowed
from handlers.case_viewers import is_named_in
from handlers.cases.alerts import (
    alert_next,
    ask_on,
    ask_sooner,
    can_be_told,
    may_have,
    seek_another,
    seek_holder,
    silence,
    silence_barred,
    silence_for,
    tell_officer,
)
from handlers.cases.deadlines import more_urgent, urgency_of
from handlers.cases.names import bar_named, bar_people_named
from handlers.cases.routing import list_fit, plan_route
from handlers.cases.stages import SILENT_DAYS, begin_stage, set_clock
from handlers.cases.talking import ask_whether_settled, tell_holder, tell_state, tell_worker
from handlers.errors import Outdated, UserError
from handlers.feature import VIETNAM
from knowledge.case_terms import Stage, Urgency, load_case_terms
from knowledge.texts import t

RECEIPT_DIGITS = 16
_RECEIPT = re.compile(r"(?<!\d)(?<![0-9A-Za-z]-)\d{4}(?:[\s.\-]{0,3}\d{4}){3}(?!\d)")
"""Groups of four; digits behind a dash may be the second half of a case's own code, which stands beside the receipt in
the message with which it is handed out."""

_FEWEST_DIGITS = 8
"""What is mostly digits, and so many, is meant for a receipt although it is none."""

TRIES, TRY_WINDOW = 5, timedelta(hours=1)
"""So many receipt codes may be tried on an account within an hour."""

OUTCOMES = ("agreed", "paid", "advised", "referred", "unfounded", "unsolved")
"""How a case may end, as the officer says."""

_HELD = (CaseState.CLAIMED, CaseState.ANSWERED)


@dataclass(frozen=True)
class Report:
    """What a worker sends. ``details`` are further words of theirs by name (where, since, affected, wants, question,
    full_name, phone …); ``is_emergency`` and ``is_urgent`` are what the words tell, where the kind says less;
    ``excluded`` are the units and roles that must not read it."""

    category: str
    story: str
    details: dict[str, str] = field(default_factory=dict)
    is_named: bool = False
    is_emergency: bool = False
    is_urgent: bool = False
    workplace_unit_id: int | None = None
    commune: str | None = None
    includes_workplace: bool = False
    excluded: tuple[tuple[int, Role], ...] = ()


def begin_draft(session: Session, now: datetime) -> Case:
    """A case to which a worker can send files before it is told."""
    return add_case(session, "other", urgency_of("other").value, now)


def set_place(session: Session, case: Case, report: Report, now: datetime) -> None:
    """What decides who may read a case: its kind, where it is, and whom the worker keeps away."""
    category = load_case_terms().categories[report.category]
    case.category, case.holder_only = report.category, category.holder_only
    heard = Urgency.EMERGENCY if report.is_emergency else Urgency.URGENT if report.is_urgent else Urgency.ORDINARY
    case.urgency = more_urgent(category.urgency, heard).value
    case.workplace_unit_id, case.commune = report.workplace_unit_id, report.commune
    case.is_named = report.is_named
    for unit_id, role in report.excluded:
        bar_role(session, case, unit_id, role, now)
    session.flush()


def open_case(
    session: Session, account: Account, report: Report, now: datetime, today: date, draft: Case | None = None
) -> tuple[Case, str]:
    """Send a report: routed, its first alerts stored with it in the one transaction. Returns it with the receipt code,
    which is stored nowhere."""
    case = draft or begin_draft(session, now)
    set_place(session, case, report, now)
    add_party(session, case, account, now)
    case.state, case.opened_at, receipt = CaseState.OPENED, now, new_digits(RECEIPT_DIGITS)
    case.receipt_hash = hash_receipt(session, receipt)
    number = append(session, case, EventKind.OPENED, now, body={"story": report.story, **report.details})
    attach_files(session, case, number)
    _route(session, case, now, today)
    if report.includes_workplace and report.workplace_unit_id is not None:
        add_reader(session, case, report.workplace_unit_id, WhyReader.INCLUDED, now)
        bar_named(session, case, [report.workplace_unit_id], now, today)
    seek_holder(session, case, now, today)
    return case, receipt


def _route(session: Session, case: Case, now: datetime, today: date) -> None:
    """Names are looked for along the whole way before anybody is chosen."""
    bar_named(session, case, plan_route(session, case, now, today).chain, now, today)
    route = plan_route(session, case, now, today)
    case.unit_id = route.unit_id
    if route.unit_id is not None:
        add_reader(session, case, route.unit_id, WhyReader.RESPONSIBLE, now)


def hash_receipt(session: Session, digits: str) -> str:
    """How a receipt code is stored: who steals database and keys still needs centuries to walk through 16 digits."""
    return keys_of_session(session).hash_slowly("case_receipt", digits)


def read_receipt(typed: str) -> str | None:
    """The digits of the receipt code in what was typed, which may be the whole message that brought it; None when there
    is none."""
    found = _RECEIPT.search(typed)
    digits = "".join(sign for sign in (found[0] if found else typed) if sign.isdigit())
    return digits if len(digits) == RECEIPT_DIGITS else None


def is_meant_as_receipt(typed: str) -> bool:
    """Whether a text holds a receipt code, or tries to be one; a question that holds a number does not."""
    digits, letters = (sum(map(kind, typed)) for kind in (str.isdigit, str.isalpha))
    return read_receipt(typed) is not None or (digits >= _FEWEST_DIGITS and letters < digits)


def return_with_receipt(session: Session, account: Account, typed: str, now: datetime) -> Case | None:
    """The case of a receipt code, which is the account's too from now on; None when no case has it. Every try counts;
    after some within an hour the account must wait (`UserError`)."""
    if count_try(session, f"case_receipt:{account.id}", TRY_WINDOW, now) > TRIES:
        raise UserError("own_cases.too_many_tries")
    digits = read_receipt(typed)
    case = find_by_receipt(session, hash_receipt(session, digits)) if digits is not None else None
    if case is not None:
        add_party(session, case, account, now)
    return case


def list_mine(session: Session, account: Account) -> list[Case]:
    """The reports of the person behind an account, the newest first."""
    return list_own(session, _accounts_of(session, account))


def get_mine(session: Session, account: Account, code: str, lock: bool = True) -> Case:
    """A report of the person behind an account. Raises `Outdated` when it is not theirs or gone."""
    case = get_by_code(session, code, lock)
    if case is None or case.key_id is None or not is_party(session, case, _accounts_of(session, account)):
        raise Outdated
    return case


def _accounts_of(session: Session, account: Account) -> list[Account]:
    linked = list_accounts(session, account.person_id) if account.person_id is not None else []
    return [account, *(one for one in linked if one.id != account.id)]


def write_as_worker(
    session: Session, case: Case, text: str, now: datetime, today: date, urgency: Urgency = Urgency.ORDINARY
) -> None:
    """The worker adds to their case; files sent before go with it. Whoever they name now is kept away from now on.
    ``urgency``: how urgent the text by itself is; a case that is less so becomes it. Somebody always hears of it: where
    nobody can any more, somebody is sought. While they are asked whether it is settled, the days in which they are
    silent are counted from here."""
    if case.state in (CaseState.WITHDRAWN, CaseState.ERASED):
        raise Outdated
    number = append(session, case, EventKind.WORKER_WROTE, now, body={"text": text})
    attach_files(session, case, number)
    if case.state is CaseState.MERGED:
        _write_into_merged(session, case, number, now, today, urgency)
        return
    if close_pauses(session, case, now):
        set_clock(session, case, now)
    bar_named(session, case, list_reader_units(session, case), now, today)
    silence_barred(session, case, now)
    ask_on(session, case, now, today)
    if case.holder_id is not None and not is_fit(session, case, read_viewer(session, case.holder_id, now, today)):
        append(session, case, EventKind.RELEASED, now, body={"why": WhyBarred.NAMED.value})
        if _is_raised_by(case, urgency):
            _raise_urgency(session, case, urgency, now)
        _take_up(session, case, now, today)
    else:
        _tell_of_words(session, case, f"wrote:{number}", now, today, urgency)
    if case.state is CaseState.SETTLED:
        case.next_step_at = now + timedelta(days=SILENT_DAYS)


def _write_into_merged(session: Session, case: Case, number: int, now: datetime, today: date, urgency: Urgency) -> None:
    """Words in a merged case are for whoever works on the one it was merged into, and answer what was asked there. When
    nobody works on that one any more, or something bars its holder from this one by now, this one is searched somebody
    of its own."""
    if _is_less_urgent(case, urgency):
        _raise_urgency(session, case, urgency, now)
    kept = session.get(Case, case.merged_into_id, with_for_update=True) if case.merged_into_id is not None else None
    if kept is None or kept.state in (CaseState.WITHDRAWN, CaseState.ERASED):
        seek_another(session, case, now, today, "alone")
        return
    bar_named(session, case, [*list_reader_units(session, case), *list_reader_units(session, kept)], now, today)
    silence_barred(session, case, now)
    if kept.holder_id is not None and not is_fit(session, case, read_viewer(session, kept.holder_id, now, today)):
        seek_another(session, case, now, today, WhyBarred.NAMED.value)
        return
    close_pauses(session, case, now)
    if close_pauses(session, kept, now):
        set_clock(session, kept, now)
    _tell_of_words(session, kept, f"wrote:{case.id}:{number}", now, today, urgency)


def _tell_of_words(session: Session, case: Case, about: str, now: datetime, today: date, urgency: Urgency) -> None:
    """Whoever holds a case hears that there are new words. What becomes more urgent by them has the deadlines of that
    from now on; danger has to be answered anew, by its holder, or by whoever takes the case where nobody holds it, its
    holder is away or it was thought to be over. One that was thought to be over, and whose holder cannot hear of it, is
    taken up again: the worker reads that their words were sent."""
    if not _is_raised_by(case, urgency):
        is_heard = tell_holder(session, case, about, now, "case_alerts.worker_wrote")
        if not is_heard and case.state in (CaseState.SETTLED, CaseState.CLOSED):
            _take_up(session, case, now, today)
        return
    _raise_urgency(session, case, urgency, now)
    if urgency is not Urgency.EMERGENCY:
        begin_stage(session, case, Stage(case.stage) if case.stage else None, case.stage_since_at or now, now)
        ask_sooner(session, case, about, now)
        tell_holder(session, case, about, now, "case_alerts.more_urgent")
        return
    if case.state not in _HELD:
        _take_up(session, case, now, today)
        return
    holder = case.holder_id
    if holder is not None and not _is_there(session, holder, today):
        append(session, case, EventKind.RELEASED, now, body={"why": "away"})
        _take_up(session, case, now, today)
        tell_officer(session, case, holder, about, now, "case_alerts.danger")  # away, they may read it all the same
        return
    silence(session, case, now)
    case.state = CaseState.CLAIMED
    begin_stage(session, case, Stage.FIRST_ANSWER, now, now)
    tell_holder(session, case, about, now, "case_alerts.danger")


def _is_there(session: Session, person_id: int, today: date) -> bool:
    """Whether an officer hears today what they are told."""
    return can_be_told(session, person_id) and person_id not in list_absences(session, [person_id], today)


def _take_up(session: Session, case: Case, now: datetime, today: date) -> None:
    """Seek somebody for a case, also for one that was thought to be over."""
    case.closed_at = case.outcome = None
    seek_holder(session, case, now, today)


def _is_raised_by(case: Case, urgency: Urgency) -> bool:
    """Whether words are more urgent than the case. One that is thought to be over only danger takes up again."""
    if case.state not in (CaseState.OPENED, *_HELD):
        return urgency is Urgency.EMERGENCY
    return _is_less_urgent(case, urgency)


def _is_less_urgent(case: Case, urgency: Urgency) -> bool:
    own = Urgency(case.urgency)
    return urgency is not own and more_urgent(urgency, own) is urgency


def _raise_urgency(
    session: Session, case: Case, urgency: Urgency, now: datetime, actor_id: int | None = None, **why: str
) -> None:
    """The worker's words do what an officer does who sets the urgency; then the line in the history has no officer."""
    body = {"from": f"{case.category}/{case.urgency}", "to": f"{case.category}/{urgency.value}", **why}
    append(session, case, EventKind.RECATEGORISED, now, actor_id, body)
    case.urgency = urgency.value


def confirm(session: Session, case: Case, agrees: bool, now: datetime, today: date) -> None:
    """The worker says whether it is settled. The first "not yet" opens the case again and goes to other people as well;
    after a second one it is closed as not settled."""
    if case.state is not CaseState.SETTLED:
        raise Outdated
    case.worker_agrees = agrees
    append(session, case, EventKind.CONFIRMED, now, body={"agrees": "yes" if agrees else "no"})
    if agrees or case.reopened:
        case.state, case.closed_at = CaseState.CLOSED, now
        begin_stage(session, case, None, now, now)
        key = "case_alerts.confirmed" if agrees else "case_alerts.not_agreed"
        tell_holder(session, case, f"confirmed:{case.head_number}", now, key)
        return
    case.reopened += 1
    append(session, case, EventKind.REOPENED, now)
    holder = case.holder_id
    if holder is None or not may_have(session, case, holder, now):
        seek_holder(session, case, now, today)
        return
    case.state, case.outcome = CaseState.ANSWERED, None
    begin_stage(session, case, Stage.RESOLUTION, now, now)
    tell_holder(session, case, f"reopened:{case.head_number}", now, "case_alerts.reopened")
    alert_next(session, case, now, today)


def rate(session: Session, case: Case, stars: int, now: datetime) -> None:
    """The worker's satisfaction, one to five, once the case is closed; said again it replaces what they said before."""
    if case.state is not CaseState.CLOSED or not 1 <= stars <= 5:
        raise Outdated
    case.rating = stars


def withdraw(session: Session, case: Case, now: datetime) -> None:
    """The worker takes their case back: nothing more is done, nobody is asked any more. One that was merged goes on
    without them, and whoever works on it hears of that."""
    if case.state not in (*OPEN_CASE_STATES, CaseState.MERGED):
        raise Outdated
    silence(session, case, now)
    kept = session.get(Case, case.merged_into_id) if case.merged_into_id is not None else None
    holder = kept.holder_id if kept is not None and case.state is CaseState.MERGED else case.holder_id
    case.merged_into_id = None
    if holder is not None:
        tell_officer(session, case, holder, f"withdrawn:{case.head_number}", now, "case_alerts.withdrawn")
    case.state, case.closed_at = CaseState.WITHDRAWN, now
    close_pauses(session, case, now)
    begin_stage(session, case, None, now, now)
    append(session, case, EventKind.WITHDRAWN, now)


def get_case(session: Session, viewer: Viewer, code: str, now: datetime, lock: bool = False) -> Case:
    """A case an officer may know of. Raises `NotAllowed` for every other, whether it exists or not."""
    case = find_visible(session, viewer, code, lock)
    if case is None or is_named_in(session, case, viewer.person_id):
        raise NotAllowed
    return case


def claim(session: Session, viewer: Viewer, code: str, now: datetime, today: date) -> Case:
    """Take a case: whoever comes first has it, and nobody else is asked any more. An overdue one may be taken over from
    its holder by somebody who was asked because of that; one that only its holder opens is taken by nobody who was
    never asked, for the worker may have chosen by whom to be read. Raises `UserError` when it is taken."""
    case = get_case(session, viewer, code, now, lock=True)
    is_asked = viewer.person_id in {alert.person_id for alert in list_alerted(session, case)}
    if case.holder_only and viewer.person_id not in list_ever_alerted(session, case):
        raise NotAllowed
    is_late = case.holder_id is not None and case.due_at is not None and case.due_at <= now
    if case.state not in (CaseState.OPENED, *_HELD) or case.holder_id == viewer.person_id:
        raise Outdated
    if case.holder_id is not None and not (is_asked and is_late):
        raise UserError("desk_cases.taken")
    was_open, old = case.state is CaseState.OPENED, case.holder_id
    silence(session, case, now, but=viewer.person_id)
    case.holder_id = viewer.person_id
    append(session, case, EventKind.CLAIMED, now, viewer.person_id)
    if old is not None:
        tell_officer(session, case, old, f"taken_over:{case.head_number}", now, "case_alerts.taken_over")
    _part_barred(session, viewer, case, now, today)
    if was_open:
        _hold(session, case, now)
        tell_state(session, case, "own_cases.claimed", now)
    return case


def _part_barred(session: Session, viewer: Viewer, case: Case, now: datetime, today: date) -> None:
    """What was merged into a case and may not be read by whoever holds it from now on is searched somebody of its
    own."""
    for one in list_merged(session, case):
        bar_people_named(session, one, [viewer.person_id], now)
        if not is_fit(session, one, viewer) or _is_let_in_by_one(session, viewer, case, one):
            seek_another(session, one, now, today, "lost")


def _is_let_in_by_one(session: Session, viewer: Viewer, case: Case, merged: Case) -> bool:
    """Whether an officer reads a case only at its workplace's union, which the worker of a merged one did not let
    in."""
    ways = viewer.units & set(list_reader_units(session, case))
    return ways <= {case.workplace_unit_id} and viewer.units.isdisjoint(list_reader_units(session, merged))


def _hold(session: Session, case: Case, now: datetime) -> None:
    """Somebody has the case: the next stage runs, counted from when it was sent, or became more urgent."""
    case.claimed_at = case.claimed_at or now
    case.state = CaseState.ANSWERED if case.answered_at else CaseState.CLAIMED
    stage = Stage.RESOLUTION if case.answered_at else Stage.FIRST_ANSWER
    begin_stage(session, case, stage, _count_from(session, case, _since_of(session, case) or now), now)


def _since_of(session: Session, case: Case) -> datetime | None:
    """From when a stage of a case counts by itself; of one that was once settled, since it was taken up again."""
    return case.stage_since_at if case.settled_at is not None else _became_urgent_at(session, case) or case.opened_at


def _became_urgent_at(session: Session, case: Case) -> datetime | None:
    """When words of the worker, or a case that was merged into it, made a case more urgent; None when they did not."""
    lines = (one for one in list_lines(session, case) if one.kind is EventKind.RECATEGORISED)
    raised = [one.at for one in lines if one.actor_id is None or (one.body or {}).get("why") == "merged"]
    return max(raised, default=None)


def _count_from(session: Session, case: Case, since: datetime) -> datetime:
    """From when a stage of a case counts: no later than it would for what was merged into it, is as urgent and was not
    once settled."""
    alike = (one for one in list_merged(session, case) if one.urgency == case.urgency and one.settled_at is None)
    return min([since, *(_became_urgent_at(session, one) or one.opened_at or since for one in alike)])


def is_taken(session: Session, viewer: Viewer, code: str) -> bool:
    """Whether an officer who was asked to take a case comes too late; False for one whom anything bars from it."""
    case = get_by_code(session, code)
    if case is None or case.holder_id in (None, viewer.person_id) or not is_fit(session, case, viewer):
        return False
    is_reader = bool(viewer.units & set(list_reader_units(session, case)))
    return is_reader and viewer.person_id in {alert.person_id for alert in list_alerted(session, case)}


def decline(session: Session, viewer: Viewer, code: str, now: datetime, today: date) -> None:
    """Say that one cannot take a case; once all who were asked last say so, the next are asked at once."""
    case = get_case(session, viewer, code, now, lock=True)
    told = list_alerted(session, case)
    own = next((alert for alert in told if alert.person_id == viewer.person_id), None)
    if case.holder_id is not None or own is None:
        raise Outdated
    if own.declined_at is None:
        own.declined_at = now
        silence_for(session, case, viewer.person_id, now)
        append(session, case, EventKind.DECLINED, now, viewer.person_id)
    ask_on(session, case, now, today)


def get_held(session: Session, viewer: Viewer, code: str, now: datetime) -> Case:
    """A case the officer holds, locked, open for work. Raises `NotAllowed` or `Outdated`."""
    case = get_case(session, viewer, code, now, lock=True)
    if case.holder_id != viewer.person_id:
        raise NotAllowed
    if case.state not in _HELD:
        raise Outdated
    return case


def open_story(session: Session, viewer: Viewer, code: str, now: datetime) -> tuple[Case, list[Line]]:
    """A case with its whole history, for its holder, or before anybody claimed it for whoever may; that it was read is
    written down. One that only its holder may open is not opened before it is claimed (`NotAllowed`)."""
    case = get_case(session, viewer, code, now, lock=True)
    if case.holder_only and case.holder_id != viewer.person_id:
        raise NotAllowed
    append(session, case, EventKind.READ, now, viewer.person_id)
    return case, list_lines(session, case)


def open_merged(session: Session, viewer: Viewer, kept: Case, now: datetime) -> list[tuple[Case, list[Line]]]:
    """What was merged into a case, for whoever holds that one, wherever it has gone since; each read on record. One
    from which something bars this officer is left out."""
    opened = []
    for one in list_merged(session, kept) if kept.holder_id == viewer.person_id else ():
        if is_fit(session, one, viewer) and not is_named_in(session, one, viewer.person_id):
            append(session, one, EventKind.READ, now, viewer.person_id)
            opened.append((one, list_lines(session, one)))
    return opened


def answer(session: Session, viewer: Viewer, code: str, text: str, now: datetime, asks: bool = False) -> Case:
    """Write to the worker. ``asks``: an answer is waited for, and the deadline stands still until it comes."""
    case = get_held(session, viewer, code, now)
    kind = EventKind.ASKED_WORKER if asks else EventKind.OFFICER_WROTE
    key = "own_cases.officer_asks" if asks else "own_cases.officer_wrote"
    for one in (case, *list_merged(session, case)):
        number = append(session, one, kind, now, viewer.person_id, {"text": text})
        if one is not case:  # should it stand on its own again, it was answered
            one.answered_at = one.answered_at or now
        tell_worker(session, one, f"wrote:{case.id}:{number}", t(key, code=show_code(one.code), text=text), now)
    if case.state is CaseState.CLAIMED:
        since = case.stage_since_at or now
        if case.answered_at is not None:  # answered anew, for danger or for somebody else's sake: not later than before
            since = min(since, _since_of(session, case) or since)
        case.state, case.answered_at = CaseState.ANSWERED, case.answered_at or now
        begin_stage(session, case, Stage.RESOLUTION, _count_from(session, case, since), now)
    if asks:
        open_pause(session, case, "worker", now)
        set_clock(session, case, now)
    return case


def note(session: Session, viewer: Viewer, code: str, text: str, now: datetime) -> None:
    """Write something down that the worker does not see."""
    case = get_held(session, viewer, code, now)
    append(session, case, EventKind.NOTED, now, viewer.person_id, {"text": text})


def recategorise(session: Session, viewer: Viewer, code: str, category: str, urgency: Urgency, now: datetime) -> None:
    """Set the kind and urgency of a case; its deadlines follow. Who may open it never becomes wider by that."""
    case = get_held(session, viewer, code, now)
    body = {"from": f"{case.category}/{case.urgency}", "to": f"{category}/{urgency.value}"}
    append(session, case, EventKind.RECATEGORISED, now, viewer.person_id, body)
    case.holder_only = case.holder_only or load_case_terms().categories[category].holder_only
    case.category, case.urgency = category, urgency.value
    begin_stage(session, case, Stage(case.stage) if case.stage else None, case.stage_since_at or now, now)


def list_colleagues(session: Session, viewer: Viewer, case: Case, now: datetime, today: date) -> list[int]:
    """To whom the holder may hand a case over: officers of the units that may read it, whom nothing bars from it or
    from what was merged into it, and who can be told that they have it."""
    merged = list_merged(session, case)
    found = (
        one for unit_id in list_reader_units(session, case) for one in list_fit(session, case, unit_id, now, today)
    )
    able = [one for one in dict.fromkeys(found) if one != viewer.person_id and can_be_told(session, one)]
    if not merged:
        return able
    viewers = [read_viewer(session, one, now, today) for one in able]
    return [
        one.person_id
        for one in viewers
        if are_free_for(session, one, [other.id for other in merged])
        and not any(_is_let_in_by_one(session, one, case, other) for other in merged)
    ]


def assign(
    session: Session, viewer: Viewer, code: str, person_id: int, reason: str, now: datetime, today: date
) -> None:
    """Hand a case over to a colleague, with a reason. Raises `NotAllowed` for somebody who may not have it."""
    case = get_held(session, viewer, code, now)
    if person_id not in list_colleagues(session, viewer, case, now, today):
        raise NotAllowed
    if any(is_named_in(session, one, person_id) for one in (case, *list_merged(session, case))):
        raise NotAllowed
    silence_for(session, case, viewer.person_id, now)
    append(session, case, EventKind.ASSIGNED, now, viewer.person_id, {"to": str(person_id), "reason": reason})
    case.holder_id = person_id
    tell_officer(session, case, person_id, f"assigned:{case.head_number}", now, "case_alerts.assigned")


def release(
    session: Session, viewer: Viewer, code: str, reason: str, is_tied: bool, now: datetime, today: date
) -> None:
    """Give a case back, and others are asked. ``is_tied``: because of a tie to somebody in it; then this officer never
    sees it again."""
    case = get_held(session, viewer, code, now)
    append(session, case, EventKind.RELEASED, now, viewer.person_id, {"reason": reason})
    if is_tied:
        _bar_tied(session, viewer, case, now)
    seek_holder(session, case, now, today)
    own = next((alert for alert in list_alerted(session, case) if alert.person_id == viewer.person_id), None)
    if own is not None:  # they said no already
        own.declined_at = now
        silence_for(session, case, viewer.person_id, now)
        ask_on(session, case, now, today)


def _bar_tied(session: Session, viewer: Viewer, case: Case, now: datetime) -> None:
    """An officer never sees a case again, nor anything that is the same matter: they are tied to somebody in it."""
    for one in (case, *list_merged(session, case)):
        bar_person(session, one, viewer.person_id, WhyBarred.DECLARED, now)
        append(session, one, EventKind.BARRED, now, viewer.person_id, {"why": WhyBarred.DECLARED.value})
        silence_barred(session, one, now)


def declare_tie(session: Session, viewer: Viewer, code: str, now: datetime, today: date) -> None:
    """An officer who does not hold a case says that they are tied to somebody in it: they never see it again."""
    case = get_case(session, viewer, code, now, lock=True)
    _bar_tied(session, viewer, case, now)
    if case.holder_id == viewer.person_id:
        seek_holder(session, case, now, today)


def forward(session: Session, viewer: Viewer, code: str, reason: str, now: datetime, today: date) -> int:
    """Send a case to the unit above, with a reason; this unit reads it no longer. Returns the unit. Raises `UserError`
    when there is nobody above who may have it."""
    case = get_held(session, viewer, code, now)
    route = plan_route(session, case, now, today)
    at = route.chain.index(case.unit_id) if case.unit_id in route.chain else -1
    bar_named(session, case, route.chain[at + 1 :], now, today)
    target = next((one for one in route.chain[at + 1 :] if list_fit(session, case, one, now, today)), None)
    if target is None:
        raise UserError("desk_cases.nobody_above")
    for one in list_merged(session, case):
        bar_named(session, one, route.chain[at + 1 :], now, today)
        if not list_fit(session, one, target, now, today):
            seek_another(session, one, now, today, "alone")
    for one in (case, *list_merged(session, case)):
        append(session, one, EventKind.FORWARDED, now, viewer.person_id, {"to": str(target), "reason": reason})
        end_readers(session, one, [unit_id for unit_id in list_reader_units(session, one) if unit_id != target], now)
        one.unit_id = target
        add_reader(session, one, target, WhyReader.FORWARDED, now)
    seek_holder(session, case, now, today)
    period = find_period(session, target, today)
    for one in (case, *list_merged(session, case)):
        tell_state(session, one, "own_cases.forwarded", now, unit=period.name if period else "")
    return target


def refer(session: Session, viewer: Viewer, code: str, body_key: str, follow_up_on: date, now: datetime) -> None:
    """Note that a case went to an authority outside the union, with the day to ask what became of it."""
    case = get_held(session, viewer, code, now)
    case.follow_up_on = follow_up_on
    details = {"to": body_key, "follow_up_on": follow_up_on.isoformat()}
    append(session, case, EventKind.REFERRED, now, viewer.person_id, details)
    for one in (case, *list_merged(session, case)):
        tell_state(session, one, "own_cases.referred", now, where=t(f"referrals.{body_key}"))


def settle(session: Session, viewer: Viewer, code: str, outcome: str, result: str, now: datetime) -> None:
    """Say how a case ended; the worker is asked whether it is settled."""
    case = get_held(session, viewer, code, now)
    if outcome not in OUTCOMES:
        raise Outdated
    case.state, case.outcome, case.settled_at = CaseState.SETTLED, outcome, now
    case.answered_at = case.answered_at or now
    silence(session, case, now)
    close_pauses(session, case, now)
    begin_stage(session, case, None, now, now)
    append(session, case, EventKind.SETTLED, now, viewer.person_id, {"outcome": outcome, "text": result})
    ask_whether_settled(session, case, result, now)
    for one in list_merged(session, case):
        ways = set(list_reader_units(session, case)) - {case.workplace_unit_id}
        _let_read(session, viewer, one, ways, now)
        one.holder_id, one.outcome, one.state, one.closed_at = case.holder_id, outcome, CaseState.CLOSED, now
        one.settled_at, one.answered_at = now, one.answered_at or now
        append(session, one, EventKind.CLOSED, now, viewer.person_id, {"outcome": outcome, "text": result})
        tell_state(session, one, "own_cases.closed_with_result", now, result=result)


def _let_read(session: Session, viewer: Viewer, case: Case, unit_ids: Collection[int], now: datetime) -> None:
    """Whoever handled a merged case can see it at their unit too, which may have come to the other by the ladder; its
    own bars stay."""
    for unit_id in viewer.units.intersection(unit_ids).difference(list_reader_units(session, case)):
        bar_named(session, case, [unit_id], now, now.astimezone(VIETNAM).date())
        add_reader(session, case, unit_id, WhyReader.ESCALATED, now)


def merge(session: Session, viewer: Viewer, code: str, into_code: str, now: datetime) -> None:
    """Treat two cases the officer holds as one matter from now on: answers to the kept one go to the other's worker as
    well, and neither worker learns of the other. What was merged into the one that goes comes along, and so does what
    presses: its urgency, its deadline and the day on which to ask an authority."""
    if code == into_code:
        raise Outdated
    case, kept = (get_held(session, viewer, one, now) for one in (code, into_code))
    along = list_merged(session, case)
    for one in along:
        one.merged_into_id = kept.id
    _take_over_deadlines(session, viewer, case, kept, now)
    case.merged_into_id, case.state, case.holder_id = kept.id, CaseState.MERGED, None
    begin_stage(session, case, None, now, now)
    for one, other in ((case, kept), *((one, kept) for one in along), (kept, case)):
        append(session, one, EventKind.MERGED, now, viewer.person_id, {"with": other.code})


def _take_over_deadlines(session: Session, viewer: Viewer, case: Case, kept: Case, now: datetime) -> None:
    """The case that stays is as urgent as either was and due no later; where only the one that goes had a deadline that
    ran, nobody waits for the worker any more."""
    kept.holder_only = kept.holder_only or case.holder_only
    kept.follow_up_on = min(filter(None, (case.follow_up_on, kept.follow_up_on)), default=None)
    if case.due_at is not None and close_pauses(session, kept, now):
        set_clock(session, kept, now)
    stage, since = kept.stage, kept.stage_since_at
    if case.due_at is not None and (kept.due_at is None or case.due_at < kept.due_at):
        stage, since = case.stage, case.stage_since_at
    urgency = Urgency(case.urgency)
    is_raised = _is_less_urgent(kept, urgency)
    if is_raised:
        _raise_urgency(session, kept, urgency, now, viewer.person_id, why="merged")
    if is_raised and since == kept.stage_since_at:
        since = now  # what was in time so far is not overdue by being more urgent
    if is_raised or stage != kept.stage or since != kept.stage_since_at:
        kept.state = CaseState.CLAIMED if stage == Stage.FIRST_ANSWER.value else kept.state
        begin_stage(session, kept, Stage(stage) if stage else None, since or now, now)
