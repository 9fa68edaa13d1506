"""Planted canaries in everything a channel says of an anonymous worker: none of them reaches an officer, a log, an
export, an alert, the database's files or a backup."""

import json
import logging
import shutil
import time
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import structlog
from prometheus_client import generate_latest

from bot.__main__ import main
from bot.app import utc_now
from bot.logs import set_up_logs
from bot.settings import Settings
from db.accounts import lane_of, meet_account
from db.case_history import anchor_heads
from db.codes import show_code
from db.models import Account, Case, CaseFile, CaseState, Delivery, DeliveryKind, Person
from db.people import add_membership, add_person
from handlers.actions import ActOnCase, ClaimCase, ListCases, ShowCase, encode
from handlers.cases.clockwork import run_due
from handlers.cases.publishing import publish_month
from handlers.cases.statistics import month_of
from knowledge.normalize import fold
from tests.case_world import day_of, send
from tests.handlers import planted
from tests.standins import telegram_faults as fault
from tests.standins.telegram import DESK_TOKEN, TOKEN, TelegramStandIn
from tests.standins.telegram_people import Message
from tests.standins.telegram_people import Person as Writer

from . import canaries
from .canaries import found_in
from .telegram_app import RunningBot, StartBot, has
from .test_at_rest import files_of
from .test_case_topics import Office
from .test_web import Site

SENDER = f"telegram:{TOKEN.split(':')[0]}"
K, OPERATOR = 5, 7000
MORE = "Công ty hẹn mùng mười, em chờ."
STORY = "Công ty nợ lương hai tháng, quản đốc bảo cứ chờ."
PHOTO, PDF, WORD, VOICE = planted.jpeg(), planted.pdf(), planted.word(), planted.voice("mp4", "aac")
"""Made before the log is set up: the library that makes them tells the log at DEBUG what it writes into them."""
LOGGED = (b"telegram_update_unreadable", b"file_not_fetched")
SLOWLY = 60.0
"""Seconds: a file is cleaned in a process that loads its libraries first."""


BY_HAND = {
    canaries.FIRST: (
        "Bạch Nhạn", "bach nhan", "BẠCH NHẠN", "B%E1%BA%A1ch+Nh%E1%BA%A1n", "B\\u1ea1ch Nh\\u1ea1n",
        "QuG6oWNoIE5o4bqhbg", "42E1BAA16368204E68E1BAA16E",
    ),
    canaries.SHARED_PHONE: ("0938271605", "+84938271605", "84938271605", "0938 271 605", "0938.271.605"),
    str(canaries.NUMBER): ("6180339887", "1706080af"),
}  # fmt: skip
"""Some canaries as they may be found, written without the scan's own list."""


def test_scan_finds_canaries_in_any_spelling_and_packed() -> None:
    """A scan that finds nothing anywhere would prove nothing."""
    for word, forms in BY_HAND.items():
        assert [form for form in forms if word not in found_in(f"...{form}...".encode())] == []
    for form, word in canaries.FORMS.items():
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/b.xml", b"..." + form)
        assert word in found_in(packed.getvalue())
    for made in (PHOTO, PDF, WORD, VOICE):
        assert planted.PLANT in found_in(made)


# The worker


def lane_at(bot: RunningBot, number: int) -> str:
    """The hash by which the database knows an account."""
    return lane_of(bot.database.keys, SENDER, str(number))


def worker(office: Office, number: int) -> Writer:
    """A member of the union, known with name and telephone, whose account says as much as an account can."""
    names = {
        "last_name": canaries.LAST,
        "username": f"{canaries.USERNAME}_{number}",
        "language_code": canaries.LANGUAGE,
    }
    now, database = utc_now(), office.bot.database
    with database.begin() as session:
        person = add_person(session, {"full_name": canaries.KNOWN_NAME, "phone": canaries.KNOWN_PHONE}, now)
        add_membership(session, person, office.tree.workplace, day_of(now), None)
        account, _ = meet_account(session, SENDER, lane_at(office.bot, number), str(number), canaries.FIRST, now)
        account.person_id = person.id
    return office.telegram.bot().person(number, canaries.FIRST, **names)


async def press(person: Writer, words: str, since: int | None = None) -> None:
    """Press the button that holds these words, of what was said since this person did something."""
    wanted = lambda message: any(fold(words) in fold(label) for label in message.buttons)  # noqa: E731  # said once
    message: Message = await person.hears(wanted, SLOWLY, since=since)
    label = next(label for label in message.buttons if fold(words) in fold(label))
    await person.presses(label, message=message)


