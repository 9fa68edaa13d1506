"""Officers' groups over real HTTP: tied by a code, a topic for each case with nothing of its story, and nothing lost
when a topic is deleted, the bot is removed or the group moves."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.app import utc_now
from db.accounts import lane_of, meet_account
from db.case_history import EventKind, list_lines
from db.codes import show_code
from db.models import Case, CaseState, CaseTopic, Delivery, DeliveryKind, OfficerGroup, Role, WhyUntied
from db.officers import add_grant
from db.people import add_person
from handlers.cases.service import settle, withdraw
from handlers.cases.topics import keep_some_topics
from tests.case_world import day_of, see, send
from tests.small_tree import Tree
from tests.standins.telegram import DESK_TOKEN, TelegramStandIn
from tests.standins.telegram_entities import Refused
from tests.standins.telegram_people import Group, Message, Person

from .telegram_app import RunningBot, StartBot, has

FORUM, MOVED = -1001001001001, -1002002002002
STORY = "Giám đốc Đỗ Văn Kín giữ lương của em ba tháng."


class Office:
    """A ward's union with its chair and a clerk at the desk bot, and a group that may become theirs."""

    def __init__(self, telegram: TelegramStandIn, bot: RunningBot) -> None:
        self.telegram, self.bot, self.desk = telegram, bot, telegram.bot(DESK_TOKEN)
        self.sender = f"telegram_desk:{DESK_TOKEN.split(':')[0]}"
        self.tree = Tree.plant(bot.database, day_of(utc_now()) - timedelta(days=400))
        self.group: Group = self.desk.group(FORUM, "Cán bộ phường Thử", forum=True)
        self.people: dict[int, int] = {}
        self.chair = self.officer(7001, "Trần Thị Chủ", Role.CHAIR)
        self.clerk = self.officer(7002, "Lê Văn Việc", Role.OFFICER)

    def officer(self, number: int, name: str, role: Role) -> Person:
        """Somebody with a role at the ward, signed in at the desk bot."""
        now = utc_now()
        with self.bot.database.begin() as session:
            person = add_person(session, {"full_name": name}, now)
            add_grant(session, person, self.tree.upper, role, day_of(now), now)
            lane = lane_of(self.bot.database.keys, self.sender, str(number))
            account, _ = meet_account(session, self.sender, lane, str(number), name, now)
            account.person_id = person.id
            self.people[number] = person.id
        return self.desk.person(number, name, started=True)

    async def ask_for_code(self) -> str:
        """The chair asks for a code; returns the command to type."""
        await self.chair.says("/nhom")
        await self.chair.hears(has("chưa gắn nhóm"))
        await self.chair.presses("Gắn một nhóm")
        told: Message = await self.chair.hears(has("Gõ trong nhóm"))
        return "/nhom " + told.text.split("/nhom ")[1][:9]

    async def tie(self) -> None:
        """The chair ties the group."""
        command = await self.ask_for_code()
        await self.group.person(7001, "Trần Thị Chủ").says(command)
        await self.chair.hears(has("Gắn nhóm", "Cán bộ phường Thử", "Công đoàn phường Thử"))
        await self.chair.presses("Đúng, gắn nhóm này")
        await self.chair.hears(has("Đã gắn"))

    def report(self, **facts: object) -> str:
        """A worker's report reaches the ward; returns its code."""
        with self.bot.database.begin() as session:
            facts = {"category": "accident", "story": STORY, "workplace_unit_id": self.tree.workplace} | facts
            case, _ = send(session, utc_now(), **facts)
            return case.code

    async def tick(self) -> None:
        """The clock looks after the topics, and what it wrote goes out."""
        now = utc_now()
        alarm = self.bot.app.inbox.alert_operator
        await self.bot.database.run(keep_some_topics, now, day_of(now), alarm, 0)
        self.bot.app._wake(self.sender)
        is_out = lambda: all(row.finished_at for row in self.posts())  # noqa: E731  # said once
        await self.bot.until(is_out)

    def posts(self) -> list[Delivery]:
        return [row for row in self.bot.rows(Delivery) if row.kind is DeliveryKind.GROUP_POST]

    def said(self) -> list[str]:
        """What stands in the group's topics now, oldest first."""
        return [message.text for message in self.group.messages if message.text]

    def topic(self) -> CaseTopic:
        [topic] = self.bot.rows(CaseTopic)
        assert isinstance(topic, CaseTopic)
        return topic

    def tied(self) -> OfficerGroup:
        [group] = self.bot.rows(OfficerGroup)
        assert isinstance(group, OfficerGroup)
        return group

    def operator_heard(self, words: str) -> bool:
        alerts = [row for row in self.bot.rows(Delivery) if row.kind is DeliveryKind.OPERATOR_ALERT]
        return any(words in row.body["text"] for row in alerts)


