"""Officers write bulletins at their desk, see them as each channel shows them, and a second person releases them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.bulletin_runs import add_run
from db.bulletins import AlreadyStarted, change, digest_bulletin, list_events
from db.models import (
    Account,
    Bulletin,
    BulletinFile,
    BulletinState,
    BulletinWaiver,
    Conversation,
    Person,
    Role,
    RoleGrant,
)
from handlers.actions import ActOnBulletin, ActOnRun, ListBulletins, ShowBulletin, ShowWaivers, WriteBulletin, encode
from handlers.bulletins.content import MOST_BUTTONS, Content
from handlers.bulletins.desk_seat import Unfit
from handlers.bulletins.drafting_rules import check_address, check_choices, check_text, check_title
from handlers.bulletins.releasing import count_people, find_waiver_in_force
from handlers.chat import AttachmentKind, StoredReply
from tests.handlers.planted import finds, jpeg, pdf, voice
from tests.handlers.test_officers import give, officer
from tests.small_tree import Tree
from tests.talk import Member, Talk

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Vietnam
TITLE = "Lịch khám sức khỏe"
TEXT = "Mời anh chị đến khám **miễn phí** ngày {ngay}/{thang}.\n\n- Mang theo thẻ\n- [Xem lịch](https://ld.example.vn/kham)"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces, on a working morning."""
    talk.moment = NOW
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


async def editor(talk: Talk, tree: Tree, name: str = "Lê Thị Soạn", unit: int | None = None) -> Member:
    return await officer(talk, name, unit or tree.workplace, Role.BULLETIN_EDITOR)


async def approver(talk: Talk, tree: Tree, name: str = "Trần Văn Duyệt") -> Member:
    return await officer(talk, name, tree.upper, Role.APPROVER)


async def written(writer: Member, title: str = TITLE, text: str = TEXT) -> None:
    """A bulletin is begun and written."""
    await writer.presses_payload(encode(WriteBulletin()))
    await writer.presses("Tin cho đoàn viên")
    await writer.presses("Phúc lợi")
    await writer.says(title)
    await writer.says(text)


def only(talk: Talk) -> Bulletin:
    """The newest bulletin."""
    found: Bulletin = talk.rows(Bulletin)[-1]
    return found


async def act(person: Member, bulletin: Bulletin, what: str, choice: str = "") -> list[StoredReply]:
    return await person.presses_payload(encode(ActOnBulletin(bulletin.id, what, choice)))


async def heard_by(talk: Talk, person: Member) -> None:
    """Notices have arrived."""
    talk.pass_time(seconds=1)
    await person.settled()


def events(talk: Talk, bulletin: Bulletin) -> list[str]:
    """What stands in its record, oldest first."""
    return [one.what for one in talk.look(list_events, bulletin.id)]


def all_heard(heard: list[StoredReply]) -> str:
    return "\n".join(f"{reply.text}\n{[button.label for button in reply.buttons]}" for reply in heard)


def person_of(talk: Talk, member: Member) -> int:
    [account] = [row for row in talk.rows(Account) if row.address_hash == member.lane]
    assert account.person_id is not None
    return account.person_id


async def submitted(talk: Talk, tree: Tree) -> tuple[Member, Member, Bulletin]:
    """An editor, an approver, and a bulletin that waits for the approver."""
    writer, second = await editor(talk, tree), await approver(talk, tree)
    await written(writer)
    await writer.presses("Gửi duyệt")
    await heard_by(talk, second)
    return writer, second, only(talk)


# Writing


async def test_editor_writes_a_bulletin_from_the_officers_menu(talk: Talk, tree: Tree) -> None:
    """From the desk to a finished draft in a few answers; everything stands in one row."""
    writer = await editor(talk, tree)
    await writer.says("bàn")
    await writer.presses("Bản tin")
    await writer.presses("Soạn bản tin")
    await writer.presses("Tin cho đoàn viên")
    await writer.presses("Phúc lợi")
    await writer.says(TITLE)
    await writer.says(TEXT)
    writer.hears(TITLE, "CĐCS Công ty May Một", "Phúc lợi", "bản nháp")
    draft = only(talk)
    assert (draft.state, draft.topic, draft.unit_id) == (BulletinState.DRAFT, "welfare", tree.workplace)
    assert Content.from_json(draft.content).text == TEXT
    assert draft.audience["units"] == [tree.workplace]


