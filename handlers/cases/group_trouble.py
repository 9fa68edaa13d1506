"""What follows when a group of officers takes nothing any more, or moved: the unit's chair and the operator hear."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.case_topics import end_group
from db.models import OfficerGroup, Role, WhyUntied
from db.officers import list_officers
from db.units import get_unit
from handlers.chat import GROUP_GONE, TOPIC_GONE, Reply
from handlers.feature import Alarm
from handlers.notify import WITHOUT_DESK, tell_person
from knowledge.texts import t

_TRY_AGAIN = timedelta(hours=1)


def take_refusal(session: Session, group: OfficerGroup, reason: str, now: datetime, today: date, alarm: Alarm) -> None:
    """The platform refused a message for good. A bot that is in the group no longer ends the tie; a topic that was
    deleted is opened again by whoever calls; anything else (a right that is missing, topics switched off) is tried
    again later. Somebody hears of each, once a day."""
    if reason in GROUP_GONE:
        end_with_bot(session, group, now, today, alarm)
    elif reason == TOPIC_GONE:
        _tell(session, group, "deleted", f"deleted:{group.id}:{today}", now, today, alarm)
    else:
        group.silent_until = now + _TRY_AGAIN
        _tell(session, group, "refused", f"refused:{group.id}:{today}", now, today, alarm)


def end_with_bot(session: Session, group: OfficerGroup, now: datetime, today: date, alarm: Alarm) -> None:
    """The bot is in the group no longer."""
    end_group(session, group, WhyUntied.REMOVED, now)
    _tell(session, group, "removed", f"removed:{group.id}:{today}", now, today, alarm)


def tell_of_move(session: Session, group: OfficerGroup, now: datetime, today: date, alarm: Alarm) -> None:
    """The platform gave the group another address, and its messages follow."""
    _tell(session, group, "moved", f"moved:{group.id}:{group.moved_at}", now, today, alarm)
    group.moved_at = None


def end_with_unit(session: Session, group: OfficerGroup, now: datetime, today: date, alarm: Alarm) -> None:
    """The unit is closed, and nothing is left to be told in its group."""
    end_group(session, group, WhyUntied.UNIT_CLOSED, now)
    _tell(session, group, "unit_closed", f"unit_closed:{group.id}:{today}", now, today, alarm)


def _tell(
    session: Session, group: OfficerGroup, what: str, subject: str, now: datetime, today: date, alarm: Alarm
) -> None:
    """Those who run the unit, or else whoever tied the group; and the operator, with the unit's code."""
    held = list_officers(session, [group.unit_id], (Role.CHAIR,), now, today)
    chairs = sorted({grant.person_id for grant in held})
    for person_id in chairs or [one for one in (group.asked_by_id,) if one is not None]:
        reply = Reply(t(f"case_groups.{what}", title=group.title or ""))
        tell_person(session, person_id, reply, f"group:{subject}:{person_id}", now, without=WITHOUT_DESK)
    unit = get_unit(session, group.unit_id)
    alarm(session, f"group:{subject}", t(f"case_groups.operator_{what}", unit=unit.code))
