"""Statements on the codes by which a person ties a further channel to themselves."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.codes import new_digits
from db.models import LinkCode
from db.session import keys_of_session

DIGITS = 6


def add_link_code(session: Session, account_id: int, now: datetime, lifetime: timedelta) -> str:
    """A new code for an account, in place of its older one; the code itself is only ever shown. Codes whose time is
    over go with this."""
    over = (LinkCode.expires_at <= now) | (LinkCode.account_id == account_id)
    session.execute(delete(LinkCode).where(over))
    taken = set(session.scalars(select(LinkCode.code_hash)))
    code = new_digits(DIGITS)
    while _hash(session, code) in taken:
        code = new_digits(DIGITS)
    row = LinkCode(code_hash=_hash(session, code), account_id=account_id, issued_at=now, expires_at=now + lifetime)
    session.add(row)
    session.flush()
    return code


def _hash(session: Session, code: str) -> str:
    return keys_of_session(session).hash("link", code)


def find_link_code(session: Session, code: str, now: datetime) -> LinkCode | None:
    """A code that nobody typed yet and that still holds; locked, so that two accounts cannot use it at once."""
    mine = LinkCode.code_hash == _hash(session, code)
    unused = select(LinkCode).where(mine, LinkCode.typed_at.is_(None), LinkCode.expires_at > now)
    return session.scalars(unused.with_for_update()).first()


def find_link(session: Session, link_id: int, now: datetime) -> LinkCode | None:
    """A code that was typed and is not settled, locked; None when its time is over."""
    row = session.get(LinkCode, link_id, with_for_update=True)
    return row if row is not None and row.typed_at is not None and row.expires_at > now else None


def forget_link(session: Session, link: LinkCode) -> None:
    """The matter is settled, or was refused."""
    session.delete(link)
    session.flush()
