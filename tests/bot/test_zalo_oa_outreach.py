"""What the Official Account sends to many: articles to a target, templates for money; over HTTP to the stand-in."""

import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.transports import AccountPaused, PersonUnreachable, SendFailed, SendUnavailable, SendUncertain, WindowClosed
from bot.transports.zalo_oa import ZaloOaTransport, open_official_account
from bot.transports.zalo_oa_outreach import Article, Target, Template, to_international
from bot.transports.zalo_oa_rules import RULES, TEMPLATE_RULES, Then
from db.session import Database
from handlers.feature import VIETNAM
from tests.standins import telegram_faults as fault
from tests.standins.zalo_oa import ZaloOaStandIn

from .process import ROOT
from .zalo_oa_app import give_tokens, settings_for

NOON = datetime(2026, 11, 21, 12, tzinfo=VIETNAM)
ARTICLE = Article(
    title="Lịch khám sức khỏe",
    description="Đăng ký trước ngày 30",
    cover_url="https://congdoan.example/anh.jpg",
    paragraphs=("Đoạn một.", "Đoạn hai."),
    author="Công đoàn",
)
APPROVED: dict[str, Any] = {
    "templateName": "Kết quả đơn",
    "status": "ENABLE",
    "listParams": [{"name": "code", "require": True}, {"name": "note", "require": False}],
    "templateTag": "CUSTOMER_CARE",
    "price_sdt": "800",
    "price_uid": 560.0,
}


class Moment:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def moment(zalo_oa: ZaloOaStandIn) -> Moment:
    """Noon in Vietnam, for the program and for Zalo."""
    zalo_oa.clock = Moment()
    return zalo_oa.clock


@pytest.fixture
async def account(
    zalo_oa: ZaloOaStandIn, database: Database, moment: Moment, alarms: list[str]
) -> AsyncIterator[ZaloOaTransport]:
    """A logged-in account that may send templates."""

    async def alarm(subject: str, _text: str) -> None:
        alarms.append(subject)

    give_tokens(zalo_oa, database, NOON)
    zalo_oa.templates.known["7"] = APPROVED
    settings = settings_for(zalo_oa, "sqlite:///unused.db", zalo_templates=True)
    opened = open_official_account(settings, database, moment, alarm)
    yield opened
    await opened.close()


@pytest.fixture
def alarms() -> list[str]:
    """What the operator was told."""
    return []


def test_reference_page_lists_every_code_with_its_consequence() -> None:
    """What an operator reads of a code is what happens."""
    page = (ROOT / "docs/reference/zalo-official-account.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (-\d+) \| `(\w+)` \| .+ \| (yes|–) \|$", page, re.MULTILINE)
    known = [*RULES.items(), *TEMPLATE_RULES.items()]
    assert sorted(listed) == sorted((str(code), rule.reason, "yes" if rule.alarms else "–") for code, rule in known)


# Articles


async def test_article_is_created_awaited_and_broadcast(zalo_oa: ZaloOaStandIn, account: ZaloOaTransport) -> None:
    """Zalo works on it for a while, then it goes to the followers of a target in one call."""
    created = await account.articles.create(ARTICLE)
    assert await account.articles.find(created) is None
    found = await account.articles.find(created)
    assert found is not None
    target = Target(ages=("3", "4"), cities=("4",))
    assert await account.articles.broadcast([found], target)
    (sent,) = zalo_oa.broadcasts
    assert sent["recipient"] == {"target": {"ages": "3,4", "cities": "4"}}
    assert zalo_oa.articles[created]["body"] == [
        {"type": "text", "content": "Đoạn một."},
        {"type": "text", "content": "Đoạn hai."},
    ]


