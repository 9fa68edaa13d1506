"""A year of bulletins of a federation of 700,000 on Zalo: 126 upper unions with an Official Account each.

The bulletins are rows of a real database; the program's own functions start them, plan them, write their lines, record
what became of each and count what is spent. Stood in for: the platform (which keeps Zalo's rules and counts by itself
what was broken), the sender that hands over, and people, each of whom stands for a hundred; money is scaled likewise.
Prices and the number of articles of a package are not published in a form that can be read: those below are
assumptions, and stand in the result.

    python -m benchmarks.zalo_year              # a refuser follows one account in five
    python -m benchmarks.zalo_year --blocked 1  # … every account: no article ever goes
"""

import argparse
import hashlib
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.orm import Session

from bot.transports.zalo_oa_purse import count_left
from db.accounts import lane_of
from db.article_runs import add_article, claim_article, end_articles, find_due_article, follow_article, note_step
from db.bulletin_runs import ARTICLE, BUDGET, WINDOW
from db.bulletins import digest_bulletin
from db.channel_accounts import PAID, add_account, article_lane, change_account
from db.deliveries import FAR_OFF, WAITS, Outcome, record_outcomes, release_waiting
from db.keys import Keys
from db.migrate import migrate
from db.models import (
    Account,
    Bulletin,
    BulletinFile,
    BulletinKind,
    BulletinRun,
    BulletinState,
    Consent,
    Delivery,
    DeliveryState,
    Membership,
    Person,
    RunState,
    TopicChoice,
    UnitLevel,
    ZaloFollower,
)
from db.session import Database
from db.units import NewPeriod, UnitFacts, add_units, find_unit
from db.zalo_oa import FREE_FOR, OPEN_FOR
from handlers.bulletins.content import Content
from handlers.bulletins.running import carry_on, plan_some, start_due
from handlers.bulletins.timing import Timing
from handlers.feature import VIETNAM
from handlers.notify import is_quiet

YEAR, UNITS, MEMBERS, SCALE = 2027, 126, 700_000, 100
PEOPLE = MEMBERS // SCALE
PRICE, DONG, ARTICLES = 560, 1_000_000, 4
"""Assumed, for one account: đồng for a message outside the free window (the sample price of a template by Zalo id),
đồng a month, articles a month."""

ON_OA, ON_BOTH, ON_TELEGRAM = 0.65, 0.10, 0.10
"""Shares of members who write with the account of their unit, with it and Telegram, and with Telegram only."""
FOLLOWS, WRITES_AN_EVENING, AGREES = 0.85, 0.13, 0.92
EVENINGS = (2, 6)
URGENT = 12
TELEGRAM = "telegram:1"
LAST = 2**62


@dataclass
class Referee:
    """The platform: what it would have refused, what it charged, and who got what, counted apart from the program."""

    broken: Counter[str] = field(default_factory=Counter)
    spent: Counter[tuple[str, int]] = field(default_factory=Counter)
    articles: Counter[tuple[str, int]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)

    def take(self, sender: str, interacted_at: datetime | None, now: datetime) -> bool:
        """One message to one person; returns whether it cost money."""
        if sender == TELEGRAM:
            return False
        if interacted_at is None or now - interacted_at > OPEN_FOR:
            self.broken["outside the window"] += 1
        if interacted_at is not None and now - interacted_at <= FREE_FOR:
            return False
        self.spent[sender, now.month] += PRICE
        if self.spent[sender, now.month] > DONG / SCALE:
            self.broken["money"] += 1
        return True

    def broadcast(self, sender: str, now: datetime) -> None:
        """One article to all followers."""
        self.articles[sender, now.month] += 1
        if self.articles[sender, now.month] > ARTICLES:
            self.broken["articles"] += 1
        if not 6 <= now.astimezone(VIETNAM).hour < 22:
            self.broken["night"] += 1


