"""The use cases of two people who are one: propose, confirm on both sides, merge, take apart again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db.applications import get_locked_application, list_applications_of
from db.merges import (
    add_proposal,
    find_last_merge,
    get_locked_proposal,
    index_names_anew,
    list_all_consents,
    list_proposals,
    list_running,
    lock_people,
    move_back,
    move_rows,
    wants_erasure,
)
from db.models import (
    OPEN_APPLICATION_STATES,
    Account,
    Application,
    ApplicationState,
    Consent,
    EndReason,
    Membership,
    MergeProposal,
    Person,
)
from db.news_choices import adopt_choices, give_back_choices
from db.officers import holds_role_from_now
from db.people import find_membership, list_accounts
from handlers.access import Actor, NotAllowed, Right, demand
from handlers.duplicates import find_duplicates
from handlers.errors import Outdated, UserError
from handlers.identity.rules import (
    ASK_AGAIN_AFTER,
    QUESTION_LIFETIME,
    choose_application,
    choose_running,
    is_waiting,
    list_overtaken,
)
from handlers.notify import choose_account


@dataclass(frozen=True)
class Sides:
    """The account on which each of the two is asked."""

    kept: Account
    other: Account


def propose(
    session: Session, actor: Actor, application_id: int, person_id: int, now: datetime, today: date
) -> tuple[MergeProposal, Sides]:
    """Keep that an applicant and somebody alike at the unit may be one, to be asked on both sides. Raises `UserError`
    when it may not be asked now, `NotAllowed` for an officer who does not decide there or is one of the two."""
    application = _get_application(session, actor, application_id, today)
    both = (application.person_id, person_id)
    if actor.person_id in both:
        raise NotAllowed
    applicant = session.get_one(Person, application.person_id)
    if person_id not in {person.id for person in find_duplicates(session, applicant, application.unit_id)}:
        raise Outdated
    people = lock_people(session, both)
    if len(people) < 2 or any(person.merged_into_id or person.erased_at for person in people):
        raise Outdated
    _check_free(session, both, now)
    kept, other = _choose_kept(session, people, now, today)
    _check_fit(session, kept, other, now, today)
    sides = find_sides(session, kept.id, other.id)
    return add_proposal(session, kept.id, other.id, application.unit_id, actor.person_id, now), sides


def _get_application(session: Session, actor: Actor, application_id: int, today: date) -> Application:
    application = get_locked_application(session, application_id)
    if application is None:
        raise Outdated
    demand(session, actor, Right.DECIDE_APPLICATIONS, application.unit_id, today)
    if application.state not in OPEN_APPLICATION_STATES:
        raise Outdated
    return application


def _check_free(session: Session, both: Sequence[int], now: datetime) -> None:
    """One merge at a time for each person, and nobody is asked again soon after a no."""
    for proposal in list_proposals(session, both):
        is_same = {proposal.kept_id, proposal.other_id} == set(both)
        if is_waiting(proposal) and proposal.proposed_at > now - QUESTION_LIFETIME:
            raise UserError("merge.already_asked" if is_same else "merge.another_waits")
        said_no_at = proposal.refused_at or proposal.undone_at
        if is_same and said_no_at is not None and said_no_at > now - ASK_AGAIN_AFTER:
            raise UserError("merge.said_no")


def _choose_kept(session: Session, people: Sequence[Person], now: datetime, today: date) -> tuple[Person, Person]:
    """Who holds a role is kept, then who is a member, then who was known first."""
    first, second = sorted(
        people,
        key=lambda person: (
            not holds_role_from_now(session, person.id, now, today),
            find_membership(session, person.id, today) is None,
            person.id,
        ),
    )
    return first, second


def _check_fit(session: Session, kept: Person, other: Person, now: datetime, today: date) -> None:
    """No role ever moves by a merge, and nobody who wants to be erased is grown."""
    if holds_role_from_now(session, other.id, now, today):
        raise UserError("merge.both_officers")
    if wants_erasure(session, [kept.id, other.id]):
        raise UserError("merge.erasure_waits")


def find_sides(session: Session, kept_id: int, other_id: int) -> Sides:
    """Where each side is asked. Raises `UserError` when one of them has no channel that reaches them."""
    kept, other = choose_account(session, kept_id), choose_account(session, other_id)
    if kept is None or other is None:
        raise UserError("merge.no_channel")
    return Sides(kept, other)


def get_question(session: Session, proposal_id: int, person_id: int | None, now: datetime) -> MergeProposal:
    """A proposal that this person is asked about and that waits for an answer, locked. Raises `Outdated`."""
    proposal = get_locked_proposal(session, proposal_id)
    if proposal is None or person_id is None or person_id not in (proposal.kept_id, proposal.other_id):
        raise Outdated
    if not is_waiting(proposal) or proposal.proposed_at <= now - QUESTION_LIFETIME:
        raise Outdated
    return proposal


def refuse(proposal: MergeProposal, now: datetime) -> None:
    """One side says that they are not that other person."""
    proposal.refused_at = now


def confirm(session: Session, proposal: MergeProposal, person_id: int, now: datetime, today: date) -> bool:
    """One side says that they are; True when the other one had said so too, and the two are one from now on."""
    if person_id == proposal.kept_id:
        proposal.kept_confirmed_at = proposal.kept_confirmed_at or now
    else:
        proposal.other_confirmed_at = proposal.other_confirmed_at or now
    if proposal.kept_confirmed_at is None or proposal.other_confirmed_at is None:
        return False
    _merge(session, proposal, now, today)
    return True


def _merge(session: Session, proposal: MergeProposal, now: datetime, today: date) -> None:
    """Move everything to the kept person, and keep by ids what moved."""
    people = lock_people(session, [proposal.kept_id, proposal.other_id])
    if len(people) < 2 or any(person.merged_into_id or person.erased_at for person in people):
        raise Outdated
    kept, other = people
    _check_fit(session, kept, other, now, today)
    moved: dict[str, Any] = {
        "accounts": _tie_accounts(session, other.id),
        "ended": _end_memberships(session, kept.id, other.id, today),
        "consents": _end_overtaken(session, kept.id, other.id),
        "rows": move_rows(session, other.id, kept.id),
        "news": adopt_choices(session, other.id, kept.id),
    }
    moved["withdrawn"] = _withdraw_applications(session, kept.id, now, today)
    other.merged_into_id = kept.id
    session.flush()
    index_names_anew(session, other, today)
    index_names_anew(session, kept, today, [(other.profile or {}).get("full_name") or ""])
    proposal.merged_at, proposal.moved = now, moved
    session.flush()


def _tie_accounts(session: Session, other_id: int) -> list[list[Any]]:
    """The accounts that come along get a new session and, until somebody signs in there, no role of the person."""
    kept = []
    for account in list_accounts(session, other_id):
        proved_at = account.second_factor_at.isoformat() if account.second_factor_at else None
        kept.append([account.id, account.is_signing_in, account.needs_sign_in, proved_at])
        account.is_signing_in, account.needs_sign_in, account.second_factor_at = True, True, None
    return sorted(kept)


def _end_memberships(session: Session, kept_id: int, other_id: int, today: date) -> list[list[Any]]:
    running = list_running(session, [kept_id, other_id], today)
    stays, ended = choose_running(running), []
    for one in running:
        if one is not stays:
            ended.append([one.id, one.until_on.isoformat() if one.until_on else None, one.end_reason])
            one.until_on, one.end_reason = today - timedelta(days=1), EndReason.MERGED
    return ended


def _end_overtaken(session: Session, kept_id: int, other_id: int) -> list[int]:
    consents = list_all_consents(session, [kept_id, other_id])
    overtaken = list_overtaken(consents)
    for one in overtaken:
        one.withdrawn_at = max(
            other.withdrawn_at for other in consents if other.purpose == one.purpose and other.withdrawn_at
        )
    return [one.id for one in overtaken]


def _withdraw_applications(session: Session, kept_id: int, now: datetime, today: date) -> list[list[Any]]:
    """One person has one open application, and none to where they are a member."""
    waiting = [one for one in list_applications_of(session, kept_id) if one.state in OPEN_APPLICATION_STATES]
    membership = find_membership(session, kept_id, today)
    stays = choose_application(waiting, membership.unit_id if membership else None)
    withdrawn = []
    for one in waiting:
        if one is not stays:
            withdrawn.append([one.id, one.state, one.changed_at.isoformat()])
            one.state, one.changed_at = ApplicationState.WITHDRAWN, now
    return withdrawn


def get_undoable(
    session: Session, proposal_id: int, person_id: int | None, actor: Actor | None, now: datetime, today: date
) -> MergeProposal:
    """A merge that may be undone, locked: by the person themselves on any of their channels, or by an officer who
    changes members where they belong. Raises `Outdated` or `NotAllowed`."""
    proposal = get_locked_proposal(session, proposal_id)
    if proposal is None or proposal.merged_at is None:
        raise Outdated
    if person_id != proposal.kept_id:
        if actor is None:
            raise NotAllowed
        membership = find_membership(session, proposal.kept_id, today)
        place = membership.unit_id if membership else proposal.unit_id
        demand(session, actor, Right.CHANGE_MEMBERS, place, today)
    last = find_last_merge(session, proposal.kept_id, now)
    if last is None or last.id != proposal.id:
        raise Outdated
    return proposal


def undo(session: Session, proposal: MergeProposal, now: datetime, today: date) -> None:
    """Take two people apart again: what moved goes back, and what the merge ended goes on, so far as nobody has changed
    it since."""
    people, moved = lock_people(session, [proposal.kept_id, proposal.other_id]), proposal.moved
    if moved is None or len(people) < 2:
        raise Outdated
    kept, other = people
    if kept.merged_into_id is not None or other.merged_into_id != kept.id:
        raise Outdated
    _free_accounts(session, moved["accounts"], kept.id)
    move_back(session, moved["rows"], kept.id, other.id)
    if "news" in moved:  # not in a merge of an older version
        give_back_choices(session, moved["news"], kept.id)
    for number, until_on, reason in moved["ended"]:
        membership = session.get(Membership, number)
        if membership is not None and membership.end_reason is EndReason.MERGED:
            membership.until_on = date.fromisoformat(until_on) if until_on else None
            membership.end_reason = EndReason(reason) if reason else None
    for number, state, changed_at in moved["withdrawn"]:
        application = session.get(Application, number)
        if application is not None and application.changed_at == proposal.merged_at:
            application.state = ApplicationState(state)
            application.changed_at = datetime.fromisoformat(changed_at)
    for number in moved["consents"]:
        consent = session.get(Consent, number)
        if consent is not None:
            consent.withdrawn_at = None
    other.merged_into_id, proposal.undone_at, proposal.moved = None, now, None
    session.flush()
    index_names_anew(session, kept, today)
    index_names_anew(session, other, today)


def _free_accounts(session: Session, accounts: Sequence[Sequence[Any]], kept_id: int) -> None:
    """Accounts that are still the kept person's are as they were before; one signed out or tied anew stays as it is."""
    for number, was_signing_in, needed_sign_in, proved_at in accounts:
        account = session.get(Account, number)
        if account is not None and account.person_id == kept_id:
            account.is_signing_in, account.needs_sign_in = was_signing_in, needed_sign_in
            account.second_factor_at = datetime.fromisoformat(proved_at) if proved_at else None
    session.flush()