async def test_draft_survives_an_interruption_and_goes_on_another_day(talk: Talk, tree: Tree) -> None:
    """Whoever is called away after the title finds the draft, and what it lacks, in the list."""
    writer = await editor(talk, tree)
    await writer.presses_payload(encode(WriteBulletin()))
    await writer.presses("Tin cho đoàn viên")
    await writer.presses("Phúc lợi")
    await writer.says(TITLE)
    await writer.says("hủy")
    talk.pass_time(days=2)
    await writer.presses_payload(encode(ListBulletins()))
    await writer.presses("Bản nháp (1)")
    await writer.presses(TITLE)
    writer.hears("Còn thiếu", "nội dung")
    assert "Gửi duyệt" not in all_heard(writer.heard[-1:])
    await writer.presses("Sửa nội dung")
    await writer.presses("Nội dung")
    await writer.says(TEXT)
    assert writer.button("Gửi duyệt")


async def test_a_shop_steward_and_a_member_have_no_bulletins_desk(talk: Talk, tree: Tree) -> None:
    """Neither the button nor the action is theirs."""
    leader = await officer(talk, "Phạm Văn Tổ", tree.team, Role.TEAM_LEADER)
    await leader.says("bàn")
    assert "Bản tin" not in [button.label for button in leader.heard[-1].buttons]
    lan = talk.member("Lan")
    for person in (leader, lan):
        await person.presses_payload(encode(WriteBulletin()))
        person.hears("không có quyền")
    assert talk.rows(Bulletin) == []


async def test_editor_touches_only_bulletins_of_their_own_tree(talk: Talk, tree: Tree) -> None:
    """The neighbours' draft is neither listed nor opened, nor changed by a button that was passed on."""
    await written(await editor(talk, tree))
    stranger = await editor(talk, tree, "Đỗ Thị Lạ", tree.other_workplace)
    draft = only(talk)
    await stranger.presses_payload(encode(ShowBulletin(draft.id)))
    stranger.hears("không có quyền")
    for what in ("title", "submit", "drop", "preview", "test", "public", "copy", "stop"):
        await act(stranger, draft, what, "y" if what in ("drop", "stop") else "")
        stranger.hears("không có quyền")
    await stranger.presses_payload(encode(ListBulletins()))
    assert "Bản nháp (0)" in all_heard(stranger.heard[-1:])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("**đậm", "unbalanced_bold"),
        ("# Tiêu đề\nchữ", "strange_formatting"),
        ("<b>đậm</b>", "strange_formatting"),
        ("| a | b |", "strange_formatting"),
        ("xem [đây](http://a.vn)", "address_unfit"),
        ("xem [ ](https://a.vn)", "link_words"),
        ("**[đây](https://a.vn)**", "bold_link"),
        ("", "words_please"),
        ("a" * 1501, "too_long"),
        ("😀" * 751, "too_long"),
    ],
)
def test_text_that_some_channel_would_garble_is_refused(words: str, problem: str) -> None:
    """What looks like formatting and is none would stand there in signs."""
    with pytest.raises(Unfit) as refused:
        check_text(words)
    assert refused.value.key == f"bulletin_desk.{problem}"


def test_text_in_the_subset_is_taken_as_it_is() -> None:
    """Bold, lists, links, sums and stars that mean nothing."""
    for words in (TEXT, "5*3 = 15", "Lương < 5 triệu & > 4 triệu", "- một\n- hai"):
        assert check_text(words) == words


@pytest.mark.parametrize(
    "address",
    [
        "http://a.vn", "https://localhost/x", "https://10.0.0.1/", "https://a", "javascript:alert(1)", "https://u:p@a.vn",
        "https://a.vn:8443/", "https://a.vn/ b", "https://a.vn/\"x", "ftp://a.vn", "//a.vn", "https://", "https://a.vn:x/",
    ],
)  # fmt: skip
def test_address_that_leads_nowhere_public_is_refused(address: str) -> None:
    """A button opens https on a public name, without a password in it."""
    with pytest.raises(Unfit):
        check_address(address)


def test_public_addresses_are_taken() -> None:
    """Also with marks in the name and a long path."""
    for address in ("https://congdoan.vn", "https://ld.example.vn/tin/2026?a=1&b=2#c", "https://côngđoàn.vn/tin"):
        assert check_address(address) == address


def test_titles_and_choices_have_their_form() -> None:
    """A title is one plain line, choices are two to five different ones."""
    for title in ("a\nb", "**a**", "[a](https://a.vn)", "a" * 101):
        with pytest.raises(Unfit):
            check_title(title)
    assert check_choices("- Có\n\n- Không") == ("Có", "Không")
    for choices in ("Có", "Có\ncó", "1\n2\n3\n4\n5\n6", "Có\n" + "a" * 41):
        with pytest.raises(Unfit):
            check_choices(choices)


async def test_unfit_text_is_explained_and_asked_again(talk: Talk, tree: Tree) -> None:
    """The editor hears which part is meant, and types it again at once."""
    writer = await editor(talk, tree)
    await written(writer, text="Chữ **đậm không đóng")
    assert "đậm không đóng" in all_heard(writer.heard[-2:])
    await writer.says(TEXT)
    assert Content.from_json(only(talk).content).text == TEXT


