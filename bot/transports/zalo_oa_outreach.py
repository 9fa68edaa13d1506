"""What an Official Account sends to many, or outside a talk: articles to a target of followers, and ZBS templates.

For bulletins: an article is one call however many read it, and Zalo takes it by day only; a template costs money for
each person, so it stands behind a setting and is sent only with its price known.
"""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol, TypeVar

from bot.transports import SendFailed, WindowClosed
from bot.transports.zalo_oa_client import ZaloClient, ZaloRefused, need
from bot.transports.zalo_oa_rules import is_day, next_morning

T = TypeVar("T")

MOST_ARTICLES = 5
_PROCESSING = -214
_LONGEST = {"title": 150, "description": 300, "author": 50}
_LONGEST_TRACKING_ID = 48
_ENABLED = "ENABLE"


class Account(Protocol):
    """How a call is made for the account: with its token, failing with the errors of `bot.transports`."""

    async def call(self, work: Callable[[str], Awaitable[T]], is_template: bool = False) -> T:
        """Make a call with an access token."""


@dataclass(frozen=True)
class Article:
    """An article as followers read it; ``cover_url`` is a public picture of at most a megabyte, which Zalo demands."""

    title: str
    description: str
    cover_url: str
    paragraphs: tuple[str, ...]
    author: str


@dataclass(frozen=True)
class Target:
    """Which followers: Zalo's own numbers for each, none meaning all."""

    ages: tuple[str, ...] = ()
    gender: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()

    def to_json(self) -> dict[str, str]:
        """As Zalo reads it: words and commas."""
        chosen = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: ",".join(values) for name, values in chosen.items() if values}


class ZaloArticles:
    """Creates articles and broadcasts them. Creating is slow on Zalo's side: keep what `create` returns and ask `find`
    from time to time, also after a restart."""

    def __init__(self, account: Account, client: ZaloClient, now: Callable[[], datetime]) -> None:
        self._account = account
        self._client = client
        self._now = now

    async def create(self, article: Article) -> str:
        """Hand an article over, visible once it is ready; returns what `find` asks by. Raises ValueError for one that
        is longer than Zalo takes."""
        for name, longest in _LONGEST.items():
            if not 0 < len(getattr(article, name)) <= longest:
                raise ValueError(f"{name} must have 1 to {longest} letters")
        body = {
            "type": "normal",
            "title": _compose(article.title),
            "author": _compose(article.author),
            "cover": {"cover_type": "photo", "photo_url": article.cover_url, "status": "show"},
            "description": _compose(article.description),
            "body": [{"type": "text", "content": _compose(paragraph)} for paragraph in article.paragraphs],
            "status": "show",
            "comment": "hide",
        }
        return await self._account.call(lambda token: self._post(token, "/v2.0/article/create", body, "token"))

    async def find(self, created: str) -> str | None:
        """The id of an article that was created; None while Zalo works on it."""

        async def ask(token: str) -> str | None:
            try:  # copies of the page disagree on the name
                return await self._post(token, "/v2.0/article/verify", {"token": created}, "id", "article_id")
            except ZaloRefused as error:
                if error.code == _PROCESSING:
                    return None
                raise

        return await self._account.call(ask)

    async def broadcast(self, article_ids: Sequence[str], target: Target) -> str:
        """Send articles to the followers of a target; returns Zalo's id of the broadcast. Raises `WindowClosed` at
        night, and asks nothing then."""
        if not 0 < len(article_ids) <= MOST_ARTICLES:
            raise ValueError(f"1 to {MOST_ARTICLES} articles")
        if not is_day(self._now()):
            raise WindowClosed("night", next_morning(self._now()))
        elements = [{"media_type": "article", "attachment_id": article_id} for article_id in article_ids]
        payload = {"template_type": "media", "elements": elements}
        body = {
            "recipient": {"target": target.to_json()},
            "message": {"attachment": {"type": "template", "payload": payload}},
        }
        return await self._account.call(lambda token: self._post(token, "/v2.0/oa/message", body, "message_id"))

    async def _post(self, token: str, path: str, body: dict[str, Any], *names: str) -> str:
        return need(await self._client.post(token, path, body), *names)


