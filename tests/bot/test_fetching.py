"""Files that people send: fetched and cleaned before the database is held, never lost, never seen as they came."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.orm import Session

from bot.cleaning import CleaningRoom
from bot.transports import AccountPaused, FetchUnavailable, FileGone, FileTooLarge
from db.case_files import list_files, open_file
from db.inbox import Arrival, add_events
from db.models import Case, CaseFile, InboxEvent, InboxState
from db.session import Database
from handlers.cases.keeping import MOST_AT_ONCE, list_names
from handlers.chat import MAX_FILE_BYTES, AttachmentKind, Cleaned, Kind
from handlers.errors import FileRefused
from knowledge.answer import Answerer
from tests.handlers import planted
from tests.talk import Member, Talk


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.fetching._FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr("bot.inbox._SECONDS_PER_EVENT", 0.0)


async def reporting(talk: Talk, name: str = "Lan") -> Member:
    """Somebody who has begun to tell what happened."""
    lan = talk.member(name)
    await lan.says("phản ánh")
    await lan.says("Công ty nợ lương hai tháng")
    return lan


def kept(talk: Talk) -> list[tuple[str, bytes]]:
    """Names and contents of the files of all cases."""

    def read(session: Session) -> list[tuple[str, bytes]]:
        found = []
        for case in session.scalars(select(Case)):
            files = list_files(session, case)
            names = list_names(session, case)  # after them: on PostgreSQL each statement sees what is there by then
            found += [(names[file.id], open_file(session, case, file)) for file in files]
        return found

    files: list[tuple[str, bytes]] = talk.look(read)
    return files


async def test_a_picture_arrives_clean_under_a_neutral_name(talk: Talk) -> None:
    """What is kept says nothing of who took it; nothing else of it is left anywhere."""
    lan = await reporting(talk)
    await lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE)
    lan.hears("1 tệp")
    [(name, content)] = kept(talk)
    assert name == "anh-1.jpg"
    assert planted.finds(content) == []
    assert talk.edge.fetched == 1


async def test_a_voice_goes_out_distorted_unless_its_owner_wants_otherwise(talk: Talk) -> None:
    """Of both versions the distorted one waits; the choice erases the other."""
    lan = await reporting(talk)
    voice = planted.voice("ogg", "libopus", rate=48_000)
    await lan.sends_file(voice, AttachmentKind.VOICE)
    lan.hears("giọng nói có thể bị nhận ra")
    [(name, distorted)] = kept(talk)
    assert name == "loi-thu-am-1.m4a"
    assert len(talk.rows(CaseFile)) == 2
    await lan.presses("Gửi giọng thật")
    [(_, own)] = kept(talk)
    assert own != distorted
    assert len(talk.rows(CaseFile)) == 1
    await lan.sends_file(voice, AttachmentKind.VOICE)
    await lan.presses("Gửi bản đổi giọng")
    assert len(talk.rows(CaseFile)) == 2


async def test_a_file_that_no_step_wants_is_not_even_fetched(talk: Talk) -> None:
    """It is answered as ever."""
    lan = talk.member("Lan")
    await lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE)
    heard = lan.heard[-1].text
    await lan.does(Kind.FILE)
    assert lan.heard[-1].text == heard
    assert talk.edge.fetched == 0


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(FileGone(), "không còn giữ"), (FileTooLarge(), "quá 10 MB"), (ValueError("a bug"), "bị hỏng")],
)
async def test_a_file_that_cannot_be_had_is_told_and_the_talk_goes_on(
    talk: Talk, trouble: Exception, words: str
) -> None:
    """Gone, too large, or our own mistake: a sentence, the open question again, and the next file is taken."""
    lan = await reporting(talk)
    talk.edge.fetch_failures = [trouble]
    replies = await lan.sends_file(planted.png(), AttachmentKind.PICTURE)
    assert words in replies[0].text
    assert len(replies) == 2
    await lan.sends_file(planted.png(), AttachmentKind.PICTURE)
    assert [name for name, _ in kept(talk)] == ["anh-1.png"]


async def test_other_kinds_are_refused_without_fetching(talk: Talk) -> None:
    """A film, and a file the platform could not hand over at all."""
    lan = await reporting(talk)
    assert "ảnh" in (await lan.sends_file(b"", AttachmentKind.OTHER))[0].text
    assert "gửi lại" in (await lan.does(Kind.FILE))[0].text
    assert talk.edge.fetched == 0


async def test_a_platform_that_does_not_answer_is_asked_again(talk: Talk) -> None:
    """Down, silent, down: then the file comes, once."""
    lan = await reporting(talk)
    talk.edge.fetch_failures = [FetchUnavailable(), TimeoutError(), AccountPaused(0.05), FetchUnavailable()]
    await lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE)
    assert len(kept(talk)) == 1
    assert talk.edge.fetched == 5
    assert {event.attempts for event in talk.rows(InboxEvent)} == {0}


async def test_patience_ends_and_the_person_is_asked_to_send_it_again(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's talk stands still for hours behind one file."""
    monkeypatch.setattr("bot.fetching._PATIENCE_SECONDS", 0.3)
    lan = await reporting(talk)
    talk.edge.fetch_failures = [FetchUnavailable() for _ in range(20)]
    replies = await lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE)
    assert "gửi lại" in replies[0].text


