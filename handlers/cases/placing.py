"""The steps in which a worker says where it happened, and whether they give their name."""

import re

from db.models import Case, Person
from db.people import find_membership
from db.units import find_period
from handlers.actions import Choose
from handlers.cases.drafts import NAME, Told
from handlers.cases.path import SKIP, go, go_on, is_beside, stay
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.feature import Context
from handlers.workplaces import LONGEST_LABEL
from knowledge.normalize import fold
from knowledge.places import load_annex
from knowledge.texts import t

_OWN, _NONE, _NAMED, _ANONYMOUS, _KNOWN = "own", "none", "named", "anonymous", "known"
_LONGEST = 120
_LONGEST_COMMUNE = 80
_SURELY_A_NAME = 0.8
"""From this likeness on, "tong cong ty may nha be" is that company and no accident; of what tells of danger and names
the workplace besides, the likest measured is 0.63."""

_FEWEST_DIGITS, _MOST_DIGITS = 8, 12


def ask_workplace(context: Context, _case: Case, told: Told) -> list[Reply]:
    """The workplaces that what was typed may mean; a member's own is proposed."""
    buttons = [Button(label, Choose(NAME, "workplace", str(unit_id))) for unit_id, label in told.found]
    own = None if told.typed else _own_workplace(context)
    if own is not None:
        buttons.append(Button(own[1], Choose(NAME, "workplace", _OWN)))
    if told.typed:
        buttons.append(Button(t("report.not_listed"), Choose(NAME, "workplace", _NONE)))
    buttons.append(Button(t("report.skip"), Choose(NAME, "workplace", SKIP)))
    key = "report.which_workplace" if told.found else "report.no_workplace" if told.typed else "report.ask_workplace"
    return [Reply(t(key), tuple(buttons))]


def _own_workplace(context: Context) -> tuple[int, str] | None:
    person_id = context.account.person_id
    membership = find_membership(context.session, person_id, context.today) if person_id is not None else None
    period = find_period(context.session, membership.unit_id, context.today) if membership else None
    if period is None:
        return None
    name = period.name if len(period.name) <= LONGEST_LABEL else f"{period.name[: LONGEST_LABEL - 1].rstrip()}…"
    return period.unit_id, name