async def test_pictures_and_documents_are_cleaned_named_anew_and_at_most_five(talk: Talk, tree: Tree) -> None:
    """Nothing of who made them is left; a voice is not taken; one is taken out again."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "files")
    await writer.sends_file(jpeg(), AttachmentKind.PICTURE)
    writer.hears("1 trên 5", "anh-1.jpg")
    await writer.sends_file(pdf())
    await writer.sends_file(voice("ogg", "libopus", rate=48_000), AttachmentKind.VOICE)
    assert "chỉ gửi được ảnh" in all_heard(writer.heard[-2:])
    for _ in range(4):
        await writer.sends_file(jpeg(), AttachmentKind.PICTURE)
    assert "nhiều nhất 5" in all_heard(writer.heard[-2:])
    files = talk.rows(BulletinFile)
    assert len(files) == 5
    assert only(talk).content["files"] == [file.id for file in files]
    with talk.database.read() as session:
        assert all(finds(session.get_one(BulletinFile, file.id).content) == [] for file in files)
    await writer.presses("Bỏ anh-1.jpg")
    writer.hears("4 trên 5")
    assert len(talk.rows(BulletinFile)) == 4


async def test_buttons_are_added_taken_away_and_never_too_many(talk: Talk, tree: Tree) -> None:
    """A link, a question to the FAQ, a poll; one question is enough, and the same words stand once."""
    writer = await editor(talk, tree)
    await written(writer)
    draft = only(talk)
    await act(writer, draft, "add", "link")
    await writer.says("Xem quyết định")
    await writer.says("http://khong-an-toan.vn")
    assert "https" in all_heard(writer.heard[-2:])
    await writer.says("https://ld.example.vn/qd")
    await act(writer, draft, "add", "ask")
    await writer.presses("Hỏi thêm")
    await writer.says("cưới được nghỉ mấy ngày")
    assert "sẽ trả lời" in all_heard(writer.heard[-2:])
    await act(writer, draft, "add", "poll")
    await writer.says("Anh chị muốn khám ngày nào?")
    await writer.says("Thứ bảy\nChủ nhật")
    blocks = Content.from_json(only(talk).content).blocks
    assert [block.kind.value for block in blocks] == ["link", "ask", "poll"]
    assert blocks[2].choices == ("Thứ bảy", "Chủ nhật")
    await act(writer, draft, "add", "rsvp")
    await writer.presses("Anh/chị có dự không?")
    assert "chỉ hỏi một câu" in all_heard(writer.heard[-2:])
    await act(writer, draft, "add", "report")
    await writer.says("xem quyet dinh")
    assert "đã có nút" in all_heard(writer.heard[-2:]).lower()
    for number in range(MOST_BUTTONS - 4):
        await act(writer, draft, "add", "link")
        await writer.says(f"Trang số {number}")
        await writer.says("https://ld.example.vn")
    await act(writer, draft, "add", "report")
    await writer.presses("Gửi phản ánh")
    assert "không đủ chỗ" in all_heard(writer.heard[-2:]).lower()
    await act(writer, draft, "remove")
    await writer.presses("Bỏ: Xem quyết định")
    assert next(block.kind.value for block in Content.from_json(only(talk).content).blocks) == "ask"


async def test_quiz_knows_its_right_choice_and_explains(talk: Talk, tree: Tree) -> None:
    """The right one is chosen among those typed."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "add", "quiz")
    await writer.says("Nghỉ cưới mấy ngày?")
    await writer.says("1 ngày\n3 ngày")
    await writer.presses("3 ngày")
    await writer.says("Điều 115 Bộ luật Lao động.")
    [quiz] = Content.from_json(only(talk).content).blocks
    assert (quiz.right, quiz.explanation) == (1, "Điều 115 Bộ luật Lao động.")


async def test_task_always_asks_whether_it_is_done(talk: Talk, tree: Tree) -> None:
    """Without that question it cannot be submitted."""
    writer = await editor(talk, tree)
    await writer.presses_payload(encode(WriteBulletin()))
    await writer.presses("Việc giao cho cán bộ")
    await writer.presses("Việc của công đoàn")
    await writer.says("Nộp báo cáo quý")
    await writer.says("Gửi báo cáo trước ngày 30.")
    [task] = Content.from_json(only(talk).content).blocks
    assert task.kind.value == "task"
    await act(writer, only(talk), "remove", "1")
    await act(writer, only(talk), "submit")
    writer.hears("chưa gửi duyệt được", "đã làm hay chưa")
    await act(writer, only(talk), "add", "task")
    await writer.presses("Anh/chị đã làm việc này chưa?")
    assert Content.from_json(only(talk).content).blocks == (task,)