@pytest.fixture
async def office(telegram: TelegramStandIn, start: StartBot, database_url: str) -> AsyncIterator[Office]:
    """The office at work, on each kind of database."""
    telegram.bot(DESK_TOKEN)
    async with start(database_url, telegram_desk_token=DESK_TOKEN) as bot:
        yield Office(telegram, bot)


async def test_group_is_tied_by_a_code_and_confirmed_in_private(office: Office) -> None:
    """Typed in the group, asked in the private chat of who asked for it; in the group nobody says a word."""
    await office.tie()
    assert office.tied().tied_at is not None
    assert office.said() == []
    await office.chair.says("/nhom")
    await office.chair.hears(has("đang gắn với nhóm", "Cán bộ phường Thử"))
    await office.chair.presses("Thôi gắn nhóm này")
    await office.chair.hears(has("Đã thôi gắn"))
    office.report()
    await office.tick()
    assert office.said() == []


async def test_code_serves_only_who_asked_for_it_in_a_group_with_topics(office: Office) -> None:
    """Another officer, a group without topics, a code of nobody: no group is tied, and each is told why in private."""
    command = await office.ask_for_code()
    await office.group.person(7002, "Lê Văn Việc").says(command)
    await office.clerk.hears(has("Mã gõ trong nhóm không đúng"))
    await office.group.person(7001, "Trần Thị Chủ").says("/nhom AAAA-BBBB")
    await office.chair.hears(has("Mã gõ trong nhóm không đúng"))
    plain = office.desk.group(-1003003003003, "Nhóm thường")
    await plain.person(7001, "Trần Thị Chủ").says(command)
    await office.chair.hears(has("chưa bật", "Chủ đề"))
    await office.clerk.says("/nhom")
    await office.clerk.hears(has("không có quyền"))
    await office.group.person(7001, "Trần Thị Chủ").says(command)
    await office.chair.hears(has("Gắn nhóm", "Cán bộ phường Thử"))
    await office.chair.presses("Không phải")
    await office.chair.hears(has("Chưa gắn nhóm nào"))
    await office.chair.presses("Đúng, gắn nhóm này")
    await office.chair.hears(has("thay đổi"))
    assert office.tied().tied_at is None


async def test_topic_tells_of_each_step_and_the_story_opens_in_private(office: Office) -> None:
    """Code, kind, urgency, deadline and what state it is in; the link opens the story where the reader is known, and
    that is on record. When it is over the topic is closed."""
    await office.tie()
    code = office.report()
    await office.clerk.hears(has(show_code(code), "Tai nạn"))
    await office.tick()
    [topic] = office.group.topics.values()
    assert topic["name"] == f"{show_code(code)} · Tai nạn"
    [first] = [message for message in office.group.messages if message.text]
    assert has(show_code(code), "Tai nạn", "KHẨN CẤP", "hạn")(first)
    assert first.thread == topic["message_thread_id"]
    [link] = [key["url"] for row in first.keyboard for key in row]
    username = office.desk.user["username"]
    assert link == f"https://t.me/{username}?start=vu_{code}"

    await office.clerk.says(f"/start {link.split('start=')[1]}")
    await office.clerk.hears(has("Người lao động kể", "Đỗ Văn Kín"))
    await office.clerk.presses("Tôi nhận")
    await office.clerk.hears(has("Anh/chị đã nhận vụ việc"))
    await office.tick()
    assert "Đã có người nhận" in office.said()[-1]
    with office.bot.database.begin() as session:
        viewer = see(session, office.people[7002], utc_now())
        settle(session, viewer, code, "paid", "Công ty đã trả đủ.", utc_now())
    await office.tick()
    assert "chờ xác nhận" in office.said()[-1]
    with office.bot.database.begin() as session:
        case = session.query(Case).filter_by(code=code).one()
        withdraw(session, case, utc_now())
        reads = [line for line in list_lines(session, case) if line.kind is EventKind.READ]
        assert {line.actor_id for line in reads} == {office.people[7002]}
    await office.tick()
    assert "Đã đóng" in office.said()[-1]
    assert office.group.closed_topics == {topic["message_thread_id"]}
    whole = "\n".join(office.said())
    assert not any(words in whole for words in ("Kín", "lương", "May Một", "Việc", "trả đủ"))
    await office.tick()
    assert len(office.said()) == 4, "nothing is told twice"


