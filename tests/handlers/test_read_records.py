"""Whenever an officer is shown a member's name or number, that they read it is on record; whatever screen it was."""

import io
import zipfile
from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.models import Account, Application, DataRequest, Membership, Person, PersonalRead, Role, RoleGrant
from handlers.chat import StoredReply
from handlers.registration.card import Card, sign_card
from tests.handlers.test_officers import officer
from tests.handlers.test_privacy import guardian
from tests.handlers.test_registration import apply, join
from tests.small_tree import Tree
from tests.talk import Member, Talk

NAME = "Nguyễn Thị Hoa"


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today - timedelta(days=400))


def shows_name(replies: Sequence[StoredReply]) -> bool:
    """Whether the member's name stands in a text, on a button or in a document."""
    words = [reply.text for reply in replies] + [button.label for reply in replies for button in reply.buttons]
    for reply in replies:
        for file in reply.files:
            if file.name.endswith(".docx"):
                words.append(zipfile.ZipFile(io.BytesIO(file.content)).read("word/document.xml").decode())
    return any(NAME in word for word in words)


async def check(talk: Talk, reader: Member, subject: int, *steps: str) -> bool:
    """Do something at the desk, pressing what holds a "|" and saying the rest; whenever the name was shown, that is on
    record by then. Returns whether it was shown at all."""
    was_shown = False
    reader_id = next(row.person_id for row in talk.rows(Account) if row.address_hash == reader.lane)
    before = len(talk.rows(PersonalRead))
    for step in steps:
        heard = await (reader.presses_payload(step) if "|" in step else reader.says(step))
        if shows_name(heard):
            was_shown = True
            fresh = {(row.reader_id, row.subject_id) for row in talk.rows(PersonalRead)[before:]}
            assert (reader_id, subject) in fresh, f"{steps}: the name was read and nobody wrote it down"
    await reader.says("hủy")
    return was_shown


async def test_every_screen_that_shows_a_member_is_on_record(talk: Talk, tree: Tree) -> None:
    """Finding, opening, listing, moving, ending, appointing, checking a card, Mẫu 5b, a wish to leave, a request."""
    worker, clerk = await join(talk, tree)
    chair = await officer(talk, "Chủ Tịch", tree.workplace, Role.CHAIR)
    guard = await guardian(talk, tree.root)
    [membership] = talk.rows(Membership)
    subject = membership.person_id
    code = next(row.code for row in talk.rows(Person) if row.id == subject)
    await worker.presses_payload("fix|o")
    await worker.says("sai ngày")
    await worker.presses_payload("leave")
    await worker.presses("Gửi, tôi muốn ra")
    correction, leaving = talk.rows(DataRequest)
    card = sign_card(talk.database.keys, Card(code, tree.workplace, talk.today))
    shown = {
        steps[0]: await check(talk, reader, subject, *steps)
        for reader, steps in (
            (clerk, ("find|", "hoa nguyen")),
            (clerk, ("find|0", code)),
            (clerk, (f"mem|{subject}",)),
            (clerk, (f"mems|{tree.workplace}",)),
            (clerk, (f"endmem|{subject}",)),
            (clerk, (f"mvmem|{subject}",)),
            (clerk, (f"gnum|{subject}", "7/QĐ")),
            (clerk, (f"leaver|{leaving.id}",)),
            (clerk, (card,)),
            (chair, (f"list5b|{tree.workplace}",)),
            (chair, (f"inv|{tree.workplace}", code, "Cán bộ công đoàn", "Công đoàn trả lương", "Đúng, cấp mã")),
            (guard, ("reqs|", f"req|{correction.id}")),
        )
    }
    silent = {f"mvmem|{subject}", f"gnum|{subject}", "find|", "find|0"}
    assert {step for step, was_shown in shown.items() if not was_shown} <= silent
    [grant] = [row for row in talk.rows(RoleGrant) if row.person_id == subject]
    for payload in (f"unit|{tree.workplace}", f"grant|{grant.id}", f"hand|{grant.id}", f"recode|{grant.id}"):
        assert await check(talk, chair, subject, payload), payload


async def test_every_screen_that_shows_an_applicant_is_on_record(talk: Talk, tree: Tree) -> None:
    """Opening, the form as a document, each of the three decisions."""
    clerk = await officer(talk, "Trần Cán Bộ", tree.workplace, Role.OFFICER)
    worker = talk.member("Hoa")
    await apply(worker)
    [application] = talk.rows(Application)
    subject, number = application.person_id, application.id
    assert await check(talk, clerk, subject, f"app|{number}")
    assert await check(talk, clerk, subject, f"paper|{number}")
    assert not await check(talk, clerk, subject, "apps|", "mine|")
    await check(talk, clerk, subject, f"dec|{number}|t")
    await check(talk, clerk, subject, f"dec|{number}|m", "ghi rõ quê quán")
    await worker.presses_payload("again")
    assert await check(talk, clerk, subject, f"dec|{number}|a", "1/QĐ")