async def test_editor_says_when_it_goes_out_and_reads_the_next_dates(talk: Talk, tree: Tree) -> None:
    """Typed as people say it, shown with the dates to come, and kept in the row."""
    writer = await editor(talk, tree)
    await written(writer)
    await writer.presses("Thời gian gửi")
    await writer.says("thứ 2 hằng tuần 8h")
    writer.hears("30/11/2026", "07/12/2026")
    await writer.presses("Lưu")
    writer.hears(TITLE, "30/11/2026")
    assert only(talk).timing["weekdays"] == [1]
    assert writer.button("Gửi duyệt")


async def test_dropped_draft_leaves_no_words_behind(talk: Talk, tree: Tree) -> None:
    """Its text and files are erased; that somebody dropped one stays on record."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "files")
    await writer.sends_file(jpeg(), AttachmentKind.PICTURE)
    await act(writer, only(talk), "drop")
    await writer.presses("Xóa hẳn")
    writer.hears("Đã xóa")
    dropped = only(talk)
    assert dropped.state is BulletinState.DROPPED
    assert (dropped.content["title"], dropped.content["text"]) == ("", "")
    assert talk.rows(BulletinFile) == []
    assert events(talk, dropped)[-1] == "dropped"


# Preview and trial


async def test_preview_shows_each_channel_with_what_it_loses(talk: Talk, tree: Tree) -> None:
    """By the code that sends: a list where nobody presses, no bold on an Official Account, and its five buttons."""
    writer = await editor(talk, tree)
    await written(writer)
    draft = only(talk)
    await act(writer, draft, "add", "poll")
    await writer.says("Ngày nào?")
    await writer.says("Hai\nBa\nTư\nNăm\nSáu")
    await act(writer, draft, "preview")
    writer.hears("Telegram", "Zalo", "không có chữ đậm", "người nhận gõ số")
    shown = {}
    for channel in ("web", "telegram", "zalo_bot", "zalo_oa"):
        shown[channel] = all_heard(await act(writer, draft, "preview", channel))
    assert "**miễn phí**" in shown["telegram"]
    assert "**miễn phí**" in shown["zalo_bot"]
    assert "miễn phí" in shown["zalo_oa"]
    assert "**miễn phí**" not in shown["zalo_oa"]
    assert "1. Hai" in shown["zalo_bot"]
    assert "1. Hai" in shown["zalo_oa"]
    assert "1. Hai" not in shown["web"]
    assert "Nút bấm: Hai" in shown["web"]
    assert "Xem lịch (https://ld.example.vn/kham)" in shown["zalo_oa"]
    assert "ngày 23/11" in shown["web"]


async def test_text_that_becomes_two_messages_somewhere_is_not_submitted(talk: Talk, tree: Tree) -> None:
    """A bulletin that arrives in halves is read in halves: the editor hears on which channel."""
    writer = await editor(talk, tree)
    await written(writer, text="dài " * 374)
    draft = only(talk)
    for number in range(4):
        await act(writer, draft, "add", "link")
        await writer.says(f"Trang {number} " + "x" * 30)
        await writer.says(f"https://ld.example.vn/{'y' * 150}")
    await act(writer, draft, "submit")
    writer.hears("chưa gửi duyệt được", "Zalo")
    assert only(talk).state is BulletinState.DRAFT


async def test_trial_goes_to_oneself_alone_and_says_so(talk: Talk, tree: Tree) -> None:
    """The editor gets the very message, marked; nobody else gets anything."""
    writer, second = await editor(talk, tree), await approver(talk, tree)
    await written(writer)
    await act(writer, only(talk), "files")
    await writer.sends_file(jpeg(), AttachmentKind.PICTURE)
    others = len(second.heard)
    await act(writer, only(talk), "test")
    await heard_by(talk, writer)
    trial = next(reply for reply in writer.heard if "(Bản thử" in reply.text)
    assert TITLE in trial.text
    assert trial.files[0].media_type == "image/jpeg"
    assert not trial.files[0].is_personal
    assert len(second.heard) == others
    assert "tested" in events(talk, only(talk))


async def test_what_is_pressed_under_a_trial_says_that_it_does_not_count(talk: Talk, tree: Tree) -> None:
    """Neither a vote nor the way out: whoever tries the buttons is still sent bulletins."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "add", "poll")
    await writer.says("Anh chị muốn khám ngày nào?")
    await writer.says("Thứ bảy\nChủ nhật")
    for label in ("Chủ nhật", "Ngừng nhận tin"):
        await act(writer, only(talk), "test")
        await heard_by(talk, writer)
        trial = next(reply for reply in reversed(writer.heard) if "(Bản thử" in reply.text)
        await writer.presses_payload(next(one.action for one in trial.buttons if one.label == label) or "")
        writer.hears("bản thử", "không tính")


# Release


