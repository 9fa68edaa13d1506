"""Plans by which accounts a bulletin goes, within what each may send and spend this month.

An article reaches whoever follows an Official Account and nobody can be left out of it, so it is used only where the
whole tree of the account's unit should get the bulletin and nobody who follows it should not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from db.audiences import Audience, count_people, select_people
from db.bulletin_runs import ARTICLE, BUDGET, WINDOW, Means, list_runs
from db.channel_accounts import (
    channel_of,
    count_articles,
    count_bulletins,
    count_most_for_one,
    count_paid,
    find_accounts,
)
from db.channel_plans import (
    Part,
    count_outside,
    count_parts,
    count_receivers,
    count_refusing,
    list_doubles,
    list_in_line,
    list_needing,
    list_whole,
)
from db.models import Bulletin, BulletinKind, ChannelAccount
from db.usage import get_usage
from db.zalo_oa import Window, count_windows
from handlers.bulletins.content import ANSWERED, Content
from handlers.feature import VIETNAM

URGENT = "urgent"
"""The topic for which everything that is left may be used."""

OFFICIAL_ACCOUNT = "zalo_oa"

_FOR_TALK = 0.5
_FOR_TALK_IN_NEED = 0.25
"""The share of a month's messages that stays for answers to people, and the one an urgent notice leaves them."""

_FOR_NEED, _NOTICES = 0.25, 2
"""The share of a month's money that only an urgent notice may touch, and for how many of them it must be enough, to all
whom writing to costs money; of the articles, one."""


@dataclass(frozen=True)
class Share:
    """What one account does for a bulletin: people who get it there for nothing, for money, by its article; who get it
    once they write; and for whom it has no room. ``cost`` is in đồng; ``why`` says why there is no article, or why
    nothing is spent, by its text's key with a number that goes into it."""

    sender: str
    unit_id: int | None = None
    free: int = 0
    paid: int = 0
    by_article: int = 0
    waits: int = 0
    no_room: int = 0
    cost: int = 0
    why: tuple[tuple[str, int], ...] = ()

    @property
    def people(self) -> int:
        """Everybody who is to get it on this account, now or later."""
        return self.free + self.paid + self.by_article + self.waits + self.no_room


@dataclass(frozen=True)
class Plan:
    """By which accounts a bulletin goes. ``limits`` is for how many lines an account has room; ``free_only`` the
    Official Accounts that pay for nobody; ``articles`` those that send one article to everybody; ``refused`` accounts
    that are for other units."""

    limits: Mapping[str, int] = field(default_factory=dict)
    free_only: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    shares: tuple[Share, ...] = ()
    unreachable: int = 0


@dataclass(frozen=True)
class Left:
    """What an account has left this month for one bulletin; None means no limit."""

    lines: int | None
    dong: int | None
    articles: int | None


def make_plan(session: Session, bulletin: Bulletin, now: datetime, senders: Sequence[str]) -> Plan:
    """The plan of one sending that would begin now."""
    if bulletin.corrects_id is not None:
        return _plan_correction(session, bulletin.corrects_id)
    on = now.astimezone(VIETNAM).date()
    audience = Audience.from_json(bulletin.audience)
    people = select_people(audience, bulletin.topic, on, bulletin.kind)
    accounts = find_accounts(session, senders)
    refused = _list_refused(session, bulletin.unit_id, accounts, on)
    used = {sender: account for sender, account in accounts.items() if sender not in refused}
    is_urgent = bulletin.topic == URGENT
    files = len(Content.from_json(bulletin.content).files)
    left = {sender: measure_left(session, one, now, is_urgent, files) for sender, one in used.items()}
    articles, whys = _choose_articles(session, bulletin, audience, used, left, people, now)
    free_only, parts = _choose_paying(session, people, used, left, articles, is_urgent, now)
    limits = {sender: most for sender, one in left.items() if (most := one.lines) is not None}
    shares = tuple(
        _share(used[sender], [part for part in parts if part.sender == sender], left[sender], whys.get(sender))
        for sender in sorted(used)
    )
    reached = sum(part.count for part in parts)
    missing = count_people(session, audience, bulletin.topic, on, bulletin.kind) - reached
    return Plan(limits, free_only, articles, tuple(sorted(refused)), shares, missing)