async def press_all(person: Writer, *labels: str) -> None:
    for label in labels:
        await press(person, label)


async def tell(lan: Writer) -> None:
    """Begin a report, with words that were forwarded from somebody."""
    await lan.says(f"/start {canaries.PAYLOAD}")
    await lan.hears(1)
    await lan.says("/phananh")
    await press_all(lan, "Mục khác", "Tai nạn")
    await lan.hears(1)
    origin = {"type": "hidden_user", "sender_user_name": canaries.FORWARDED, "date": int(time.time())}
    lan._send({"text": STORY, "forward_origin": origin}, None)
    await lan.hears(has("quản đốc"))


async def send_files(lan: Writer) -> None:
    """A photo, two documents and a voice note, each with everything that may say whose it is."""
    name = f"{canaries.FILE} {planted.PLANT}"
    voice = {
        "file_name": f"{name}.m4a",
        "title": name,
        "performer": canaries.FIRST,
        "duration": 2,
        "mime_type": "audio/mp4",
    }
    for content, answer in (
        ({"photo": [lan._file(PHOTO, width=640, height=480)]}, "1 tệp"),
        ({"document": lan._file(PDF, file_name=f"{name}.pdf", mime_type=canaries.MEDIA_TYPE)}, "2 tệp"),
        ({"document": lan._file(WORD, file_name=f"{name}.docx", mime_type=canaries.MEDIA_TYPE)}, "3 tệp"),
        ({"audio": lan._file(VOICE, **voice)}, "giọng nói có thể bị nhận ra"),
    ):
        lan._send(content, None)
        await lan.hears(has(answer), SLOWLY)


def trouble(telegram: TelegramStandIn, lan: Writer) -> None:
    """What makes a program write its log: an update that cannot be read, and files that come only when asked again."""
    telegram.bot().inject({"message": lan.chat.history[-1].data | {"from": lan.user, "date": canaries.FIRST}})
    telegram.faults.next("getFile", fault.server_error(), fault.bad_gateway())
    telegram.faults.next("download", fault.drop_before())


async def finish(lan: Writer) -> None:
    """Give name and telephone, take them back, and send without."""
    await press_all(lan, "Xong", "Đi tiếp", "May Một", "Ghi tên tôi", canaries.KNOWN_NAME)
    await lan.hears(1)
    contact = {
        "phone_number": canaries.SHARED_PHONE,
        "first_name": canaries.FIRST,
        "last_name": canaries.LAST,
        "user_id": lan.id,
    }
    lan._send({"contact": contact}, None)
    await lan.hears(has(canaries.SHARED_PHONE))
    await press_all(lan, "Sửa lại", "Ghi tên hay không", "Không ghi tên", "Gửi")
    await lan.hears(has("phản ánh"))


async def write_more(lan: Writer) -> None:
    """Answer what was asked."""
    await lan.says("/vuviec")
    await press_all(lan, "Xem", "Trả lời công đoàn")
    await lan.hears(1)
    await lan.says(MORE)
    await press(lan, "Xong")
    await lan.hears(1)


async def withdraw(hoa: Writer) -> None:
    """Take a report back."""
    await hoa.says("/vuviec")
    await press_all(hoa, "Xem", "Rút phản ánh", "Rút phản ánh này")
    await hoa.hears(1)


# The officers


async def act(clerk: Writer, code: str, what: str, *steps: str) -> None:
    """Do something with a case: press and type what is asked for; what begins with ">" is pressed."""
    await clerk.presses_old(encode(ActOnCase(code, what)))
    await clerk.hears(1)
    for step in steps:
        await (press(clerk, step[1:]) if step.startswith(">") else clerk.says(step))
        await clerk.hears(1)


async def open_everything(clerk: Writer, code: str) -> None:
    """The case, its lists, its history and each of its files."""
    lists = [encode(ListCases(name)) for name in ("", "mine", "open", "late", "closed")]
    acts = [encode(ActOnCase(code, what)) for what in ("history", "older", "move", "kind", "assign", "refer", "merge")]
    for payload in (encode(ShowCase(code)), *lists, *acts):
        await clerk.presses_old(payload)
        await clerk.hears(1)
    for name in ("anh-1.jpg", "tai-lieu-1.pdf", "tai-lieu-2.docx", "loi-thu-am-1.m4a"):
        await act(clerk, code, "files", f">{name}")
        await clerk.hears(lambda message: message.file)