async def test_second_person_is_told_looks_and_releases(talk: Talk, tree: Tree) -> None:
    """The approver hears at once, sees all of it with the next date, and one press releases what was seen."""
    writer, second, bulletin = await submitted(talk, tree)
    second.hears("chờ anh/chị duyệt", TITLE)
    await second.presses("Mở bản tin")
    await second.presses("Xem để duyệt")
    second.hears(TITLE, "Người nhận", "Duyệt đúng bản tin này".lower())
    await second.presses("Duyệt, cho gửi")
    second.hears("Đã duyệt")
    released = only(talk)
    assert released.state is BulletinState.RELEASED
    assert released.released_hash == talk.look(digest_bulletin, released)
    assert released.next_at is not None
    assert (released.released_by_id, released.released_alone) == (person_of(talk, second), False)
    await heard_by(talk, writer)
    writer.hears("đã được duyệt", TITLE)
    assert events(talk, bulletin) == ["created", "edited", "edited", "submitted", "released"]


async def test_returned_with_a_reason_it_is_a_draft_again(talk: Talk, tree: Tree) -> None:
    """The editor hears why, mends it and submits again."""
    writer, second, _bulletin = await submitted(talk, tree)
    await second.presses("Mở bản tin")
    await second.presses("Trả lại")
    await second.says("Thiếu địa điểm khám")
    await heard_by(talk, writer)
    writer.hears("bị trả lại", "Thiếu địa điểm khám")
    await writer.presses("Mở bản tin")
    writer.hears("bản nháp", "Thiếu địa điểm khám")
    assert only(talk).state is BulletinState.DRAFT


async def test_whoever_wrote_changed_or_submitted_it_never_releases_it(talk: Talk, tree: Tree) -> None:
    """Also with the right to release, and also for a single changed word."""
    writer, second, bulletin = await submitted(talk, tree)
    for person in (writer, second):
        with talk.database.begin() as session:
            for role in (Role.BULLETIN_EDITOR, Role.APPROVER):
                add_role(session, person_of(talk, person), tree.upper, role, talk)
    await act(writer, bulletin, "decide")
    writer.hears("người khác phải duyệt")
    await act(second, bulletin, "title")
    await second.says("Lịch khám sức khỏe mới")
    await act(second, bulletin, "submit")
    for person in (writer, second):
        digest = talk.look(digest_bulletin, only(talk))
        await act(person, bulletin, "release", digest[:12])
        person.hears("người khác phải duyệt")
    assert only(talk).state is BulletinState.SUBMITTED


def add_role(session: Session, person_id: int, unit_id: int, role: Role, talk: Talk) -> None:
    session.add(RoleGrant(person_id=person_id, unit_id=unit_id, role=role, from_on=talk.today, granted_at=talk.now()))


async def test_another_account_or_profile_of_the_same_person_is_no_second_person(talk: Talk, tree: Tree) -> None:
    """A second phone, a profile merged into the first, or one of the same name and birthday: all are one."""
    writer, second, bulletin = await submitted(talk, tree)
    seen = talk.look(digest_bulletin, bulletin)[:12]
    with talk.database.begin() as session:
        mine, other = session.get_one(Person, person_of(talk, writer)), session.get_one(Person, person_of(talk, second))
        other.merged_into_id = mine.id
    await act(second, bulletin, "release", seen)
    second.hears("người khác phải duyệt")
    with talk.database.begin() as session:
        mine, other = session.get_one(Person, person_of(talk, writer)), session.get_one(Person, person_of(talk, second))
        other.merged_into_id = None
        mine.identity_hash = other.identity_hash = "ab" * 16
    await act(second, bulletin, "release", seen)
    second.hears("người khác phải duyệt")
    with talk.database.begin() as session:
        session.get_one(Person, person_of(talk, second)).identity_hash = None
    await act(second, bulletin, "release", seen)
    second.hears("Đã duyệt")


@pytest.mark.parametrize("part", ["title", "text", "topic", "public", "add"])
async def test_any_edit_voids_a_release(talk: Talk, tree: Tree, part: str) -> None:
    """A released bulletin that has not begun to go out is a draft again, on record."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    assert only(talk).state is BulletinState.RELEASED
    if part == "add":
        await act(writer, bulletin, "add", "report")
        await writer.presses("Gửi phản ánh")
    else:
        await act(writer, bulletin, part)
    if part in ("title", "text"):
        await writer.says("Chữ khác hẳn")
    if part == "topic":
        await writer.presses("Luật và quyền lợi")
    changed = only(talk)
    assert (changed.state, changed.released_hash, changed.next_at) == (BulletinState.DRAFT, None, None)
    assert "voided" in events(talk, changed)


@pytest.mark.parametrize(
    "parts",
    [{"audience": {"units": [5]}}, {"timing": {"expires_hours": 3}}, {"audience": {"units": [3], "roles": ["chair"]}}],
)
async def test_change_of_audience_or_time_voids_a_release_too(talk: Talk, tree: Tree, parts: dict[str, Any]) -> None:
    """Whichever dialogue changes them; the same value once more changes nothing."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    editor_id = person_of(talk, writer)
    with talk.database.begin() as session:
        row = session.get_one(Bulletin, bulletin.id)
        assert not change(session, row, editor_id, talk.now(), audience=row.audience, timing=row.timing)
        assert row.state is BulletinState.RELEASED
        assert change(session, row, editor_id, talk.now(), **parts)
    assert only(talk).state is BulletinState.DRAFT
    assert events(talk, bulletin)[-2:] == ["voided", "edited"]