def take_workplace(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """A unit of the tree; without one the commune says who looks after it."""
    chosen = incoming.action or ""
    own = _own_workplace(context) if chosen == _OWN else None
    if own is not None or chosen in {str(unit_id) for unit_id, _label in told.found}:
        unit_id = own[0] if own else int(chosen)
        told.includes_workplace = told.includes_workplace and unit_id == told.unit_id
        told.unit_id, told.commune = unit_id, None
        told.typed, told.found = "", []
        return go_on(context, case, told, "workplace")
    if chosen in (_NONE, SKIP):
        told.unit_id, told.found, told.includes_workplace = None, [], False
        if chosen == SKIP:
            _add_place(told)
        return go_on(context, case, told, "unlisted" if chosen == _NONE else "workplace")
    typed = incoming.text if incoming.kind is Kind.TEXT else ""
    found = context.finder.find(context.session, typed, context.today).candidates if typed.strip() else ()
    is_name = bool(found) and found[0].score >= _SURELY_A_NAME
    if not is_name and is_beside(context, incoming, told):
        return stay(context, incoming, case, told, "workplace")
    if typed.strip():
        told.typed = " ".join(incoming.text.split())[:_LONGEST]
        told.found = [(one.unit_id, one.label) for one in found]
    return go(context, case, told, "workplace")


def _add_place(told: Told, commune: str = "") -> None:
    """What was typed of a workplace that the union does not know goes along in words, for the officer."""
    place = ", ".join(filter(None, (told.details.get("where"), told.typed, commune)))
    if place:
        told.details["where"] = place
    told.typed = ""


def ask_commune(_context: Context, _case: Case, _told: Told) -> list[Reply]:
    """Where the workplace is, when the union does not know it."""
    return [Reply(t("report.ask_commune"), (Button(t("report.skip"), Choose(NAME, "commune", SKIP)),))]


def take_commune(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """The commune says who looks after it."""
    words = " ".join(incoming.text.split())[:_LONGEST_COMMUNE] if incoming.kind is Kind.TEXT else ""
    if is_beside(context, incoming, told) and not _is_commune(words):
        return stay(context, incoming, case, told, "commune")
    if not words and incoming.action != SKIP:
        return go(context, case, told, "commune")
    told.commune = words or None
    _add_place(told, words)
    return go_on(context, case, told, "commune")


def _is_commune(words: str) -> bool:
    """Whether it is the name of a commune and nothing else but its province: "phường Đông Kinh" is no illness."""
    annex = load_annex()
    plain = fold(words)
    for place in annex.places if annex else ():
        name = fold(place.name)
        for called in (name, name.partition(" ")[2]):
            is_here = plain == called or plain.startswith(f"{called} ")
            if is_here and set(plain.removeprefix(called).split()) <= {"tinh", "tp", *fold(place.province).split()}:
                return True
    return False


def ask_naming(_context: Context, _case: Case, _told: Told) -> list[Reply]:
    """Without a name first: that is the rule."""
    buttons = (
        Button(t("report.anonymous"), Choose(NAME, "naming", _ANONYMOUS)),
        Button(t("report.named"), Choose(NAME, "naming", _NAMED)),
    )
    return [Reply(t("report.ask_naming"), buttons)]


def take_naming(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """A name is asked for only from somebody who wants to give it."""
    if incoming.action not in (_ANONYMOUS, _NAMED):
        return stay(context, incoming, case, told, "naming")
    told.is_named = incoming.action == _NAMED
    return go_on(context, case, told, "named" if told.is_named else "naming")


def _known(context: Context, field: str) -> str:
    """What the union knows of its member; never used without being pressed."""
    person = context.session.get(Person, context.account.person_id) if context.account.person_id else None
    return str((person.profile or {}).get(field) or "") if person else ""


def ask_full_name(context: Context, _case: Case, _told: Told) -> list[Reply]:
    """The name to be called by; a member's own is proposed."""
    name = _known(context, "full_name")
    buttons = (Button(name[:LONGEST_LABEL], Choose(NAME, "full_name", _KNOWN)),) if name else ()
    return [Reply(t("report.ask_full_name"), (*buttons, _back_to_anonymous("full_name")))]


def _back_to_anonymous(step: str) -> Button:
    return Button(t("report.anonymous_after_all"), Choose(NAME, step, _ANONYMOUS))


def take_full_name(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Any short words: somebody may want to be called by less than the whole name."""
    if incoming.action == _ANONYMOUS:
        return _stay_anonymous(context, case, told)
    if is_beside(context, incoming, told):
        return stay(context, incoming, case, told, "full_name")
    typed = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    name = _known(context, "full_name") if incoming.action == _KNOWN else typed
    if not any(sign.isalpha() for sign in name) or len(name) > _LONGEST:
        return go(context, case, told, "full_name")
    told.details["full_name"] = name
    return go_on(context, case, told, "full_name")


def _stay_anonymous(context: Context, case: Case, told: Told) -> list[Reply]:
    told.is_named = False
    return go_on(context, case, told, "naming")


def ask_phone(context: Context, _case: Case, _told: Told) -> list[Reply]:
    """The number to be called on, if any."""
    phone = _known(context, "phone")
    known = (Button(phone, Choose(NAME, "phone", _KNOWN)),) if phone else ()
    share = Button(t("join.share_phone"), shares_contact=True)
    return [Reply(t("report.ask_phone"), (*known, share, Button(t("report.skip"), Choose(NAME, "phone", SKIP))))]


def take_phone(context: Context, incoming: Incoming, case: Case, told: Told) -> list[Reply]:
    """Their own number, however it comes."""
    if incoming.action == SKIP:
        told.details.pop("phone", None)
        return go_on(context, case, told, "phone")
    if is_beside(context, incoming, told):
        return stay(context, incoming, case, told, "phone")
    shared = incoming.contact.phone if incoming.contact is not None and incoming.contact.is_own else ""
    typed = incoming.text if incoming.kind is Kind.TEXT else ""
    phone = re.sub(r"[^\d+]", "", _known(context, "phone") if incoming.action == _KNOWN else shared or typed)
    if not _FEWEST_DIGITS <= len(phone.lstrip("+")) <= _MOST_DIGITS:
        return go(context, case, told, "phone")
    told.details["phone"] = phone
    return go_on(context, case, told, "phone")