class Year:
    """The federation, its calendar, and what becomes of it."""

    def __init__(self, database: Database, blocked: float) -> None:
        self.database = database
        self.chance = random.Random(2027)
        self.referee = Referee()
        self.senders = [f"zalo_oa:{number}" for number in range(UNITS)]
        self.naive: Counter[str] = Counter()
        self.lanes: list[str] = []
        self.was_night = False
        self._plant(blocked)

    def run(self) -> dict[str, Any]:
        """Every day: bulletins in the morning; people write on two evenings a week, and what waited for them goes."""
        urgent = {date(YEAR, 1, 1) + timedelta(days=self.chance.randrange(365)) for _ in range(URGENT)}
        day = date(YEAR, 1, 1)
        while day.year == YEAR:
            if day.day == 1:
                print(day, file=sys.stderr, flush=True)
            self._morning(day, day in urgent)
            if day.weekday() in EVENINGS:
                self._evening(day)
            day += timedelta(days=1)
        return self._sum_up(len(urgent))

    def _plant(self, blocked: float) -> None:
        start = datetime(YEAR, 1, 1, tzinfo=VIETNAM)
        with self.database.begin() as session:
            since, rows = date(2020, 1, 1), [("TLD", "F", UnitLevel.FEDERATION, None)]
            rows += [(f"P{number}", f"P{number}", UnitLevel.UPPER, "TLD") for number in range(UNITS)]
            add_units(session, [NewPeriod(code, UnitFacts(lv, None, name), up, since) for code, name, lv, up in rows])
            found = [find_unit(session, f"P{number}") for number in range(UNITS)]
            self.units = [unit.id for unit in found if unit]
            top = find_unit(session, "TLD")
            assert top is not None
            self.top = top.id
            numbers = {"price_outside_window": PRICE, "dong_per_month": DONG // SCALE, "articles_per_month": ARTICLES}
            for sender, unit_id in zip(self.senders, self.units, strict=True):
                add_account(session, sender)
                change_account(session, sender, numbers | {"unit_id": unit_id})
            add_account(session, TELEGRAM)
            for number in range(PEOPLE):
                self._add_person(session, number, start)
            session.flush()
            for number in self.chance.sample(range(UNITS), round(blocked * UNITS)):
                self._refuse_and_follow(session, number)

    def _add_person(self, session: Session, number: int, start: datetime) -> None:
        place, sort, agrees = number % UNITS, self.chance.random(), self.chance.random() < AGREES
        person_id = session.execute(
            insert(Person).values(code=f"N{number}", created_at=start).returning(Person.id)
        ).scalar_one()
        session.add(Membership(person_id=person_id, unit_id=self.units[place], since_on=date(2021, 1, 1)))
        on = [self.senders[place]] * (sort < ON_OA + ON_BOTH)
        on += [TELEGRAM] * (ON_OA <= sort < ON_OA + ON_BOTH + ON_TELEGRAM)
        for sender in on:
            lane = lane_of(self.database.keys, sender, str(number))
            account = Account(
                sender=sender, address=str(number), address_hash=lane, person_id=person_id,
                first_seen_at=start, last_seen_at=start,
            )  # fmt: skip
            session.add(account)
            session.flush()
            if sender != TELEGRAM:
                wrote = start - timedelta(days=self.chance.expovariate(WRITES_AN_EVENING * len(EVENINGS) / 7))
                follows = (
                    agrees and self.chance.random() < FOLLOWS
                )  # who refuses is told that unfollowing ends articles
                session.add(
                    ZaloFollower(
                        sender=sender, address=str(number), address_hash=lane, is_following=follows, interacted_at=wrote
                    )
                )
                self.lanes.append(lane)
        if on and agrees:
            session.add(Consent(account_id=account.id, person_id=person_id, purpose="news", version=1, given_at=start))

    def _refuse_and_follow(self, session: Session, number: int) -> None:
        """Somebody of a unit refuses every topic and still follows its account."""
        followers = select(Account.person_id).join(
            ZaloFollower,
            and_(ZaloFollower.sender == Account.sender, ZaloFollower.address_hash == Account.address_hash),
        )
        mine = followers.where(Account.sender == self.senders[number], ZaloFollower.is_following)
        person_id = session.scalars(mine.order_by(Account.id)).first()
        for topic in ("law", "activities", "urgent"):
            session.add(TopicChoice(person_id=person_id, topic=topic, is_wanted=False))

    # The calendar

    def _morning(self, day: date, is_urgent: bool) -> None:
        eight = datetime(day.year, day.month, day.day, 8, tzinfo=VIETNAM)
        early = eight.replace(hour=6, minute=30)
        if self.was_night:
            self._go_on(early)
            self.was_night = False
        if day.weekday() == 0:
            self._write(self.top, "law", eight, hours=144)
        for unit_id in self.units[day.day - 1 :: 28] if day.day <= 28 else ():
            self._write(unit_id, "activities", eight, hours=48)
        self._go_on(eight)
        if is_urgent:
            some = self.chance.random() < 0.5
            hour = self.chance.choice((9, 11, 15, 23))
            at = eight.replace(hour=hour)
            for unit_id in self.chance.sample(self.units, 20) if some else [self.top]:
                self._write(unit_id, "urgent", at, hours=72, may_disturb=True)
            self._go_on(at)
            self.was_night = hour == 23

    def _evening(self, day: date) -> None:
        """People write: their window opens, and what waited for them goes."""
        now = datetime(day.year, day.month, day.day, 19, tzinfo=VIETNAM)
        writers = [lane for lane in self.lanes if self.chance.random() < WRITES_AN_EVENING]
        with self.database.begin() as session:
            for start in range(0, len(writers), 500):
                some = ZaloFollower.address_hash.in_(writers[start : start + 500])
                session.execute(update(ZaloFollower).where(some).values(interacted_at=now))
            waiting = select(Delivery.id, Delivery.recipient).where(
                Delivery.run_id.is_not(None), Delivery.state == DeliveryState.PLANNED, Delivery.reason.in_(WAITS)
            )
            for lane in set(writers) & {row[1] for row in session.execute(waiting)}:
                release_waiting(session, lane, now)
        self._go_on(now)

    def _write(self, unit_id: int, topic: str, now: datetime, hours: int, may_disturb: bool = False) -> None:
        """A released bulletin, public and with a picture."""
        with self.database.begin() as session:
            number = session.scalar(select(func.count()).select_from(Bulletin)) or 0
            timing = Timing(once_at=now, expires_hours=hours, may_disturb=may_disturb)
            bulletin = Bulletin(
                code=f"B{number}", kind=BulletinKind.NEWS, unit_id=unit_id, topic=topic, is_public=True,
                content={}, audience={"units": [unit_id]}, timing=timing.to_json(), state=BulletinState.RELEASED,
                created_at=now, changed_at=now, released_at=now, next_at=now,
            )  # fmt: skip
            session.add(bulletin)
            session.flush()
            picture = BulletinFile(
                bulletin_id=bulletin.id, name="a.png", media_type="image/png", content=b"x", size=1,
                digest=hashlib.sha256(b"x").hexdigest(),
            )  # fmt: skip
            session.add(picture)
            session.flush()
            bulletin.content = Content("Tin", "Nội dung.", files=(picture.id,)).to_json()
            session.flush()
            bulletin.released_hash = digest_bulletin(session, bulletin)

    # What the program does

    def _go_on(self, now: datetime) -> None:
        with self.database.begin() as session:
            start_due(session, now, [*self.senders, TELEGRAM])
        while self._do(plan_some, now):
            pass
        with self.database.begin() as session:
            self._send(session, now)
        while self._do(carry_on, now):
            pass

    def _do(self, work: Any, now: datetime) -> bool:
        with self.database.begin() as session:
            return bool(work(session, now))

    def _send(self, session: Session, now: datetime) -> None:
        """Every line whose turn it is, in its window and while there is money; the articles before them."""
        is_running = (BulletinRun.state == RunState.SENDING, BulletinRun.expires_at > now)
        running = session.scalars(select(BulletinRun.id).where(*is_running)).all()
        mine = (Delivery.run_id.in_(running), Delivery.state == DeliveryState.PLANNED)
        by_article = select(Delivery.sender).where(*mine, Delivery.reason == ARTICLE).distinct()
        for sender in session.scalars(by_article).all():
            self._send_articles(session, sender, now)
        its = and_(ZaloFollower.sender == Delivery.sender, ZaloFollower.address_hash == Delivery.recipient)
        due = select(Delivery.id, Delivery.sender, ZaloFollower.interacted_at).outerjoin(ZaloFollower, its)
        left: dict[str, int | None] = {}
        outcomes = []
        for number, sender, wrote in session.execute(due.where(*mine, Delivery.not_before_at <= now)):
            is_on_oa = sender != TELEGRAM
            if is_on_oa and (wrote is None or now - wrote > OPEN_FOR):
                outcomes.append(Outcome(number, DeliveryState.PLANNED, WINDOW, now + FAR_OFF))
                continue
            if is_on_oa and now - wrote > FREE_FOR:
                room = left.setdefault(sender, count_left(session, sender, now))
                if room is not None and room <= 0:
                    outcomes.append(Outcome(number, DeliveryState.PLANNED, BUDGET, now + FAR_OFF))
                    continue
                left[sender] = None if room is None else room - 1
            cost = self.referee.take(sender, wrote, now)
            outcomes.append(Outcome(number, DeliveryState.SENT, PAID if cost else None))
        record_outcomes(session, outcomes, now)

    def _send_articles(self, session: Session, sender: str, now: datetime) -> None:
        """As `bot.articles` does it, with the calls to Zalo stood in for."""
        end_articles(session, sender, now)
        add_article(session, sender, now)
        while (step := find_due_article(session, sender, now)) is not None:
            night = not 6 <= now.astimezone(VIETNAM).hour < 22 or (is_quiet(now) and not step.may_disturb)
            if night:
                morning = (now + timedelta(days=1)).astimezone(VIETNAM).replace(hour=6, minute=0)
                note_step(session, step.line_id, DeliveryState.PLANNED, "night", morning)
            elif claim_article(session, step.line_id, now):
                self.referee.broadcast(sender, now)
                note_step(session, step.line_id, DeliveryState.SENT, None, now, "m")
            session.flush()
        while follow_article(session, sender, now, 5000):
            pass

    # What became of it

    def _sum_up(self, urgent_days: int) -> dict[str, Any]:
        with self.database.read() as session:
            lines = self._count_lines(session)
            urgent = self._count_urgent(session)
            twice = session.scalar(
                select(func.count()).select_from(
                    select(Delivery.run_id, Account.person_id)
                    .join(Account, Account.address_hash == Delivery.recipient)
                    .where(Delivery.run_id.is_not(None), Delivery.state == DeliveryState.SENT)
                    .group_by(Delivery.run_id, Account.person_id)
                    .having(func.count() > 1)
                    .subquery()
                )
            )
            bulletins = session.scalar(select(func.count()).select_from(BulletinRun)) or 0
            articles = session.scalar(
                select(func.count())
                .select_from(Delivery)
                .where(
                    Delivery.recipient.in_([article_lane(sender) for sender in self.senders]),
                    Delivery.state == DeliveryState.SENT,
                )
            )
        reached = sum(count for (state, _), count in lines.items() if state == "sent")
        on_zalo = sum(count for (state, why), count in lines.items() if state == "sent" and why != "telegram")
        spent = sum(self.referee.spent.values())
        most_spent = max(self.referee.spent.values(), default=0) * SCALE
        # naive: whoever would be reached is written to at once, each for the price of a message outside the window
        naive = self._price_naively()
        return {
            "bulletins": bulletins,
            "urgent_days": urgent_days,
            "articles": articles,
            "deliveries": reached * SCALE,
            "by": {f"{state}:{why}": count * SCALE for (state, why), count in sorted(lines.items())},
            "overruns": sum(self.referee.broken.values()),
            "broken": dict(self.referee.broken),
            "twice": twice,
            "most_articles_in_a_month": max(self.referee.articles.values(), default=0),
            "most_dong_of_an_account_in_a_month": most_spent,
            "dong": spent * SCALE,
            "dong_per_person_reached_on_zalo": round(spent / on_zalo, 2) if on_zalo else None,
            "naive_dong": naive["dong"] * SCALE,
            "naive_dong_per_person_reached_on_zalo": round(naive["dong"] / naive["people"], 2),
            "naive_months_over_budget": naive["over"],
            "urgent": urgent,
        }

    def _count_lines(self, session: Session) -> dict[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        query = select(Delivery.state, Delivery.sender == TELEGRAM, Delivery.reason, func.count())
        query = query.where(Delivery.run_id.is_not(None))
        rows = session.execute(query.group_by(Delivery.state, Delivery.sender == TELEGRAM, Delivery.reason))
        for state, is_telegram, reason, count in rows:
            why = "telegram" if is_telegram else {None: "free", "window": "window"}.get(reason, reason)
            counts[state.value, why] += count
        return dict(counts)

    def _count_urgent(self, session: Session) -> dict[str, int]:
        """Whether each went out, and to whom it did not: only those whom Zalo lets nobody write to."""
        runs = select(BulletinRun.id).join(Bulletin).where(Bulletin.topic == "urgent")
        query = select(Delivery.state, Delivery.reason, func.count()).where(Delivery.run_id.in_(runs))
        rows = session.execute(query.group_by(Delivery.state, Delivery.reason)).all()
        sent = sum(row[2] for row in rows if row[0] is DeliveryState.SENT)
        held = sum(row[2] for row in rows if row[0] is not DeliveryState.SENT and row[1] == "budget")
        closed = sum(row[2] for row in rows if row[0] is not DeliveryState.SENT and row[1] == "window")
        other = sum(row[2] for row in rows if row[0] is not DeliveryState.SENT) - held - closed
        numbers = session.scalars(runs).all()
        with_any = select(Delivery.run_id).where(Delivery.run_id.in_(numbers), Delivery.state == DeliveryState.SENT)
        went = len(session.scalars(with_any.distinct()).all())
        return {
            "notices": len(numbers),
            "went_out": went,
            "people_reached": sent * SCALE,
            "held_for_money_or_quota": held * SCALE,
            "window_closed_and_no_article": closed * SCALE,
            "otherwise_not_sent": other * SCALE,
        }

    def _price_naively(self) -> dict[str, int]:
        """The same people of the same bulletins, each written to at once: free within 48 hours of their last word, a
        template for money else, whatever the account may spend."""
        share_free = 1 - (1 - WRITES_AN_EVENING) ** (len(EVENINGS) * 2 / 7)
        per_month: Counter[tuple[str, int]] = Counter()
        people = 0
        with self.database.read() as session:
            query = (
                select(Delivery.sender, BulletinRun.due_at, func.count())
                .join(BulletinRun, BulletinRun.id == Delivery.run_id)
                .where(Delivery.sender != TELEGRAM)
                .group_by(Delivery.sender, BulletinRun.id)
            )
            for sender, due_at, count in session.execute(query):
                people += count
                per_month[sender, due_at.astimezone(VIETNAM).month] += round(count * (1 - share_free) * PRICE)
        over = sum(dong > DONG // SCALE for dong in per_month.values())
        return {"dong": sum(per_month.values()), "people": people, "over": over}


def main() -> None:
    """One JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--blocked", type=float, default=0.2, help="share of accounts that somebody follows who refused"
    )
    options = parser.parse_args()
    began = time.perf_counter()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    in_memory = Path("/dev/shm")  # nothing here has to survive
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as folder:
        database = Database(f"sqlite:///{Path(folder) / 'year.db'}", Keys(b"\1" * 32, {1: b"\2" * 32}))
        migrate(database)
        figures = Year(database, options.blocked).run()
        database.close()
    assumed = {"dong_a_message": PRICE, "dong_a_month": DONG, "articles_a_month": ARTICLES, "agree": AGREES}
    shares = {"on_oa": ON_OA, "on_both": ON_BOTH, "on_telegram": ON_TELEGRAM, "follow": FOLLOWS}
    what = {"members": MEMBERS, "accounts": UNITS, "one_person_stands_for": SCALE, "blocked": options.blocked}
    seconds = {"seconds": round(time.perf_counter() - began, 1)}
    print(
        json.dumps(
            {"benchmark": "zalo_year"}
            | what
            | {"assumed": assumed | shares | {"write_an_evening": WRITES_AN_EVENING}}
            | figures
            | seconds
        )
    )


if __name__ == "__main__":
    main()