async def test_others_are_served_while_a_file_is_on_its_way(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More people wait for slow files than there are workers, and somebody else's question is answered at once; their
    own later messages wait their turn."""
    gate = asyncio.Event()
    fetch = talk.edge.fetch

    async def slow(raw: dict[str, Any], limit: int) -> bytes:
        await gate.wait()
        return await fetch(raw, limit)

    monkeypatch.setattr(talk.edge, "fetch", slow)
    people = [await reporting(talk, f"Lan {number}") for number in range(4)]
    sending = [asyncio.create_task(one.sends_file(planted.jpeg(), AttachmentKind.PICTURE)) for one in people]
    await asyncio.sleep(0.1)
    later = asyncio.create_task(people[0].says("và còn nợ bảo hiểm"))
    async with asyncio.timeout(30):
        assert await talk.member("Hoa").says("menu")
    assert not any(task.done() for task in (*sending, later))
    gate.set()
    await asyncio.gather(*sending, later)
    assert len(kept(talk)) == 4
    ids = [event.platform_id for event in talk.rows(InboxEvent) if event.state is not InboxState.PROCESSED]
    assert ids == []


async def test_two_workers_that_look_at_once_fetch_a_file_once(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane may be queued again while its event is looked at."""
    lan = await reporting(talk)
    call, both, looks = talk.database.call, asyncio.Barrier(2), []

    async def look(work: Callable[..., Any], *args: Any) -> Any:
        tried = await call(work, *args)
        if tried.wanted is not None and len(looks) < 2:
            looks.append(tried)
            talk.inbox._queue(lan.lane)
            await both.wait()
        return tried

    monkeypatch.setattr(talk.database, "call", look)
    await lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE)
    assert len(looks) == 2
    assert talk.edge.fetched == 1
    assert len(kept(talk)) == 1


async def test_stopping_while_a_file_is_fetched_loses_nothing(database: Database, answerer: Answerer) -> None:
    """The event stays as it is, and the next start handles it once."""
    async with Talk.start(database, answerer) as talk:
        lan = await reporting(talk)
        talk.edge.fetch_failures = [FetchUnavailable() for _ in range(1000)]
        sending = asyncio.create_task(lan.sends_file(planted.jpeg(), AttachmentKind.PICTURE, "the-file"))
        await until(lambda: talk.edge.fetched)
        sending.cancel()
    [event] = [row for row in talk.rows(InboxEvent) if row.platform_id == "the-file"]
    assert (event.state, event.attempts) == (InboxState.RECEIVED, 0)
    async with Talk.start(database, answerer) as talk:
        await until(lambda: kept(talk))
        await talk.member("Lan").settled()
        [event] = [row for row in talk.rows(InboxEvent) if row.platform_id == "the-file"]
        assert event.state is InboxState.PROCESSED
        assert event.attempts == 1  # of those after which an event that stops the program is set aside
        assert len(kept(talk)) == 1


