"""What an Official Account of Zalo needs to be remembered: its tokens, who follows it, and what reached whom."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base
from db.types import Id, Moment, SealedText


class ZaloTokens(Base):
    """The tokens of one Official Account. The refresh token is good for one use, so ``claimed_by`` and
    ``claimed_until`` let one process at a time use it, and ``version`` tells the others of a newer pair."""

    __tablename__ = "zalo_oa_tokens"

    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    code_verifier: Mapped[str] = mapped_column(SealedText("zalo_oa_tokens.code_verifier"))
    login_hash: Mapped[str | None] = mapped_column(String(32))
    login_until: Mapped[datetime | None] = mapped_column(Moment)
    access_token: Mapped[str | None] = mapped_column(SealedText("zalo_oa_tokens.access_token"))
    refresh_token: Mapped[str | None] = mapped_column(SealedText("zalo_oa_tokens.refresh_token"))
    version: Mapped[int] = mapped_column(default=0)
    obtained_at: Mapped[datetime | None] = mapped_column(Moment)
    access_until: Mapped[datetime | None] = mapped_column(Moment)
    refresh_until: Mapped[datetime | None] = mapped_column(Moment)
    refused_at: Mapped[datetime | None] = mapped_column(Moment)
    claimed_by: Mapped[str | None] = mapped_column(String(40))
    claimed_until: Mapped[datetime | None] = mapped_column(Moment)


class ZaloFollower(Base):
    """Somebody who follows an Official Account or wrote to it: our own list, since Zalo's ends after 10,000. The
    moments are those of Zalo's events, which come late and in any order."""

    __tablename__ = "zalo_oa_followers"
    __table_args__ = (UniqueConstraint("sender", "address_hash"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sender: Mapped[str] = mapped_column(String(80))
    address_hash: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(SealedText("zalo_oa_followers.address"))
    is_following: Mapped[bool] = mapped_column(default=False)
    follow_changed_at: Mapped[datetime | None] = mapped_column(Moment)
    interacted_at: Mapped[datetime | None] = mapped_column(Moment)


class ZaloReceipt(Base):
    """When a message of ours reached a phone and was seen, by Zalo's id of it (`Delivery.platform_message_id`): a row
    of its own, since Zalo may tell it before we have written down that the message went out."""

    __tablename__ = "zalo_oa_receipts"
    __table_args__ = (UniqueConstraint("sender", "message_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sender: Mapped[str] = mapped_column(String(80))
    message_id: Mapped[str] = mapped_column(String(80))
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    seen_at: Mapped[datetime | None] = mapped_column(Moment)
    noted_at: Mapped[datetime] = mapped_column(Moment, index=True)
