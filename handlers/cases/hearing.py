"""Hears in a message that somebody is in danger or wronged: a free one is offered the way to an officer, never more;
one that belongs to a report makes it as urgent and as close as what it tells.
"""

from db.case_parties import find_waiting
from db.codes import show_code
from db.models import Case, CaseState
from db.people import list_accounts
from db.session import keys_of_session
from handlers.actions import ActOnOwnCase, GiveFeedback, Report, ShowMenu
from handlers.cases.deadlines import more_urgent, urgency_of
from handlers.cases.drafts import Told
from handlers.cases.pins import is_locked
from handlers.cases.talking import settled_buttons
from handlers.chat import Button, Reply
from handlers.feature import Context
from knowledge.alarms import Alarm, Danger, Kind, Strength, Urgency
from knowledge.answer import Outcome
from knowledge.case_terms import Urgency as CaseUrgency
from knowledge.normalize import fold
from knowledge.texts import t

KEEP = "keep"
"""What a message that is no question of law is offered for: to go to the officer who waits for it."""

_WAITING = "cases.waiting"
_YES_OR_NO = "ok"
"""The small talk that says yes or no."""

MOST_BUTTONS = 8

_KINDS = {"insurance_debt": "insurance", "discipline_dismissal": "dismissal"}
_ACCIDENTS = (Danger.FIRE, Danger.RESCUE, Danger.INJURY, Danger.ILLNESS, Danger.POISONING)


def recognise(context: Context, text: str) -> Alarm | None:
    """What a message tells besides what it asks."""
    return context.answerer.alarms.recognise(text)


def guess(alarm: Alarm) -> tuple[str, str]:
    """The kind of report an alarm would be, as deadlines.yaml names it, and "emergency" where it is one."""
    urgency = alarm.urgency.value if alarm.urgency is Urgency.EMERGENCY else ""
    if alarm.danger in _ACCIDENTS:
        return "accident", urgency
    return _KINDS.get(alarm.category.value, alarm.category.value), urgency


def take_words(context: Context, words: str, told: Told) -> list[Reply]:
    """Words go to the story of a report, and are heard even where there is no room left for them."""
    said = hear(context, words, told)
    return said if told.add(words) else [*said, Reply(t("report.story_full"))]


def hear(context: Context, words: str, told: Told) -> list[Reply]:
    """Whoever tells of danger reads the numbers at once, whatever they came for. The kind is guessed only where they
    have not said it, but for what only its holder should open; the urgency rises also where they have."""
    alarm = recognise(context, words)
    if alarm is None:
        return []
    kind, _ = guess(alarm)
    told.category = told.category or kind
    if alarm.strength is not Strength.FIRST:
        return []
    told.raise_urgency(urgency_of_words(alarm))
    return [*_say_numbers(context, alarm, told), *_keep_close(context, words, told)]


def hear_kind(context: Context, told: Told) -> list[Reply]:
    """Whoever presses that there was an accident reads the numbers before they are asked anything."""
    if told.category != "accident":
        return []
    return _say_numbers(context, context.answerer.alarms.alarm_of(Danger.INJURY), told)


def urgency_of_words(alarm: Alarm | None) -> CaseUrgency:
    """How urgent words are that somebody adds to their report; a faint guess changes nothing."""
    if alarm is None or alarm.strength is not Strength.FIRST:
        return CaseUrgency.ORDINARY
    return more_urgent(CaseUrgency(alarm.urgency.value), urgency_of(guess(alarm)[0]))


def say_alarm(context: Context, alarm: Alarm) -> str:
    """What is said of an alarm today."""
    return context.answerer.alarms.say(alarm, context.today, context.union.hotline)


def _say_numbers(context: Context, alarm: Alarm, told: Told) -> list[Reply]:
    """Once for each danger: another one may need other numbers."""
    if alarm.danger is None or alarm.danger in told.dangers:
        return []
    told.dangers.append(alarm.danger.value)
    return [Reply(say_alarm(context, alarm))]


