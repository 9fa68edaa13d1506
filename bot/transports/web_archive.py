"""Past bulletins as public pages: a list that can be searched, one page for each, and its files. No cookie, no script,
nothing that tells who reads."""

import html
import re
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.transports.formatting import to_html
from db.bulletin_archive import Past, find_corrected, find_past, list_corrections, list_past
from db.bulletin_runs import list_files
from db.codes import read_code
from db.models import BulletinFile
from db.session import Database
from handlers.bulletins.archive import day_of, holds, title_of
from handlers.bulletins.content import ANSWERED, BlockKind, Content
from handlers.feature import Union
from knowledge.texts import t

ARCHIVE_PATH = "/ban-tin"
_PAGE = 10
_LOOKED_AT = 1000
_LONGEST_WORDS = 100
_SHOWN_TYPES = ("image/png", "image/jpeg", "image/webp")
"""Pictures stand in the page; any other file is only ever downloaded."""


class WebArchive:
    """The pages under `ARCHIVE_PATH`. Only bulletins that their editors made public and that went out."""

    def __init__(self, database: Database, union: Union) -> None:
        self._database = database
        self._union = union
        self.routes = (
            Route(ARCHIVE_PATH, self._show_list),
            Route(f"{ARCHIVE_PATH}/{{code}}", self._show_one),
            Route(f"{ARCHIVE_PATH}/{{code}}/tep/{{number:int}}", self._send_file),
        )

    async def _show_list(self, request: Request) -> Response:
        words = request.query_params.get("tu", "").strip()[:_LONGEST_WORDS]
        page = request.query_params.get("trang", "1")
        number = int(page) if page.isdecimal() and len(page) < 5 else 1
        try:
            found = await self._database.look(_list_public, words)
        except SQLAlchemyError:
            return self._draw(t("web_archive.unavailable"), "", 503)
        return self._draw(t("web_archive.title"), _draw_list(found, words, max(1, number)))

    async def _show_one(self, request: Request) -> Response:
        try:
            drawn = await self._database.look(_draw_one, request.path_params["code"])
        except SQLAlchemyError:
            return self._draw(t("web_archive.unavailable"), "", 503)
        if drawn is None:
            return self._draw(t("web_archive.not_found"), _back(), 404)
        return self._draw(*drawn)

    async def _send_file(self, request: Request) -> Response:
        try:
            file = await self._database.look(_find_file, request.path_params["code"], request.path_params["number"])
        except SQLAlchemyError:
            return Response(status_code=503)
        if file is None:
            return Response(status_code=404)
        name, media_type, content = file
        kind = "inline" if media_type in _SHOWN_TYPES else "attachment"
        headers = {"Content-Disposition": f"{kind}; filename*=UTF-8''{quote(name)}"}
        return Response(content, media_type=media_type, headers=headers)

    def _draw(self, title: str, body: str, status: int = 200) -> HTMLResponse:
        """A whole page; ``title`` is plain text, ``body`` is HTML of ours."""
        union = _safe(self._union.name)
        places = ((ARCHIVE_PATH, "web_archive.title"), ("/", "web_archive.to_chat"))
        links = " ".join(f'<a href="{path}">{_safe(t(key))}</a>' for path, key in places)
        heading = "" if body.startswith("<article") else f"<h1>{_safe(title)}</h1>\n"
        page = f"""<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_safe(title)} – {union}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/archive.css">
</head>
<body>
<a class="skip" href="#main">{_safe(t("web_archive.skip"))}</a>
<header><p>{union}</p><nav aria-label="{_safe(t("web_archive.navigation"))}">{links}</nav></header>
<main id="main">
{heading}{body}
</main>
<footer><p>{_safe(t("web_archive.hotline", hotline=self._union.hotline))}</p></footer>
</body>
</html>
"""
        return HTMLResponse(page, status_code=status)


def _list_public(session: Session, words: str) -> list[Past]:
    return [past for past in list_past(session, (), _LOOKED_AT) if holds(past, words)]


def _find_public(session: Session, code: str) -> Past | None:
    known = read_code(code)
    past = find_past(session, known) if known is not None else None
    return past if past is not None and past.bulletin.is_public else None


def _draw_list(found: Sequence[Past], words: str, page: int) -> str:
    shown = found[(page - 1) * _PAGE : page * _PAGE]
    items = "\n".join(
        f'<li><a href="{_address(past)}">{_safe(title_of(past))}</a> <time>{_safe(day_of(past))}</time></li>'
        for past in shown
    )
    nothing = t("web_archive.nothing", words=words) if words else t("web_archive.empty")
    listed = f'<ol class="list">\n{items}\n</ol>' if shown else f"<p>{_safe(nothing)}</p>"
    return f"""<form action="{ARCHIVE_PATH}" role="search">
<label for="tu">{_safe(t("web_archive.search_label"))}</label>
<div><input id="tu" name="tu" type="search" value="{_safe(words)}" maxlength="{_LONGEST_WORDS}">
<button>{_safe(t("web_archive.search"))}</button></div>
</form>
{listed}
{_draw_pages(len(found), words, page)}"""