async def see_figures(office: Office) -> None:
    """This month is published, and an officer asks for it as a message, a workbook and a picture."""
    now, clerk = utc_now(), office.clerk
    for _ in range(K):
        office.report()
    with office.bot.database.begin() as session:
        publish_month(session, month_of(day_of(now)), K, now)
    await clerk.says("số liệu")
    await clerk.hears(has(f"{day_of(now):%m/%Y}: {K + 2}"))
    for form in ("Excel", "Biểu đồ"):
        await press(clerk, form, -1)
        await clerk.hears(lambda message: message.file)


async def at_the_web_desk(office: Office, code: str) -> dict[str, bytes]:
    """The same officer opens the case and its files on the page; returns all that the browser got."""
    site = Site(office.bot.address, office.bot.app, office.bot.database)
    visitor = await site.visitor()
    await visitor.posts(text="chào")
    with office.bot.database.begin() as session:
        account = session.query(Account).order_by(Account.id.desc()).limit(1).one()
        account.person_id, account.second_factor_at = office.people[office.clerk.id], utc_now()
    files = [str(row.id) for row in office.bot.rows(CaseFile)]
    acts = [ShowCase(code), ActOnCase(code, "history"), *(ActOnCase(code, "file", number) for number in files)]
    got = {"page": visitor.page.content}
    for action in acts:
        got[encode(action)] = (await visitor.posts(text="x", action=encode(action))).content
    links = [file["url"] for message in await visitor.talk() for file in message.get("files", ())]
    assert len(links) == len(files)
    for link in (*links, "/readyz", "/api/messages"):
        got[link] = (await visitor.client.get(link)).content
    await site.close()
    assert STORY in got["/api/messages"].decode()
    return got


def written_to_officers(bot: RunningBot) -> bytes:
    """What stands in the ledger for others than members, sent or not yet due."""
    rows = [row for row in bot.rows(Delivery) if not row.sender.startswith("telegram:")]
    assert {DeliveryKind.CASE_ALERT, DeliveryKind.OPERATOR_ALERT, DeliveryKind.GROUP_POST} <= {row.kind for row in rows}
    told = [(row.subject, row.recipient, row.address, row.body) for row in rows]
    return json.dumps(told, ensure_ascii=False, default=str).encode()


# What happens, and what lies about afterwards


async def happens(office: Office, lan: Writer, hoa: Writer) -> str:
    """One report is handled to its end, another one waits in vain and is withdrawn; returns the code of the first."""
    clerk = office.clerk
    await tell(lan)
    trouble(office.telegram, lan)
    await send_files(lan)
    await finish(lan)
    await press(clerk, "Tôi nhận", -1)
    await clerk.hears(has(STORY))
    [code] = [case.code for case in office.bot.rows(Case)]
    await open_everything(clerk, code)
    await act(clerk, code, "note", "Đã gọi giám đốc.")
    await act(clerk, code, "answer", "Công đoàn đang làm việc với công ty.", ">Gửi")
    await act(clerk, code, "ask", "Công ty hẹn trả ngày nào?", ">Gửi")
    await write_more(lan)
    await clerk.presses_old(encode(ShowCase(code)))
    await clerk.hears(has(MORE))
    await office.tick()
    await tell(hoa)
    await finish(hoa)
    await press(clerk, "Tôi không nhận được", -1)
    await clerk.hears(1)
    await escalate(office.bot)
    await withdraw(hoa)
    await act(clerk, code, "settle", ">Đã được trả đủ", "Công ty đã trả đủ.", ">Gửi")
    await lan.says("/vuviec")
    await press_all(lan, "Xem", "Đã xong")
    await lan.hears(1)
    await office.tick()
    await see_figures(office)
    with office.bot.database.begin() as session:
        anchor_heads(session, utc_now())
    assert [case.state for case in office.bot.rows(Case)][:2] == [CaseState.CLOSED, CaseState.WITHDRAWN]
    return code


async def escalate(bot: RunningBot) -> None:
    """Nobody does anything for three days: all who can be asked are asked, and the operator is told."""
    later = utc_now() + timedelta(days=3)
    with bot.database.begin() as session:
        run_due(session, later, day_of(later), bot.app.inbox.alert_operator)