async def test_release_binds_to_every_part(talk: Talk, tree: Tree) -> None:
    """No part of a bulletin can change, not even the bytes of a file, and leave the hash as it was."""
    writer = await editor(talk, tree)
    await written(writer)
    await act(writer, only(talk), "files")
    await writer.sends_file(jpeg(), AttachmentKind.PICTURE)
    seen = {talk.look(digest_bulletin, only(talk))}
    changes: list[dict[str, Any]] = [
        {"topic": "law"}, {"content": only(talk).content | {"title": "khác"}}, {"audience": {"units": [tree.team]}},
        {"timing": {"expires_hours": 2}}, {"is_public": True}, {"unit_id": tree.upper}, {"corrects_id": only(talk).id},
    ]  # fmt: skip
    for each in changes:
        with talk.database.begin() as session:
            for name, value in each.items():
                setattr(session.get_one(Bulletin, only(talk).id), name, value)
        seen.add(talk.look(digest_bulletin, only(talk)))
    with talk.database.begin() as session:
        session.query(BulletinFile).one().digest = "0" * 64
    seen.add(talk.look(digest_bulletin, only(talk)))
    assert len(seen) == len(changes) + 2


async def test_audience_outside_of_the_units_own_tree_is_neither_submitted_nor_released(talk: Talk, tree: Tree) -> None:
    """Nobody writes to somebody else's members, also when the unit moved away after the submission."""
    writer, second, bulletin = await submitted(talk, tree)
    with talk.database.begin() as session:
        session.get_one(Bulletin, bulletin.id).audience = {"units": [tree.other_workplace]}
    await act(second, bulletin, "release", talk.look(digest_bulletin, only(talk))[:12])
    second.hears("không thuộc đơn vị gửi")
    assert only(talk).state is BulletinState.SUBMITTED
    await act(writer, bulletin, "take_back")
    await act(writer, bulletin, "submit")
    writer.hears("không thuộc đơn vị gửi")


async def test_release_of_what_was_changed_meanwhile_is_refused(talk: Talk, tree: Tree) -> None:
    """The approver's button holds the hash of what they saw."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "decide")
    await act(writer, bulletin, "title")
    await writer.says("Tiêu đề khác")
    await writer.presses("Gửi duyệt")
    await second.presses("Duyệt, cho gửi")
    second.hears("vừa được sửa")
    assert only(talk).state is BulletinState.SUBMITTED


async def test_taken_back_it_does_not_go_out(talk: Talk, tree: Tree) -> None:
    """Submitted or released, its editor takes it back with one press."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    await writer.presses_payload(encode(ShowBulletin(bulletin.id)))
    await writer.presses("Rút lại để sửa")
    writer.hears("bản nháp")
    assert (only(talk).state, only(talk).next_at) == (BulletinState.DRAFT, None)