def measure_left(session: Session, account: ChannelAccount, now: datetime, is_urgent: bool, files: int) -> Left:
    """What an account may still send and spend this month on a bulletin with so many files, with what is kept for
    answers to people and, unless it is urgent, for urgent notices."""
    since = month_start(now)
    lines = dong = articles = None
    if account.messages_per_month is not None:
        mine = count_bulletins(session, account.sender, since)
        by_bulletins = sum((sent + still) * _messages(number) for number, sent, still in mine)
        usage = get_usage(session, account.sender, since.date(), now.astimezone(VIETNAM).date())
        talk = max(0, usage.received + usage.sent - sum(sent for _, sent, _ in mine))
        kept = account.messages_per_month * (_FOR_TALK_IN_NEED if is_urgent else _FOR_TALK)
        lines = max(0, int(account.messages_per_month - max(talk, kept) - by_bulletins)) // _messages(files)
    if account.per_person_per_month is not None:
        most = count_most_for_one(session, account.sender, since)
        lines = 0 if most >= account.per_person_per_month else lines
    if account.dong_per_month is not None:
        price = account.price_outside_window or 0
        spent = count_paid(session, account.sender, since) * price
        costly = count_windows(session, account.sender, now)[Window.BILLABLE] if price and not is_urgent else 0
        kept = 0 if is_urgent else max(account.dong_per_month * _FOR_NEED, _NOTICES * price * costly)
        dong = max(0, int(account.dong_per_month - kept) - spent)
    if account.articles_per_month is not None:
        kept = 0 if is_urgent or account.articles_per_month < 2 else 1
        articles = max(0, account.articles_per_month - kept - count_articles(session, account.sender, since))
    return Left(lines, dong, articles)


def month_start(now: datetime) -> datetime:
    """The first moment of the month in Vietnam."""
    return now.astimezone(VIETNAM).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _messages(files: int) -> int:
    """How many messages a line is: one picture carries the text as its caption."""
    return 1 if files <= 1 else files + 1


def _plan_correction(session: Session, corrects_id: int) -> Plan:
    """It goes to whoever got what it corrects, on the very account, whatever that needs."""
    received = count_receivers(session, [run.id for run in list_runs(session, corrects_id)])
    return Plan(shares=tuple(Share(sender, free=count) for sender, count in sorted(received.items())))


def _list_refused(session: Session, unit_id: int, accounts: Mapping[str, ChannelAccount], on: date) -> frozenset[str]:
    """Accounts of units that neither belong to the bulletin's unit nor stand above it: their members know another
    sender, and their money is not ours."""
    units = {one.unit_id for one in accounts.values() if one.unit_id is not None}
    near = list_in_line(session, unit_id, units, on) if units else set()
    return frozenset(sender for sender, one in accounts.items() if one.unit_id is not None and one.unit_id not in near)


# Articles


def _choose_articles(
    session: Session,
    bulletin: Bulletin,
    audience: Audience,
    accounts: Mapping[str, ChannelAccount],
    left: Mapping[str, Left],
    people: Select[int, int],
    now: datetime,
) -> tuple[tuple[str, ...], dict[str, tuple[str, int]]]:
    """The Official Accounts that send an article, and for each of the others why it does not."""
    on = now.astimezone(VIETNAM).date()
    official = {sender: one for sender, one in accounts.items() if channel_of(sender) == OFFICIAL_ACCOUNT}
    whys: dict[str, tuple[str, int]] = {}
    reason = _why_never(bulletin)
    units = {one.unit_id for one in official.values() if one.unit_id is not None}
    whole = list_whole(session, audience, units, on) if reason is None else set()
    needing = list_needing(session, official, now)
    for sender, account in official.items():
        if reason is not None:
            whys[sender] = (reason, 0)
        elif account.unit_id is None:
            whys[sender] = ("no_unit", 0)
        elif account.unit_id not in whole:
            whys[sender] = ("not_whole", 0)
        elif sender not in needing:
            whys[sender] = ("all_free", 0)
        elif left[sender].articles == 0:
            whys[sender] = ("no_articles", 0)
    able = [sender for sender in official if sender not in whys]
    excluded = (
        count_refusing(session, able, bulletin.topic, on)
        if bulletin.is_public
        else count_outside(session, able, people)
    )
    whys |= {sender: ("excluded" if bulletin.is_public else "outside", count) for sender, count in excluded.items()}
    chosen = [sender for sender in able if sender not in whys]
    twice = _drop_doubles(session, chosen)
    whys |= dict.fromkeys(twice, ("twice", 0))
    return tuple(sorted(set(chosen) - twice)), whys


