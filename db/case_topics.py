"""Statements on groups of officers and the topics of cases there: tie one, which cases may stand in it, what is due."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, delete, exists, or_, select
from sqlalchemy.orm import Session

from db.accounts import lane_of
from db.case_access import list_same_employer
from db.case_parties import hash_party
from db.deliveries import list_lines_of
from db.models import (
    OPEN_CASE_STATES,
    Account,
    Case,
    CaseBarrier,
    CaseEvent,
    CaseParty,
    CaseState,
    CaseTopic,
    Delivery,
    DeliveryKind,
    OfficerGroup,
    OfficerTie,
    RoleGrant,
    WhyUntied,
)
from db.session import keys_of_session

_BY_URGENCY = case({"emergency": 0, "urgent": 1}, value=Case.urgency, else_=2)
_IS_TIED = and_(OfficerGroup.tied_at.is_not(None), OfficerGroup.ended_at.is_(None))


def ask_for_group(
    session: Session, unit_id: int, sender: str, person_id: int, code: str, now: datetime, lifetime: timedelta
) -> OfficerGroup:
    """An officer wants to tie a group to a unit; the code, stored by its hash, names the wish in that group."""
    group = OfficerGroup(
        unit_id=unit_id,
        sender=sender,
        asked_by_id=person_id,
        code_hash=keys_of_session(session).hash("officer_group", code),
        expires_at=now + lifetime,
    )
    session.add(group)
    session.flush()
    return group


def find_asked(session: Session, code: str, now: datetime) -> OfficerGroup | None:
    """The wish of a code that still holds, locked."""
    mine = OfficerGroup.code_hash == keys_of_session(session).hash("officer_group", code)
    found = select(OfficerGroup).where(mine, OfficerGroup.tied_at.is_(None), OfficerGroup.expires_at > now)
    return session.scalars(found.with_for_update()).first()


def get_locked_group(session: Session, group_id: int) -> OfficerGroup | None:
    """A group, locked; None when there is none."""
    return session.get(OfficerGroup, group_id, with_for_update=True, populate_existing=True)


def name_group(session: Session, group: OfficerGroup, address: str, title: str) -> None:
    """The code was typed in this group."""
    group.lane, group.address, group.title = lane_of(keys_of_session(session), group.sender, address), address, title
    session.flush()


def tie_group(session: Session, group: OfficerGroup, now: datetime) -> None:
    """From now on a group hears of its unit's cases; the one tied to that unit before does not."""
    before = find_group_of(session, group.unit_id)
    if before is not None:
        end_group(session, before, WhyUntied.REPLACED, now)
    group.tied_at, group.code_hash = now, None
    session.flush()


def end_group(session: Session, group: OfficerGroup, why: WhyUntied, now: datetime) -> None:
    """A group hears of its unit's cases no longer."""
    group.ended_at, group.why_ended = now, why
    session.flush()


def find_group_of(session: Session, unit_id: int) -> OfficerGroup | None:
    """The group that hears of a unit's cases, locked."""
    tied = select(OfficerGroup).where(_IS_TIED, OfficerGroup.unit_id == unit_id)
    return session.scalars(tied.with_for_update()).first()


def find_tied_lane(session: Session, lane: str) -> OfficerGroup | None:
    """The tie of a group, whatever unit it hears of."""
    return session.scalars(select(OfficerGroup).where(_IS_TIED, OfficerGroup.lane == lane)).first()


def find_tied_group(session: Session, sender: str, address: str) -> OfficerGroup | None:
    """The tie of the group at an address of a bot account, locked."""
    lane = lane_of(keys_of_session(session), sender, address)
    tied = select(OfficerGroup).where(_IS_TIED, OfficerGroup.lane == lane, OfficerGroup.sender == sender)
    return session.scalars(tied.with_for_update()).first()


def list_tied(session: Session, after: int, limit: int) -> list[OfficerGroup]:
    """Groups that hear of cases, from behind a number on, locked; those another process has in hand are left to it."""
    tied = select(OfficerGroup).where(_IS_TIED, OfficerGroup.id > after).order_by(OfficerGroup.id).limit(limit)
    return list(session.scalars(tied.with_for_update(skip_locked=True)))


def move_group(session: Session, sender: str, lane: str, address: str, now: datetime) -> None:
    """The platform gave a group another address: it is known by that from now on. Of a person's chat nothing is known
    here."""
    group = session.scalars(select(OfficerGroup).where(_IS_TIED, OfficerGroup.lane == lane).with_for_update()).first()
    if group is not None:
        group.address, group.lane, group.moved_at = address, lane_of(keys_of_session(session), sender, address), now
        session.flush()


@dataclass(frozen=True)
class Circle:
    """The people who hold or ever held any role at a unit, as far as its group may show a case: the units of every
    employer that pays or paid one of them or that they are tied to, and the hashes by which a report of their own is
    known."""

    people: tuple[int, ...]
    employers: frozenset[int]
    hashes: frozenset[str]


