"""The talk of joining: one consent at a time, one field at a time, the workplace, a summary, the pledge."""

from functools import partial

from db.codes import show_code
from db.models import Application, DeliveryKind, Person
from db.people import find_membership
from db.units import find_period
from handlers.actions import Choose, ListApplications, ShowApplication, ShowMe, ShowMenu, TellNoUnion
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.consents import Purpose, has_consented, list_purposes, record_consent
from handlers.deciders import find_upper_unit, list_deciders
from handlers.errors import UserError, explain
from handlers.feature import Context, Draft, Step
from handlers.notify import WITHOUT_DESK, tell_person
from handlers.registration.rules import FIELDS, SKIP, Field, read_phone
from handlers.registration.service import (
    Wish,
    check_may_apply,
    submit,
)
from handlers.registration.show import show_value
from knowledge.normalize import fold
from knowledge.texts import t

NAME = "registration"
_YES, _NO, _SEND, _EDIT, _INFORMAL, _NOT_LISTED = "yes", "no", "send", "edit", "informal", "none"
_BACK_WORDS = frozenset({"quay lai", "lui lai", "back", "truoc"})
_ORDER = ("full_name", "gender", "born_on", "ethnicity", "hometown", "residence", "citizen_id", "phone", "workplace",
          "position")  # fmt: skip
"""The order of Mẫu 5a; the pledge is the last step."""


def start(context: Context) -> list[Reply]:
    """Begin, go on, or say that there is nothing to begin."""
    if not context.channel.serves_members:
        raise UserError("join.not_here")
    check_may_apply(context.session, context.account)
    person_id = context.account.person_id
    is_member = person_id is not None and find_membership(context.session, person_id, context.today) is not None
    draft: Draft = {"profile": _known_profile(context), "skipped": []}
    if is_member:
        draft["profile"].pop("position", None)  # another workplace, other work
        return [Reply(t("join.transfer_begins")), *_go(context, draft | {"is_transfer": True}, "workplace")]
    return [Reply(t("join.begins")), *_go_on(context, draft)]


def _known_profile(context: Context) -> dict[str, str]:
    person = context.session.get(Person, context.account.person_id) if context.account.person_id else None
    return dict(person.profile or {}) if person else {}


def _go(context: Context, draft: Draft, step: str) -> list[Reply]:
    """Keep the draft and put a question."""
    return context.open_step(NAME, step, draft)


def _go_on(context: Context, draft: Draft) -> list[Reply]:
    """The next thing that is missing, in the order of the form; the summary when nothing is."""
    for purpose in list_purposes(context.channel.is_abroad):
        is_left_out = purpose.name in draft.get("refused", []) or (draft.get("is_transfer") and not purpose.is_required)
        if not is_left_out and not has_consented(context.session, context.account, purpose):
            return _go(context, draft, f"consent_{purpose.name}")
    known = {*draft["profile"], *draft["skipped"], *(["workplace"] if "unit_id" in draft else [])}
    missing = next((name for name in _ORDER if name not in known), None)
    return _go(context, draft, missing or "summary")


def _ask_consent(purpose: Purpose, context: Context, _draft: Draft) -> list[Reply]:
    """What, why, how long, who reads: in short sentences, one purpose at a time."""
    text = t(f"consent.{purpose.name}", union=context.union.name)
    step = f"consent_{purpose.name}"
    buttons = (
        Button(t("consent.agree"), Choose(NAME, step, _YES)),
        Button(t("consent.refuse"), Choose(NAME, step, _NO)),
    )
    return [Reply(text, buttons)]