async def test_a_file_beside_its_event_is_sealed_and_erased_once_handled(talk: Talk) -> None:
    """Where no platform keeps it for us, as on the web page, its bytes lie with the event no longer than needed."""
    lan = await reporting(talk)
    raw = {"who": lan.address, "id": "beside", "kind": "file", "what": "picture", "content": ""}
    picture = planted.jpeg()
    arrival = Arrival(talk.edge.sender, "beside", lan.lane, json.dumps(raw), picture)
    with talk.database.begin() as session:
        add_events(session, [arrival], talk.now())
        [lying] = session.execute(select(_AS_IT_LIES).where(InboxEvent.platform_id == "beside")).scalars()
        assert len(lying) > len(picture)
        assert planted.finds(bytes(lying)) == []
    await until(lambda: kept(talk))
    assert talk.look(lambda session: list(session.execute(select(_AS_IT_LIES)).scalars())) == [None] * 3
    assert talk.edge.fetched == 0


_AS_IT_LIES = type_coerce(InboxEvent.file, LargeBinary)


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  # others change it
            await asyncio.sleep(0.02)


async def test_no_more_than_ten_files_wait_for_one_message(talk: Talk) -> None:
    """The eleventh is refused with a sentence."""
    lan = await reporting(talk)
    for _ in range(MOST_AT_ONCE):
        await lan.sends_file(planted.amr(0.1), AttachmentKind.DOCUMENT)
        await lan.presses("Gửi bản đổi giọng")
    await lan.sends_file(planted.amr(0.1), AttachmentKind.DOCUMENT)
    lan.hears("nhiều nhất 10 tệp")
    assert len(talk.rows(CaseFile)) == MOST_AT_ONCE


# The process in which files are cleaned


def _give_back(content: bytes) -> Cleaned:
    return Cleaned("image/png", AttachmentKind.PICTURE, content, content[::-1])


def _refuse(_content: bytes) -> Cleaned:
    raise FileRefused("files.too_large", limit=3)


def _eat_memory(_content: bytes) -> Cleaned:
    return Cleaned("x/y", AttachmentKind.OTHER, b"1" * 3_000_000_000)


def _never_end(_content: bytes) -> Cleaned:
    while True:
        pass


def _die(_content: bytes) -> Cleaned:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def _tell_secrets(_content: bytes) -> Cleaned:
    import os

    return Cleaned("text/plain", AttachmentKind.OTHER, "\n".join(os.environ).encode())


def _write_a_file(_content: bytes) -> Cleaned:
    with open("left-behind.txt", "wb") as file:
        file.write(b"x")
        file.flush()
    return Cleaned("x/y", AttachmentKind.OTHER, b"")


async def test_a_cleaner_works_in_a_process_of_its_own() -> None:
    """Whatever bytes come out arrive unchanged, and a refusal with its reason."""
    room, content = CleaningRoom(), bytes(range(256)) * 1000 + b"\n\n"
    cleaned = await room.clean(_give_back, content)
    assert (cleaned.content, cleaned.distorted, cleaned.media_type) == (content, content[::-1], "image/png")
    with pytest.raises(FileRefused) as refused:
        await room.clean(_refuse, b"")
    assert (refused.value.key, refused.value.values) == ("files.too_large", {"limit": 3})


@pytest.mark.parametrize("cleaner", [_eat_memory, _never_end, _die, _write_a_file])
async def test_a_file_that_breaks_its_cleaner_is_refused_and_breaks_nothing_else(
    cleaner: Callable[[bytes], Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory, no end, a crash in a library, a try to write somewhere."""
    monkeypatch.setattr("bot.cleaning._SECONDS", 3.0)
    with pytest.raises(FileRefused, match="unreadable"):
        await CleaningRoom().clean(cleaner, b"x")


async def test_a_cleaner_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and addresses stand in the environment of the program, not of the process that meets strangers' files."""
    monkeypatch.setenv("TELEGRAM_TOKEN", "secret")
    told = (await CleaningRoom().clean(_tell_secrets, b"")).content.decode().split("\n")
    assert set(told) <= {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "OPENBLAS_NUM_THREADS", "LC_CTYPE"}


def test_the_limit_is_what_people_are_told() -> None:
    """Ten megabytes."""
    assert MAX_FILE_BYTES == 10 * 1024 * 1024
