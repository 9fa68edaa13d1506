"""The greeting, the menu, the help, and an answer to what the bot cannot read."""

from handlers.access import find_actor
from handlers.actions import AskOfficer, Cancel, Join, Report, Resume, ShowDesk, ShowHelp, ShowMe, ShowMenu, ShowTopics
from handlers.chat import Button, Incoming, Kind, Reply
from handlers.feature import Context, Feature
from knowledge.texts import t


def greet(context: Context) -> list[Reply]:
    """The welcome with the menu; a conversation left open can be resumed from it."""
    key = "menu.greeting" if context.channel.serves_members else "menu.greeting_desk"
    return [Reply(t(key, union=context.union.name, hotline=context.union.hotline), _menu_buttons(context))]


def greet_briefly(context: Context) -> list[Reply]:
    """One sentence before the first answer to somebody who began with a question."""
    return [Reply(t("menu.greeting_short", union=context.union.name))]


def explain_unreadable(context: Context, incoming: Incoming) -> list[Reply]:
    """A sticker, an empty message, a file: say what the bot can read."""
    keys = {Kind.STICKER: "menu.sticker", Kind.FILE: "menu.file", Kind.UNREADABLE: "menu.unreadable"}
    key = keys.get(incoming.kind, "menu.empty")
    return [Reply(t(key, hotline=context.union.hotline), _menu_buttons(context))]


def invite_privately() -> list[Reply]:
    """All that is ever said in a group, where everybody reads along: one sentence, no buttons."""
    return [Reply(t("menu.group"))]


def _show_help(context: Context) -> list[Reply]:
    return [Reply(t("menu.help", hotline=context.union.hotline), _menu_buttons(context))]


def _menu_buttons(context: Context) -> tuple[Button, ...]:
    desk = (Button(t("menu.desk"), ShowDesk()),) if find_actor(context) else ()
    mine: tuple[Button, ...] = ()
    if context.channel.serves_members:
        me = Button(t("menu.me"), ShowMe()) if context.account.person_id else Button(t("menu.join"), Join())
        mine = (Button(t("report.button"), Report()), me)
    buttons = (
        *desk,
        *mine,
        Button(t("menu.topics"), ShowTopics()),
        Button(t("faq.ask_officer"), AskOfficer()),
        Button(t("menu.help_button"), ShowHelp()),
    )
    if context.conversation.feature is None:
        return buttons
    return (Button(t("menu.resume"), Resume()), Button(t("menu.cancel"), Cancel()), *buttons)


MENU = Feature(
    name="menu",
    commands={
        "start": greet,
        "menu": greet,
        "bat dau": greet,
        "thuc don": greet,
        "help": _show_help,
        "trogiup": _show_help,
        "tro giup": _show_help,
        "giup": _show_help,
    },
    actions={
        ShowMenu: lambda context, _action: greet(context),
        ShowHelp: lambda context, _action: _show_help(context),
    },
)
