"""Who is acting, and what may they do where: the one table of rights, read again from the database for every action."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db.models import Role, RoleGrant, UnitPeriod
from db.officers import list_grants
from db.units import find_period, holds_on, list_ancestors, select_subtree
from handlers.errors import UserError
from handlers.feature import Context


class Right(StrEnum):
    """What somebody may do at a unit."""

    SEE_UNIT = "see_unit"
    FIND_MEMBERS = "find_members"
    DECIDE_APPLICATIONS = "decide_applications"
    CHANGE_MEMBERS = "change_members"
    EXPORT_MEMBERS = "export_members"
    MANAGE_OFFICERS = "manage_officers"
    MANAGE_UNITS = "manage_units"
    SEE_DATA_REQUESTS = "see_data_requests"
    EDIT_BULLETINS = "edit_bulletins"
    RELEASE_BULLETINS = "release_bulletins"
    CURATE = "curate"
    HANDLE_CASES = "handle_cases"
    SEE_FIGURES = "see_figures"


_OFFICER = frozenset(
    {
        Right.SEE_UNIT,
        Right.FIND_MEMBERS,
        Right.DECIDE_APPLICATIONS,
        Right.CHANGE_MEMBERS,
        Right.HANDLE_CASES,
        Right.SEE_FIGURES,
    }
)

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.TEAM_LEADER: frozenset({Right.SEE_UNIT, Right.FIND_MEMBERS}),
    Role.OFFICER: _OFFICER,
    Role.DEPUTY_CHAIR: _OFFICER,
    Role.CHAIR: _OFFICER | {Right.EXPORT_MEMBERS, Right.MANAGE_OFFICERS, Right.EDIT_BULLETINS},
    Role.CURATOR: frozenset({Right.CURATE}),
    Role.BULLETIN_EDITOR: frozenset({Right.SEE_UNIT, Right.EDIT_BULLETINS}),
    Role.APPROVER: frozenset({Right.SEE_UNIT, Right.RELEASE_BULLETINS}),
    Role.DATA_PROTECTION_OFFICER: frozenset({Right.SEE_UNIT, Right.SEE_DATA_REQUESTS}),
    Role.ADMINISTRATOR: frozenset({Right.SEE_UNIT, Right.MANAGE_UNITS, Right.MANAGE_OFFICERS}),
}
"""What each role may do. An administrator runs the tree and its officers and reads no member's data. `HANDLE_CASES`
makes somebody fit to handle the cases of their very unit; which ones they may see is `handlers.cases.readers`."""

REACHES_DOWN: frozenset[Role] = frozenset(
    {
        Role.OFFICER,
        Role.DEPUTY_CHAIR,
        Role.CHAIR,
        Role.BULLETIN_EDITOR,
        Role.APPROVER,
        Role.DATA_PROTECTION_OFFICER,
        Role.ADMINISTRATOR,
    }
)
"""Roles that hold at every unit below as well; the others hold at their own unit only."""

NEEDS_SECOND_FACTOR: frozenset[Role] = frozenset({Role.APPROVER, Role.DATA_PROTECTION_OFFICER, Role.ADMINISTRATOR})
"""Roles that a browser gets only after a time-based password; a chat app is behind the phone's own lock."""

SECOND_FACTOR_HOURS = 12


@dataclass(frozen=True)
class Actor:
    """An officer as they act now: the roles in force this minute on this channel. ``is_limited``: some of their roles
    wait for the second factor."""

    person_id: int
    grants: tuple[RoleGrant, ...]
    is_limited: bool = False

    def holds(self, right: Right) -> bool:
        """Whether any of their roles, at any unit, gives a right."""
        return any(right in RIGHTS[grant.role] for grant in self.grants)

    def units_of(self, right: Right) -> list[int]:
        """The units at which a right was given to them directly."""
        return sorted({grant.unit_id for grant in self.grants if right in RIGHTS[grant.role]})


class NotAllowed(UserError):
    """The person may not do this, or no longer."""

    def __init__(self) -> None:
        super().__init__("access.not_allowed")


def find_actor(context: Context) -> Actor | None:
    """The officer behind an account, as of this minute; None for everybody else, on channels without a desk, and on an
    account that was linked or merged to its person until they sign in there."""
    account = context.account
    if not context.channel.serves_officers or account.person_id is None or account.needs_sign_in:
        return None
    held = list_grants(context.session, account.person_id, context.now, context.today)
    usable = tuple(grant for grant in held if not _is_withheld(context, grant))
    return Actor(account.person_id, usable, len(usable) < len(held)) if held else None


def _is_withheld(context: Context, grant: RoleGrant) -> bool:
    return grant.role in NEEDS_SECOND_FACTOR and not has_second_factor(context)


def has_second_factor(context: Context) -> bool:
    """Whether a second factor was given lately, or this channel asks for none."""
    given_at = context.account.second_factor_at
    is_fresh = given_at is not None and context.now - given_at <= timedelta(hours=SECOND_FACTOR_HOURS)
    return is_fresh or context.channel.name != "web"


def get_actor(context: Context) -> Actor:
    """The officer behind an account. Raises `NotAllowed` for anybody else."""
    actor = find_actor(context)
    if actor is None:
        raise NotAllowed
    return actor


def may(session: Session, actor: Actor, right: Right, unit_id: int, today: date) -> bool:
    """Whether the actor has a right at a unit that is open today."""
    if find_period(session, unit_id, today) is None:
        return False
    given = [grant for grant in actor.grants if right in RIGHTS[grant.role]]
    if any(grant.unit_id == unit_id for grant in given):
        return True
    above = {period.unit_id for period in list_ancestors(session, unit_id, today)}
    return any(grant.role in REACHES_DOWN and grant.unit_id in above for grant in given)


def demand(session: Session, actor: Actor, right: Right, unit_id: int, today: date) -> None:
    """Raises `NotAllowed` unless the actor has the right at the unit."""
    if not may(session, actor, right, unit_id, today):
        raise NotAllowed


def select_reach(actor: Actor, right: Right, today: date) -> Select[int]:
    """A query for the ids of all units, open today, at which the actor has a right."""
    given = [grant for grant in actor.grants if right in RIGHTS[grant.role]]
    deep = select_subtree({grant.unit_id for grant in given if grant.role in REACHES_DOWN}, today)
    here = {grant.unit_id for grant in given if grant.role not in REACHES_DOWN}
    if not here:
        return deep
    single = UnitPeriod.unit_id.in_(sorted(here)) & holds_on(today)
    either = UnitPeriod.unit_id.in_(deep) & holds_on(today)
    return select(UnitPeriod.unit_id).where(single | either)


def is_officer(session: Session, person_id: int, now: datetime, today: date) -> bool:
    """Whether a person holds any role now."""
    return bool(list_grants(session, person_id, now, today))