def _keep_close(context: Context, words: str, told: Told) -> list[Reply]:
    """Sexual harassment is read by one officer, whatever kind was pressed before; that kind keeps its urgency."""
    if told.category == "harassment" or not context.answerer.alarms.is_intimate(words):
        return []
    told.raise_urgency(urgency_of(told.category))
    told.category = "harassment"
    return [Reply(t("report.kept_close"))]


def mark_of(context: Context, text: str) -> str:
    """Names a message in a button without repeating it, so that an old button never sends a newer message."""
    return keys_of_session(context.session).hash("told", text)[:8]


def last_told(context: Context, mark: str) -> str:
    """The message a button was offered under; empty when others came since."""
    last = context.conversation.last_question or ""
    return last if mark and last and mark == mark_of(context, last) else ""


def catch(context: Context, text: str) -> list[Reply] | None:
    """Danger is spoken of before anything else. What has no answer in the FAQ goes to the officer who waits for one, or
    else is met with the offer to help. A question of law is left to the FAQ; the offer then stands beside its answer.
    """
    if not context.channel.serves_members:
        return None
    danger = catch_danger(context, text)
    if danger is not None:
        return danger
    alarm = recognise(context, text)
    waiting = _find_waiting(context)
    is_told = alarm is not None and alarm.strength is Strength.FIRST
    if waiting is not None and waiting.state is CaseState.SETTLED and _is_word_on_it(context, text, is_told):
        return [_offer_to_settle(context, waiting, text)]
    if not (waiting or is_told) or _has_answer(context, text):
        return None
    if waiting is None:
        return _offer(context, alarm, text) if alarm is not None else None
    return None if waiting.state is CaseState.SETTLED else [_offer_to_keep(context, waiting, text)]


def catch_file(context: Context, caption: str) -> list[Reply] | None:
    """A file that no open step takes is not kept. Where an officer waits for one, its owner reads how to send it there;
    danger told under it is spoken of first."""
    if not context.channel.serves_members:
        return None
    danger = catch_danger(context, caption) if caption.strip() else None
    case = _find_waiting(context)
    if case is None:
        return danger
    key = "own_cases.add" if case.state is CaseState.SETTLED else "own_cases.answer"
    way = Button(t("own_cases.send_hidden" if _is_hidden(context) else key), ActOnOwnCase(case.code, "add"))
    return [*(danger or ()), Reply(t("own_cases.file_not_taken"), (way,))]


def catch_danger(context: Context, text: str) -> list[Reply] | None:
    """The numbers to call and the offer to help, where somebody is in danger, whatever the message was written for."""
    alarm = recognise(context, text)
    is_danger = alarm is not None and alarm.kind is Kind.EMERGENCY and alarm.strength is Strength.FIRST
    return _offer(context, alarm, text) if alarm is not None and is_danger else None


def _has_answer(context: Context, text: str) -> bool:
    return context.answerer.answer(text, context.today).outcome in (Outcome.ANSWER, Outcome.SMALL_TALK)


def stand_beside(context: Context, text: str, replies: list[Reply]) -> list[Reply]:
    """What the FAQ said, with the offer where the message tells something as well: before the answer when that is sure,
    else as one more button under it."""
    if not context.channel.serves_members:
        return replies
    waiting = _find_waiting(context)
    if waiting is not None:
        context.conversation.last_question = text  # small talk is not kept, and the button sends it all the same
        if waiting.state is CaseState.SETTLED and not any(map(_is_answer, replies)):
            return [*replies, _offer_to_settle(context, waiting, text)]
        return _add_button(replies, _keep(context, waiting, text))
    alarm = recognise(context, text)
    if alarm is None:
        return replies
    if alarm.strength is Strength.FIRST:
        return [*_offer(context, alarm, text), *replies]
    said = say_alarm(context, alarm)
    button = _ask_help(context, alarm, text)
    if alarm.danger is not None:
        return [Reply(said), *_add_button(replies, button)]
    return _add_button(replies, button, said)