def _why_never(bulletin: Bulletin) -> str | None:
    """What of a bulletin itself an article cannot carry."""
    content = Content.from_json(bulletin.content)
    if bulletin.kind is not BulletinKind.NEWS:
        return "not_news"
    if any(block.kind in ANSWERED for block in content.blocks):
        return "asks"
    return None if content.files else "no_picture"


def _drop_doubles(session: Session, senders: Sequence[str]) -> set[str]:
    """Accounts left out so that nobody who follows two of them gets two articles."""
    dropped: set[str] = set()
    for one, other in sorted(list_doubles(session, senders)):
        if one not in dropped:
            dropped.add(other)
    return dropped


# Money


def _choose_paying(
    session: Session,
    people: Select[int, int],
    accounts: Mapping[str, ChannelAccount],
    left: Mapping[str, Left],
    articles: tuple[str, ...],
    is_urgent: bool,
    now: datetime,
) -> tuple[tuple[str, ...], list[Part]]:
    """The Official Accounts that pay for nobody: the price is not known, or there is not money for all; an urgent
    notice goes to as many as there is money for. Who is cut off then goes by another channel, so the parts are counted
    again."""
    official = [sender for sender in accounts if channel_of(sender) == OFFICIAL_ACCOUNT]
    free_only = tuple(sender for sender in official if not _may_pay(accounts[sender], left[sender], 1))
    means = Means(tuple(accounts), {}, {}, free_only, articles)
    parts = count_parts(session, people, means, now)
    paid = {part.sender: part.count for part in parts if part.is_paid and part.reason is None}
    poor = {sender for sender, count in paid.items() if not _may_pay(accounts[sender], left[sender], count)}
    if not poor or is_urgent:
        return tuple(sorted(free_only)), parts
    free_only = tuple(sorted({*free_only, *poor}))
    means = Means(tuple(accounts), {}, {}, free_only, articles)
    return free_only, count_parts(session, people, means, now)


def _may_pay(account: ChannelAccount, left: Left, count: int) -> bool:
    price = account.price_outside_window
    return price is not None and (price == 0 or left.dong is None or price * count <= left.dong)


def _share(account: ChannelAccount, parts: Sequence[Part], left: Left, why_no_article: tuple[str, int] | None) -> Share:
    counts: Counter[str] = Counter()
    for part in parts:
        counts[part.reason or ("paid" if part.is_paid else "free")] += part.count
    price = account.price_outside_window or 0
    fits = counts["paid"] if left.dong is None or not price else min(counts["paid"], left.dong // price)
    free = counts["free"] if left.lines is None else min(counts["free"], left.lines)
    paid = fits if left.lines is None else min(fits, left.lines - free)
    no_room = counts["free"] - free + counts["paid"] - paid
    whys = [why_no_article] if why_no_article and (counts["paid"] or counts[WINDOW]) else []
    if counts[WINDOW] and channel_of(account.sender) == OFFICIAL_ACCOUNT:
        whys.append(("no_price" if account.price_outside_window is None else "waits", 0))
    if no_room:
        whys.append((BUDGET, 0))
    cost = paid * price + free * (account.price_in_window or 0)
    return Share(
        account.sender, account.unit_id, free, paid, counts[ARTICLE], counts[WINDOW], no_room, cost, tuple(whys)
    )
