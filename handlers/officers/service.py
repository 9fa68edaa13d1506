"""The use cases of the desk: give and end a role, hand over, the second factor. Codes are in `signing_in`."""

from dataclasses import dataclass, field
from datetime import date, datetime

import pyotp
from sqlalchemy.orm import Session

from db.case_access import is_fit, read_viewer
from db.cases import hand_over_cases, list_depending, list_takeable
from db.models import Account, Application, Case, Person, Role, RoleGrant, SecondFactor, SignInCode, UnitPeriod
from db.officers import (
    add_grant,
    count_try,
    end_grant,
    find_second_factor,
    last_confirmed_at,
    list_grants,
    list_grants_to_come,
    list_officers,
)
from db.people import find_membership, find_person, list_open_handled
from db.units import find_period, list_ancestors
from handlers.access import RIGHTS, Actor, NotAllowed, Right, demand, may
from handlers.case_viewers import may_be_named
from handlers.errors import Outdated, UserError
from handlers.officers.codes import check_may_issue, issue_code, list_managing_roles, may_manage
from handlers.officers.rules import ENROL_WITHIN, OTP_TRIES, OTP_WINDOW, PAID_BY_EMPLOYER_AT, roles_to_give

_OTP_STEP_SECONDS = 30


@dataclass(frozen=True)
class Invitation:
    """A one-time code just issued: the code itself is shown once and stored nowhere."""

    code: str
    row: SignInCode
    grant: RoleGrant


def list_roles_to_give(session: Session, actor: Actor, unit_id: int, today: date) -> list[Role]:
    """The roles the actor may give at a unit; empty when none."""
    period = find_period(session, unit_id, today)
    if period is None:
        return []
    return roles_to_give(list_managing_roles(session, actor, unit_id, today), period.level)


def find_invitee(session: Session, actor: Actor, code: str, now: datetime, today: date) -> Person | None:
    """The person of a code, where they are a member or hold a role within the actor's reach; None for anybody else, as
    if there were nobody: a code read off a card opens no name."""
    person = find_person(session, code)
    if person is None or person.merged_into_id is not None or person.erased_at is not None:
        return None
    membership = find_membership(session, person.id, today)
    places = {grant.unit_id for grant in list_grants_to_come(session, person.id, now, today)}
    places |= {membership.unit_id} if membership is not None else set()
    is_within = any(may(session, actor, Right.MANAGE_OFFICERS, place, today) for place in places)
    return person if is_within else None


def invite(
    session: Session,
    actor: Actor,
    person: Person,
    unit_id: int,
    role: Role,
    is_paid_by_employer: bool,
    now: datetime,
    today: date,
    to_on: date | None = None,
) -> Invitation:
    """Give a person a role at a unit and issue their code. A role they hold there already is given anew when who pays
    them, or until when, is another. Raises `NotAllowed` without the right, `UserError` for a role the actor may not
    give, for themselves (who pays an officer is not theirs to say), and for somebody above them."""
    demand(session, actor, Right.MANAGE_OFFICERS, unit_id, today)
    held = list_managing_roles(session, actor, unit_id, today)
    if role not in list_roles_to_give(session, actor, unit_id, today):
        raise UserError("officers.role_not_yours")
    if person.id == actor.person_id and Role.ADMINISTRATOR not in held:
        raise UserError("officers.not_yourself")
    check_may_issue(session, actor, person.id, now, today)
    payer = find_employer_unit(session, unit_id, today) if is_paid_by_employer else None
    same = [g for g in list_grants(session, person.id, now, today) if (g.unit_id, g.role) == (unit_id, role)]
    grant = same[0] if same else None
    if grant is not None:
        to_on = to_on or grant.to_on
        payer = payer if asks_for_payer(session, unit_id, today) else grant.paid_by_unit_id
    if grant is None or (grant.paid_by_unit_id, grant.to_on) != (payer, to_on):
        if grant is not None:
            end_grant(grant, now, actor.person_id)
        grant = add_grant(session, person, unit_id, role, today, now, to_on, payer, granted_by_id=actor.person_id)
    code, row = issue_code(session, person.id, actor.person_id, now)
    return Invitation(code, row, grant)


def asks_for_payer(session: Session, unit_id: int, today: date) -> bool:
    """Whether officers of a unit may be on an employer's payroll, so that it is asked."""
    period = find_period(session, unit_id, today)
    return period is not None and period.level in PAID_BY_EMPLOYER_AT


def find_employer_unit(session: Session, unit_id: int, today: date) -> int | None:
    """The unit whose employer pays an officer who is on the employer's payroll: the unit itself or the nearest above
    that faces an employer."""
    for period in filter(None, [find_period(session, unit_id, today), *list_ancestors(session, unit_id, today)]):
        if period.employer:
            return period.unit_id
    return unit_id


def get_grant(session: Session, actor: Actor, grant_id: int, now: datetime, today: date) -> RoleGrant:
    """A role that is in force, at a unit the actor may see. Raises `Outdated` or `NotAllowed`."""
    grant = session.get(RoleGrant, grant_id)
    if grant is None or grant not in list_grants(session, grant.person_id, now, today):
        raise Outdated
    demand(session, actor, Right.SEE_UNIT, grant.unit_id, today)
    return grant


def list_successors(session: Session, grant: RoleGrant, now: datetime, today: date) -> list[RoleGrant]:
    """Who could take over: those who decide applications at the unit, or else at the nearest unit above with any."""
    deciding = [role for role in Role if Right.DECIDE_APPLICATIONS in RIGHTS[role]]
    places = [grant.unit_id, *(unit.unit_id for unit in list_ancestors(session, grant.unit_id, today))]
    for place in places:
        found = list_officers(session, [place], deciding, now, today)
        others = [other for other in found if other.person_id != grant.person_id]
        if others:
            return others
    return []


