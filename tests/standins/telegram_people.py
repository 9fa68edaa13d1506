"""Bots, chats and the people in them: what a test does as a person and what that person sees."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from . import PATIENCE
from .telegram_entities import JSON, Refused, bad_request, in_typed_text, utf16
from .telegram_faults import FloodGate
from .telegram_updates import UpdateQueue

MAX_TEXT = 4096
Heard = str | re.Pattern[str] | Callable[["Message"], bool]


@dataclass(slots=True, eq=False)
class Message:
    """A message as one chat holds it; `data` is what the Bot API shows of it."""

    chat: Chat
    data: JSON
    source: JSON = field(default_factory=dict)  # the parameters it was sent with, parse_mode included
    changed: int = 0  # moment of the last sending or editing, counted in messages of this server
    edits: int = 0
    deleted: bool = False

    @property
    def id(self) -> int:
        return int(self.data["message_id"])

    @property
    def text(self) -> str:
        """The text or caption a person reads, without markup."""
        return str(self.data.get("text") or self.data.get("caption") or "")

    @property
    def entities(self) -> list[JSON]:
        return list(self.data.get("entities") or self.data.get("caption_entities") or [])

    @property
    def keyboard(self) -> list[list[JSON]]:
        """Rows of the inline keyboard, or of the reply keyboard sent with it."""
        markup = self.data.get("reply_markup") or self.source.get("reply_markup") or {}
        rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
        return [[{"text": key} if isinstance(key, str) else key for key in row] for row in rows]

    @property
    def buttons(self) -> list[str]:
        return [key["text"] for row in self.keyboard for key in row]

    @property
    def thread(self) -> int | None:
        return self.data.get("message_thread_id")

    @property
    def file(self) -> bytes | None:
        """The content of its photo, document or voice."""
        for kind in ("photo", "document", "voice"):
            if media := self.data.get(kind):
                return self.chat.bot.files[(media[-1] if kind == "photo" else media)["file_id"]]
        return None

    def is_by_bot(self) -> bool:
        return bool(self.data["from"]["is_bot"])

    def __repr__(self) -> str:
        return f"<message {self.id} in {self.chat.id}: {self.text!r} {self.buttons or ''}>"


@dataclass
class Press:
    """A button a person pressed, and what the bot answered to it (None until it does)."""

    id: str
    data: str
    answer: JSON | None = None
    expired: bool = False
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    def close(self, answer: JSON) -> None:
        self.answer = answer
        self._done.set()

    async def answered(self, timeout: float = PATIENCE) -> JSON:  # noqa: ASYNC109 - the tests' own deadline
        await asyncio.wait_for(self._done.wait(), timeout)
        return self.answer or {}


class Chat:
    """One chat of one bot: private, group or supergroup."""

    def __init__(self, bot: Bot, chat_id: int, kind: str, **names: Any) -> None:
        self.bot, self.id, self.kind = bot, chat_id, kind
        self.data: JSON = {"id": chat_id, "type": kind, **{k: v for k, v in names.items() if v}}
        self.history: list[Message] = []
        self.topics: dict[int, JSON] = {}
        self.closed_topics: set[int] = set()
        self.lets_manage_topics = True  # whether the bot has that right here
        self.actions: list[str] = []
        self.refusal: Refused | None = None  # what every call into this chat is answered with
        self.last_change = -1
        self._by_id: dict[int, Message] = {}
        self._ids = count(1) if kind == "supergroup" else bot.message_ids
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def messages(self) -> list[Message]:
        """What the bot has said here and not deleted, oldest first."""
        return [message for message in self.history if not message.deleted and message.is_by_bot()]

    def next_id(self) -> int:
        return next(self._ids)

    def add(self, sender: JSON, content: JSON, source: JSON | None = None) -> Message:
        data = {"message_id": self.next_id(), "from": sender, "chat": self.data, "date": int(time.time()), **content}
        message = Message(self, data, source or {}, next(self.bot.moments))
        self.history.append(message)
        self._by_id[message.id] = message
        self.last_change = message.changed
        self.wake()
        return message

    def touch(self, message: Message) -> None:
        self.last_change = message.changed = next(self.bot.moments)
        self.wake()

    def delete_topic(self, number: int) -> None:
        """A topic goes with every message in it."""
        del self.topics[number]
        for message in self.history:
            message.deleted = message.deleted or message.thread == number

    def wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def find(self, message_id: int | None) -> Message | None:
        message = self._by_id.get(message_id or 0)
        return None if message is None or message.deleted else message

    async def heard(self, wanted: Heard | int, since: int, timeout: float) -> Any:  # noqa: ASYNC109
        """Messages of the bot sent or edited after the moment `since`; waits until they match what is wanted."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            fresh = [message for message in self.messages if message.changed > since]
            if isinstance(wanted, int):
                if len(fresh) >= wanted:
                    return fresh
            elif matching := [message for message in fresh if _matches(message, wanted)]:
                return matching[0]
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await asyncio.wait_for(waiting, deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                raise AssertionError(f"waited {timeout} s for {wanted!r}, heard {fresh}") from None
            finally:
                self._waiting.discard(waiting)


def _matches(message: Message, wanted: Heard) -> bool:
    if isinstance(wanted, str):
        return wanted in message.text
    if isinstance(wanted, re.Pattern):
        return bool(wanted.search(message.text))
    return wanted(message)


class Person:
    """Somebody who writes to a bot, alone or in a group."""

    def __init__(self, chat: Chat, user: JSON) -> None:
        self.chat, self.user = chat, user
        self.since = -1  # the moment of this person's last act: `hears` looks at what came after it

    @property
    def id(self) -> int:
        return int(self.user["id"])

    @property
    def messages(self) -> list[Message]:
        return self.chat.messages

    async def says(self, text: str, *, thread: int | None = None, reply_to: Message | None = None) -> Message:
        """Type a text; one beyond 4096 characters arrives in several messages, as Telegram's apps send it."""
        if not text.strip():
            raise ValueError("Telegram's apps do not send an empty message")
        content: JSON = {}
        if reply_to:
            content["reply_to_message"] = reply_to.data
            thread = thread or reply_to.thread
        while utf16(text) > MAX_TEXT:
            self._send({"text": text[: MAX_TEXT // 2], **content}, thread)
            text = text[MAX_TEXT // 2 :]
        entities = in_typed_text(text)
        return self._send({"text": text, **content, **({"entities": entities} if entities else {})}, thread)

    async def sends_sticker(self, emoji: str = "👍", *, thread: int | None = None) -> Message:
        sticker = self._file(b"sticker", width=512, height=512, emoji=emoji)
        sticker |= {"type": "regular", "is_animated": False, "is_video": False}
        return self._send({"sticker": sticker}, thread)

    async def sends_photo(self, content: bytes = b"photo", caption: str = "", *, thread: int | None = None) -> Message:
        sizes = [self._file(content, width=90, height=67), self._file(content, width=1280, height=960)]
        return self._send({"photo": sizes, **({"caption": caption} if caption else {})}, thread)

    async def sends_document(
        self, name: str = "don.pdf", content: bytes = b"%PDF-", caption: str = "", *, thread: int | None = None
    ) -> Message:
        document = self._file(content, file_name=name, mime_type="application/octet-stream")
        return self._send({"document": document, **({"caption": caption} if caption else {})}, thread)

    async def sends_voice(self, seconds: int = 3, content: bytes = b"OggS", *, thread: int | None = None) -> Message:
        return self._send({"voice": self._file(content, duration=seconds, mime_type="audio/ogg")}, thread)

    async def shares_contact(self, phone: str, owner_id: int | None = None, *, first_name: str = "") -> Message:
        """Share a phone number: one's own, or with `owner_id` the card of somebody else."""
        owner = owner_id or self.id
        name = first_name or self.user["first_name"]
        return self._send({"contact": {"phone_number": phone, "first_name": name, "user_id": owner}}, None)

    async def presses(self, button: str, *, message: Message | None = None) -> Press:
        """Press a button by its label or data, in this message or the latest that has it.

        A button under a deleted message still arrives, as one of an inaccessible message. A button of a reply keyboard
        types its label, or shares one's own contact when it asks for that.
        """
        holder, key = self._find_button(button, message)
        if "callback_data" in key:
            return self._press(key["callback_data"], holder.data, accessible=not holder.deleted)
        if key.get("request_contact"):
            await self.shares_contact("+84900000000")
        elif "url" in key or "web_app" in key:
            raise AssertionError(f"{button!r} opens a page; the bot hears nothing of it")
        else:
            await self.says(key["text"])
        return Press("", "")

    async def presses_old(self, data: str, message_id: int = 1) -> Press:
        """Press a button of a message the platform no longer shows to bots."""
        return self._press(data, {"chat": self.chat.data, "message_id": message_id}, accessible=False)

    async def blocks(self) -> None:
        """Block the bot: it is told, and its next message is refused."""
        self.chat.refusal = Refused(403, "Forbidden: bot was blocked by the user")
        self._membership("member", "kicked")

    async def unblocks(self) -> None:
        self.chat.refusal = None
        self._membership("kicked", "member")

    async def deletes_account(self) -> None:
        """Telegram tells the bot nothing of this; its next message is refused."""
        self.chat.refusal = Refused(403, "Forbidden: user is deactivated")

    async def hears(self, wanted: Heard | int = 1, timeout: float = PATIENCE, *, since: int | None = None) -> Any:  # noqa: ASYNC109
        """Wait for what the bot says or edits after this person's last act.

        A text, pattern or predicate gives the first message that matches; a number gives the list once it is that long.
        `since=-1` looks at everything ever said here.
        """
        return await self.chat.heard(wanted, self.since if since is None else since, timeout)

    async def hears_nothing(self, seconds: float = 0.2) -> None:
        await asyncio.sleep(seconds)
        said = [message for message in self.messages if message.changed > self.since]
        assert not said, f"expected silence, heard {said}"

    def _send(self, content: JSON, thread: int | None) -> Message:
        if self.chat.kind == "private" and (refusal := self.chat.refusal):
            self.chat.refusal = None  # nobody can write to a bot without starting it (again)
            if "blocked" in refusal.description:
                self._membership("kicked", "member")
        if thread:
            content = {"message_thread_id": thread, "is_topic_message": True, **content}
        message = self.chat.add(self.user, content)
        self.since = message.changed
        if self.chat.bot.is_shown(self.chat, message):
            self.chat.bot.updates.push({"message": message.data})
        return message

    def _press(self, data: str, message: JSON, *, accessible: bool) -> Press:
        press = self.chat.bot.new_press(data)
        self.since = self.chat.last_change
        shown = message if accessible else {"chat": message["chat"], "message_id": message["message_id"], "date": 0}
        query = {"id": press.id, "from": self.user, "message": shown, "chat_instance": str(self.chat.id), "data": data}
        self.chat.bot.updates.push({"callback_query": query})
        return press

    def _find_button(self, button: str, message: Message | None) -> tuple[Message, JSON]:
        said = [message] if message else list(reversed(self.messages))
        for match in ("text", "callback_data"):
            for holder in said:
                for key in (key for row in holder.keyboard for key in row):
                    if key.get(match) == button:
                        return holder, key
        raise AssertionError(f"no button {button!r}; there are {[holder.buttons for holder in said if holder.buttons]}")

    def _membership(self, before: str, after: str) -> None:
        self.since = self.chat.last_change
        self.chat.bot.membership(self.chat, self.user, before, after)

    def _file(self, content: bytes, **details: Any) -> JSON:
        return self.chat.bot.keep_file(content) | details


class Group(Chat):
    """A group or supergroup the bot is in; with `forum`, messages may stand in topics."""

    def person(self, user_id: int, first_name: str = "", **names: Any) -> Person:
        return Person(self, _user(user_id, first_name, **names))

    async def hears(self, wanted: Heard | int = 1, timeout: float = PATIENCE, *, since: int = -1) -> Any:  # noqa: ASYNC109
        return await self.heard(wanted, since, timeout)

    async def removes_bot(self, by: int = 1) -> None:
        kind = "supergroup" if self.kind == "supergroup" else "group"
        self.refusal = Refused(403, f"Forbidden: bot was kicked from the {kind} chat")
        self.bot.membership(self, _user(by, ""), "member", "kicked")

    async def becomes_supergroup(self, new_id: int) -> Group:
        """Migrate: the old id is refused with `migrate_to_chat_id`, both chats say so."""
        new = self.bot.group(new_id, self.data["title"], forum=bool(self.data.get("is_forum")))
        description = "Bad Request: group chat was upgraded to a supergroup chat"
        self.refusal = Refused(400, description, migrate_to_chat_id=new_id)
        somebody = _user(1, "")
        for chat, content in ((self, {"migrate_to_chat_id": new_id}), (new, {"migrate_from_chat_id": self.id})):
            self.bot.updates.push({"message": chat.add(somebody, content).data})
        return new


class Bot:
    """The state of one token: who it is, its chats, updates, files, commands and traffic."""

    def __init__(self, token: str, username: str, updates: UpdateQueue, gate: FloodGate) -> None:
        self.token, self.updates, self.gate = token, updates, gate
        self.id = int(token.partition(":")[0])
        self.user: JSON = {"id": self.id, "is_bot": True, "first_name": username, "username": username}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, bytes] = {}
        self.presses: dict[str, Press] = {}
        self.commands: dict[str, list[JSON]] = {}
        self.reads_all_in_groups = True
        self.message_ids = count(1)
        self.moments = count(1)
        self._file_ids = count(1)
        self._people: dict[int, Person] = {}

    def person(self, user_id: int, first_name: str = "", *, started: bool = False, **names: Any) -> Person:
        """A person's private chat with this bot, the same each time; unless `started`, the bot may not write first."""
        if user_id not in self._people:
            user = _user(user_id, first_name, **names)
            shown = {key: user.get(key) for key in ("first_name", "last_name", "username")}
            chat = self.chats[user_id] = Chat(self, user_id, "private", **shown)
            if not started:
                chat.refusal = Refused(403, "Forbidden: bot can't initiate conversation with a user")
            self._people[user_id] = Person(chat, user)
        return self._people[user_id]

    def group(self, chat_id: int, title: str = "Group", *, forum: bool = False) -> Group:
        """A group the bot is in; a supergroup when the id starts with -100, as on Telegram."""
        if chat_id not in self.chats:
            kind = "supergroup" if str(chat_id).startswith("-100") else "group"
            self.chats[chat_id] = Group(self, chat_id, kind, title=title, is_forum=forum)
        group = self.chats[chat_id]
        assert isinstance(group, Group)
        return group

    def chat(self, chat_id: Any) -> Chat:
        """The chat a call is about, or the refusal Telegram gives when the bot may not write there."""
        if chat_id in (None, ""):
            raise bad_request("chat_id is empty")
        chat = self.chats.get(chat_id)
        if chat is None:
            raise bad_request("chat not found")
        if chat.refusal:
            raise chat.refusal
        return chat

    def inject(self, update: JSON) -> int | None:
        """Queue a raw update; without an `update_id` it gets the next."""
        return self.updates.push(update)

    def keep_file(self, content: bytes) -> JSON:
        file_id = f"file-{self.id}-{next(self._file_ids)}"
        self.files[file_id] = content
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(content)}

    def new_press(self, data: str) -> Press:
        press = Press(str(self.id * 1_000_000 + len(self.presses) + 1), data)
        self.presses[press.id] = press
        return press

    def is_shown(self, chat: Chat, message: Message) -> bool:
        """In groups a bot with privacy mode on hears only commands and replies to itself."""
        if chat.kind == "private" or self.reads_all_in_groups:
            return True
        replied = message.data.get("reply_to_message", {}).get("from", {}).get("id")
        return message.text.startswith("/") or replied == self.id

    def membership(self, chat: Chat, by: JSON, before: str, after: str) -> None:
        def as_member(status: str) -> JSON:
            return {"user": self.user, "status": status, **({"until_date": 0} if status == "kicked" else {})}

        change = {"chat": chat.data, "from": by, "date": int(time.time())}
        change |= {"old_chat_member": as_member(before), "new_chat_member": as_member(after)}
        self.updates.push({"my_chat_member": change})


def _user(user_id: int, first_name: str, **names: Any) -> JSON:
    return {
        "id": user_id,
        "is_bot": False,
        "first_name": first_name or f"Person {user_id}",
        "language_code": "vi",
        **names,
    }
