"""One event in, replies out: finds who handles it — cancel, command, button, open conversation, offered words, FAQ."""

from collections.abc import Callable

from db.accounts import mark_unreachable
from handlers.actions import Action, Cancel, Choose, Resume
from handlers.bulletins.conversation import BULLETINS
from handlers.bulletins.desk import BULLETIN_DESK
from handlers.cases.conversation import CASES
from handlers.cases.desk import CASE_DESK
from handlers.cases.figures import FIGURES
from handlers.cases.groups import hear_in_group, leave_group
from handlers.chat import Incoming, Kind, Reply, read_action
from handlers.errors import Outdated
from handlers.faq.conversation import FAQ, answer_question
from handlers.feature import Context, Feature, Step, find_feature, find_step
from handlers.identity.conversation import IDENTITY
from handlers.menu.conversation import MENU, explain_unreadable, greet, greet_briefly, invite_privately
from handlers.no_union.conversation import NO_UNION
from handlers.offers import find_pressed, list_offered, remember_offer
from handlers.officers.conversation import OFFICERS
from handlers.organisation.conversation import ORGANISATION
from handlers.privacy.conversation import PRIVACY
from handlers.registration.conversation import REGISTRATION
from knowledge.normalize import fold
from knowledge.texts import t

FEATURES: tuple[Feature, ...] = (
    MENU,
    REGISTRATION,
    IDENTITY,
    OFFICERS,
    CASES,
    CASE_DESK,
    FIGURES,
    ORGANISATION,
    NO_UNION,
    BULLETINS,
    BULLETIN_DESK,
    PRIVACY,
    FAQ,
)

_COMMANDS: dict[str, Callable[[Context], list[Reply]]] = {
    word: handler for feature in FEATURES for word, handler in feature.commands.items()
}
_ACTIONS = {kind: handler for feature in FEATURES for kind, handler in feature.actions.items()}
_CANCEL_WORDS = frozenset({"huy", "huy bo", "thoat", "cancel"})


def handle(context: Context, incoming: Incoming) -> list[Reply]:
    """Handle one event inside the caller's transaction and return what the person hears.

    Raises `UserError` for what the person can understand; the caller then rolls back and answers with its sentence.
    """
    if incoming.kind is Kind.LEFT and incoming.group is not None:
        return leave_group(context, incoming.group)
    if incoming.kind is Kind.LEFT:
        mark_unreachable(context.session, incoming.sender, context.account.address_hash, context.now)
        return []
    if incoming.kind is Kind.GROUP:
        return hear_in_group(context, incoming) if incoming.group is not None else invite_privately()
    replies = _answer(context, incoming)
    answers: list[Reply] = []
    while context.is_back:
        context.is_back = False
        goes_on = _go_on(context)
        if goes_on and not any(reply.buttons for reply in goes_on):
            remember_offer(context.conversation, replies, context.channel)
            answers = goes_on  # a number is an answer to it, and presses nothing that stands above
        replies = [*replies, *goes_on]
    for feature in FEATURES:
        replies = feature.sees(context, replies) if feature.sees else replies
    remember_offer(context.conversation, answers or replies, context.channel)
    context.conversation.updated_at = context.now
    return replies


def _go_on(context: Context) -> list[Reply]:
    """What was begun before this goes on."""
    step = find_step(context.conversation)
    if step is None:
        return []
    return [Reply(t("conversation.goes_on")), *step.ask(context, context.conversation.draft or {})]


def _answer(context: Context, incoming: Incoming) -> list[Reply]:
    if incoming.kind is Kind.BUTTON:
        action = read_action(incoming.action or "")
        if action is None:
            raise Outdated
        return _press(context, incoming, action)
    words = fold(incoming.text) if incoming.kind is Kind.TEXT else ""
    if words in _CANCEL_WORDS:
        return _cancel(context)
    command = _COMMANDS.get(words.split(" ")[0]) if incoming.text.startswith("/") else _COMMANDS.get(words)
    if command is not None:
        return command(context)
    action = _typed_press(context, incoming.text) if words else None
    if action is not None:
        return _press(context, incoming, action)
    if incoming.kind is Kind.UNREADABLE:  # no step can take it, and who cannot be read needs the telephone number
        return explain_unreadable(context, incoming)
    step = find_step(context.conversation)
    taken = _continue(context, incoming, step) if step is not None else None
    if taken is not None:
        return taken
    return _hear_freely(context, incoming) if words else _hear_file(context, incoming)