def read_circle(session: Session, unit_id: int) -> Circle:
    """Whoever must be thought to read along in the group of a unit: a role ends sooner than somebody leaves a group."""
    people = sorted(session.scalars(select(RoleGrant.person_id).where(RoleGrant.unit_id == unit_id).distinct()))
    paid = select(RoleGrant.paid_by_unit_id).where(
        RoleGrant.person_id.in_(people), RoleGrant.paid_by_unit_id.is_not(None)
    )
    tied = select(OfficerTie.unit_id).where(OfficerTie.person_id.in_(people), OfficerTie.ended_at.is_(None))
    near = {one for one in (*session.scalars(paid), *session.scalars(tied)) if one is not None}
    accounts = session.scalars(select(Account).where(Account.person_id.in_(people)))
    return Circle(
        tuple(people),
        frozenset(list_same_employer(session, near)),
        frozenset(hash_party(session, account) for account in accounts),
    )


def may_stand_in_group(circle: Circle) -> ColumnElement[bool]:
    """The condition that a case may have a topic: nobody is kept away from it by anything, it is none that its holder
    alone opens, and nobody of the unit is tied to its employer or wrote it. Where anybody of the unit is tied to some
    employer, a case whose workplace is not known could be about that one, and has no topic either."""
    conditions: list[ColumnElement[bool]] = [
        Case.holder_only.is_(False),
        Case.state.not_in((CaseState.DRAFT, CaseState.ERASED)),
        ~exists().where(CaseBarrier.case_id == Case.id),
    ]
    if circle.employers:
        known = Case.workplace_unit_id.is_not(None)
        conditions.append(and_(known, Case.workplace_unit_id.not_in(sorted(circle.employers))))
    if circle.hashes:
        conditions.append(
            ~exists().where(CaseParty.case_id == Case.id, CaseParty.party_hash.in_(sorted(circle.hashes)))
        )
    return and_(*conditions)


def may_stand(session: Session, case: Case, circle: Circle) -> bool:
    """Whether a case may have a topic."""
    return session.scalar(select(Case.id).where(Case.id == case.id, may_stand_in_group(circle))) is not None


def list_without_topic(session: Session, group: OfficerGroup, circle: Circle, limit: int) -> list[Case]:
    """Open cases of a group's unit that may have a topic and have none, the most urgent first, locked."""
    has_one = exists().where(CaseTopic.case_id == Case.id, CaseTopic.group_id == group.id)
    found = select(Case).where(
        Case.unit_id == group.unit_id, Case.state.in_(OPEN_CASE_STATES), may_stand_in_group(circle), ~has_one
    )
    return list(session.scalars(found.order_by(_BY_URGENCY, Case.id).limit(limit).with_for_update(skip_locked=True)))


def list_changed_topics(
    session: Session, group: OfficerGroup, circle: Circle, limit: int
) -> list[tuple[CaseTopic, Case, bool]]:
    """Topics of which the group was not told the latest, with their case, locked, and whether it may stand there at
    all; those that must go come first."""
    is_shown = may_stand_in_group(circle)
    is_behind = or_(Case.head_number > CaseTopic.told_number, CaseTopic.face == "", ~is_shown)
    found = (
        select(CaseTopic, Case, is_shown.label("is_shown"))
        .join(Case, Case.id == CaseTopic.case_id)
        .where(CaseTopic.group_id == group.id, CaseTopic.doing.is_(None), is_behind)
        .order_by(is_shown, _BY_URGENCY, CaseTopic.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=(CaseTopic, Case))
    )
    return [(topic, of, bool(shown)) for topic, of, shown in session.execute(found)]


def add_topic(session: Session, group: OfficerGroup, case: Case) -> CaseTopic:
    """A case is about to have a topic in a group."""
    topic = CaseTopic(case_id=case.id, group_id=group.id, told_number=0, face="")
    session.add(topic)
    session.flush()
    return topic


def list_doing(session: Session, group: OfficerGroup) -> list[CaseTopic]:
    """Topics with a message whose outcome was not seen yet."""
    doing = select(CaseTopic).where(CaseTopic.group_id == group.id, CaseTopic.doing.is_not(None))
    return list(session.scalars(doing.order_by(CaseTopic.id)))


def begin_line(topic: CaseTopic) -> str:
    """What the next message of a topic is called in the ledger. By chance: the numbers of rows that are gone come
    again, and a line of that name would be taken for the one that was sent."""
    topic.line = f"topic:{secrets.token_hex(12)}"
    return topic.line


def find_line_of(session: Session, topic: CaseTopic) -> Delivery | None:
    """The ledger line of a topic's last message; None when it is gone."""
    lines = list_lines_of(session, DeliveryKind.GROUP_POST, topic.line or "")
    return next(iter(lines.values()), None)


def list_kinds_since(session: Session, case: Case, number: int) -> Sequence[str]:
    """What happened to a case after a line of its history, oldest first; nothing of what those lines say."""
    later = select(CaseEvent.kind).where(CaseEvent.case_id == case.id, CaseEvent.number > number)
    return session.scalars(later.order_by(CaseEvent.number)).all()


def forget_groups(session: Session, before: datetime) -> int:
    """Erase groups that hear of cases no longer, or never did, since a moment; returns how many."""
    never_tied = and_(OfficerGroup.tied_at.is_(None), OfficerGroup.expires_at < before)
    is_over = or_(OfficerGroup.ended_at < before, never_tied)
    return session.execute(delete(OfficerGroup).where(is_over)).rowcount  # type: ignore[attr-defined,no-any-return]  # row count
