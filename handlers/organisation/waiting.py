"""An administrator's talk about decisions that wait for their day: which there are, and calling one off."""

from db.models import Reorganisation
from handlers.access import NotAllowed, Right, get_actor
from handlers.actions import CallOffDecision, ListDecisions, ManageUnit, ShowDecision, ShowDesk
from handlers.chat import Button, Reply
from handlers.feature import Context
from handlers.organisation.decisions import from_json
from handlers.organisation.planning import show_day
from handlers.organisation.service import call_off, get_waiting, list_waiting_for
from handlers.organisation.words import name_units
from knowledge.texts import t

_PAGE = 6


def list_decisions(context: Context, action: ListDecisions) -> list[Reply]:
    """What waits within the administrator's reach, by day."""
    actor = get_actor(context)
    if not actor.holds(Right.MANAGE_UNITS):
        raise NotAllowed
    found = list_waiting_for(context.session, actor, context.today)
    start = action.page * _PAGE
    buttons = [Button(_label(context, row), ShowDecision(row.id)) for row in found[start : start + _PAGE]]
    if start + _PAGE < len(found):
        buttons.append(Button(t("officers.more_units"), ListDecisions(action.unit_id, action.page + 1)))
    back = Button(t("reorganise.again"), ManageUnit(action.unit_id)) if action.unit_id else _desk()
    return [Reply(t("reorganise.waiting" if found else "reorganise.nothing_waits"), (*buttons, back))]


def _desk() -> Button:
    return Button(t("menu.desk"), ShowDesk())


def _label(context: Context, row: Reorganisation) -> str:
    return f"{row.effective_on:%d/%m/%y} · {_names(context, row)}"[:40]


def _names(context: Context, row: Reorganisation) -> str:
    return name_units(context.session, from_json(row.details["decision"]), row.effective_on)


def _describe(context: Context, row: Reorganisation) -> str:
    return f"{show_day(row.effective_on)} · {t(f'units.kind.{row.kind}')}: {_names(context, row)}"


def show_decision(context: Context, action: ShowDecision) -> list[Reply]:
    """One of them, and the way to call it off."""
    row = get_waiting(context.session, get_actor(context), action.number, context.today)
    text = t("reorganise.decision", what=_describe(context, row), number=row.decision_number or "–")
    buttons = (Button(t("reorganise.call_off"), CallOffDecision(row.id)), Button(t("reorganise.keep"), ListDecisions()))
    return [Reply(text, buttons)]


def call_off_decision(context: Context, action: CallOffDecision) -> list[Reply]:
    """It is never carried out; the record of it stays."""
    actor = get_actor(context)
    row = get_waiting(context.session, actor, action.number, context.today)
    what = _describe(context, row)
    call_off(context.session, actor, row.id, context.today)
    return [Reply(t("reorganise.called_off", what=what), (_desk(),))]
