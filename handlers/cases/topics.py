"""A topic for each case in the group of its unit's officers: code, kind, urgency, deadline and what state it is in.

A group is read by whoever is in it, and the program cannot know who that is. So it tells what an alert tells and
nothing else, and of a case from which anybody of the unit might have to be kept away it tells nothing at all
(`db.case_topics.may_stand_in_group`). What is posted is worked out anew from the case and from the kinds of lines in
its history, so that nothing hangs on a message that got lost.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from db.case_history import EventKind
from db.case_topics import (
    Circle,
    add_topic,
    begin_line,
    find_line_of,
    list_changed_topics,
    list_doing,
    list_kinds_since,
    list_tied,
    list_without_topic,
    may_stand,
    read_circle,
)
from db.codes import show_code
from db.deliveries import Outgoing, add_deliveries
from db.models import (
    OPEN_CASE_STATES,
    OPEN_DELIVERY_STATES,
    Case,
    CaseTopic,
    Delivery,
    DeliveryKind,
    DeliveryState,
    OfficerGroup,
    TopicAct,
)
from db.units import find_period
from handlers.cases.alerts import is_by_clock
from handlers.cases.group_trouble import end_with_unit, take_refusal, tell_of_move
from handlers.cases.names import bar_people_named
from handlers.cases.words import describe_case, describe_standing
from handlers.chat import TOPIC_GONE, Button, Reply, Topic
from handlers.feature import Alarm
from handlers.notify import after_quiet_hours
from knowledge.texts import t

OPENS = "vu_"
"""What stands before a case's code in the letters that a link from a group brings into a private chat."""

_NEWS: Mapping[str, str] = {
    EventKind.CLAIMED: "case_topics.claimed",
    EventKind.DECLINED: "case_topics.declined",
    EventKind.RELEASED: "case_topics.released",
    EventKind.ASSIGNED: "case_topics.assigned",
    EventKind.ESCALATED: "case_topics.escalated",
    EventKind.RECATEGORISED: "case_topics.recategorised",
    EventKind.REOPENED: "case_topics.reopened",
}
"""What a group hears of besides how the case stands. Who did it is not said."""

_COST = {TopicAct.OPEN: 2, TopicAct.POST: 1, TopicAct.CLOSE: 2, TopicAct.REMOVE: 1}
_CALLS_AT_ONCE = 5
"""Calls for one group in one run, of which there are three a minute: Telegram takes 20 messages a minute for a group,
and silences the whole bot, personal alerts included, where it is more."""

_LIFETIME = timedelta(days=2)
_GROUPS_AT_ONCE = 10
_TOPICS_AT_ONCE = 50


def keep_some_topics(session: Session, now: datetime, today: date, alarm: Alarm, after: int) -> int | None:
    """Bring the topics of some groups up to date: from nought on, then from where the last part ended; None when every
    group was looked at."""
    groups = list_tied(session, after, _GROUPS_AT_ONCE)
    for group in groups:
        _keep(session, group, now, today, alarm)
    return groups[-1].id if len(groups) == _GROUPS_AT_ONCE else None


def _keep(session: Session, group: OfficerGroup, now: datetime, today: date, alarm: Alarm) -> None:
    """One group: what became of the last messages, then the next ones. Nothing new while any is on its way, so that
    nothing piles up while the platform is away."""
    is_busy = _see_outcomes(session, group, now, today, alarm)
    if group.moved_at is not None:
        tell_of_move(session, group, now, today, alarm)
    is_silent = group.silent_until is not None and group.silent_until > now
    if is_busy or is_silent or group.ended_at is not None:
        return
    circle = read_circle(session, group.unit_id)
    calls = _tell_changes(session, group, circle, now)
    if find_period(session, group.unit_id, today) is not None:
        _open_topics(session, group, circle, calls, now)
    elif not list_doing(session, group) and not list_changed_topics(session, group, circle, 1):
        end_with_unit(session, group, now, today, alarm)  # its cases went on, and the group was told of each


def _see_outcomes(session: Session, group: OfficerGroup, now: datetime, today: date, alarm: Alarm) -> bool:
    """Note what became of the messages; True while any is still on its way."""
    is_busy = False
    for topic in list_doing(session, group):
        line = find_line_of(session, topic)
        if line is not None and line.state in OPEN_DELIVERY_STATES:
            is_busy = True
        elif line is not None and line.state is DeliveryState.SENT:
            _note_sent(session, topic, line, now)
        else:
            reason = _note_lost(session, topic, line)
            if reason and group.ended_at is None:
                take_refusal(session, group, reason, now, today, alarm)
    session.flush()
    return is_busy


def _note_sent(session: Session, topic: CaseTopic, line: Delivery, now: datetime) -> None:
    if topic.doing is TopicAct.REMOVE:
        session.delete(topic)
        return
    if topic.doing is TopicAct.OPEN:
        topic.number = int(line.platform_message_id or 0) or None
    topic.closed_at = now if topic.doing is TopicAct.CLOSE else None
    topic.doing = None


