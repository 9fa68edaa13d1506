"""Statements on what people say about bulletins: topics wanted and refused, their shift, and what they stopped."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.models import (
    OPEN_RUN_STATES,
    Account,
    Bulletin,
    BulletinKind,
    BulletinRun,
    Delivery,
    DeliveryKind,
    DeliveryState,
    NewsPreference,
    Shift,
    TopicChoice,
)

NEWS, NEWS_VERSION = "news", 1
"""The purpose to which whoever is sent bulletins agreed, and the version of its words; both stand here because the
statement that chooses people asks for them (`db.audiences`)."""

STOPPED = "stopped"
"""Why a line was cancelled that its person did not want any more."""

_STOPPABLE = (DeliveryState.PLANNED, DeliveryState.DUE)


def list_choices(session: Session, person_id: int) -> dict[str, bool]:
    """The topics a person wants (True) and those they refuse (False)."""
    mine = select(TopicChoice).where(TopicChoice.person_id == person_id).order_by(TopicChoice.topic)
    return {one.topic: one.is_wanted for one in session.scalars(mine)}


def choose_topic(session: Session, person_id: int, topic: str, is_wanted: bool | None) -> None:
    """A person wants a topic, refuses it, or (None) says neither any more."""
    row = session.get(TopicChoice, (person_id, topic))
    if is_wanted is None:
        session.execute(delete(TopicChoice).where(TopicChoice.person_id == person_id, TopicChoice.topic == topic))
    elif row is None:
        session.add(TopicChoice(person_id=person_id, topic=topic, is_wanted=is_wanted))
    else:
        row.is_wanted = is_wanted
    session.flush()


def find_shift(session: Session, person_id: int) -> Shift:
    """When a person works, as they told us; by day where they told nothing."""
    row = session.get(NewsPreference, person_id)
    return row.shift if row else Shift.DAY


def keep_shift(session: Session, person_id: int, shift: Shift) -> None:
    """A person works in this shift from now on."""
    session.merge(NewsPreference(person_id=person_id, shift=shift))
    session.flush()


def cancel_planned(session: Session, person_id: int, topic: str | None, now: datetime) -> int:
    """Call off what a person would still be sent of bulletins of a topic (None: of all), on whatever account; tasks of
    officers go on, and so does the correction of what they got. What is being sent this moment cannot be held back.
    Returns how many lines that were."""
    lanes = session.scalars(select(Account.address_hash).where(Account.person_id == person_id))
    return _call_off(session, list(lanes), BulletinKind.NEWS, topic, now)


def cancel_answer_changes(session: Session, lanes: Collection[str], now: datetime) -> int:
    """Call off what some accounts would still be told of answers that changed. Returns how many lines that were."""
    return _call_off(session, lanes, BulletinKind.ANSWER_CHANGE, None, now)


def _call_off(session: Session, lanes: Collection[str], kind: BulletinKind, topic: str | None, now: datetime) -> int:
    runs = select(BulletinRun.id).join(Bulletin, Bulletin.id == BulletinRun.bulletin_id)
    runs = runs.where(BulletinRun.state.in_(OPEN_RUN_STATES), Bulletin.kind == kind)
    if topic is not None:
        runs = runs.where(Bulletin.topic == topic)
    theirs = (
        Delivery.kind == DeliveryKind.BULLETIN,
        Delivery.recipient.in_(lanes),
        Delivery.state.in_(_STOPPABLE),
        Delivery.run_id.in_(runs),
    )
    stopped = update(Delivery).where(*theirs).values(state=DeliveryState.CANCELLED, reason=STOPPED, finished_at=now)
    return session.execute(stopped).rowcount  # type: ignore[attr-defined,no-any-return]  # row count


def find_topic(session: Session, run_id: int) -> tuple[str, BulletinKind] | None:
    """The topic of what went out in one sending, and its kind; None when there is no such sending."""
    found = select(Bulletin.topic, Bulletin.kind).join(BulletinRun, BulletinRun.bulletin_id == Bulletin.id)
    row = session.execute(found.where(BulletinRun.id == run_id)).first()
    return (row[0], row[1]) if row else None


def adopt_choices(session: Session, other_id: int, kept_id: int) -> dict[str, Any]:
    """Two people are one from now on: what only the other one said about bulletins holds for both. Returns what was
    adopted, for `give_back_choices`."""
    own, said = list_choices(session, kept_id), list_choices(session, other_id)
    topics = [topic for topic in said if topic not in own]
    for topic in topics:
        choose_topic(session, kept_id, topic, said[topic])
    other = session.get(NewsPreference, other_id)
    takes_shift = other is not None and session.get(NewsPreference, kept_id) is None
    if other is not None and takes_shift:
        keep_shift(session, kept_id, other.shift)
    return {"topics": topics, "shift": takes_shift}


def give_back_choices(session: Session, adopted: Mapping[str, Any], kept_id: int) -> None:
    """They are two again: what was adopted goes; the other one's own choices never went away."""
    for topic in adopted["topics"]:
        choose_topic(session, kept_id, topic, None)
    if adopted["shift"]:
        session.execute(delete(NewsPreference).where(NewsPreference.person_id == kept_id))


def has_shift(session: Session, person_id: int) -> bool:
    """Whether somebody told us when they work."""
    return session.get(NewsPreference, person_id) is not None