async def test_approver_takes_back_what_they_released_and_its_editor_is_told(talk: Talk, tree: Tree) -> None:
    """Whoever sees the mistake a minute after the release need not look for the editor."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "take_back")
    second.hears("không có quyền")
    await second.presses_payload(encode(ShowBulletin(bulletin.id)))
    await second.presses("Xem để duyệt")
    await second.presses("Duyệt, cho gửi")
    await second.presses("Về bản tin")
    await second.presses("Rút lại để sửa")
    assert (only(talk).state, only(talk).released_hash) == (BulletinState.DRAFT, None)
    await heard_by(talk, writer)
    writer.hears("đã rút lại", TITLE)


async def test_approver_ends_a_bulletin_that_recurs(talk: Talk, tree: Tree) -> None:
    """Whoever let it go may also say that it goes no more."""
    _writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    start_run(talk, bulletin)
    with talk.database.begin() as session:
        session.get_one(Bulletin, bulletin.id).next_at = talk.now() + timedelta(days=7)
    await second.presses_payload(encode(ShowBulletin(bulletin.id)))
    await second.presses("Dừng các kỳ sau")
    await second.presses("Dừng hẳn")
    assert (only(talk).state, only(talk).next_at) == (BulletinState.ENDED, None)


async def test_editor_is_not_offered_a_decision_that_is_not_theirs(talk: Talk, tree: Tree) -> None:
    """While it waits for the second person, the one who wrote it may take it back."""
    writer, _second, bulletin = await submitted(talk, tree)
    shown = await writer.presses_payload(encode(ShowBulletin(bulletin.id)))
    labels = [button.label for button in shown[-1].buttons]
    assert "Xem để duyệt" not in labels
    assert "Rút lại để sửa" in labels
    assert len(labels) <= 8


async def test_work_of_officers_is_never_public(talk: Talk, tree: Tree) -> None:
    """The button is not there, and an old one does nothing."""
    writer = await editor(talk, tree)
    await writer.presses_payload(encode(WriteBulletin()))
    await writer.presses("Việc giao cho cán bộ")
    await writer.presses("Việc của công đoàn")
    await writer.says("Nộp báo cáo quý")
    await writer.says("Gửi báo cáo trước ngày 30.")
    shown = await act(writer, only(talk), "edit")
    assert "trang công khai" not in all_heard(shown)
    await act(writer, only(talk), "public")
    assert not only(talk).is_public


async def test_what_went_out_is_never_changed_but_copied(talk: Talk, tree: Tree) -> None:
    """Every part is refused once a sending has begun, typed words too; a copy is a new draft with the same words."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    start_run(talk, bulletin)
    for what in ("title", "text", "files", "topic", "public", "blocks", "add", "remove", "take_back", "drop"):
        await act(writer, bulletin, what)
        writer.hears("đã gửi hoặc đã kết thúc")
    with talk.database.begin() as session:
        row = session.get_one(Bulletin, bulletin.id)
        with pytest.raises(AlreadyStarted):
            change(session, row, person_of(talk, writer), talk.now(), audience={"units": [tree.root]})
    await act(writer, bulletin, "copy")
    writer.hears(TITLE, "bản nháp")
    assert only(talk).id != bulletin.id
    assert only(talk).content == bulletin.content


async def test_step_left_open_says_that_it_is_too_late(talk: Talk, tree: Tree) -> None:
    """Whoever was asked for a new title when the sending began is told, and the talk is over."""
    writer, _second, bulletin = await submitted(talk, tree)
    await act(writer, bulletin, "title")
    start_run(talk, bulletin)
    await writer.says("Tiêu đề quá muộn")
    writer.hears("đã gửi hoặc đã kết thúc")
    assert only(talk).content["title"] == TITLE
    assert all(row.feature != "bulletin_desk" for row in talk.rows(Conversation))


def start_run(talk: Talk, bulletin: Bulletin) -> int:
    """A sending begins, as the clock begins it."""
    with talk.database.begin() as session:
        when = talk.now()
        plan: dict[str, Any] = {
            "corrects": [],
            "senders": [],
            "slots": {},
            "limits": {},
            "free_only": [],
            "articles": [],
        }
        run = add_run(session, bulletin.id, when, {}, plan, talk.today, when + timedelta(days=1), when)
        assert run is not None
        session.get_one(Bulletin, bulletin.id).next_at = None
        return run.id


