"""How much each bot account carried: what platforms count, counted by ourselves."""

from datetime import date

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class AccountDay(Base):
    """What one bot account took in and sent on one day in Vietnam: figures only, kept after the messages are erased."""

    __tablename__ = "account_days"

    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    received: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
