"""The use cases of the rights over data: ask, withdraw, erase; and for officers: list, close, extend, remind."""

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy.orm import Session

from db.applications import find_open_application
from db.codes import show_code
from db.conversations import forget_draft
from db.deliveries import drop_waiting
from db.erasing import erase_account, erase_person
from db.models import (
    Account,
    DataRequest,
    DataRequestKind,
    DeliveryKind,
    Person,
    Role,
)
from db.officers import list_grants_to_come, list_officers
from db.people import find_membership, list_accounts
from db.privacy import (
    Outcome,
    add_request,
    get_locked_request,
    list_consents,
    list_open_requests,
    list_requests_of,
    settle,
    withdraw,
)
from db.units import list_ancestors, list_roots
from handlers.access import RIGHTS, Actor, NotAllowed, Right, may
from handlers.actions import ShowDataRequest, ShowLeaving
from handlers.chat import Button, Reply
from handlers.consents import NEWS_PURPOSE, stop_news
from handlers.deciders import list_deciders
from handlers.errors import Outdated, UserError
from handlers.feature import VIETNAM
from handlers.leaving import let_leave
from handlers.notify import WITHOUT_DESK, tell_account, tell_person
from handlers.privacy.rules import Hindrance, due_at, extended_due_at, is_abroad, stage_of
from knowledge.texts import t

_ROLES = tuple(role for role in Role if Right.SEE_DATA_REQUESTS in RIGHTS[role])


def ask(
    session: Session, account: Account, kind: DataRequestKind, now: datetime, note: str | None = None
) -> DataRequest:
    """Keep a request; the deadline of its kind runs from now. A second one that says nothing new is the first."""
    waiting = [one for one in list_requests_of(session, account.id, account.person_id) if one.done_at is None]
    same = next((one for one in waiting if one.kind is kind and one.note == note), None)
    return same or add_request(session, kind, account.id, account.person_id, now, due_at(kind, now), note)


def list_hindrances(session: Session, person_id: int | None, now: datetime, today: date) -> list[Hindrance]:
    """What must be settled before this person's data can be erased: a role to hand over, an application to decide or
    take back."""
    if person_id is None:
        return []
    found = []
    if list_grants_to_come(session, person_id, now, today):
        found.append(Hindrance.ROLE)
    if find_open_application(session, person_id) is not None:
        found.append(Hindrance.APPLICATION)
    return found


def erase(session: Session, account: Account, now: datetime, today: date) -> DataRequest:
    """Erase everything held of the person behind an account, or of the account alone when it is nobody's; returns the
    receipt, which names nobody. Raises `UserError` when something hinders."""
    if list_hindrances(session, account.person_id, now, today):
        raise UserError("privacy.something_hinders")
    receipt = settle(ask(session, account, DataRequestKind.ERASE, now), Outcome.DONE, now)
    person = session.get(Person, account.person_id) if account.person_id is not None else None
    if person is None:
        erase_account(session, account, now)
    else:
        erase_person(session, person, now, today)
    return receipt


def is_bound(session: Session, person_id: int | None, today: date) -> bool:
    """Whether somebody is a member or waits to be one: then the consent to membership cannot be taken alone."""
    if person_id is None:
        return False
    is_member = find_membership(session, person_id, today) is not None
    return is_member or find_open_application(session, person_id) is not None


def withdraw_consent(session: Session, account: Account, purpose: str, now: datetime, today: date) -> DataRequest:
    """Withdraw the consents to a purpose; what rests on them stops at once. Raises `Outdated` when there is none, and
    `UserError` for membership while it runs."""
    mine = [one for one in list_consents(session, account.id, account.person_id) if one.purpose == purpose]
    if not mine:
        raise Outdated
    if purpose == "membership" and is_bound(session, account.person_id, today):
        raise UserError("privacy.membership_runs")
    receipt = settle(ask(session, account, DataRequestKind.WITHDRAW, now), Outcome.DONE, now)
    for consent in mine:
        withdraw(session, consent, now)
    if purpose == "abroad":
        _cut_off_abroad(session, account)
    if purpose == NEWS_PURPOSE.name:
        stop_news(session, account, now)
    return receipt