async def test_sending_is_held_back_let_go_and_called_off(talk: Talk, tree: Tree) -> None:
    """The editor sees how far it is; calling off is asked about first, and stands on record."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    run_id = start_run(talk, bulletin)
    await writer.presses_payload(encode(ShowBulletin(bulletin.id)))
    await writer.presses("Tiến độ")
    await writer.presses("Tạm dừng")
    assert "Đã tạm dừng" in all_heard(writer.heard[-2:])
    await writer.presses("Gửi tiếp")
    await writer.presses("Hủy gửi")
    writer.hears("Không lấy lại được")
    await writer.presses("Hủy hẳn")
    assert events(talk, bulletin)[-3:] == ["paused", "resumed", "cancelled"]
    await writer.presses_payload(encode(ActOnRun(run_id, "pause")))
    writer.hears("đã thay đổi")
    stranger = await editor(talk, tree, "Đỗ Thị Lạ", tree.other_workplace)
    await stranger.presses_payload(encode(ActOnRun(run_id, "cancel_yes")))
    stranger.hears("không có quyền")


async def test_history_names_who_did_what(talk: Talk, tree: Tree) -> None:
    """From the first word to the release."""
    writer, second, bulletin = await submitted(talk, tree)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    await act(writer, bulletin, "history")
    writer.hears("Lê Thị Soạn", "Trần Văn Duyệt", "gửi duyệt", "duyệt")


# One-person unions


async def alone(talk: Talk, tree: Tree) -> Member:
    """The chair of a workplace where nobody else has to do with bulletins."""
    return await officer(talk, "Ngô Thị Chủ", tree.workplace, Role.CHAIR)


async def waived(talk: Talk, tree: Tree) -> Member:
    chair = await alone(talk, tree)
    await chair.presses_payload(encode(ListBulletins()))
    await chair.presses("Cho phép một người duyệt")
    await chair.presses("Cho phép một người duyệt")
    await chair.says("Công đoàn mới thành lập, chưa bầu thêm ai")
    chair.hears("một người được vừa soạn vừa duyệt")
    return chair


async def test_one_person_union_says_so_and_releases_alone_on_record(talk: Talk, tree: Tree) -> None:
    """Without the word nobody releases alone; with it, each release says that it was one person."""
    chair = await alone(talk, tree)
    await written(chair)
    await chair.presses("Gửi duyệt")
    chair.hears("chưa báo được cho ai")
    await act(chair, only(talk), "decide")
    chair.hears("người khác phải duyệt")
    await chair.presses_payload(encode(ShowWaivers(tree.workplace, "give")))
    await chair.says("Chỉ có một mình")
    [waiver] = talk.rows(BulletinWaiver)
    assert (waiver.reason, waiver.given_by_id) == ("Chỉ có một mình", person_of(talk, chair))
    await act(chair, only(talk), "decide")
    await chair.presses("Cho gửi (một người)")
    released = only(talk)
    assert (released.state, released.released_alone) == (BulletinState.RELEASED, True)
    [event] = [one for one in talk.look(list_events, released.id) if one.what == "released"]
    assert event.details["alone"] == waiver.id
    await act(chair, released, "history")
    chair.hears("duyệt (một người)")


async def test_word_lapses_when_there_is_a_second_person(talk: Talk, tree: Tree) -> None:
    """On record, and from that minute two people are needed again."""
    chair = await waived(talk, tree)
    await written(chair)
    await chair.presses("Gửi duyệt")
    assert chair.button("Cho gửi (một người)")
    give(talk, "Trần Văn Hai", tree.upper, Role.APPROVER)
    await chair.presses("Cho gửi (một người)")
    chair.hears("người khác phải duyệt")
    with talk.database.begin() as session:
        assert find_waiver_in_force(session, tree.workplace, talk.now(), talk.today) is None
    [waiver] = talk.rows(BulletinWaiver)
    assert (waiver.ended_at is not None, waiver.ended_by_id) == (True, None)


async def test_two_profiles_of_one_person_are_still_one_person(talk: Talk, tree: Tree) -> None:
    """Whoever holds two profiles neither makes a second person nor loses the word by it."""
    chair = await waived(talk, tree)
    twin = give(talk, "Ngô Thị Chủ", tree.workplace, Role.APPROVER)
    with talk.database.begin() as session:
        for number in (twin, person_of(talk, chair)):
            session.get_one(Person, number).identity_hash = "cd" * 16
    assert talk.look(count_people, tree.workplace, talk.now(), talk.today) == 1


async def test_unit_with_two_people_cannot_waive(talk: Talk, tree: Tree) -> None:
    """The button is not there, and a passed-on one is refused; an editor may not say it at all."""
    chair, writer = await alone(talk, tree), await editor(talk, tree)
    await chair.presses_payload(encode(ListBulletins()))
    assert "Cho phép một người duyệt" not in all_heard(chair.heard[-1:])
    await chair.presses_payload(encode(ShowWaivers(tree.workplace, "give")))
    await chair.says("Tôi muốn nhanh")
    chair.hears("đã có hai người")
    await writer.presses_payload(encode(ShowWaivers(tree.workplace, "give")))
    writer.hears("không có quyền")
    assert talk.rows(BulletinWaiver) == []


async def test_word_is_taken_back(talk: Talk, tree: Tree) -> None:
    """By whoever gives roles at the unit, on record."""
    chair = await waived(talk, tree)
    await chair.presses("Thôi, cần hai người")
    [waiver] = talk.rows(BulletinWaiver)
    assert waiver.ended_by_id == person_of(talk, chair)


# The second factor


@pytest.mark.parametrize("channel", ["web"], indirect=True)
async def test_on_the_web_page_a_release_needs_the_second_factor(talk: Talk, tree: Tree) -> None:
    """As for every role that it guards; also where the one who releases is alone."""
    _writer, second, bulletin = await submitted(talk, tree)
    talk.pass_time(hours=13)
    await act(second, bulletin, "release", talk.look(digest_bulletin, bulletin)[:12])
    second.hears("mã hai lớp")
    assert only(talk).state is BulletinState.SUBMITTED


@pytest.mark.parametrize("channel", ["web"], indirect=True)
async def test_on_the_web_page_one_person_needs_the_second_factor_too(talk: Talk, tree: Tree) -> None:
    """A chair writes without it, and releases alone only with it."""
    chair = await waived(talk, tree)
    talk.pass_time(hours=13)
    await written(chair)
    await chair.presses("Gửi duyệt")
    chair.hears("mã hai lớp")
    await act(chair, only(talk), "release", talk.look(digest_bulletin, only(talk))[:12])
    chair.hears("mã hai lớp")
    assert only(talk).state is BulletinState.SUBMITTED
