"""A member's own bulletins: which topics, at which hours, or none at all; one tap each, undone as easily."""

from collections.abc import Callable, Mapping
from typing import Any

from db.models import BulletinKind, Shift
from db.news_choices import cancel_planned, choose_topic, find_shift, find_topic, keep_shift, list_choices
from handlers.access import is_officer
from handlers.actions import Action, ChooseNews, ChooseShift, Join, ShowMenu, StopBulletins, StopNews
from handlers.bulletins.content import ON_TRIAL
from handlers.bulletins.topics import TOPICS, name_topic
from handlers.chat import Button, Reply
from handlers.consents import NEWS_PURPOSE, has_consented, record_consent, stop_news
from handlers.errors import Outdated, UserError
from handlers.feature import Context
from knowledge.texts import t

_WISHES: Mapping[str, bool | None] = {"y": True, "n": False, "-": None}


def show_news(context: Context) -> list[Reply]:
    """What a member is sent of bulletins, and everything they may change about it."""
    person_id = context.account.person_id
    if person_id is None:
        return [Reply(t("bulletin_choices.for_members"), (Button(t("menu.join"), Join()), _menu_button()))]
    if not has_consented(context.session, context.account, NEWS_PURPOSE):
        return [Reply(t("bulletin_choices.is_off"), (_again_button(), _menu_button()))]
    choices = list_choices(context.session, person_id)
    lines = [
        t(f"bulletin_choices.line_{_name_choice(choices.get(topic))}", topic=name_topic(topic)) for topic in TOPICS
    ]
    shift = find_shift(context.session, person_id)
    text = t("bulletin_choices.yours", topics="\n".join(lines), shift=t(f"bulletin_choices.shift_{shift.value}"))
    other = Shift.DAY if shift is Shift.NIGHT else Shift.NIGHT
    buttons = (
        *(Button(name_topic(topic)[:40], ChooseNews(topic)) for topic in TOPICS),
        Button(t(f"bulletin_choices.button_{other.value}"), ChooseShift(other.value)),
        _stop_button(),
    )
    return [Reply(text, buttons)]


def _name_choice(is_wanted: bool | None) -> str:
    return {True: "wanted", False: "refused", None: "sent"}[is_wanted]


def _choose(context: Context, action: ChooseNews) -> list[Reply]:
    """All topics; one of them; or what was said of one."""
    if not action.topic:
        return show_news(context)
    person_id = context.account.person_id
    if action.topic not in TOPICS or person_id is None:
        raise Outdated
    if action.wish not in _WISHES:
        return _ask_topic(context, person_id, action.topic)
    choose_topic(context.session, person_id, action.topic, _WISHES[action.wish])
    topic = name_topic(action.topic)
    if action.wish == "n":
        cancel_planned(context.session, person_id, action.topic, context.now)
        undo = Button(t("bulletin_choices.undo"), ChooseNews(action.topic, "-"))
        return [Reply(_with_what_stays(context, t("bulletin_choices.refused", topic=topic)), (undo, _all_button()))]
    key = "bulletin_choices.wanted" if action.wish == "y" else "bulletin_choices.as_everybody"
    return [Reply(t(key, topic=topic), (_all_button(), _menu_button()))]


def _ask_topic(context: Context, person_id: int, topic: str) -> list[Reply]:
    chosen = list_choices(context.session, person_id).get(topic)
    buttons = tuple(
        Button(t(f"bulletin_choices.choose_{_name_choice(is_wanted)}"), ChooseNews(topic, wish))
        for wish, is_wanted in _WISHES.items()
        if is_wanted is not chosen
    )
    now = t(f"bulletin_choices.line_{_name_choice(chosen)}", topic=name_topic(topic))
    return [Reply(t("bulletin_choices.ask_topic", now=now), (*buttons, _all_button()))]


def _choose_shift(context: Context, action: ChooseShift) -> list[Reply]:
    person_id = context.account.person_id
    if action.shift not in list(Shift) or person_id is None:
        raise Outdated
    keep_shift(context.session, person_id, Shift(action.shift))
    return [Reply(t(f"bulletin_choices.now_{action.shift}"), (_all_button(), _menu_button()))]


def _ask_what_to_stop(context: Context, action: StopBulletins) -> list[Reply]:
    """The button under a bulletin: this topic, or everything; each one tap."""
    if action.run_id == ON_TRIAL:
        raise UserError("bulletin_answers.on_trial")
    found = find_topic(context.session, action.run_id)
    topic = found[0] if found is not None and found[1] is not BulletinKind.TASK else None
    one: tuple[Button, ...] = ()
    if topic is not None and context.account.person_id is not None:
        one = (Button(t("bulletin_choices.stop_topic", topic=name_topic(topic))[:40], ChooseNews(topic, "n")),)
    keep = Button(t("bulletin_choices.keep"), StopNews("keep"))
    return [Reply(t("bulletin_choices.ask_stop"), (*one, _stop_button(), keep))]


def _stop(context: Context, action: StopNews) -> list[Reply]:
    if action.what == "stop":
        stop_news(context.session, context.account, context.now)
        return [Reply(_with_what_stays(context, t("bulletin_choices.stopped")), (_again_button(), _menu_button()))]
    if action.what == "ask":  # a consent is given to its words, so they are shown each time (Law 91/2025 Article 9)
        agree = Button(t("consent.agree"), StopNews("agree"))
        return [Reply(t("consent.news", union=context.union.name), (agree, _menu_button()))]
    if action.what == "agree":
        record_consent(context.session, context.account, NEWS_PURPOSE, context.now)
        return show_news(context)
    return [Reply(t("bulletin_choices.kept"), (_all_button(), _menu_button()))]


def _with_what_stays(context: Context, text: str) -> str:
    """What no refusal of news stops: answers to one's own matters, and an officer's tasks."""
    person_id = context.account.person_id
    serves = person_id is not None and is_officer(context.session, person_id, context.now, context.today)
    stays = t("bulletin_choices.officer_stays" if serves else "bulletin_choices.stays")
    return f"{text}\n\n{stays}"


def _menu_button() -> Button:
    return Button(t("menu.button"), ShowMenu())


def _all_button() -> Button:
    return Button(t("bulletin_choices.button"), ChooseNews())


def _again_button() -> Button:
    return Button(t("bulletin_choices.again"), StopNews("ask"))


def _stop_button() -> Button:
    return Button(t("bulletin_choices.stop_all"), StopNews("stop"))


PREFERENCE_ACTIONS: Mapping[type[Action], Callable[[Context, Any], list[Reply]]] = {
    ChooseNews: _choose,
    ChooseShift: _choose_shift,
    StopBulletins: _ask_what_to_stop,
    StopNews: _stop,
}

PREFERENCE_COMMANDS: Mapping[str, Callable[[Context], list[Reply]]] = {
    "tintoi": show_news,
    "tin cua toi": show_news,
    "ban tin cua toi": show_news,
}
