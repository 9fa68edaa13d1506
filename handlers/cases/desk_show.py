"""A case as an officer reads it: what it is, by when, the legal limits, the talk and history; never who wrote."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from db.case_access import Viewer
from db.case_history import EventKind, Line, list_lines
from db.case_ladder import list_alerted, list_ever_alerted, list_pauses
from db.case_parties import list_party_accounts
from db.codes import show_code
from db.models import Case, CaseState
from db.people import record_read
from db.units import find_period
from handlers.access import NotAllowed
from handlers.actions import ActOnCase, ClaimCase, DeclineCase, ListCases, ShowCase
from handlers.cases.desk_seat import name_of, viewer_of
from handlers.cases.half_written import stop_other
from handlers.cases.limits import Limit, limits_of
from handlers.cases.service import get_case, open_merged, open_story
from handlers.cases.sex import GENDERS
from handlers.cases.since import read_since
from handlers.cases.words import describe_case, describe_standing, show_moment
from handlers.chat import Button, Reply
from handlers.feature import VIETNAM, Context
from knowledge.case_terms import load_case_terms
from knowledge.citations import cite
from knowledge.texts import t

_DETAILS = ("where", "since", "affected", "wants", "question")
_NAMED_ONLY = ("full_name", "phone")
"""What names the worker is shown only where they chose to be named."""

_TALK = (
    EventKind.WORKER_WROTE,
    EventKind.OFFICER_WROTE,
    EventKind.ASKED_WORKER,
    EventKind.NOTED,
    EventKind.SETTLED,
    EventKind.FORWARDED,
    EventKind.ASSIGNED,
    EventKind.RELEASED,
)
_TALK_SHOWN = 8
_HISTORY_PAGE = 12
_WORKABLE = (CaseState.CLAIMED, CaseState.ANSWERED)


def show_line(case: Case, now: datetime) -> str:
    """A case in a list: code, kind, urgency and how it stands."""
    return t(
        "desk_cases.line",
        code=show_code(case.code),
        category=t(f"case_words.category_{case.category}"),
        urgency=t(f"case_words.urgency_{case.urgency}"),
        standing=describe_standing(case, now),
    )


def show_case(context: Context, code: str) -> list[Reply]:
    """Open a case, which is written down as read; of one that only its holder may open, the others get no story. What
    is half written about another case stops."""
    viewer, stopped = viewer_of(context), stop_other(context, code)
    case = get_case(context.session, viewer, code, context.now, lock=True)
    if case.holder_only and case.holder_id != viewer.person_id:
        others = "" if _was_asked(context, viewer, case) else t("desk_cases.others_asked")
        text = "\n\n".join(filter(None, (_describe_head(context, case), t("desk_cases.holder_only"), others)))
        return [*stopped, Reply(text, _buttons(context, viewer, case))]
    case, lines = open_story(context.session, viewer, code, context.now)
    _record_named(context, viewer, case)
    parts = (
        _describe_head(context, case),
        _describe_story(context, case, lines),
        _describe_limits(context, case, lines),
    )
    text = "\n\n".join(filter(None, (*parts, _describe_talk(context, lines), *_describe_merged(context, viewer, case))))
    return [*stopped, Reply(text, _buttons(context, viewer, case))]


def _was_asked(context: Context, viewer: Viewer, case: Case) -> bool:
    """Whether this officer was ever asked to take the case."""
    return viewer.person_id in list_ever_alerted(context.session, case)


def _describe_merged(context: Context, viewer: Viewer, case: Case) -> Iterator[str]:
    """What was told in the cases that are one matter with this one."""
    for one, lines in open_merged(context.session, viewer, case, context.now):
        _record_named(context, viewer, one)
        head = t("desk_cases.merged_in", code=show_code(one.code))
        talk = _describe_talk(context, [line for line in lines if line.kind is EventKind.WORKER_WROTE])
        yield "\n".join(filter(None, (head, _describe_story(context, one, lines), talk)))


def _record_named(context: Context, viewer: Viewer, case: Case) -> None:
    """Who chose to be named can see who read of them. Of the others not even this may tie a person to a case."""
    if case.is_named:
        accounts = list_party_accounts(context.session, case)
        people = {account.person_id for account in accounts if account.person_id is not None}
        record_read(context.session, viewer.person_id, people, "case", context.now)


def _describe_head(context: Context, case: Case) -> str:
    """Code, kind, urgency, the deadline, whether the clock stands still and why, where, and who has it."""
    period = find_period(context.session, case.workplace_unit_id, context.today) if case.workplace_unit_id else None
    lines = [
        f"**{describe_case(case)}**",
        _describe_deadline(context, case),
        t("desk_cases.place", place=period.name) if period else "",
        t("desk_cases.commune", place=case.commune) if case.commune and not period else "",
        t("desk_cases.held_by", name=name_of(context, case.holder_id)) if case.holder_id is not None else "",
        t("desk_cases.follows_up", day=show_day(case.follow_up_on)) if case.follow_up_on else "",
        t("desk_cases.was_reopened") if case.reopened else "",
        t("desk_cases.is_named" if case.is_named else "desk_cases.is_anonymous"),
    ]
    return "\n".join(filter(None, lines))


def _describe_deadline(context: Context, case: Case) -> str:
    waits = [pause for pause in list_pauses(context.session, case) if pause.until_at is None]
    if case.stage and case.due_at is None and waits:
        return t("desk_cases.clock_stands", since=show_moment(waits[-1].since_at))
    if case.stage is None or case.due_at is None:
        return t("desk_cases.stage_none", standing=describe_standing(case, context.now))
    key = "desk_cases.stage_overdue" if case.due_at <= context.now else "desk_cases.stage_due"
    return t(key, stage=t(f"desk_cases.stage_{case.stage}"), due=show_moment(case.due_at))


def _describe_story(context: Context, case: Case, lines: Sequence[Line]) -> str:
    opened = next((line for line in lines if line.kind is EventKind.OPENED), None)
    if opened is None or opened.body is None:
        return t("desk_cases.erased")
    shown = (*_NAMED_ONLY, *_DETAILS) if case.is_named else _DETAILS
    details = [t(f"desk_cases.detail_{key}", value=opened.body[key]) for key in shown if opened.body.get(key)]
    told = t("desk_cases.story", at=show_moment(opened.at), story=opened.body.get("story", ""))
    return "\n".join(filter(None, (told, *details, _describe_way(context, opened), describe_wish(opened.body))))


def _describe_way(context: Context, opened: Line) -> str:
    """Under which answer the worker asked for an officer."""
    entry = str((opened.body or {}).get("entry") or "")
    if not context.answerer.has(entry):
        return ""
    return t("desk_cases.came_by", question=context.answerer.question_of(entry))


def describe_wish(body: Mapping[str, object]) -> str:
    """By whom the worker wishes to be read; empty without a wish."""
    wish = body.get("reader_sex")
    return t(f"desk_cases.wish_{wish}") if wish in GENDERS else ""


def _describe_limits(context: Context, case: Case, lines: Sequence[Line]) -> str:
    """The legal limits, counted from the day the worker named, else from the day they wrote; which one, it says."""
    cause = load_case_terms().causes.get(load_case_terms().categories[case.category].cause or "")
    opened = next((line for line in lines if line.kind is EventKind.OPENED), None)
    if cause is None or not cause.limits or opened is None:
        return ""
    written_on = opened.at.astimezone(VIETNAM).date()
    said = read_since(str((opened.body or {}).get("since") or ""), written_on)
    on = said or written_on
    key = "desk_cases.limits_from_said" if said else "desk_cases.limits_from_opening"
    shown = [t(key, day=show_day(on))]
    shown += [_describe_limit(context, limit) for limit in limits_of(cause.key, on)]
    if cause.needs_conciliation:
        shown.append(t("desk_cases.conciliation_first", place=cite(cause.rule, context.answerer.parts.library)))
    return "\n".join(shown)


def _describe_limit(context: Context, limit: Limit) -> str:
    what = t(f"desk_cases.limit_{limit.key}")
    place = cite(limit.citation, context.answerer.parts.library)
    if limit.last_on < context.today:
        return t("desk_cases.limit_over", what=what, last=show_day(limit.last_on), place=place)
    return t("desk_cases.limit", what=what, last=show_day(limit.last_on), by=show_day(limit.file_by), place=place)


def _describe_talk(context: Context, lines: Sequence[Line]) -> str:
    """The last of what was said, and what officers noted for themselves."""
    said = _list_said(lines)
    shown = [_describe_words(context, line) for line in said[-_TALK_SHOWN:]]
    if len(said) > _TALK_SHOWN:
        shown.insert(0, t("desk_cases.earlier", count=len(said) - _TALK_SHOWN))
    return "\n".join(shown)


def _list_said(lines: Iterable[Line]) -> list[Line]:
    """What people wrote; a case that went on to another officer by itself has no words."""
    return [line for line in lines if line.kind in _TALK and _words_of(line)]


def _words_of(line: Line) -> str:
    body = line.body or {}
    return str(body.get("text") or body.get("reason") or "")


def _describe_words(context: Context, line: Line) -> str:
    values = {"at": show_moment(line.at), "text": _words_of(line)}
    if line.kind is EventKind.WORKER_WROTE:
        return t("desk_cases.said_worker", **values)
    return t(f"desk_cases.said_{line.kind.value}", name=name_of(context, line.actor_id), **values)


def show_talk(context: Context, code: str, choice: str) -> list[Reply]:
    """What was said before, page by page backwards."""
    case, lines = open_story(context.session, viewer_of(context), code, context.now)
    said = _list_said(lines)
    page = int(choice) if choice.isdigit() else 1
    end = max(0, len(said) - page * _TALK_SHOWN)
    shown = said[max(0, end - _TALK_SHOWN) : end]
    text = "\n".join(_describe_words(context, line) for line in shown) or t("desk_cases.no_earlier")
    more = (Button(t("desk_cases.older"), ActOnCase(code, "older", str(page + 1))),) if end > _TALK_SHOWN else ()
    return [Reply(text, (*more, Button(t("desk_cases.back_to_case"), ShowCase(case.code))))]


def show_history(context: Context, code: str, choice: str) -> list[Reply]:
    """What happened to a case and by whom, the newest first: short lines, nothing of what was written."""
    viewer = viewer_of(context)
    case = get_case(context.session, viewer, code, context.now)
    if case.holder_only and case.holder_id != viewer.person_id:
        raise NotAllowed
    lines = list_lines(context.session, case)[::-1]
    start = int(choice) * _HISTORY_PAGE if choice.isdigit() else 0
    shown = [
        t(
            "desk_cases.history_line",
            at=show_moment(line.at),
            what=t(f"desk_cases.event_{line.kind.value}"),
            who=name_of(context, line.actor_id) if line.actor_id is not None else "",
        ).rstrip(" ·")
        for line in lines[start : start + _HISTORY_PAGE]
    ]
    page = start // _HISTORY_PAGE + 1
    more = start + _HISTORY_PAGE < len(lines)
    older = (Button(t("desk_cases.older"), ActOnCase(code, "history", str(page))),) if more else ()
    head = t("desk_cases.history", code=show_code(case.code))
    return [Reply("\n".join((head, *shown)), (*older, Button(t("desk_cases.back_to_case"), ShowCase(code))))]


def _buttons(context: Context, viewer: Viewer, case: Case) -> tuple[Button, ...]:
    if case.holder_id == viewer.person_id and case.state in _WORKABLE:
        return _work_buttons(context, case)
    return (*_claim_buttons(context, viewer, case), Button(t("desk_cases.all"), ListCases()))


def _work_buttons(context: Context, case: Case) -> tuple[Button, ...]:
    shown = ("answer", "ask", "note", "settle", "move", "files", "history")
    work = tuple(Button(t(f"desk_cases.do_{what}"), ActOnCase(case.code, what)) for what in shown)
    said = sum(line.kind in _TALK for line in list_lines(context.session, case))
    if said > _TALK_SHOWN:
        return (*work, Button(t("desk_cases.older"), ActOnCase(case.code, "older", "1")))
    return (*work, Button(t("desk_cases.all"), ListCases()))


def _claim_buttons(context: Context, viewer: Viewer, case: Case) -> tuple[Button, ...]:
    """Claim, decline, or say that one is tied to somebody in it, as far as each makes sense now."""
    own = next((one for one in list_alerted(context.session, case) if one.person_id == viewer.person_id), None)
    is_open = case.state is CaseState.OPENED
    may_claim = is_open and (not case.holder_only or _was_asked(context, viewer, case))
    is_late = case.holder_id is not None and case.due_at is not None and case.due_at <= context.now
    is_mine = case.holder_id == viewer.person_id
    offers = (
        (may_claim or (is_late and own is not None and not is_mine), "claim", ClaimCase(case.code)),
        (is_open and own is not None and own.declined_at is None, "decline", DeclineCase(case.code)),
    )
    buttons = [Button(t(f"case_alerts.{word}"), action) for is_offered, word, action in offers if is_offered]
    if case.state in (CaseState.OPENED, *_WORKABLE):
        buttons.append(Button(t("desk_cases.do_tie"), ActOnCase(case.code, "tie")))
    if not case.holder_only or is_mine:
        rest = ("files", "history")
        buttons += [Button(t(f"desk_cases.do_{what}"), ActOnCase(case.code, what)) for what in rest]
    return tuple(buttons)


def show_day(day: date) -> str:
    """A day in full."""
    return day.strftime("%d/%m/%Y")
