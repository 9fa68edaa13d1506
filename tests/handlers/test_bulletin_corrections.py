"""A bulletin was wrong: its correction goes to exactly those who received it, and the wrong one to nobody any more."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from db.bulletins import digest_bulletin, find_bulletin
from db.models import Bulletin, BulletinKind, BulletinRun, BulletinState, Delivery, DeliveryState, Role, RunState
from handlers.actions import CorrectBulletin, StopNews, encode
from handlers.bulletins.corrections import draft_correction, stop_corrected
from handlers.feature import VIETNAM
from tests.bulletin_world import BulletinWorld
from tests.handlers.test_officers import officer
from tests.sent_bulletins import bulletin_of, person_at, send
from tests.small_tree import Tree
from tests.talk import Member, Talk


@pytest.fixture
def world(talk: Talk) -> BulletinWorld:
    """The small union by day: it is ten in the morning."""
    talk.moment = datetime.combine(talk.today, time(10), VIETNAM)
    return BulletinWorld(talk, Tree.plant(talk.database, talk.today - timedelta(days=400)))


def correct(world: BulletinWorld, wrong_id: int) -> int:
    """A correction is drafted and released, as the desk does it; returns its number."""
    talk = world.talk
    with talk.database.begin() as session:
        wrong = session.get_one(Bulletin, wrong_id)
        person_id = wrong.created_by_id
        assert person_id is not None
        correction = draft_correction(session, wrong, "thứ bảy", "chủ nhật", person_id, talk.now())
        stop_corrected(session, correction, person_id, talk.now())
        correction.state, correction.next_at = BulletinState.RELEASED, talk.now()
        correction.released_hash = digest_bulletin(session, correction)
        return correction.id


def got(member: Member) -> bool:
    """Whether somebody got a correction."""
    return any("Đính chính" in reply.text for reply in member.heard)


async def test_correction_goes_to_exactly_those_who_received_the_original(world: BulletinWorld) -> None:
    """Also where it is unknown whether they did; not where it failed; nor to who joined since, though the audience is
    the same; and not to who would not have got news at all."""
    sure, unsure, failed = (world.member() for _ in range(3))
    silent = world.member(agrees=False)
    wrong = world.release()
    await world.send()
    with world.talk.database.begin() as session:
        for member, state in ((unsure, DeliveryState.UNKNOWN), (failed, DeliveryState.FAILED)):
            line = session.query(Delivery).filter(Delivery.recipient == member.lane, Delivery.run_id.is_not(None)).one()
            line.state = state
    later = world.member()
    correct(world, wrong)
    await world.send()
    assert [got(one) for one in (sure, unsure, failed, later, silent)] == [True, True, False, False, False]
    sure.hears("Sai: thứ bảy", "Đúng là: chủ nhật")


async def test_release_of_a_correction_calls_off_what_is_left_of_the_original(world: BulletinWorld) -> None:
    """Who had not got it never gets it, nor the correction of it; a bulletin that recurs ends."""
    talk = world.talk
    wrong = world.release()
    world.member()
    world.tick()  # planned, and perhaps sent
    with talk.database.begin() as session:
        run = session.query(BulletinRun).one()
        run.state, run.finished_at = RunState.SENDING, None
        line = session.query(Delivery).filter(Delivery.run_id == run.id).one()
        line.state, line.not_before_at = DeliveryState.PLANNED, talk.now() + timedelta(hours=3)
        bulletin = session.get_one(Bulletin, wrong)
        bulletin.state, bulletin.next_at = BulletinState.RELEASED, talk.now() + timedelta(days=7)
    correct(world, wrong)
    with talk.database.begin() as session:
        assert session.query(BulletinRun).filter(BulletinRun.bulletin_id == wrong).one().state is RunState.CANCELLED
        found = find_bulletin(session, wrong)
        assert found is not None and (found.state, found.next_at) == (BulletinState.ENDED, None)
    talk.pass_time(hours=4)
    await world.send()
    assert [line.state for line in talk.rows(Delivery) if line.run_id] == [DeliveryState.CANCELLED]


async def test_who_stops_bulletins_still_gets_the_correction_of_what_they_got(world: BulletinWorld) -> None:
    """It waits for the morning when they stop everything: that calls off news, not the truth about it."""
    talk, lan = world.talk, world.member()
    wrong = world.release()
    await world.send()
    talk.pass_time(hours=13)
    correct(world, wrong)
    await world.send()
    assert not got(lan)
    await lan.presses_payload(encode(StopNews("stop")))
    talk.pass_time(hours=9)
    await world.send()
    assert got(lan)


async def test_editor_says_what_is_wrong_and_what_is_right(talk: Talk, world: BulletinWorld) -> None:
    """Two sentences, looked at once; then it is a draft that a second person releases, like any bulletin."""
    editor = await officer(talk, "Lê Soạn", world.tree.upper, Role.BULLETIN_EDITOR)
    lan = await person_at(talk, "Lan", world.tree.workplace)
    run_id = send(talk, world.tree.upper, [lan], is_public=True)
    wrong = bulletin_of(talk, run_id)
    await editor.presses_payload(encode(CorrectBulletin(wrong.id)))
    editor.hears("chỗ nào sai", "Hội thao")
    await editor.says("Hội thao ngày 12")
    editor.hears("đúng")
    await editor.says("Hội thao ngày 15")
    editor.hears("Sai: Hội thao ngày 12", "Đúng là: Hội thao ngày 15", "người thứ hai")
    await editor.presses("Soạn đính chính")
    correction = talk.rows(Bulletin)[-1]
    assert (correction.kind, correction.corrects_id) == (BulletinKind.CORRECTION, wrong.id)
    assert (correction.state, correction.unit_id, correction.is_public) == (BulletinState.DRAFT, wrong.unit_id, True)
    assert "ngày 12" in correction.content["text"] and "ngày 15" in correction.content["text"]
    assert [row.kind for row in talk.rows(Delivery) if row.run_id and row.run_id != run_id] == []


async def test_what_nobody_received_is_not_corrected(talk: Talk, world: BulletinWorld) -> None:
    """Nor by an editor of somewhere else."""
    editor = await officer(talk, "Lê Soạn", world.tree.workplace, Role.BULLETIN_EDITOR)
    lan = await person_at(talk, "Lan", world.tree.workplace)
    unsent = bulletin_of(talk, send(talk, world.tree.workplace))
    above = bulletin_of(talk, send(talk, world.tree.upper, [lan]))
    await editor.presses_payload(encode(CorrectBulletin(unsent.id)))
    editor.hears("Chưa ai nhận")
    await editor.presses_payload(encode(CorrectBulletin(above.id)))
    editor.hears("không có quyền")

    def count(session: Session) -> int:
        return session.query(Bulletin).filter(Bulletin.kind == BulletinKind.CORRECTION).count()

    assert talk.look(count) == 0