@dataclass(frozen=True)
class Template:
    """A ZBS template as Zalo holds it; prices in đồng, by Zalo id and by telephone number."""

    template_id: str
    name: str
    is_enabled: bool
    required: tuple[str, ...]
    tag: str
    price_by_user_vnd: int | None
    price_by_phone_vnd: int | None


@dataclass(frozen=True)
class TemplateSent:
    """What a template message cost, and Zalo's id of it, by which its receipt comes."""

    message_id: str
    price_vnd: int


class ZaloTemplates:
    """Sends ZBS templates, where the operator allows what they cost."""

    def __init__(self, account: Account, client: ZaloClient, is_allowed: bool) -> None:
        self._account = account
        self._client = client
        self._is_allowed = is_allowed

    async def describe(self, template_id: str) -> Template:
        """A template with its prices as Zalo states them now."""

        async def ask(token: str) -> Template:
            query = {"template_id": template_id}
            answer = await self._client.get(token, "/template/info/v2", query, is_business=True)
            return _read_template(template_id, answer["data"])

        return await self._account.call(ask, is_template=True)

    async def send_to_user(
        self, user_id: str, template: Template, values: Mapping[str, str], tracking_id: str
    ) -> TemplateSent:
        """Send to somebody who follows the account or wrote to it. Raises `SendFailed` where it may not be sent."""
        price = self._check(template, values, tracking_id, template.price_by_user_vnd)
        body = {"user_id": user_id, **_content(template, values, tracking_id)}

        async def ask(token: str) -> str:
            return need(await self._client.post(token, "/v3.0/oa/message/template", body), "message_id", "msg_id")

        return TemplateSent(await self._account.call(ask, is_template=True), price)

    async def send_to_phone(
        self, phone: str, template: Template, values: Mapping[str, str], tracking_id: str
    ) -> TemplateSent:
        """Send to whoever has Zalo on a number, followers or not. Raises `SendFailed` where it may not be sent."""
        price = self._check(template, values, tracking_id, template.price_by_phone_vnd)
        body = {"phone": to_international(phone), **_content(template, values, tracking_id)}

        async def ask(token: str) -> str:
            return need(await self._client.post(token, "/message/template", body, is_business=True), "msg_id")

        return TemplateSent(await self._account.call(ask, is_template=True), price)

    def _check(self, template: Template, values: Mapping[str, str], tracking_id: str, price: int | None) -> int:
        if not self._is_allowed:
            raise SendFailed("templates_off")
        if not template.is_enabled:
            raise SendFailed("template_not_approved")
        if price is None:
            raise SendFailed("template_price_unknown")
        if any(not values.get(name) for name in template.required):
            raise SendFailed("template_incomplete")
        if not 0 < len(tracking_id) <= _LONGEST_TRACKING_ID:
            raise ValueError(f"a tracking id has 1 to {_LONGEST_TRACKING_ID} letters")
        return price


def _read_template(template_id: str, data: dict[str, Any]) -> Template:
    return Template(
        template_id=template_id,
        name=str(data["templateName"]),
        is_enabled=data["status"] == _ENABLED,
        required=tuple(str(one["name"]) for one in data.get("listParams", []) if one.get("require")),
        tag=str(data.get("templateTag", "")),
        price_by_user_vnd=_price(data.get("price_uid")),
        price_by_phone_vnd=_price(data.get("price_sdt", data.get("price"))),
    )


def to_international(phone: str) -> str:
    """A Vietnamese number as Zalo wants it: digits, beginning with 84."""
    digits = "".join(sign for sign in phone if sign.isdigit())
    return f"84{digits[1:]}" if digits.startswith("0") else digits


def _content(template: Template, values: Mapping[str, str], tracking_id: str) -> dict[str, Any]:
    composed = {name: _compose(value) for name, value in values.items()}
    return {"template_id": template.template_id, "template_data": composed, "tracking_id": tracking_id}


def _price(value: Any) -> int | None:
    try:
        return round(float(value))
    except (TypeError, ValueError):
        return None


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)