def _cut_off_abroad(session: Session, account: Account) -> None:
    """Accounts whose platform keeps things abroad are nobody's from now on: nothing personal is shown or sent there,
    and what was begun there or waits to be sent goes."""
    own = list_accounts(session, account.person_id) if account.person_id is not None else [account]
    person = session.get(Person, account.person_id) if account.person_id is not None else None
    for one in own:
        if is_abroad(one.sender):
            one.person_id = one.second_factor_at = None
            forget_draft(session, one.id)
            drop_waiting(session, one.address_hash)
            if person is not None and person.preferred_sender == one.sender:
                person.preferred_sender = None


def list_watchers(session: Session, request: DataRequest, now: datetime, today: date) -> list[int]:
    """The officers for data protection whose reach holds the person of a request, the nearest first; else those at the
    top of the tree, else anybody with that role."""
    place = place_of(session, request, today)
    nearest = [] if place is None else [place, *(unit.unit_id for unit in list_ancestors(session, place, today))]
    top = [root.unit_id for root in list_roots(session, today)]
    for unit_ids in (*([one] for one in nearest), top):
        found = list_officers(session, unit_ids, _ROLES, now, today)
        if found:
            return sorted({grant.person_id for grant in found})
    return []


def place_of(session: Session, request: DataRequest, today: date) -> int | None:
    """The unit at which the person of a request is a member, applies or serves; None for somebody nobody knows."""
    if request.person_id is None:
        return None
    membership = find_membership(session, request.person_id, today)
    if membership is not None:
        return membership.unit_id
    application = find_open_application(session, request.person_id)
    if application is not None:
        return application.unit_id
    grants = list_grants_to_come(session, request.person_id, request.asked_at, today)
    return grants[0].unit_id if grants else None


def can_see(session: Session, actor: Actor, request: DataRequest, today: date) -> bool:
    """Whether a request lies within the actor's reach; those of people without a unit belong to the top."""
    place = place_of(session, request, today)
    places = [place] if place is not None else [root.unit_id for root in list_roots(session, today)]
    return any(may(session, actor, Right.SEE_DATA_REQUESTS, one, today) for one in places)


def list_waiting(session: Session, actor: Actor, today: date) -> list[DataRequest]:
    """The open requests within the actor's reach, the most pressing first."""
    return [one for one in list_open_requests(session) if can_see(session, actor, one, today)]


def get_request(session: Session, actor: Actor, request_id: int, today: date) -> DataRequest:
    """An open request within the actor's reach, locked. Raises `Outdated` when it is done, `NotAllowed`."""
    if not actor.holds(Right.SEE_DATA_REQUESTS):
        raise NotAllowed
    request = get_locked_request(session, request_id)
    if request is None or request.done_at is not None:
        raise Outdated
    if not can_see(session, actor, request, today) or request.person_id == actor.person_id:
        raise NotAllowed  # nobody decides about themselves
    return request


def close(session: Session, request: DataRequest, now: datetime, today: date) -> None:
    """Do what was asked: an erasure is carried out and a membership ends now, the rest was done by the officer. The
    person hears of it. Raises `UserError` when something still hinders the erasing."""
    text = t("requests.was_done", code=show_code(request.code), what=t(f"requests.kind_{request.kind.value}"))
    account = session.get(Account, request.account_id) if request.account_id else None
    if request.kind is DataRequestKind.WITHDRAW and request.person_id is not None:
        membership = find_membership(session, request.person_id, today)
        if membership is not None and membership.until_on is None:
            let_leave(session, membership, now, today)
    settle(request, Outcome.DONE, now)
    if request.kind is not DataRequestKind.ERASE:
        _tell(session, request, Reply(text), "done", now)
        return
    if list_hindrances(session, request.person_id, now, today):
        raise UserError("requests.still_hindered")
    person = session.get(Person, request.person_id) if request.person_id else None
    session.flush()
    if person is not None:
        erase_person(session, person, now, today)
    elif account is not None:
        erase_account(session, account, now)
    if account is not None:  # the receipt is all that is left of them, and goes after a week
        tell_account(session, account, Reply(text), f"data_request:{request.id}:done", now)


def refuse(session: Session, request: DataRequest, reason: str, now: datetime) -> None:
    """Turn a request down, with the reason the person reads (Law 91/2025/QH15 Article 14 k5)."""
    settle(request, Outcome.REFUSED, now)
    text = t("requests.was_refused", code=show_code(request.code), reason=reason)
    _tell(session, request, Reply(text), "refused", now)


