"""The operator's own way in: the first administrator, invited at the console before anybody can sign in."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from bot.settings import Settings
from db.codes import show_code
from db.models import Role, Unit, UnitLevel, UnitPeriod
from db.officers import add_grant
from db.people import add_person
from db.units import find_period, find_unit, list_roots
from handlers.officers.codes import issue_code
from knowledge.texts import t


class InvitationProblem(Exception):
    """There is no unit to administer, or more than one and none was named; the message says what to do."""


def invite_administrator(
    session: Session, settings: Settings, full_name: str, unit_code: str | None, now: datetime, today: date
) -> str:
    """Make somebody the administrator of a unit (by default the topmost one, made when the tree is empty) and return
    what to tell them: a one-time code. Raises `InvitationProblem`."""
    unit_id = _find_top(session, settings, unit_code, today)
    period = find_period(session, unit_id, today)
    person = add_person(session, {"full_name": full_name}, now)
    add_grant(session, person, unit_id, Role.ADMINISTRATOR, today, now)
    shown = show_code(issue_code(session, person.id, None, now)[0])
    address = settings.web_public_url or f"http://{settings.web_host}:{settings.web_port}"
    unit = period.name if period else ""
    return t("admin.invited", name=full_name, unit=unit, code=shown, link=f"{address}/#vao={shown}")


def _find_top(session: Session, settings: Settings, unit_code: str | None, today: date) -> int:
    if unit_code:
        unit = find_unit(session, unit_code)
        if unit is None:
            raise InvitationProblem(t("admin.no_such_unit", code=unit_code))
        return unit.id
    roots = list_roots(session, today)
    if len(roots) > 1:
        raise InvitationProblem(t("admin.several_roots", names=", ".join(root.name for root in roots)))
    return roots[0].unit_id if roots else _add_root(session, settings.union_name, today)


def _add_root(session: Session, name: str, today: date) -> int:
    unit = Unit(code="GOC")
    session.add(unit)
    session.flush()
    session.add(UnitPeriod(unit_id=unit.id, effective_from=today, level=UnitLevel.FEDERATION, name=name))
    session.flush()
    return unit.id