def _take_consent(purpose: Purpose, context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Silence or other words are no consent (Law 91/2025 Article 9 k4d): the question is put again."""
    if incoming.action == _YES:
        record_consent(context.session, context.account, purpose, context.now)
        return _go_on(context, draft)
    if incoming.action != _NO:
        return _ask_consent(purpose, context, draft)
    if not purpose.is_required:
        return _go_on(context, draft | {"refused": [*draft.get("refused", []), purpose.name]})
    context.close_conversation()
    if purpose.name == "abroad":
        text = t("join.use_the_web", web_url=context.union.web_url or t("join.web_page"))
    else:
        text = t("join.not_without_consent", hotline=context.union.hotline)
    return [Reply(text, (Button(t("menu.button"), ShowMenu()),))]


def _ask_field(field: Field, _context: Context, _draft: Draft) -> list[Reply]:
    return put_question(field, field.name, "join.skip")


def put_question(field: Field, step: str, leave_out: str) -> list[Reply]:
    """A field's question with what can be pressed; ``leave_out``: the text under which an optional one stays empty."""
    buttons = [Button(t(f"join.choice_{choice}"), Choose(NAME, step, choice)) for choice in field.choices]
    if field.name == "phone":
        buttons.append(Button(t("join.share_phone"), shares_contact=True))
    if field.is_optional:
        buttons.append(Button(t(leave_out), Choose(NAME, step, SKIP)))
    return [Reply(t(f"join.ask_{field.name}"), tuple(buttons))]


def _take_field(field: Field, context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.kind is Kind.TEXT and fold(incoming.text) in _BACK_WORDS:
        return _go_back(context, draft, field.name)
    if incoming.action == SKIP and field.is_optional:
        draft["skipped"] = [*draft["skipped"], field.name]
        draft["profile"].pop(field.name, None)
        return _go_on(context, draft)
    try:
        value = read_answer(field, context, incoming)
    except UserError as error:  # answered here, not raised: what was typed before must not be lost with the roll-back
        return [Reply(explain(error).text), *_ask_field(field, context, draft)]
    if value is None:
        return _ask_field(field, context, draft)
    draft["profile"] = draft["profile"] | {field.name: value}
    return _go_on(context, draft)


def read_answer(field: Field, context: Context, incoming: Incoming) -> str | None:
    """The answer in an event; None when it holds none. A shared card counts only when it is the sender's own."""
    if incoming.contact is not None and field.name == "phone":
        if not incoming.contact.is_own:
            raise UserError("join.not_your_number")
        return read_phone(incoming.contact.phone, context.today)
    if incoming.action in field.choices:
        return t(f"join.choice_{incoming.action}") if field.name == "ethnicity" else incoming.action
    return field.read(incoming.text, context.today) if incoming.kind is Kind.TEXT and incoming.text.strip() else None


def _go_back(context: Context, draft: Draft, name: str) -> list[Reply]:
    """Ask the field before this one again."""
    place = _ORDER.index(name)
    before = _ORDER[max(0, place - 1)]
    draft["skipped"] = [skipped for skipped in draft["skipped"] if skipped != before]
    draft["profile"] = {key: value for key, value in draft["profile"].items() if key != before}
    return _go(context, draft, before)


def _ask_workplace(_context: Context, draft: Draft) -> list[Reply]:
    """The candidates for what was typed, with "not listed" below them, or the question itself."""
    found = draft.get("found", [])
    buttons = [Button(label, Choose(NAME, "workplace", str(unit_id))) for unit_id, label in found]
    if "typed" in draft:
        buttons.append(Button(t("join.not_listed"), Choose(NAME, "workplace", _NOT_LISTED)))
    buttons.append(Button(t("join.informal"), Choose(NAME, "workplace", _INFORMAL)))
    key = "join.which_workplace" if found else "join.no_workplace_found" if "typed" in draft else "join.ask_workplace"
    more = " " + t("join.more_workplaces") if draft.get("has_more") else ""
    return [Reply(t(key) + more, tuple(buttons))]


def _take_workplace(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    chosen = incoming.action or ""
    if chosen.isdigit() and int(chosen) in {unit_id for unit_id, _label in draft.get("found", [])}:
        return _go_on(context, _without_search(draft) | {"unit_id": int(chosen)})
    if chosen in (_NOT_LISTED, _INFORMAL):
        kept = draft.get("typed", "") if chosen == _NOT_LISTED else t("join.informal")
        return _go(context, _without_search(draft) | {"workplace": kept}, "place")
    if incoming.kind is not Kind.TEXT or not incoming.text.strip():
        return _ask_workplace(context, draft)
    if fold(incoming.text) in _BACK_WORDS:
        return _go_back(context, _without_search(draft), "workplace")
    found = context.finder.find(context.session, incoming.text, context.today)
    options = [[one.unit_id, one.label] for one in found.candidates]
    search = {"typed": incoming.text.strip()[:120], "found": options, "has_more": found.has_more}
    return _go(context, draft | search, "workplace")


def _without_search(draft: Draft) -> Draft:
    return {key: value for key, value in draft.items() if key not in ("typed", "found", "has_more")}


def _without_workplace(draft: Draft) -> Draft:
    return {key: value for key, value in draft.items() if key not in ("unit_id", "workplace")}


def _ask_place(_context: Context, draft: Draft) -> list[Reply]:
    is_informal = draft.get("workplace") == t("join.informal")
    if is_informal:
        return [Reply(t("join.ask_place_informal"))]
    return [Reply(t("join.ask_place"), (Button(t("join.tell_no_union"), TellNoUnion()),))]


def _take_place(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    """Without a unit at the workplace the application goes to the upper union of the place (Guidance 38/HD-TLĐ 3.1)."""
    place = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
    if not place:
        return _ask_place(context, draft)
    if fold(place) in _BACK_WORDS:
        return _go(context, _without_workplace(draft), "workplace")
    unit_id = find_upper_unit(context.session, place, context.today)
    if unit_id is None:
        raise UserError("join.no_units", hotline=context.union.hotline)
    workplace = f"{draft.get('workplace', '')}, {place}".strip(", ")
    return _go_on(context, draft | {"unit_id": unit_id, "workplace": workplace[:200]})


def _ask_summary(context: Context, draft: Draft) -> list[Reply]:
    """Everything that will be sent and where to, with the pledge of the form."""
    period = find_period(context.session, draft["unit_id"], context.today)
    rows = [
        f"- {t(f'fields.{name}')}: {show_value(name, draft['profile'][name])}"
        for name in _ORDER
        if name in draft["profile"]
    ]
    workplace = draft.get("workplace") or (period.name if period else "")
    text = t(
        "join.summary",
        rows="\n".join([*rows, f"- {t('fields.workplace')}: {workplace}"]),
        unit=period.name if period else "",
    )
    buttons = (
        Button(t("join.pledge_and_send"), Choose(NAME, "summary", _SEND)),
        Button(t("join.edit"), Choose(NAME, "summary", _EDIT)),
    )
    return [Reply(text, buttons)]


def _take_summary(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    if incoming.action == _EDIT:
        return _go(context, draft, "correct")
    if find_period(context.session, draft["unit_id"], context.today) is None:  # it ended while the form lay open
        return [Reply(t("join.unit_ended")), *_go(context, _without_workplace(draft), "workplace")]
    if incoming.action != _SEND:
        return _ask_summary(context, draft)
    wish = Wish(draft["profile"], draft["unit_id"], draft.get("workplace"))
    application = submit(context.session, context.account, wish, context.now, context.today)
    context.close_conversation()
    told = tell_deciders(context, application)
    period = find_period(context.session, application.unit_id, context.today)
    key = "join.sent" if told else "join.sent_nobody_yet"
    unit = period.name if period else ""
    text = t(key, code=show_code(application.code), unit=unit, hotline=context.union.hotline)
    return [Reply(text, (Button(t("menu.me"), ShowMe()), Button(t("menu.button"), ShowMenu())))]


def tell_deciders(context: Context, application: Application) -> bool:
    """Tell everybody who may decide an application that one came in, naming nobody; False when there is nobody."""
    about_id = application.person_id
    deciders = list_deciders(context.session, application.unit_id, context.now, context.today, about_id)
    period = find_period(context.session, application.unit_id, context.today)
    text = t("approvals.new", code=show_code(application.code), unit=period.name if period else "")
    buttons = (
        Button(t("approvals.open"), ShowApplication(application.id)),
        Button(t("officers.applications"), ListApplications()),
    )
    subject = f"application:{application.id}:{application.changed_at:%Y%m%d%H%M%S}"
    told = [
        tell_person(
            context.session,
            person_id,
            Reply(text, buttons),
            subject,
            context.now,
            DeliveryKind.NOTICE,
            without=WITHOUT_DESK,
        )
        for person_id in deciders
    ]
    return any(told)


def _ask_correct(_context: Context, draft: Draft) -> list[Reply]:
    names = [name for name in _ORDER if name in draft["profile"] or name in draft["skipped"] or name == "workplace"]
    buttons = (Button(t(f"fields.{name}"), Choose(NAME, "correct", name)) for name in names)
    return [Reply(t("join.what_to_edit"), tuple(buttons))]


def _take_correct(context: Context, incoming: Incoming, draft: Draft) -> list[Reply]:
    name = incoming.action
    if name not in _ORDER:
        return _ask_correct(context, draft)
    if name == "workplace":
        return _go(context, _without_workplace(draft), name)
    draft["skipped"] = [skipped for skipped in draft["skipped"] if skipped != name]
    draft["profile"] = {key: value for key, value in draft["profile"].items() if key != name}
    return _go(context, draft, name)


FORM_STEPS = {
    **{
        f"consent_{purpose.name}": Step(partial(_ask_consent, purpose), partial(_take_consent, purpose))
        for purpose in list_purposes(is_abroad=True)
    },
    **{field.name: Step(partial(_ask_field, field), partial(_take_field, field)) for field in FIELDS},
    "workplace": Step(_ask_workplace, _take_workplace),
    "place": Step(_ask_place, _take_place),
    "summary": Step(_ask_summary, _take_summary),
    "correct": Step(_ask_correct, _take_correct),
}