def extend(session: Session, request: DataRequest, reason: str, now: datetime) -> None:
    """Extend the deadline once, as long again, with the reason the person reads. Raises `UserError` the second time."""
    request.due_at, request.extended_at = extended_due_at(request), now
    day = request.due_at.astimezone(VIETNAM).strftime("%d/%m/%Y")
    text = t("requests.was_extended", code=show_code(request.code), day=day, reason=reason)
    _tell(session, request, Reply(text), "extended", now)


def _tell(session: Session, request: DataRequest, reply: Reply, what: str, now: datetime) -> None:
    """On the channel they asked by, else on the one that reaches them."""
    subject = f"data_request:{request.id}:{what}"
    account = session.get(Account, request.account_id) if request.account_id else None
    if account is not None and account.unreachable_since is None:
        tell_account(session, account, reply, subject, now)
    elif request.person_id is not None:
        tell_person(session, request.person_id, reply, subject, now)


def take_back(session: Session, account: Account, request_id: int, now: datetime) -> DataRequest:
    """A person thought better of a request of theirs. Raises `Outdated` when it is done, or somebody else's."""
    request = get_locked_request(session, request_id)
    mine = {one.id for one in list_requests_of(session, account.id, account.person_id)}
    if request is None or request.id not in mine or request.done_at is not None:
        raise Outdated
    return settle(request, Outcome.TAKEN_BACK, now)


def announce(session: Session, request: DataRequest, now: datetime, today: date) -> bool:
    """Tell the officers for data protection that a request waits for them, and of a wish to leave also those who decide
    at the unit; False when there is nobody."""
    return _tell_watchers(session, request, "new", now, today)


def remind(session: Session, now: datetime, alarm: Callable[[Session, str, str], None] | None = None) -> None:
    """Remind of requests whose deadline is near, and alert when one is over; each stage once. Without any officer to
    tell, the operator hears of what is overdue."""
    today = now.astimezone(VIETNAM).date()
    for request in list_open_requests(session):
        stage = stage_of(request, now)
        if stage is None or _tell_watchers(session, request, stage, now, today) or alarm is None:
            continue
        if stage == "overdue":
            text = t("requests.operator_overdue", code=show_code(request.code))
            alarm(session, f"data_request:{request.id}", text)


def _tell_watchers(session: Session, request: DataRequest, stage: str, now: datetime, today: date) -> bool:
    """Who both decides at the unit and sees to requests is told once, with the button that fulfils a wish to leave."""
    key = {"new": "requests.new", "overdue": "requests.overdue"}.get(stage, "requests.due_soon")
    day = request.due_at.astimezone(VIETNAM).strftime("%d/%m/%Y")
    text = t(key, code=show_code(request.code), kind=t(f"requests.kind_{request.kind.value}"), day=day)
    subject = f"data_request:{request.id}:{stage}:{request.due_at:%Y%m%d}"
    told = []
    for person_id in _list_leavers_officers(session, request, now, today):
        reply = Reply(text, (Button(t("requests.open"), ShowLeaving(request.id)),))
        told.append(_tell_watcher(session, person_id, reply, subject, stage, now))
    for person_id in list_watchers(session, request, now, today):
        if person_id != request.person_id:
            reply = Reply(text, (Button(t("requests.open"), ShowDataRequest(request.id)),))
            told.append(_tell_watcher(session, person_id, reply, subject, stage, now))
    return any(told)


def _list_leavers_officers(session: Session, request: DataRequest, now: datetime, today: date) -> list[int]:
    """Who decides where somebody who wishes to leave is a member; nobody for other requests."""
    if request.kind is not DataRequestKind.WITHDRAW or request.person_id is None:
        return []
    membership = find_membership(session, request.person_id, today)
    return [] if membership is None else list_deciders(session, membership.unit_id, now, today, request.person_id)


def _tell_watcher(session: Session, person_id: int, reply: Reply, subject: str, stage: str, now: datetime) -> bool:
    is_urgent = stage == "overdue"
    return tell_person(
        session, person_id, reply, subject, now, DeliveryKind.NOTICE, is_urgent=is_urgent, without=WITHOUT_DESK
    )
