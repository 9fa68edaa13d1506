"""The methods of the Bot API the stand-in knows, each with Telegram's checks, effects and refusals."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from .telegram_entities import JSON, Refused, bad_request, parse, utf16
from .telegram_people import MAX_TEXT, Bot, Chat, Message
from .telegram_updates import Webhook

MAX_CAPTION = 1024
MAX_DOWNLOAD = 20 * 1024 * 1024
MAX_BUTTONS = 100
MAX_BUTTONS_IN_ROW = 8
CHAT_ACTIONS = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
]
BUTTON_USES = [
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
]
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)

Method = Callable[[Bot, JSON], Any]
METHODS: dict[str, tuple[str, Method]] = {}
# Those that put a message into a chat, hence count for the flood limits.
SENDING = {"sendMessage", "sendPhoto", "sendDocument", "sendVoice", "copyMessage"}


def method(function: Method) -> Method:
    first, *rest = function.__name__.split("_")
    name = first + "".join(part.capitalize() for part in rest)
    METHODS[name.lower()] = (name, function)
    return function


# Receiving


@method
def get_updates(bot: Bot, p: JSON) -> Awaitable[list[JSON]]:
    allowed = p.get("allowed_updates")
    return bot.updates.poll(p.get("offset", 0), p.get("limit", 100), float(p.get("timeout", 0)), allowed)


@method
def set_webhook(bot: Bot, p: JSON) -> bool:
    url, secret = p.get("url", ""), p.get("secret_token", "")
    if not url:
        return delete_webhook(bot, p)  # type: ignore[no-any-return]
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise bad_request("secret token contains unallowed characters")
    hook = Webhook(url, secret, min(max(p.get("max_connections", 40), 1), 100))
    bot.updates.set_webhook(hook, drop_pending=p.get("drop_pending_updates", False), allowed=p.get("allowed_updates"))
    return True


@method
def delete_webhook(bot: Bot, p: JSON) -> bool:
    bot.updates.set_webhook(None, drop_pending=p.get("drop_pending_updates", False), allowed=None)
    return True


@method
def get_webhook_info(bot: Bot, p: JSON) -> JSON:
    hook, waiting = bot.updates.webhook, len(bot.updates.pending)
    info: JSON = {"url": hook.url if hook else "", "has_custom_certificate": False, "pending_update_count": waiting}
    if hook:
        info |= {"max_connections": hook.max_connections, "ip_address": "127.0.0.1"}
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_at, "last_error_message": hook.last_error}
    if bot.updates.allowed:
        info["allowed_updates"] = bot.updates.allowed
    return info


# Sending


@method
def send_message(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    return _send(chat, _text(p), p)


@method
def send_photo(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    photo = _media(bot, p, "photo") | {"width": 1280, "height": 960}
    return _send(chat, {"photo": [photo], **_caption(p)}, p)


@method
def send_document(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    return _send(chat, {"document": _media(bot, p, "document"), **_caption(p)}, p)


@method
def send_voice(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    voice = _media(bot, p, "voice") | {"duration": p.get("duration", 1), "mime_type": "audio/ogg"}
    return _send(chat, {"voice": voice, **_caption(p)}, p)


@method
def copy_message(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    original = bot.chat(p.get("from_chat_id")).find(p.get("message_id"))
    if original is None:
        raise bad_request("message to copy not found")
    kept = ("text", "entities", "photo", "document", "voice", "sticker", "contact", "caption", "caption_entities")
    content = {key: original.data[key] for key in kept if key in original.data}
    if not content:
        raise bad_request("message can't be copied")
    if "caption" in p and "text" not in content:
        content = {key: value for key, value in content.items() if not key.startswith("caption")} | _caption(p)
    return {"message_id": _send(chat, content, p)["message_id"]}


@method
def send_chat_action(bot: Bot, p: JSON) -> bool:
    chat = bot.chat(p.get("chat_id"))
    if p.get("action") not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(p["action"])
    return True


# Changing what was said


@method
def edit_message_text(bot: Bot, p: JSON) -> JSON:
    message = _own_message(bot, p)
    if "text" not in message.data:
        raise bad_request("there is no text in the message to edit")
    new = _text(p)
    return _edit(message, {"text": new["text"], "entities": new.get("entities")}, p)


@method
def edit_message_reply_markup(bot: Bot, p: JSON) -> JSON:
    return _edit(_own_message(bot, p), {}, p)


@method
def delete_message(bot: Bot, p: JSON) -> bool:
    message = bot.chat(p.get("chat_id")).find(p.get("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    message.deleted = True
    message.chat.touch(message)
    return True


@method
def answer_callback_query(bot: Bot, p: JSON) -> bool:
    press = bot.presses.get(str(p.get("callback_query_id")))
    if press is None or press.expired or press.answer is not None:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if utf16(p.get("text", "")) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    press.close(p)
    return True


# Files, topics, the bot itself


@method
def get_file(bot: Bot, p: JSON) -> JSON:
    file_id = p.get("file_id", "")
    content = bot.files.get(file_id)
    if content is None:
        raise bad_request("invalid file_id")
    if len(content) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    unique = {"file_id": file_id, "file_unique_id": f"u{file_id}"}
    return {**unique, "file_size": len(content), "file_path": f"files/{file_id}"}


@method
def create_forum_topic(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    if not chat.data.get("is_forum"):
        raise bad_request("the chat is not a forum")
    if not chat.lets_manage_topics:
        raise bad_request("not enough rights to create a topic")
    if not 1 <= utf16(p.get("name", "")) <= 128:
        raise bad_request("TOPIC_TITLE_EMPTY" if not p.get("name") else "TOPIC_TITLE_TOO_LONG")
    topic = {"name": p["name"], "icon_color": p.get("icon_color", 7322096)}
    number = chat.add(bot.user, {"forum_topic_created": topic, "is_topic_message": True}).id
    chat.find(number).data["message_thread_id"] = number  # type: ignore[union-attr]
    chat.topics[number] = {"message_thread_id": number, **topic}
    return chat.topics[number]


@method
def close_forum_topic(bot: Bot, p: JSON) -> bool:
    chat, number = _topic_of(bot, p)
    if number in chat.closed_topics:
        raise bad_request("TOPIC_NOT_MODIFIED")
    chat.closed_topics.add(number)
    chat.add(bot.user, {"forum_topic_closed": {}, "message_thread_id": number, "is_topic_message": True})
    return True


@method
def delete_forum_topic(bot: Bot, p: JSON) -> bool:
    chat, number = _topic_of(bot, p)
    chat.delete_topic(number)
    return True


def _topic_of(bot: Bot, p: JSON) -> tuple[Chat, int]:
    """The topic a call is about, or the refusal of who may not manage it or finds none."""
    chat, number = bot.chat(p.get("chat_id")), p.get("message_thread_id")
    if not chat.data.get("is_forum"):
        raise bad_request("the chat is not a forum")
    if not chat.lets_manage_topics:
        raise bad_request("not enough rights to manage the topic")
    if number not in chat.topics:
        raise bad_request("TOPIC_ID_INVALID")
    return chat, int(number)


@method
def get_me(bot: Bot, p: JSON) -> JSON:
    groups = {"can_join_groups": True, "can_read_all_group_messages": bot.reads_all_in_groups}
    rest = ("supports_inline_queries", "can_connect_to_business", "has_main_web_app")
    return {**bot.user, **groups, **dict.fromkeys(rest, False)}


@method
def get_chat(bot: Bot, p: JSON) -> JSON:
    chat = bot.chat(p.get("chat_id"))
    gifts = dict.fromkeys(
        ["unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"], False
    )
    return {**chat.data, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}


@method
def set_my_commands(bot: Bot, p: JSON) -> bool:
    commands = p.get("commands") or []
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for each in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", each.get("command", "")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= utf16(each.get("description", "")) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    bot.commands[_audience(p)] = commands
    return True


@method
def get_my_commands(bot: Bot, p: JSON) -> list[JSON]:
    return bot.commands.get(_audience(p), [])


@method
def delete_my_commands(bot: Bot, p: JSON) -> bool:
    bot.commands.pop(_audience(p), None)
    return True


@method
def log_out(bot: Bot, p: JSON) -> bool:
    return True


@method
def close(bot: Bot, p: JSON) -> bool:
    return True


# What several of them share


def _audience(p: JSON) -> str:
    """Commands are kept per scope and language; the default is the empty key."""
    scope = {key: value for key, value in (p.get("scope") or {}).items() if value != "default"}
    return " ".join(str(part) for part in (*scope.values(), p.get("language_code", "")) if part)


def _text(p: JSON) -> JSON:
    raw = p.get("text") or ""
    text, entities = parse(raw, p.get("parse_mode"), p.get("entities"))
    if not text:
        raise bad_request("text must be non-empty" if raw else "message text is empty")
    if utf16(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": text, "entities": entities} if entities else {"text": text}


def _caption(p: JSON) -> JSON:
    text, entities = parse(p.get("caption") or "", p.get("parse_mode"), p.get("caption_entities"))
    if utf16(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return ({"caption": text} if text else {}) | ({"caption_entities": entities} if entities else {})


def _media(bot: Bot, p: JSON, kind: str) -> JSON:
    """A file uploaded with the call, or one the bot has met before by its id."""
    given = str(p.get(kind) or "")
    uploads: dict[str, tuple[str, bytes]] = p.get("_files", {})
    if given.startswith("attach://"):
        name, content = uploads.get(given.removeprefix("attach://"), ("", b""))
        if not content:
            raise bad_request("file must be non-empty")
        stored = bot.keep_file(content)
        return stored | {"file_name": name, "mime_type": "application/octet-stream"} if kind == "document" else stored
    if given in bot.files:
        return {"file_id": given, "file_unique_id": f"u{given}", "file_size": len(bot.files[given])}
    if given.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    raise bad_request(f"there is no {kind} in the request" if not given else "wrong remote file identifier specified")


def _send(chat: Chat, content: JSON, p: JSON) -> JSON:
    markup = p.get("reply_markup")
    if markup is not None:
        _check_markup(markup)
        if "inline_keyboard" in markup:
            content["reply_markup"] = markup
    if thread := p.get("message_thread_id"):
        if thread not in chat.topics:
            raise bad_request("message thread not found")
        content |= {"message_thread_id": thread, "is_topic_message": True}
    if reply := p.get("reply_parameters") or (
        {"message_id": p["reply_to_message_id"]} if "reply_to_message_id" in p else None
    ):
        if replied := chat.find(int(reply["message_id"])):
            content["reply_to_message"] = {k: v for k, v in replied.data.items() if k != "reply_to_message"}
        elif not reply.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
    if p.get("protect_content"):
        content["has_protected_content"] = True
    chat.bot.gate.check_limits(chat.id)
    message = chat.add(chat.bot.user, content, {key: value for key, value in p.items() if key != "_files"})
    chat.bot.gate.count(chat.id)
    return message.data


def _own_message(bot: Bot, p: JSON) -> Message:
    if not p.get("message_id"):
        raise bad_request("message identifier is not specified")
    message = bot.chat(p.get("chat_id")).find(p["message_id"])
    if message is None:
        raise bad_request("message to edit not found")
    if message.data["from"]["id"] != bot.id:
        raise bad_request("message can't be edited")
    return message


def _edit(message: Message, content: JSON, p: JSON) -> JSON:
    markup = p.get("reply_markup")
    if markup is not None:
        _check_markup(markup)
    if markup is not None and "inline_keyboard" not in markup:
        raise bad_request("message can't be edited")
    new = {**content, "reply_markup": markup if markup and markup["inline_keyboard"] else None}
    if all(message.data.get(key) == value for key, value in new.items()):
        raise bad_request(NOT_MODIFIED)
    changed = {**message.data, **new, "edit_date": message.data["date"]}
    message.data = {key: value for key, value in changed.items() if value is not None}
    message.source = {**message.source, **p}
    message.edits += 1
    message.chat.touch(message)
    return message.data


def _check_markup(markup: Any) -> None:
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        if not {"keyboard", "remove_keyboard", "force_reply"} & markup.keys():
            raise bad_request("can't parse reply markup JSON object")
        return
    for row in rows:
        for key in row:
            _check_button(key)
    if sum(map(len, rows)) > MAX_BUTTONS or max(map(len, rows), default=0) > MAX_BUTTONS_IN_ROW:
        raise bad_request("REPLY_MARKUP_TOO_LONG")


def _check_button(key: JSON) -> None:
    wrong = "can't parse inline keyboard button: "
    if not str(key.get("text") or "").strip():
        raise bad_request(wrong + 'Field "text" must be non-empty')
    uses = [use for use in BUTTON_USES if key.get(use) is not None]
    if not uses:
        raise bad_request(wrong + "Text buttons are unallowed in the inline keyboard")
    if len(uses) > 1:
        raise bad_request(wrong + "exactly one of the optional fields must be used")
    if "callback_data" in uses and not 1 <= len(str(key["callback_data"]).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in uses and not re.match(r"(https?|tg)://\S+$|[\w.-]+\.\w+", key["url"]):
        raise bad_request(f"inline keyboard button URL '{key['url']}' is invalid: Wrong HTTP URL")


def not_found() -> Refused:
    return Refused(404, "Not Found")