def _hear_file(context: Context, incoming: Incoming) -> list[Reply]:
    """A file, or nothing that can be read; what is written under a file is read all the same."""
    for feature in FEATURES if incoming.kind is Kind.FILE else ():
        caught = feature.catches_file(context, incoming.text) if feature.catches_file else None
        if caught is not None:
            return caught
    return explain_unreadable(context, incoming)


def _hear_freely(context: Context, incoming: Incoming) -> list[Reply]:
    """A text that answers no question of ours: a feature's own, or one for the FAQ."""
    for feature in FEATURES:
        caught = feature.catches(context, incoming.text) if feature.catches else None
        if caught is not None:
            return caught
    replies = answer_question(context, incoming.text)
    for feature in FEATURES:
        replies = feature.adds(context, incoming.text, replies) if feature.adds else replies
    return [*greet_briefly(context), *replies] if context.is_new else replies


def _typed_press(context: Context, text: str) -> Action | None:
    """What a typed number or label presses. An answer to a step that is no longer open is a text of its own where
    another one is, or where its list is not the last any more: "Nam" may be a name by now."""
    current, older = list_offered(context.conversation)
    pressed = find_pressed(text, current, older)
    if pressed is None or not pressed.action:
        return None
    action = read_action(pressed.action)
    if isinstance(action, Choose) and not _is_at(context, action):
        return action if pressed in current and find_step(context.conversation) is None else None
    if action is None and pressed in current:
        raise Outdated
    return action


def _is_at(context: Context, choice: Choose) -> bool:
    """Whether the step that offered this choice is the open one."""
    where = (context.conversation.feature, context.conversation.step)
    return find_step(context.conversation) is not None and where == (choice.feature, choice.step)


def _press(context: Context, incoming: Incoming, action: Action) -> list[Reply]:
    if isinstance(action, Cancel):
        return _cancel(context)
    if isinstance(action, Resume):
        step = find_step(context.conversation)
        return step.ask(context, context.conversation.draft or {}) if step else greet(context)
    if isinstance(action, Choose):
        step = find_step(context.conversation)
        if step is None or not _is_at(context, action):
            raise Outdated
        chosen = Incoming(incoming.sender, incoming.address, incoming.event_id, Kind.BUTTON, action=action.choice)
        taken = _continue(context, chosen, step)
        if taken is None:
            raise Outdated
        return taken
    return _ACTIONS[type(action)](context, action)


def _continue(context: Context, incoming: Incoming, step: Step) -> list[Reply] | None:
    """Hand the event to the open step, or ask the step again when an older version of it wrote the draft."""
    conversation = context.conversation
    feature = find_feature(conversation.feature)
    if feature is None:
        raise Outdated
    draft = dict(conversation.draft or {})
    attachment = incoming.attachment
    if attachment is not None and attachment.refusal is not None:
        return [attachment.refusal, *step.ask(context, draft)]
    if conversation.version != feature.version:
        conversation.version = feature.version
        return [Reply(t("conversation.restarted")), *step.ask(context, draft)]
    return step.take(context, incoming, draft)


def _cancel(context: Context) -> list[Reply]:
    was_open = context.conversation.feature is not None
    feature = find_feature(context.conversation.feature)
    was_aside = feature is not None and context.conversation.step in feature.asides
    if feature is not None and feature.abandons is not None:
        feature.abandons(context, dict(context.conversation.draft or {}))
    context.close_conversation()
    key = "left" if was_aside else "cancelled" if was_open else "nothing_to_cancel"
    said = Reply(t(f"conversation.{key}"))
    return [said] if context.is_back else [said, *greet(context)[-1:]]