def _draw_pages(count: int, words: str, page: int) -> str:
    links = []
    if page > 1:
        links.append(f'<a href="{_page_address(words, page - 1)}">{_safe(t("web_archive.newer"))}</a>')
    if page * _PAGE < count:
        links.append(f'<a href="{_page_address(words, page + 1)}">{_safe(t("web_archive.older"))}</a>')
    return f'<nav class="pages" aria-label="{_safe(t("web_archive.pages"))}">{" ".join(links)}</nav>' if links else ""


def _page_address(words: str, page: int) -> str:
    query = urlencode({"tu": words} if words else {}) + f"{'&' if words else ''}trang={page}"
    return _safe(f"{ARCHIVE_PATH}?{query}")


def _draw_one(session: Session, code: str) -> tuple[str, str] | None:
    """The title and the page of one bulletin; None where there is none, or it is not public."""
    past = _find_public(session, code)
    if past is None:
        return None
    wrong = find_corrected(session, past)
    notes = [
        _draw_note("web_archive.corrected", one) for one in list_corrections(session, past) if one.bulletin.is_public
    ]
    if wrong is not None and wrong.bulletin.is_public:
        notes.append(_draw_note("web_archive.corrects", wrong))
    title, _, text = str(past.run.body["text"]).partition("\n")
    links = [
        f'<li><a href="{_safe(block.target)}" rel="noopener noreferrer">{_safe(block.label)}</a></li>'
        for block in Content.from_json(past.bulletin.content).blocks
        if block.kind is BlockKind.LINK and urlsplit(block.target).scheme in ("http", "https")
    ]
    files = [_draw_file(past, file) for file in list_files(session, past.run.plan.get("files", []))]
    blocks = Content.from_json(past.bulletin.content).blocks
    if any(block.kind in ANSWERED for block in blocks):
        text += f"\n\n{t('web_archive.answer_in_chat')}"
    body = f"""<article>
<h1>{to_html(title.strip().strip("*"))}</h1>
<p class="day"><time>{_safe(t("web_archive.sent_on", day=day_of(past)))}</time></p>
{"".join(notes)}
{draw_text(text)}
{_wrap("ul", links)}{_wrap("ul", files, "files")}
</article>
{_back()}"""
    return title_of(past), body


def _draw_note(key: str, other: Past) -> str:
    link = f'<a href="{_address(other)}">{_safe(title_of(other))}</a>'
    return f'<p class="note">{_safe(t(key, day=day_of(other)))} {link}</p>\n'


def _draw_file(past: Past, file: BulletinFile) -> str:
    address = f"{_address(past)}/tep/{file.id}"
    if file.media_type in _SHOWN_TYPES:
        return f'<li><img src="{address}" alt="{_safe(t("web_archive.picture", name=file.name))}" loading="lazy"></li>'
    size = t("web_archive.size", count=max(1, file.size // 1024))
    return f'<li><a href="{address}" download>{_safe(file.name)}</a> ({_safe(size)})</li>'


def _wrap(tag: str, items: Sequence[str], name: str = "links") -> str:
    return f'<{tag} class="{name}">\n{chr(10).join(items)}\n</{tag}>\n' if items else ""


def draw_text(text: str) -> str:
    """A text of our formatting subset as HTML: paragraphs, lists, bold words and links; anything else is escaped."""
    return "\n".join(_draw_paragraph(one) for one in re.split(r"\n\s*\n", text.strip()) if one.strip())


def _draw_paragraph(paragraph: str) -> str:
    parts: list[str] = []
    lines: list[str] = []
    bullets: list[str] = []

    def end() -> None:
        if lines:
            parts.append(f"<p>{'<br>'.join(lines)}</p>")
        if bullets:
            parts.append(f"<ul>{''.join(f'<li>{one}</li>' for one in bullets)}</ul>")
        lines.clear()
        bullets.clear()

    for line in paragraph.split("\n"):
        is_bullet = line.startswith("- ")
        if (is_bullet and lines) or (not is_bullet and bullets):
            end()
        (bullets if is_bullet else lines).append(to_html(line.removeprefix("- ")))
    end()
    return "".join(parts)


def _find_file(session: Session, code: str, number: int) -> tuple[str, str, bytes] | None:
    past = _find_public(session, code)
    if past is None or number not in past.run.plan.get("files", []):
        return None
    return next(((file.name, file.media_type, file.content) for file in list_files(session, [number])), None)


def _address(past: Past) -> str:
    return f"{ARCHIVE_PATH}/{past.bulletin.code}"


def _back() -> str:
    return f'<p><a href="{ARCHIVE_PATH}">{_safe(t("web_archive.all"))}</a></p>'


def _safe(text: str) -> str:
    return html.escape(text)