def run_commands(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the operator's commands write into files; what they print is in the log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KEY_FILE", str(settings.key_file))
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    for command in ("stuck", "doctor"):
        main([command])
    for command in ("verify-history", "figures", "figures --xlsx figures.xlsx", "questions export questions.jsonl"):
        assert main(command.split()) == 0
    return {name: (tmp_path / name).read_bytes() for name in ("figures.xlsx", "questions.jsonl")}


def keep_log_set_up(request: pytest.FixtureRequest) -> None:
    """After the test the log is what it was before."""
    root, was = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, list(root.handlers)

    def restore() -> None:
        structlog.configure(**was)
        root.setLevel(level)
        root.handlers[:] = handlers

    request.addfinalizer(restore)


def numbers_of(bot: RunningBot) -> list[bytes]:
    """How the database itself names the two: the hashes of their accounts, the codes of the people."""
    codes = [row.code for row in bot.rows(Person) if (row.profile or {}).get("full_name") == canaries.KNOWN_NAME]
    lanes = [lane_at(bot, number) for number in (canaries.NUMBER, canaries.OTHER_NUMBER)]
    assert len(codes) == 2
    return [word.encode() for word in (*lanes, *codes, *map(show_code, codes))]


async def name_oneself(office: Office) -> None:
    """The same member reports once more, and wants to be known."""
    with office.bot.database.begin() as session:
        account = session.query(Account).filter(Account.address_hash == lane_at(office.bot, canaries.NUMBER)).one()
        details = {"full_name": canaries.KNOWN_NAME, "phone": canaries.KNOWN_PHONE}
        facts = {"category": "accident", "workplace_unit_id": office.tree.workplace, "details": details}
        code = send(session, utc_now(), account, is_named=True, **facts)[0].code
    await office.clerk.presses_old(encode(ClaimCase(code)))
    await office.clerk.hears(has(canaries.KNOWN_NAME))


async def test_nothing_tells_who_wrote_without_a_name(
    telegram: TelegramStandIn,
    start: StartBot,
    database_url: str,
    key_file: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Of two members who report without a name nothing but their own words is found: not at the desk, in the group, on
    the page, in files, figures, alerts, exports, the log, the database's files, nor in a backup."""
    own_key = tmp_path / "union.key"
    shutil.copyfile(key_file, own_key)
    own_key.chmod(0o600)
    settings = Settings(_env_file=None, database_url=database_url, key_file=own_key)  # type: ignore[call-arg]
    keep_log_set_up(request)
    set_up_logs("DEBUG", settings.secrets)
    telegram.bot(DESK_TOKEN).person(OPERATOR, started=True)
    more = {"key_file": own_key, "operator_telegram_id": str(OPERATOR), "log_level": "DEBUG"}
    async with start(database_url, telegram_desk_token=DESK_TOKEN, **more) as bot:
        office = Office(telegram, bot)
        await office.tie()
        lan, hoa = worker(office, canaries.NUMBER), worker(office, canaries.OTHER_NUMBER)
        code = await happens(office, lan, hoa)
        shown = await at_the_web_desk(office, code) | {"ledger": written_to_officers(bot)}
        lying = files_of(database_url, tmp_path, request)
        numbers, anonymous = numbers_of(bot), len(telegram.log)
        await name_oneself(office)
    said = capfd.readouterr()
    shown |= canaries.desk_says(telegram, to=anonymous) | {"metrics": generate_latest()}
    lying |= {"log": (said.out + said.err).encode()} | canaries.back_up_everything(settings, tmp_path / "backup")
    lying |= run_commands(tmp_path, settings, monkeypatch)
    said = capfd.readouterr()
    lying["commands"] = (said.out + said.err).encode()

    assert canaries.findings(shown) | canaries.findings(lying) == {}
    assert [where for where, content in shown.items() for word in numbers if word in content] == []

    sent = found_in(canaries.inbound(lan, hoa))
    assert sent == set(canaries.CANARIES) - {canaries.KNOWN_NAME, canaries.KNOWN_PHONE}, "all of it came in"
    assert [word for word in (STORY, MORE) if word.encode() not in b"".join(shown.values())] == []
    assert set().union(*canaries.findings(canaries.desk_says(telegram, anonymous)).values()) == {
        canaries.KNOWN_NAME,
        canaries.KNOWN_PHONE,
    }
    assert code.encode() in lying["backup"]
    assert [word for word in LOGGED if word not in lying["log"]] == []
