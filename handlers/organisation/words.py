"""A preview in words, for the console and for chat."""

from datetime import date

from sqlalchemy.orm import Session

from db.codes import show_code
from db.models import Person
from handlers.organisation.decisions import Change, Create, Decision, Merge, NewUnit, Split
from handlers.organisation.following import RoleChange
from handlers.organisation.planning import name_of, show_day
from handlers.organisation.service import Following, Preview
from knowledge.texts import t

MOST_ROLES = 20


def describe_preview(session: Session, preview: Preview) -> str:
    """What a decision would do, in lines. It names officers, so who shows it records the reading."""
    day = preview.effective_on
    lines = [t("units.preview.title", kind=t(f"units.kind.{preview.decision.kind}"), day=show_day(day))]
    lines += [t("units.preview.create", name=unit.name, code=unit.code) for unit in _created(preview)]
    lines += _changes(session, preview)
    for one in preview.following:
        lines += _follow(session, one, preview)
    if preview.roles:
        lines.append(t("units.preview.roles", count=len(preview.roles)))
        lines += [_role(session, change, day) for change in preview.roles[:MOST_ROLES]]
        if len(preview.roles) > MOST_ROLES:
            lines.append(t("units.preview.more_roles", count=len(preview.roles) - MOST_ROLES))
    elif preview.following:
        lines.append(t("units.preview.no_roles"))
    lines += [t("units.preview.without_chair", name=name_of(session, place, day)) for place in preview.without_chair]
    if preview.is_future:
        lines.append(t("units.preview.future"))
    return "\n".join(lines)


def name_units(session: Session, decision: Decision, on: date) -> str:
    """The units that a decision is about, as they are called on a day."""
    if isinstance(decision, Create):
        return decision.unit.name
    unit_ids = decision.unit_ids if isinstance(decision, Merge) else (decision.unit_id,)
    return ", ".join(name_of(session, unit_id, on) for unit_id in unit_ids)


def list_named(preview: Preview) -> set[int]:
    """The people whom `describe_preview` names."""
    return {change.person_id for change in preview.roles[:MOST_ROLES]}


def _created(preview: Preview) -> list[NewUnit]:
    decision = preview.decision
    if isinstance(decision, Create):
        return [decision.unit]
    if isinstance(decision, Merge):
        places = [decision.into]
    elif isinstance(decision, Split):
        places = [*(part.into for part in decision.parts), decision.rest]
    else:
        places = []
    return [place for place in places if isinstance(place, NewUnit)]


def _changes(session: Session, preview: Preview) -> list[str]:
    decision = preview.decision
    if not isinstance(decision, Change):
        return []
    return [
        t("units.preview.follow", name=name_of(session, decision.unit_id, preview.effective_on), to=value or "")
        if name == "name"
        else t(
            "units.preview.change",
            field=t(f"units.field.{name}"),
            old=old or t("units.field.nothing"),
            new=value or t("units.field.nothing"),
        )
        for name, old, value in preview.changes
    ]


def _follow(session: Session, one: Following, preview: Preview) -> list[str]:
    name, to = name_of(session, one.unit_id, preview.effective_on), name_of(session, one.to, preview.effective_on)
    if preview.decision.kind == "move":
        head = t("units.preview.move", name=name, to=to or t("units.top"))
    elif one.to is None:
        head = t("units.preview.ends", name=name)
    else:
        head = t("units.preview.follow", name=name, to=to)
    counts = [t("units.preview.members", count=one.members), t("units.preview.applications", count=one.applications)]
    if one.sub_units:
        counts.append(t("units.preview.sub_units", count=one.sub_units, members=one.members_below))
    return [head, f"  {' · '.join(counts)}"]


def _role(session: Session, change: RoleChange, on: date) -> str:
    person = session.get_one(Person, change.person_id)
    name = (person.profile or {}).get("full_name")
    who = f"{name} ({show_code(person.code)})" if name else show_code(person.code)
    before = t("units.preview.role_none")
    if change.grant is not None:
        before = f"{t(f'roles.{change.grant.role.value}')}, {name_of(session, change.grant.unit_id, on)}"
    after = t("units.preview.role_ends")
    if change.role is not None and change.to is not None:
        after = f"{t(f'roles.{change.role.value}')}, {name_of(session, change.to, on)}"
    return t("units.preview.role", who=who, before=before, after=after)
