"""The officer for data protection: the requests that wait, by deadline, and what becomes of each."""

from db.codes import show_code
from db.models import DataRequest, Person
from db.people import record_read
from handlers.access import NotAllowed, Right, get_actor
from handlers.actions import HandleDataRequest, ListDataRequests, ShowDataRequest, ShowDesk
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.errors import Outdated
from handlers.feature import VIETNAM, Context, Draft, Step
from handlers.privacy.service import close, extend, get_request, list_hindrances, list_waiting, refuse
from knowledge.texts import t

_PAGE = 6
_LONGEST_REASON = 300
_DONE, _REFUSE, _EXTEND = "d", "r", "x"


def list_requests(context: Context, action: ListDataRequests) -> list[Reply]:
    """What waits within the officer's reach, with its deadlines; nobody is named here."""
    actor = get_actor(context)
    if not actor.holds(Right.SEE_DATA_REQUESTS):
        raise NotAllowed
    waiting = list_waiting(context.session, actor, context.today)
    start = action.page * _PAGE
    buttons = [Button(_label(context, one), ShowDataRequest(one.id)) for one in waiting[start : start + _PAGE]]
    if start + _PAGE < len(waiting):
        buttons.append(Button(t("approvals.more"), ListDataRequests(action.page + 1)))
    text = t("requests.waiting", count=len(waiting)) if waiting else t("requests.none")
    return [Reply(text, (*buttons, Button(t("menu.desk"), ShowDesk())))]


def _label(context: Context, request: DataRequest) -> str:
    day = request.due_at.astimezone(VIETNAM).strftime("%d/%m")
    key = "requests.label_overdue" if context.now > request.due_at else "requests.label"
    return t(key, day=day, kind=t(f"requests.short_{request.kind.value}"), code=show_code(request.code))[:40]


def show_request(context: Context, action: ShowDataRequest) -> list[Reply]:
    """One request: whose it is, what they want, by when, and what still hinders; opening it is on record."""
    actor = get_actor(context)
    request = get_request(context.session, actor, action.request_id, context.today)
    person = context.session.get(Person, request.person_id) if request.person_id else None
    if person is not None:
        record_read(context.session, actor.person_id, {person.id}, "data_request", context.now)
    hindrances = list_hindrances(context.session, request.person_id, context.now, context.today)
    name = (person.profile or {}).get("full_name") if person else None
    text = t(
        "requests.request",
        code=show_code(request.code),
        kind=t(f"requests.kind_{request.kind.value}"),
        name=f"{name}, {show_code(person.code)}" if person and name else t("requests.nobody_known"),
        note=request.note or "–",
        asked=request.asked_at.astimezone(VIETNAM).strftime("%d/%m/%Y"),
        day=request.due_at.astimezone(VIETNAM).strftime("%d/%m/%Y"),
    )
    if hindrances:
        text += "\n" + "\n".join(t(f"requests.hindrance_{one.value}") for one in hindrances)
    offers = (
        (True, Button(t(f"requests.do_{request.kind.value}"), HandleDataRequest(request.id, _DONE))),
        (request.extended_at is None, Button(t("requests.extend"), HandleDataRequest(request.id, _EXTEND))),
        (True, Button(t("requests.refuse"), HandleDataRequest(request.id, _REFUSE))),
        (True, Button(t("requests.back"), ListDataRequests())),
    )
    return [Reply(text, tuple(button for is_offered, button in offers if is_offered))]


def handle_request(context: Context, action: HandleDataRequest) -> list[Reply]:
    """Close it as done, or ask for the reason that the person will read."""
    actor = get_actor(context)
    request = get_request(context.session, actor, action.request_id, context.today)
    if action.decision == _DONE:
        code = show_code(request.code)
        close(context.session, request, context.now, context.today)
        return [Reply(t("requests.closed", code=code), _next_buttons())]
    if action.decision not in (_REFUSE, _EXTEND):
        raise Outdated
    draft = {"request_id": request.id, "decision": action.decision}
    return context.open_step("privacy", "request_reason", draft)


def _ask_reason(_context: Context, draft: Draft) -> list[Reply]:
    key = "requests.why_refuse" if draft["decision"] == _REFUSE else "requests.why_extend"
    return [Reply(t(key, limit=_LONGEST_REASON))]


def _take_reason(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    reason = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
    if not reason or len(reason) > _LONGEST_REASON:
        return _ask_reason(context, draft)
    request = get_request(context.session, get_actor(context), draft["request_id"], context.today)
    act = refuse if draft["decision"] == _REFUSE else extend
    act(context.session, request, reason, context.now)
    context.close_conversation()
    key = "requests.refused" if draft["decision"] == _REFUSE else "requests.extended"
    return [Reply(t(key, code=show_code(request.code)), _next_buttons())]


def _next_buttons() -> tuple[Button, ...]:
    return (Button(t("requests.button"), ListDataRequests()), Button(t("menu.desk"), ShowDesk()))


DESK_STEPS = {"request_reason": Step(_ask_reason, _take_reason)}