async def test_stranger_in_the_group_opens_nothing_by_the_link(office: Office) -> None:
    """Whoever presses it is asked who they are: a bystander is refused, an officer of another unit too."""
    code = office.report()
    stranger = office.desk.person(7009, "Người lạ")
    await stranger.says(f"/start vu_{code}")
    await stranger.hears(has("không có quyền"))
    assert not any("Kín" in message.text for message in stranger.messages)


async def test_deleted_topic_is_opened_anew_and_the_chair_is_told(office: Office) -> None:
    """The next step finds no topic: another one is opened with how the case stands now."""
    await office.tie()
    code = office.report()
    await office.tick()
    [number] = office.group.topics
    office.group.delete_topic(number)
    await office.clerk.presses("Tôi nhận")
    await office.clerk.hears(has("Anh/chị đã nhận vụ việc"))
    for _ in range(3):
        await office.tick()
    [again] = office.group.topics
    assert again != number
    [text] = office.said()
    assert show_code(code) in text
    assert "Chủ đề trước không còn" in text
    assert office.topic().number == again
    assert any("bị xóa" in row.body["text"] for row in office.bot.rows(Delivery) if row.kind is DeliveryKind.NOTICE)
    assert office.operator_heard("đơn vị PT")


async def test_chair_hears_at_once_that_the_bot_was_taken_out_of_the_group(office: Office) -> None:
    """Telegram says so, and nobody waits for a case that could not be posted. Of any other group it ends nothing."""
    await office.tie()
    other = office.desk.group(MOVED, "Nhóm khác", forum=True)
    await other.removes_bot(by=7002)
    await office.clerk.says("/nhom")  # one after the other: by its answer the update before is handled
    await office.clerk.hears(has("không có quyền"))
    assert office.tied().ended_at is None
    await office.group.removes_bot(by=7002)
    await office.bot.until(lambda: office.tied().why_ended is WhyUntied.REMOVED)
    [notice] = [row for row in office.bot.rows(Delivery) if row.kind is DeliveryKind.NOTICE]
    assert "Bot không còn trong nhóm **Cán bộ phường Thử**" in notice.body["text"]
    assert office.operator_heard("Bot không còn trong nhóm Telegram của đơn vị PT")
    await office.clerk.says("/nhom")
    await office.clerk.hears(has("không có quyền"))  # who did it goes on at the desk as before
    office.report()
    await office.tick()
    assert office.posts() == []


async def test_removed_bot_ends_the_tie_and_alerts_go_on(office: Office) -> None:
    """Also when that Telegram said so was never heard. The chair and the operator are told; personal alerts never went
    by the group."""
    await office.tie()
    office.group.refusal = Refused(403, "Forbidden: bot was kicked from the supergroup chat")
    code = office.report()
    await office.clerk.hears(has(show_code(code), "Anh/chị nhận vụ này"))
    for _ in range(2):
        await office.tick()
    assert office.tied().why_ended is WhyUntied.REMOVED
    notices = [row for row in office.bot.rows(Delivery) if row.kind is DeliveryKind.NOTICE]
    assert any("không còn trong nhóm" in row.body["text"] for row in notices)
    assert office.operator_heard("Bot không còn trong nhóm Telegram của đơn vị PT")
    await office.clerk.presses("Tôi nhận")
    await office.clerk.hears(has("Anh/chị đã nhận vụ việc"))
    assert [case.state for case in office.bot.rows(Case)] == [CaseState.CLAIMED]


async def test_migrated_group_is_followed(office: Office) -> None:
    """The message goes to the new address, in a topic of its own there; the chair and the operator hear of it."""
    await office.tie()
    new = await office.group.becomes_supergroup(MOVED)
    code = office.report()
    for _ in range(2):
        await office.tick()
    assert [message.text for message in new.messages if show_code(code) in message.text]
    assert office.tied().address == str(MOVED)
    assert office.operator_heard("đã đổi địa chỉ nhóm")
    office.group = new
    await office.clerk.presses("Tôi nhận")
    await office.clerk.hears(has("Anh/chị đã nhận vụ việc"))
    await office.tick()
    assert "Đã có người nhận" in office.said()[-1]


async def test_missing_right_is_said_and_tried_again(office: Office) -> None:
    """A bot that may not manage topics opens none: the chair hears which rights it needs, and later it works."""
    await office.tie()
    office.group.lets_manage_topics = False
    code = office.report()
    for _ in range(3):
        await office.tick()
    assert len(office.posts()) == 1, "it is not tried again at once"
    assert office.operator_heard("không nhận tin")
    office.group.lets_manage_topics = True
    with office.bot.database.begin() as session:
        session.query(OfficerGroup).one().silent_until = utc_now() - timedelta(minutes=1)
    await office.tick()
    [text] = office.said()
    assert show_code(code) in text
