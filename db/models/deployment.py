"""Facts of the deployment itself: what the clock ran, what retention erased, which keys seal it."""

from datetime import date, datetime

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base
from db.types import Id, Moment


class ClockRun(Base):
    """When a job of the clock last ran: this row, not the scheduler, decides whether it is due."""

    __tablename__ = "clock_runs"

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_run_at: Mapped[datetime] = mapped_column(Moment)


class Erasure(Base):
    """What the daily retention job erased: a count by kind of data, never the data."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    erased: Mapped[int]
    erased_on: Mapped[date] = mapped_column(Date)


class DeploymentFact(Base):
    """Facts about this deployment, such as the fingerprint of the key ring that sealed its data."""

    __tablename__ = "deployment_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