@dataclass(frozen=True)
class InHand:
    """What an officer holds that must not be orphaned by the end of one role: at its unit and at those under it, as far
    as no other role of theirs covers it."""

    applications: list[Application]
    is_last: bool
    """No other officer decides at this unit: its applications are then decided one level above."""
    cases: list[Case] = field(default_factory=list)
    """The open cases they hold and may not see without this role."""


@dataclass(frozen=True)
class Moved:
    """What went to the successor, and the cases for which another holder is searched."""

    applications: int
    cases: list[Case]
    others: list[Case]


def list_in_hand(session: Session, grant: RoleGrant, now: datetime, today: date) -> InHand:
    """The open applications this officer took up by a role, and whether the unit keeps an officer."""
    deciding = [role for role in Role if Right.DECIDE_APPLICATIONS in RIGHTS[role]]
    others = list_officers(session, [grant.unit_id], deciding, now, today)
    is_last = grant.role in deciding and all(other.person_id == grant.person_id for other in others)
    this = Actor(grant.person_id, (grant,))
    held = list_grants(session, grant.person_id, now, today)
    rest = Actor(grant.person_id, tuple(other for other in held if other.id != grant.id))
    applications = [
        one
        for one in list_open_handled(session, grant.person_id)
        if may(session, this, Right.DECIDE_APPLICATIONS, one.unit_id, today)
        and not may(session, rest, Right.DECIDE_APPLICATIONS, one.unit_id, today)
    ]
    viewer = read_viewer(session, grant.person_id, now, today)
    return InHand(applications, is_last, list_depending(session, viewer, grant.unit_id, grant.role))


def list_for_successor(session: Session, cases: list[Case], person_id: int, now: datetime, today: date) -> list[Case]:
    """Those of some cases that a successor could take over."""
    return list_takeable(session, cases, read_viewer(session, person_id, now, today))


def list_countable(session: Session, cases: list[Case], actor: Actor, now: datetime, today: date) -> list[Case]:
    """Those of some cases that the actor may be told the number of: nothing bars them from any of these, and they are
    not named there. An administrator, who handles none, was not looked for when they were sent."""
    viewer = read_viewer(session, actor.person_id, now, today)
    fit = (case for case in cases if is_fit(session, case, viewer))
    return [case for case in fit if not may_be_named(session, case, actor.person_id)]


def hand_over(
    session: Session, actor: Actor, grant: RoleGrant, successor_id: int | None, now: datetime, today: date
) -> Moved:
    """End a role this minute; what its officer had taken up goes to the successor, or back to those who decide at the
    unit. Of the cases, only those whose successor may have them; for the
    others a holder is searched. Raises `NotAllowed` for a role that is neither the actor's own nor one
    they may give, and `Outdated` for a successor without the right."""
    if grant.person_id != actor.person_id and not may_manage(session, actor, grant, today):
        raise NotAllowed
    if successor_id is not None and successor_id not in {
        other.person_id for other in list_successors(session, grant, now, today)
    }:
        raise Outdated
    in_hand = list_in_hand(session, grant, now, today)
    for application in in_hand.applications:
        application.handled_by_id = successor_id
    given: list[Case] = []
    if successor_id is not None:
        viewer = read_viewer(session, successor_id, now, today)
        given = hand_over_cases(session, in_hand.cases, viewer, actor.person_id, now)
    end_grant(grant, now, actor.person_id)
    return Moved(len(in_hand.applications), given, [case for case in in_hand.cases if case not in given])


def begin_second_factor(session: Session, account: Account, now: datetime) -> str:
    """The secret to enter into an authenticator: the one begun before, or a new one. Raises `UserError` when the last
    confirmed sign-in is too long ago, since then anybody holding the session could set up their own."""
    assert account.person_id is not None  # noqa: S101  # an actor has a person
    factor = find_second_factor(session, account.person_id)
    if factor is not None and factor.confirmed_at is None:
        return factor.secret
    signed_in_at = last_confirmed_at(session, account.id)
    if factor is not None or signed_in_at is None or now - signed_in_at > ENROL_WITHIN:
        raise UserError("officers.sign_in_again")
    factor = SecondFactor(person_id=account.person_id, secret=pyotp.random_base32(), last_step=0)
    session.add(factor)
    return factor.secret


def needs_enrolment(session: Session, person_id: int) -> bool:
    """Whether a person has no confirmed second factor yet."""
    factor = find_second_factor(session, person_id)
    return factor is None or factor.confirmed_at is None


def check_second_factor(session: Session, account: Account, typed: str, now: datetime) -> bool:
    """Whether the six digits are right now; a step once used is never taken again (RFC 6238 §5.2). Raises `UserError`
    after five tries within a quarter of an hour."""
    assert account.person_id is not None  # noqa: S101  # an actor has a person
    if count_try(session, f"otp:{account.person_id}", OTP_WINDOW, now) > OTP_TRIES:
        raise UserError("officers.too_many_tries")
    factor = find_second_factor(session, account.person_id)
    if factor is None:
        return False
    totp = pyotp.TOTP(factor.secret)
    step = int(now.timestamp()) // _OTP_STEP_SECONDS
    for candidate in (step - 1, step, step + 1):
        if candidate > factor.last_step and pyotp.utils.strings_equal(totp.generate_otp(candidate), typed):
            factor.last_step = candidate
            factor.confirmed_at = factor.confirmed_at or now
            account.second_factor_at = now
            return True
    return False


def describe_path(session: Session, period: UnitPeriod, today: date) -> str:
    """The unit's name with the one right above it, which tells namesakes apart."""
    above = list_ancestors(session, period.unit_id, today)
    return f"{period.name} – {above[0].name}" if above else period.name
