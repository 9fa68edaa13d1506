"""By when a request about data must be done (Decree 356/2025/NĐ-CP Article 5), who must see to it, what stops what."""

from datetime import datetime, timedelta
from enum import StrEnum

from db.models import DataRequest, DataRequestKind
from handlers.errors import UserError
from knowledge.figures import amount_on
from knowledge.load import load_figures

REMIND_DAYS = (5, 1)
"""How many days before the deadline the officer is reminded."""

ABROAD_SENDERS = ("telegram", "telegram_desk")
"""Kinds of bot accounts whose platform keeps what is written abroad; a test compares with the transports."""

FIGURES = {kind: f"data_{kind.value}_days" for kind in DataRequestKind}
"""Which figure of figures.yaml holds the days for each kind of request; an extension may be as long once more."""


class Hindrance(StrEnum):
    """What must be settled before data can be erased."""

    ROLE = "role"
    APPLICATION = "application"


def days_for(kind: DataRequestKind, asked_at: datetime) -> int:
    """The days within which a request of a kind must be done, by the law of the day it was made."""
    days = amount_on(load_figures(), FIGURES[kind], asked_at.date())
    if isinstance(days, tuple):
        raise TypeError(f"{FIGURES[kind]} must be one number")
    return int(days)


def due_at(kind: DataRequestKind, asked_at: datetime) -> datetime:
    """The moment by which a request must be done."""
    return asked_at + timedelta(days=days_for(kind, asked_at))


def extended_due_at(request: DataRequest) -> datetime:
    """The deadline after its one extension. Raises `UserError` when it was extended before."""
    if request.extended_at is not None:
        raise UserError("requests.extended_before")
    return request.due_at + timedelta(days=days_for(request.kind, request.asked_at))


def stage_of(request: DataRequest, now: datetime) -> str | None:
    """What the officer must be told of now: "overdue", the days left at which one is reminded, or None."""
    if now > request.due_at:
        return "overdue"
    near = [days for days in REMIND_DAYS if request.due_at - now <= timedelta(days=days)]
    return str(min(near)) if near else None


def is_abroad(sender: str) -> bool:
    """Whether a bot account's platform keeps what is written there abroad."""
    return sender.split(":")[0] in ABROAD_SENDERS