def _note_lost(session: Session, topic: CaseTopic, line: Delivery | None) -> str:
    """What was not taken is told once more, as the case stands by then; a topic that somebody deleted is opened anew,
    unless nothing was left to be said in it. Returns why it was refused, empty when it only came too late."""
    reason = (line.reason or "") if line is not None and line.state is DeliveryState.FAILED else ""
    if reason == TOPIC_GONE and topic.doing in (TopicAct.REMOVE, TopicAct.CLOSE):
        session.delete(topic)
        return ""
    if reason == TOPIC_GONE:
        topic.number = None
    elif topic.doing is TopicAct.OPEN:
        topic.told_number = 0
    topic.doing, topic.face = None, ""
    return reason


def _tell_changes(session: Session, group: OfficerGroup, circle: Circle, now: datetime) -> int:
    """Tell what changed in cases that have a topic; returns how many calls are left."""
    calls = _CALLS_AT_ONCE
    for topic, case, is_shown in list_changed_topics(session, group, circle, _TOPICS_AT_ONCE):
        if is_shown:
            bar_people_named(session, case, circle.people, now)
            is_shown = may_stand(session, case, circle)
        act = _choose_act(session, topic, case, group) if is_shown else TopicAct.REMOVE
        if act is None:
            topic.told_number = case.head_number
        elif act is TopicAct.REMOVE and topic.number is None:
            session.delete(topic)
        elif calls >= _COST[act] and (act is TopicAct.REMOVE or _may_go(case, now)):
            calls -= _COST[act]
            _tell(session, group, topic, case, act, now)
    session.flush()
    return calls


def _choose_act(session: Session, topic: CaseTopic, case: Case, group: OfficerGroup) -> TopicAct | None:
    """What the group must be told of a case that may stand there; None when there is nothing."""
    if case.state not in OPEN_CASE_STATES or case.unit_id != group.unit_id:
        if topic.number is None:
            return TopicAct.REMOVE
        return TopicAct.CLOSE if topic.closed_at is None else None
    if topic.number is None or topic.closed_at is not None:
        return TopicAct.OPEN
    return TopicAct.POST if topic.face != _face_of(case) or _list_news(session, topic, case) else None


def _open_topics(session: Session, group: OfficerGroup, circle: Circle, calls: int, now: datetime) -> None:
    for case in list_without_topic(session, group, circle, _TOPICS_AT_ONCE):
        if calls < _COST[TopicAct.OPEN] or not _may_go(case, now):
            return  # the most urgent come first
        bar_people_named(session, case, circle.people, now)
        if may_stand(session, case, circle):
            calls -= _COST[TopicAct.OPEN]
            _tell(session, group, add_topic(session, group, case), case, TopicAct.OPEN, now)


def _may_go(case: Case, now: datetime) -> bool:
    """Personal alerts about a case that is not claimed by the clock wait for the morning, and this comes after them."""
    return is_by_clock(case) or after_quiet_hours(now) == now


def _face_of(case: Case) -> str:
    return f"{case.category}/{case.urgency}/{case.state.value}/{case.due_at.isoformat() if case.due_at else ''}"


def _list_news(session: Session, topic: CaseTopic, case: Case) -> list[str]:
    happened = dict.fromkeys(list_kinds_since(session, case, topic.told_number))
    return [t(_NEWS[kind]) for kind in happened if kind in _NEWS]


def _tell(session: Session, group: OfficerGroup, topic: CaseTopic, case: Case, act: TopicAct, now: datetime) -> None:
    """Write the message: a line of the ledger, behind everything that is for a person alone."""
    reply = Reply(
        _write(session, topic, case, act, now),
        (Button(t("case_alerts.open"), starts=f"{OPENS}{case.code}"),),
        topic=Topic(act, _name(case), None if act is TopicAct.OPEN else topic.number),
    )
    topic.doing, topic.told_number, topic.face = act, case.head_number, _face_of(case)
    post = Outgoing(
        kind=DeliveryKind.GROUP_POST,
        subject=begin_line(topic),
        recipient=group.lane or "",
        sender=group.sender,
        address=group.address or "",
        body=reply.to_json(),
        expires_at=now + _LIFETIME,
    )
    add_deliveries(session, [post], now)


def _name(case: Case) -> str:
    return t("case_topics.name", code=show_code(case.code), category=t(f"case_words.category_{case.category}"))


def _write(session: Session, topic: CaseTopic, case: Case, act: TopicAct, now: datetime) -> str:
    head = f"**{describe_case(case)}**"
    if act is TopicAct.CLOSE:
        return f"{head}\n{t('case_topics.over')}"
    if act is TopicAct.OPEN:
        again = (t("case_topics.again"),) if topic.told_number else ()
        return "\n".join((head, describe_standing(case, now), *again))
    return "\n".join((head, *_list_news(session, topic, case), describe_standing(case, now)))
