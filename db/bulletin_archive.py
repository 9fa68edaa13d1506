"""Statements on past bulletins: those that went out, each with the newest sending of it, and what corrects them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import Bulletin, BulletinKind, BulletinRun, RunState

_SHOWN_KINDS = (BulletinKind.NEWS, BulletinKind.CORRECTION)
"""Tasks are for officers, and a changed answer is for those who had got the old one; so are their corrections."""

_SHOWN_STATES = (RunState.SENDING, RunState.DONE)


@dataclass(frozen=True)
class Past:
    """A bulletin that went out, and its newest sending."""

    bulletin: Bulletin
    run: BulletinRun


def list_past(session: Session, units: Collection[int], limit: int) -> list[Past]:
    """Those of some units, and the public ones of all, the newest first."""
    seen = or_(Bulletin.is_public, Bulletin.unit_id.in_(units)) if units else Bulletin.is_public.is_(True)
    return _list(session, seen, limit)


def _list(session: Session, condition: ColumnElement[bool], limit: int | None = None) -> list[Past]:
    rows = session.execute(
        _select_past().where(condition).order_by(BulletinRun.started_at.desc(), BulletinRun.id.desc()).limit(limit)
    )
    return [Past(bulletin, run) for bulletin, run in rows]


def _select_past() -> Select[Bulletin, BulletinRun]:
    newest = (
        select(func.max(BulletinRun.id)).where(BulletinRun.state.in_(_SHOWN_STATES)).group_by(BulletinRun.bulletin_id)
    )
    corrected = aliased(Bulletin)
    found = select(Bulletin, BulletinRun).join(BulletinRun, BulletinRun.bulletin_id == Bulletin.id)
    found = found.outerjoin(corrected, corrected.id == Bulletin.corrects_id)
    is_shown = or_(corrected.id.is_(None), corrected.kind.in_(_SHOWN_KINDS))
    return found.where(BulletinRun.id.in_(newest), Bulletin.kind.in_(_SHOWN_KINDS), is_shown)


def find_past(session: Session, code: str) -> Past | None:
    """A bulletin that went out, by its code."""
    return next(iter(_list(session, Bulletin.code == code, 1)), None)


def find_corrected(session: Session, past: Past) -> Past | None:
    """What a correction corrects, as far as it may be looked at."""
    return next(iter(_list(session, Bulletin.id == past.bulletin.corrects_id, 1)), None)


def list_corrections(session: Session, past: Past) -> list[Past]:
    """The corrections of a bulletin that went out, the newest first."""
    return _list(session, Bulletin.corrects_id == past.bulletin.id)
