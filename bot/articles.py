"""Sends the article of a bulletin to everybody who follows an Official Account: created, awaited, broadcast, each once.

Where it stands is a ledger line to the account itself, so that a stop at any moment repeats no broadcast: before the
call the line is claimed, and one that was cut off there is unknown, like any message. An article that was created twice
is seen twice in the account's own list, and sent once. The lines of the people whom the article reaches follow it.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from bot.transports import AccountPaused, SendFailed, SendUnavailable, SendUncertain, WindowClosed
from bot.transports.formatting import to_plain
from bot.transports.public_files import PublicFiles
from bot.transports.zalo_oa_outreach import Article, Target
from bot.transports.zalo_oa_rules import next_morning
from db.article_runs import (
    Step,
    add_article,
    claim_article,
    end_articles,
    find_due_article,
    follow_article,
    note_step,
    read_article_bulletin,
)
from db.models import DeliveryState
from db.session import Database
from handlers.chat import File, StoredReply
from handlers.notify import is_quiet
from knowledge.texts import t

log = structlog.get_logger()

_LOOK_SECONDS = 5.0
_POLL_AGAIN = timedelta(seconds=10)
"""How long Zalo is given between two questions whether an article is ready."""
_TRY_AGAIN = timedelta(minutes=1)
_LONGEST_TITLE, _LONGEST_DESCRIPTION, _LONGEST_AUTHOR = 150, 300, 50
_LARGEST_COVER = 1024 * 1024
_COVERS = ("image/jpeg", "image/png")
_LINES_AT_ONCE = 2000


class Articles(Protocol):
    """`bot.transports.zalo_oa_outreach.ZaloArticles`."""

    async def create(self, article: Article) -> str:
        """Hand an article over; returns what `find` asks by."""

    async def find(self, created: str) -> str | None:
        """The id of an article; None while Zalo works on it."""

    async def broadcast(self, article_ids: Sequence[str], target: Target) -> str:
        """Send articles to followers; returns Zalo's id of the broadcast."""


class ArticleRunner:
    """Drives the articles of one account; only the process that sends on the account may."""

    def __init__(
        self,
        sender: str,
        articles: Articles,
        database: Database,
        public_files: PublicFiles,
        author: str,
        now: Callable[[], datetime],
    ) -> None:
        self._sender = sender
        self._articles = articles
        self._database = database
        self._public_files = public_files
        self._author = author
        self._now = now

    async def run(self) -> None:
        """Look for articles until cancelled. The caller has seen to it that lines cut off in a broadcast are unknown
        (`db.deliveries.recover_claimed`)."""
        while True:
            try:
                while await self.step():
                    pass
            except Exception as error:  # noqa: BLE001  # whatever it is must not stop the account's other messages
                log.error("articles_not_driven", sender=self._sender, error=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def step(self) -> bool:
        """Do what is next for one article; False when there is nothing now."""
        if await self._database.run(follow_article, self._sender, self._now(), _LINES_AT_ONCE):
            return True
        await self._database.run(_bring_up_to_date, self._sender, self._now())
        step = await self._database.look(find_due_article, self._sender, self._now())
        if step is None:
            return False
        try:
            await self._go_on(step)
        except WindowClosed as closed:
            await self._put_off(step, closed.reason, closed.until or self._now() + _TRY_AGAIN)
        except AccountPaused as pause:
            await self._put_off(step, "paused", self._now() + timedelta(seconds=pause.seconds))
        except SendUnavailable:
            await self._put_off(step, "unavailable", self._now() + _TRY_AGAIN)
        except SendUncertain:  # only a broadcast is unknown: anything else is simply done again
            if step.article_id is None:
                await self._put_off(step, "uncertain", self._now() + _TRY_AGAIN)
            else:
                await self._end(step, DeliveryState.UNKNOWN, "uncertain")
        except SendFailed as failed:
            await self._end(step, DeliveryState.FAILED, failed.reason)
        except ValueError as error:  # longer than Zalo takes
            log.error("article_refused", run_id=step.run_id, error=str(error))
            await self._end(step, DeliveryState.FAILED, "invalid")
        return True

    async def _go_on(self, step: Step) -> None:
        if step.token is None:
            token = await self._articles.create(await self._write(step.run_id))
            await self._note(step, token=token, until=self._now() + _POLL_AGAIN)
        elif step.article_id is None:
            article_id = await self._articles.find(step.token)
            await self._note(
                step, article_id=article_id, until=self._now() + (_POLL_AGAIN if article_id is None else timedelta())
            )
        elif is_quiet(self._now()) and not step.may_disturb:
            raise WindowClosed("night", next_morning(self._now()))
        elif await self._database.run(claim_article, step.line_id, self._now()):
            sent_id = await self._articles.broadcast([step.article_id], Target())
            await self._end(step, DeliveryState.SENT, None, sent_id)

    async def _write(self, run_id: int) -> Article:
        """A bulletin as an article. Raises `SendFailed` for one without a cover."""
        body = await self._database.look(read_article_bulletin, run_id)
        reply = StoredReply.from_json(body)
        cover = next((address for file in reply.files if (address := self._cover_address(file))), None)
        if cover is None:
            raise SendFailed("no_cover")
        title, *paragraphs = (to_plain(part) for part in reply.text.split("\n\n") if part.strip())
        links = [t("bulletin_zalo.article_link", label=one.label, url=one.url) for one in reply.buttons if one.url]
        whole = [*paragraphs, *links, t("bulletin_zalo.article_end")]
        return Article(
            title=title[:_LONGEST_TITLE],
            description=_cut(paragraphs[0] if paragraphs else title, _LONGEST_DESCRIPTION),
            cover_url=cover,
            paragraphs=tuple(whole),
            author=self._author[:_LONGEST_AUTHOR],
        )

    def _cover_address(self, file: File) -> str | None:
        if file.media_type not in _COVERS or len(file.content) > _LARGEST_COVER or file.digest is None:
            return None
        made = self._public_files.address_of_open(file)
        return made[0] if made else None

    async def _note(self, step: Step, until: datetime, token: str | None = None, article_id: str | None = None) -> None:
        body = {"token": token or step.token, "article_id": article_id}
        await self._database.run(note_step, step.line_id, DeliveryState.PLANNED, None, until, None, body)

    async def _put_off(self, step: Step, reason: str, until: datetime) -> None:
        await self._database.run(note_step, step.line_id, DeliveryState.PLANNED, reason, until)

    async def _end(self, step: Step, state: DeliveryState, reason: str | None, sent_id: str | None = None) -> None:
        log.info("article_ended", run_id=step.run_id, state=state.value)
        await self._database.run(note_step, step.line_id, state, reason, self._now(), sent_id)


def _bring_up_to_date(session: Session, sender: str, now: datetime) -> None:
    end_articles(session, sender, now)
    add_article(session, sender, now)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
