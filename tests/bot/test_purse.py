"""What an Official Account spends on bulletins: never more than the operator allowed, however many go side by side."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.transports.zalo_oa_purse import Purse
from db.channel_accounts import PAID, add_account, change_account
from db.models import Delivery, DeliveryKind, DeliveryState
from db.session import Database

SENDER = "zalo_oa:1"
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def allow(database: Database, price: int | None, dong: int | None) -> None:
    """The operator's numbers."""
    with database.begin() as session:
        add_account(session, SENDER)
        change_account(session, SENDER, {"price_outside_window": price, "dong_per_month": dong})


def spend(database: Database, count: int, at: datetime) -> None:
    """Messages that stand in the ledger as paid."""
    with database.begin() as session:
        for number in range(count):
            session.add(
                Delivery(
                    kind=DeliveryKind.CASE_REPLY,
                    subject=f"{at}:{number}",
                    recipient="r",
                    sender=SENDER,
                    priority=1,
                    attempts=1,
                    state=DeliveryState.SENT,
                    reason=PAID,
                    not_before_at=at,
                    expires_at=at,
                    created_at=at,
                    finished_at=at,
                )
            )


@pytest.mark.parametrize("spent", [0, 2])
async def test_messages_side_by_side_take_only_what_is_there(database: Database, spent: int) -> None:
    """Fifty at once, money for seven."""
    allow(database, 100, 750)
    spend(database, spent, NOW - timedelta(days=3))
    spend(database, 9, NOW - timedelta(days=30))
    purse = Purse(database, SENDER, lambda: NOW)
    taken = await asyncio.gather(*(purse.take() for _ in range(50)))
    assert sum(taken) == 7 - spent


async def test_money_that_the_operator_adds_and_a_new_month_are_seen(database: Database) -> None:
    """Without a restart."""
    moment = [NOW]
    allow(database, 100, 100)
    purse = Purse(database, SENDER, lambda: moment[0])
    assert (await purse.take(), await purse.take()) == (True, False)
    spend(database, 1, NOW)
    moment[0] += timedelta(minutes=2)
    assert not await purse.take()
    allow(database, 100, 200)
    moment[0] += timedelta(minutes=2)
    assert (await purse.take(), await purse.take()) == (True, False)
    moment[0] += timedelta(days=20)
    assert await purse.take()


@pytest.mark.parametrize(
    ("price", "dong", "may"), [(None, 10_000, False), (None, None, False), (0, 0, True), (5, None, True)]
)
async def test_unknown_price_spends_nothing_and_no_price_has_no_end(
    database: Database, price: int | None, dong: int | None, may: bool
) -> None:
    """Nobody spends what they do not know."""
    allow(database, price, dong)
    assert await Purse(database, SENDER, lambda: NOW).take() is may
