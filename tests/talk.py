"""People who talk with the running core, so that a dialogue test reads as a sentence of union life.

Everything is real (inbox, dispatch, ledger, sender, database) but the platform at the edge and the clock.
"""

import asyncio
import base64
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.delivery import Sender
from bot.inbox import Inbox, OperatorContact
from bot.transports import FileTooLarge, Raw, Receive
from bot.transports.formatting import to_plain
from bot.transports.operator_log import OperatorLog
from db.accounts import lane_of, meet_account
from db.conversations import get_conversation
from db.models import BulletinRun, Delivery, DeliveryState, RunState
from db.session import Database
from handlers.chat import Attachment, AttachmentKind, Channel, Incoming, Kind, StoredButton, StoredReply
from handlers.feature import VIETNAM, Union
from handlers.offers import offer
from knowledge.answer import Answerer
from knowledge.normalize import fold

SECONDS = 60
HOTLINE = "1900 0000"
WORKING_MORNING = datetime(2026, 12, 9, 3, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in Vietnam, with no holiday near: what is not urgent waits for nothing, and a day of the week, the
night or Tết decides about no test that does not mean it."""


class Edge:
    """The platform: hands updates in, takes messages out, and fails the way a test asks."""

    sender = "edge:1"
    channel = Channel("edge")
    messages_per_second = None
    text_limit = 4096
    stored_is_sent = False
    is_connected = True

    def __init__(self) -> None:
        self.sent: list[tuple[str, StoredReply]] = []
        self.failures: list[Exception] = []
        self.after_sending: list[Exception] = []
        self.fetch_failures: list[Exception] = []
        self.fetched = 0

    def measure(self, text: str) -> int:
        return len(text)

    def read(self, raw: Raw) -> Incoming | None:
        if raw["kind"] == "noise":
            return None
        return Incoming(
            self.sender,
            raw["who"],
            raw["id"],
            Kind(raw["kind"]),
            raw.get("text", ""),
            raw.get("action"),
            raw.get("name"),
            attachment=Attachment(AttachmentKind(raw["what"])) if "what" in raw else None,
        )

    async def fetch(self, raw: Raw, limit: int) -> bytes:
        self.fetched += 1
        if self.fetch_failures:
            raise self.fetch_failures.pop(0)
        content = base64.b64decode(raw["content"])
        if len(content) > limit:
            raise FileTooLarge
        return content

    async def listen(self, receive: Receive) -> None:
        await asyncio.Event().wait()

    async def send(self, address: str, reply: StoredReply) -> str | None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((address, reply))
        if self.after_sending:
            raise self.after_sending.pop(0)
        return f"m{len(self.sent)}"

    async def close(self) -> None:
        pass

    def press(self, heard: Sequence[StoredReply], label: str) -> Raw:
        """What a person does who presses the newest button whose label holds these words."""
        return {"kind": "button", "action": find_button(heard, label).action}

    def list_heard(self, _talk: "Talk", address: str) -> list[StoredReply]:
        """Everything that was sent to an address, oldest first."""
        return [reply for to, reply in self.sent if to == address]


class Talk:
    """The running core. `member` brings people in; `moment` is the time everybody sees."""

    def __init__(self, database: Database, answerer: Answerer, edge: Edge | None = None) -> None:
        self.database = database
        self.answerer = answerer
        self.moment = WORKING_MORNING
        self.edge = edge or Edge()
        self.operator_log = OperatorLog()
        self.sender = Sender(self.edge, database, self.now)
        self.alerts = Sender(self.operator_log, database, self.now)
        self.inbox = Inbox(
            database,
            answerer,
            Union("Công đoàn Thử nghiệm", HOTLINE),
            OperatorContact(OperatorLog.sender, "operator"),
            self._wake,
            self.now,
        )
        self.inbox.register(self.edge)
        self._ids = itertools.count(1)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, database: Database, answerer: Answerer, edge: Edge | None = None) -> AsyncIterator["Talk"]:
        """Run the core while the block runs; leaving it cuts everything off, like a stopped program."""
        talk = cls(database, answerer, edge)
        tasks = [
            asyncio.create_task(talk.inbox.run(workers=3)),
            asyncio.create_task(talk.sender.run()),
            asyncio.create_task(talk.alerts.run()),
        ]
        try:
            yield talk
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def now(self) -> datetime:
        return self.moment

    @property
    def today(self) -> date:
        """The day in Vietnam."""
        return self.moment.astimezone(VIETNAM).date()

    @staticmethod
    def hours(count: float) -> timedelta:
        """So many hours, for rows that a test stores itself."""
        return timedelta(hours=count)

    def pass_time(self, **amount: float) -> None:
        """Let time pass for everybody."""
        self.moment += timedelta(**amount)
        self._wake(self.edge.sender)

    def member(self, name: str, address: str | None = None) -> "Member":
        """A person on the edge's platform."""
        return Member(self, name, address or f"addr-{name}")

    def new_id(self) -> str:
        return f"{id(self)}-{next(self._ids)}"

    def look(self, work: Callable[..., Any], *args: Any) -> Any:
        """Read committed data through a session of its own."""
        with self.database.read() as session:
            return work(session, *args)

    def rows(self, model: type[Any]) -> list[Any]:
        """Every row of a table, as committed."""

        def read(session: Session) -> list[Any]:
            return list(session.query(model).order_by(*model.__table__.primary_key.columns))

        rows: list[Any] = self.look(read)
        return rows

    def _wake(self, sender: str) -> None:
        (self.sender if sender == self.edge.sender else self.alerts).wake()


class Member:
    """Somebody with a phone."""

    def __init__(self, talk: Talk, name: str, address: str) -> None:
        self._talk = talk
        self.name = name
        self.address = address

    async def says(self, text: str, event_id: str | None = None) -> list[StoredReply]:
        """Send words and wait for what comes back."""
        return await self._do({"kind": "text", "text": text}, event_id)

    async def presses(self, label: str, event_id: str | None = None) -> list[StoredReply]:
        """Press the newest button whose label holds these words; where nobody can press, type its number."""
        await self.settled()  # a number means what it means in the list that came last
        return await self._do(self._talk.edge.press(self.heard, label), event_id)

    async def presses_payload(self, payload: str) -> list[StoredReply]:
        """Press a button of any age; where buttons are numbered, the one an old list means."""
        if not self._talk.edge.channel.numbers_buttons or not payload:
            return await self._do({"kind": "button", "action": payload}, None)
        with self._talk.database.begin() as session:
            now = self._talk.now()
            account, _ = meet_account(session, self._talk.edge.sender, self.lane, self.address, self.name, now)
            offer(get_conversation(session, account.id, now), [StoredButton("Nút của danh sách cũ", payload)])
        return await self.says("1")

    async def does(self, kind: Kind) -> list[StoredReply]:
        """Send a sticker, a file, or leave."""
        return await self._do({"kind": kind.value}, None)

    async def sends_file(
        self, content: bytes, what: AttachmentKind = AttachmentKind.DOCUMENT, event_id: str | None = None
    ) -> list[StoredReply]:
        """Send a picture, document or voice note."""
        raw = {"kind": "file", "what": what.value, "content": base64.b64encode(content).decode()}
        return await self._do(raw, event_id)

    @property
    def lane(self) -> str:
        """The hash by which the database knows this person's address."""
        return lane_of(self._talk.database.keys, self._talk.edge.sender, self.address)

    def button(self, label: str) -> StoredButton:
        """The newest button whose label holds these words. Raises AssertionError when there is none."""
        return find_button(self.heard, label)

    @property
    def heard(self) -> list[StoredReply]:
        """Everything this person was sent, oldest first."""
        return self._talk.edge.list_heard(self._talk, self.address)

    def hears(self, *words: str) -> None:
        """The last message holds these words, whatever the marks."""
        assert self.heard, "nothing was heard"
        last = fold(to_plain(self.heard[-1].text))
        for word in words:
            assert fold(word) in last, f"{word!r} not in {last!r}"

    async def _do(self, raw: dict[str, Any], event_id: str | None) -> list[StoredReply]:
        await self.settled()  # what somebody else set off has arrived before this person goes on
        before = len(self.heard)
        full = {"who": self.address, "id": event_id or self._talk.new_id(), "name": self.name, **raw}
        assert await self._talk.inbox.receive_and_wait(self._talk.edge, full, SECONDS), (
            "the event was not handled in time"
        )
        await self.settled()
        return self.heard[before:]

    async def settled(self) -> None:
        """Wait until nothing is left to be sent now."""
        is_now = Delivery.not_before_at <= self._talk.now()
        is_due = (Delivery.state == DeliveryState.DUE) & is_now
        goes_out = select(BulletinRun.id).where(BulletinRun.state == RunState.SENDING)
        is_planned = (Delivery.state == DeliveryState.PLANNED) & is_now & Delivery.run_id.in_(goes_out)
        is_open = select(Delivery.id).where((Delivery.state == DeliveryState.CLAIMED) | is_due | is_planned).limit(1)
        deadline = asyncio.get_running_loop().time() + SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._talk.look(lambda session: session.scalar(is_open)) is None:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("messages were still being sent")


def find_button(heard: Sequence[StoredReply], label: str) -> StoredButton:
    """The newest button whose label holds these words. Raises AssertionError when there is none."""
    for reply in reversed(heard):
        for button in reply.buttons:
            if fold(label) in fold(button.label):
                return button
    raise AssertionError(f"no button {label!r}; offered: {[b.label for reply in heard[-3:] for b in reply.buttons]}")