def _offer(context: Context, alarm: Alarm, text: str) -> list[Reply]:
    context.conversation.last_question = text
    said = say_alarm(context, alarm)
    return [Reply(said, (_ask_help(context, alarm, text), Button(t("alarms.not_now"), ShowMenu())))]


def _ask_help(context: Context, alarm: Alarm, text: str) -> Button:
    """A faint guess says nothing of the kind: "công đoàn có thuê sân bóng" must not become a report of harassment."""
    kind, urgency = guess(alarm)
    known = kind if alarm.strength is Strength.FIRST else ""
    return Button(t("alarms.ask_help"), Report(known, urgency, mark_of(context, text)))


def _add_button(replies: list[Reply], button: Button, said: str = "") -> list[Reply]:
    """Under the answer itself, which is the message that can be judged; else under the last one."""
    at = next((at for at, reply in enumerate(replies) if _is_answer(reply)), len(replies) - 1)
    reply = replies[at]
    text = f"{reply.text}\n\n{said}" if said else reply.text
    buttons = (*reply.buttons[: MOST_BUTTONS - 1], button)
    return [*replies[:at], Reply(text, buttons, reply.files), *replies[at + 1 :]]


def _is_answer(reply: Reply) -> bool:
    return any(isinstance(button.action, GiveFeedback) for button in reply.buttons)


def _is_word_on_it(context: Context, text: str, is_told: bool) -> bool:
    """Whether a text may be what they say to "is it settled?": one that the FAQ has nothing to say to, or a short word
    that would only be met with small talk."""
    answer = context.answerer.answer(text, context.today)
    if answer.outcome is not Outcome.SMALL_TALK:
        is_question = answer.outcome is Outcome.ANSWER or (answer.outcome is Outcome.ASK_BACK and not is_told)
        return not is_question
    labels = f"{t('own_cases.settled_yes')} {t('own_cases.settled_no')}"
    return answer.talk == _YES_OR_NO or not set(fold(text).split()).isdisjoint(fold(labels).split())


def _offer_to_settle(context: Context, case: Case, text: str) -> Reply:
    """Whether it is settled, once more, and the way for the message into the case."""
    if _is_hidden(context):
        return _offer_to_keep(context, case, text)
    context.conversation.last_question = text
    yes, no = settled_buttons(case)
    ways = [_keep(context, case, text), no, yes]
    alarm = recognise(context, text)
    if alarm is not None and alarm.strength is Strength.FIRST:
        ways.append(_ask_help(context, alarm, text))  # it may be another matter
    return Reply(t("own_cases.offer_to_settle", code=show_code(case.code)), tuple(ways))


def _offer_to_keep(context: Context, case: Case, text: str) -> Reply:
    context.conversation.last_question = text
    said = t("own_cases.offer_hidden" if _is_hidden(context) else "own_cases.offer_to_keep")
    return Reply(said, (_keep(context, case, text), Button(t("own_cases.not_there"), ShowMenu())))


def _find_waiting(context: Context) -> Case | None:
    """The case in which the worker's word is waited for."""
    account = context.account
    if _WAITING not in context.found:
        linked = list_accounts(context.session, account.person_id) if account.person_id is not None else []
        own = [account, *(one for one in linked if one.id != account.id)]
        context.found[_WAITING] = find_waiting(context.session, own)
    case: Case | None = context.found[_WAITING]
    return case


def _keep(context: Context, case: Case, text: str) -> Button:
    """The way for a message into a case. On a shared phone it names none."""
    label = t("own_cases.keep_hidden") if _is_hidden(context) else t("own_cases.keep", code=show_code(case.code))
    return Button(label, ActOnOwnCase(case.code, f"{KEEP}:{mark_of(context, text)}"))


def _is_hidden(context: Context) -> bool:
    return context.account.is_shared or is_locked(context.account, context.now)
