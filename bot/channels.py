"""Watches whether each channel reaches its platform: says so to the operator when one is lost for everybody and when it
is back, and lets messages that cannot go move to another channel of their person."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.delivery import Sender
from bot.metrics import DOWN
from bot.transports import Transport
from bot.transports.operator_log import OperatorLog
from db.accounts import lane_of
from db.channels import Health, down_since, list_health, note_health
from db.deliveries import (
    Outgoing,
    add_deliveries,
    list_due_on,
    list_failed,
    list_open_senders,
    recover_claimed,
    was_written,
)
from db.deployment import take_turn
from db.models import Delivery, DeliveryKind
from db.session import Database, keys_of_session
from handlers.feature import VIETNAM
from handlers.rerouting import PATIENCE, move_stranded
from knowledge.texts import t

log = structlog.get_logger()

DOWN_AFTER = timedelta(minutes=5)
"""How long a channel must reach nobody before the operator hears of it."""

_LOOK_SECONDS = 20.0
_MEMBERS_EVERY = timedelta(minutes=1)
_NOBODY_DRIVES = timedelta(minutes=5)
_FAILED_LATELY = timedelta(hours=1)
_WAS_ASLEEP = timedelta(minutes=2)
"""A process that did not look for so long was stopped with its machine, and so were the others: what it finds noted is
old, and says nothing of the channels."""

Alert = Callable[[Session, str, str], None]
"""Tells the operator, once for each subject."""


class ChannelWatch:
    """Every process notes the accounts it drives; one of them at a time draws the conclusions for all."""

    def __init__(self, database: Database, alert: Alert, now: Callable[[], datetime]) -> None:
        self._database = database
        self._alert = alert
        self._now = now
        self._started_at = self._looked_at = now()
        self._channels: dict[str, tuple[Transport, Sender]] = {}

    def add(self, transport: Transport, sender: Sender) -> None:
        """Watch a channel of this process."""
        self._channels[transport.sender] = (transport, sender)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Note how this process's accounts fare; then, in one process at a time, move what cannot go."""
        now = self._now()
        if now - self._looked_at >= _WAS_ASLEEP:
            self._started_at = now
        self._looked_at = now
        try:
            if not await self._database.run(self._note_and_conclude, now):
                return
            for kind in PATIENCE:
                await self._move(kind)
        except SQLAlchemyError as error:
            log.error("channels_not_watched", error=type(error).__name__)

    def _note_and_conclude(self, session: Session, now: datetime) -> bool:
        """False when another process drew the conclusions a moment ago."""
        self._note(session, now)
        if not take_turn(session, "channels", now - timedelta(seconds=_LOOK_SECONDS * 0.9), now):
            return False
        self._conclude(session, now)
        return True

    def _note(self, session: Session, now: datetime) -> None:
        for name in sorted(self._channels):
            transport, sender = self._channels[name]
            if sender.is_driving:
                is_good = transport.is_connected and sender.failing_since is None
                before = note_health(session, name, is_good, now)
                DOWN.labels(name).set(not is_good)
                if is_good:
                    self._say_that_it_is_back(session, name, before, now)

    def _say_that_it_is_back(self, session: Session, name: str, before: Health | None, now: datetime) -> None:
        last_good = before.good_at if before else None
        if was_written(session, DeliveryKind.OPERATOR_ALERT, _subject_of("channel_down", name, last_good)):
            subject = _subject_of("channel_up", name, last_good)
            self._alert(session, subject, t("operator.channel_up", sender=name, at=_write(now)))

    def _conclude(self, session: Session, now: datetime) -> None:
        """Tell the operator of what is lost for everybody, and free what nobody drives any more."""
        health = list_health(session)
        for name, since in down_since(health, self._channels, self._started_at, now, DOWN_AFTER).items():
            last_good = health[name].good_at if name in health else None
            text = t("operator.channel_down", sender=name, since=_write(since))
            self._alert(session, _subject_of("channel_down", name, last_good), text)
        for name in self._list_down(session, DOWN_AFTER, health):
            _copy_to_log(session, list_due_on(session, DeliveryKind.OPERATOR_ALERT, [name]), now)
            if name not in health or now - max(health[name].driven_at, self._started_at) >= _NOBODY_DRIVES:
                recover_claimed(session, name)

        _copy_to_log(session, list_failed(session, DeliveryKind.OPERATOR_ALERT, now - _FAILED_LATELY), now)

    def describe(self, session: Session) -> dict[str, str]:
        """For `/readyz`: which channels reach nobody, and since when."""
        down = down_since(list_health(session), self._channels, self._started_at, self._now(), DOWN_AFTER)
        return {name: since.isoformat(timespec="seconds") for name, since in sorted(down.items())}

    def _list_down(self, session: Session, patience: timedelta, health: Mapping[str, Health]) -> list[str]:
        """Accounts that reach nobody, those with messages that no process drives any more included."""
        names = {*health, *self._channels, *list_open_senders(session)}
        return sorted(down_since(health, names, self._started_at, self._now(), patience))

    async def _move(self, kind: DeliveryKind) -> None:
        """A part at a time, each in its own transaction, so that nobody waits long for the database."""
        after: int | None = 0
        while after is not None:
            after = await self._database.run(self._move_some, kind, after)

    def _move_some(self, session: Session, kind: DeliveryKind, after: int) -> int | None:
        now = self._now()
        is_first = after == 0 and kind is not DeliveryKind.CASE_ALERT
        if is_first and not take_turn(session, f"reroute_{kind.value}", now - _MEMBERS_EVERY, now):
            return None
        down = self._list_down(session, PATIENCE[kind], list_health(session))
        return move_stranded(session, kind, down, after, now, now.astimezone(VIETNAM).date())


def _copy_to_log(session: Session, alerts: Sequence[Delivery], now: datetime) -> None:
    """What the operator does not hear, on a channel that is down or that they blocked, stands in the log as well."""
    lane = lane_of(keys_of_session(session), OperatorLog.sender, "operator")
    copies = [
        Outgoing(
            kind=line.kind,
            subject=line.subject,
            recipient=lane,
            sender=OperatorLog.sender,
            address="operator",
            body=line.body,
            expires_at=line.expires_at,
        )
        for line in alerts
        if line.sender != OperatorLog.sender and line.body is not None
    ]
    add_deliveries(session, copies, now)


def _subject_of(what: str, sender: str, last_good: datetime | None) -> str:
    """One for each outage: they differ in when the channel was last well."""
    return f"{what}:{sender}:{last_good:%Y%m%d%H%M%S}" if last_good else f"{what}:{sender}:never"


def _write(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