async def test_article_is_composed_and_never_longer_than_zalo_takes(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport
) -> None:
    """Marks are part of their letters; what is too long is refused here, before anything is asked."""
    created = await account.articles.create(replace(ARTICLE, title=unicodedata.normalize("NFD", ARTICLE.title)))
    assert zalo_oa.articles[created]["title"] == ARTICLE.title
    for wrong in ({"title": "a" * 151}, {"title": ""}, {"description": "a" * 301}, {"author": "a" * 51}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            await account.articles.create(replace(ARTICLE, **wrong))
    for articles in ([], ["1"] * 6):
        with pytest.raises(ValueError, match="articles"):
            await account.articles.broadcast(articles, Target())


async def test_broadcast_at_night_waits_for_the_morning(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport, moment: Moment
) -> None:
    """Zalo takes none between ten and six: it is not even asked, and the moment to try again is told."""
    moment.now = NOON.replace(hour=22)
    with pytest.raises(WindowClosed) as closed:
        await account.articles.broadcast(["article-1"], Target())
    assert (closed.value.reason, closed.value.until) == ("night", NOON.replace(hour=6) + timedelta(days=1))
    assert zalo_oa.calls["broadcast"] == 0


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (fault.refuse(-211, "quota"), WindowClosed),
        (fault.refuse(-224, "package"), SendUnavailable),
        (fault.refuse(-32, "limit"), AccountPaused),
        (fault.refuse(429, "limit"), AccountPaused),
        (fault.bad_gateway(), SendUnavailable),
        (fault.drop_before(), SendUncertain),
        (fault.drop_after(), SendUncertain),
        (fault.malformed(), SendUncertain),
    ],
    ids=lambda value: getattr(value, "kind", None) and f"{value.kind}{value.code}",
)
async def test_broadcast_that_fails_says_whether_it_may_be_repeated(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport, trouble: fault.Fault, error: type[Exception]
) -> None:
    """Only what certainly did not go may go again by itself."""
    created = await account.articles.create(ARTICLE)
    await account.articles.find(created)
    found = await account.articles.find(created)
    zalo_oa.faults.next("broadcast", trouble)
    with pytest.raises(error):
        await account.articles.broadcast([str(found)], Target())


# Templates


async def test_template_is_sent_with_its_price_by_id_and_by_number(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport
) -> None:
    """The price is the one Zalo states for that way of sending; the tracking id is ours."""
    template = await account.templates.describe("7")
    assert template == Template("7", "Kết quả đơn", True, ("code",), "CUSTOMER_CARE", 560, 800)
    by_user = await account.templates.send_to_user("6204117895032116745", template, {"code": "A1"}, "case:1")
    by_phone = await account.templates.send_to_phone("0901 234 567", template, {"code": "A1"}, "case:2")
    assert (by_user.price_vnd, by_phone.price_vnd) == (560, 800)
    assert [one["tracking_id"] for one in zalo_oa.templates.sent] == ["case:1", "case:2"]
    assert zalo_oa.templates.sent[1]["phone"] == "84901234567"
    assert by_user.message_id != by_phone.message_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "PENDING_REVIEW"}, "template_not_approved"),
        ({"price_uid": None}, "template_price_unknown"),
        ({"listParams": [{"name": "other", "require": True}]}, "template_incomplete"),
    ],
)
async def test_template_that_may_not_go_costs_nothing(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport, change: dict[str, Any], reason: str
) -> None:
    """Not approved, of unknown price, or incomplete: refused here."""
    zalo_oa.templates.known["7"] = APPROVED | change
    template = await account.templates.describe("7")
    with pytest.raises(SendFailed, match=reason):
        await account.templates.send_to_user("1", template, {"code": "A1"}, "case:1")
    assert zalo_oa.templates.sent == []


async def test_templates_stay_off_until_the_operator_allows_them(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport
) -> None:
    """Each costs money: without the setting none goes, by neither way."""
    template = await account.templates.describe("7")
    account.templates._is_allowed = False
    with pytest.raises(SendFailed, match="templates_off"):
        await account.templates.send_to_user("1", template, {"code": "A1"}, "case:1")
    with pytest.raises(SendFailed, match="templates_off"):
        await account.templates.send_to_phone("0901234567", template, {"code": "A1"}, "case:1")
    assert zalo_oa.templates.sent == []


@pytest.mark.parametrize("code", sorted(TEMPLATE_RULES))
async def test_each_refusal_of_a_template_has_its_consequence(
    zalo_oa: ZaloOaStandIn, account: ZaloOaTransport, code: int, alarms: list[str]
) -> None:
    """Every code of the table, and the operator told of what only they can mend."""
    template = await account.templates.describe("7")
    zalo_oa.faults.next("template", fault.refuse(code, "refused"), times=2)
    expected = {
        Then.PERSON_GONE: PersonUnreachable,
        Then.GIVE_UP: SendFailed,
        Then.WAIT_FOR_MORNING: WindowClosed,
        Then.WAIT_FOR_OPERATOR: SendUnavailable,
    }[TEMPLATE_RULES[code].then]
    with pytest.raises(expected):
        await account.templates.send_to_user("1", template, {"code": "A1"}, "case:1")
    assert bool(alarms) is TEMPLATE_RULES[code].alarms


@pytest.mark.parametrize("phone", ["0901234567", "84901234567", "+84 901 234 567", "0901.234.567"])
def test_numbers_are_written_as_zalo_wants_them(phone: str) -> None:
    """Digits, beginning with 84."""
    assert to_international(phone) == "84901234567"
