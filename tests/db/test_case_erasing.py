"""An erased case is gone for good, whenever the program dies meanwhile and whichever older copy comes back."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.accounts import forget_unseen_accounts, lane_of, meet_account
from db.case_access import add_reader, bar_role
from db.case_erasing import (
    ORPHAN_DAYS,
    destroy_keys,
    erase_case,
    erase_cases_of,
    forget_case_drafts,
    forget_finished_cases,
    note_restored,
    sweep,
)
from db.case_history import EventKind, append, list_lines
from db.case_keys import CaseErased, CaseKeys, case_keys_of_session
from db.case_parties import add_party, list_own, list_party_accounts
from db.cases import add_case
from db.erasing import erase_account, erase_person
from db.history_check import verify
from db.models import (
    Absence,
    Account,
    Case,
    CaseBarrier,
    CaseEvent,
    CaseFile,
    CaseParty,
    CaseReader,
    CaseState,
    OfficerTie,
    Person,
    Role,
    Unit,
    WhyReader,
)
from db.session import Database, keys_of_session
from handlers.retention import PERIODS, apply_retention
from tests.case_world import get_locked

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
STORY = {"text": "quản đốc quấy rối"}
PICTURE = b"a picture of the workshop"
ALL_DAYS = date(2999, 1, 1)


def account_of(session: Session, name: str, now: datetime = NOW) -> Account:
    lane = lane_of(keys_of_session(session), "t:1", name)
    return meet_account(session, "t:1", lane, name, None, now)[0]


def send_case(session: Session, *names: str, state: CaseState = CaseState.OPENED, now: datetime = NOW) -> Case:
    """A case with everything a case can have."""
    unit = session.scalars(select(Unit).limit(1)).first()
    if unit is None:
        unit = Unit(code="u1")
        session.add(unit)
        session.flush()
    case = add_case(session, "harassment", "high", now)
    case.state, case.opened_at, case.unit_id, case.workplace_unit_id = state, now, unit.id, unit.id
    case.commune, case.receipt_hash, case.due_at, case.next_step_at = "Xã Thử", f"{case.id:064}", now, now
    case.closed_at = now if state in (CaseState.CLOSED, CaseState.WITHDRAWN) else None
    append(session, case, EventKind.OPENED, now, None, STORY)
    sealed = case_keys_of_session(session).cipher(case.key_id).seal(PICTURE, "case_files.content")
    session.add(CaseFile(case_id=case.id, media_type="image/jpeg", size=len(PICTURE), content=sealed, added_at=now))
    add_reader(session, case, unit.id, WhyReader.RESPONSIBLE, now)
    bar_role(session, case, unit.id, Role.CHAIR, now)
    for name in names:
        add_party(session, case, account_of(session, name), now)
    return case


def open_story(session: Session, case_id: int) -> object:
    lines = list_lines(session, get_locked(session, case_id))
    return lines[0].body if lines else None


def is_erased(database: Database, case_id: int) -> bool:
    """Row and key: nothing of the case in either."""
    with database.read() as session:
        case = session.get_one(Case, case_id)
        if case.state is not CaseState.ERASED:
            return False
        with pytest.raises(CaseErased):
            case_keys_of_session(session).cipher(case.key_id)
        for model in (CaseParty, CaseFile, CaseBarrier, CaseReader):
            assert session.query(model).filter_by(case_id=case_id).count() == 0, model
        assert (case.commune, case.workplace_unit_id, case.receipt_hash, case.next_step_at) == (None,) * 4
        return open_story(session, case_id) is None


def test_erased_case_leaves_a_history_nobody_opens(database: Database) -> None:
    """Code, kind, unit and moments stay, and the lines; whose it was, where, what was told and sent is gone."""
    with database.begin() as session:
        case = send_case(session, "lan")
        case_id, code = case.id, case.code
    with database.begin() as session:
        assert open_story(session, case_id) == STORY
        erase_case(session, get_locked(session, case_id), NOW)
        assert case_keys_of_session(session).cipher(session.get_one(Case, case_id).key_id), "not before the commit"
    assert is_erased(database, case_id)
    with database.begin() as session:
        assert destroy_keys(session, NOW) is False
        case = session.get_one(Case, case_id)
        assert (case.key_id, case.code, case.category, case.closed_at) == (None, code, "harassment", NOW)
        assert list_party_accounts(session, case) == []
        assert verify(session) == []
    assert is_erased(database, case_id)


def test_erasure_that_is_rolled_back_erased_nothing(database: Database) -> None:
    """The key follows the row: an error later in the transaction takes the erasure back, also that of a savepoint."""
    with database.begin() as session:
        first, second = (send_case(session, "lan").id for _ in range(2))

    def fail(session: Session) -> None:
        erase_case(session, get_locked(session, first), NOW)
        session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database._run(fail, ())
    with database.begin() as session:
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            fail(session)
        with session.begin_nested():
            erase_case(session, get_locked(session, second), NOW)
        assert case_keys_of_session(session).list_destroyed() == [], "a savepoint is no commit"
    with database.begin() as session:
        assert open_story(session, first) == STORY
    assert is_erased(database, second)


def test_crash_between_the_commit_and_the_key_is_mended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says that it is erased; within the hour its key is destroyed."""
    with database.begin() as session:
        case_id = send_case(session, "lan").id
    with monkeypatch.context() as dying:
        dying.setattr("db.case_erasing._destroy_doomed", lambda _session: None)
        with database.begin() as session:
            erase_case(session, get_locked(session, case_id), NOW)
    with database.begin() as session:
        assert len(case_keys_of_session(session).list_living(ALL_DAYS)) == 1
        destroy_keys(session, NOW)
    assert is_erased(database, case_id)
    with database.read() as session:
        assert case_keys_of_session(session).list_living(ALL_DAYS) == []


def test_store_that_cannot_be_reached_after_the_commit_is_asked_again(database: Database, case_keys: CaseKeys) -> None:
    """The erasure stands; the key follows when the store is back."""
    with database.begin() as session:
        case_id = send_case(session, "lan").id
    with case_keys._engine.begin() as connection:
        connection.execute(text("ALTER TABLE case_keys RENAME TO away"))
    with database.begin() as session:
        erase_case(session, get_locked(session, case_id), NOW)
    with case_keys._engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO case_keys"))
    with database.begin() as session:
        destroy_keys(session, NOW)
    assert is_erased(database, case_id)


def test_older_row_is_emptied_again_when_its_key_is_destroyed(database: Database, case_keys: CaseKeys) -> None:
    """As after a restore: the row is there as it was, its key is not. Other cases stay."""
    with database.begin() as session:
        gone, kept = (send_case(session, "lan") for _ in range(2))
        ids, key_id = (gone.id, kept.id), gone.key_id
    case_keys.destroy([str(key_id)])
    with database.begin() as session:
        sweep(session, NOW)
    assert is_erased(database, ids[0])
    with database.begin() as session:
        assert open_story(session, ids[1]) == STORY


def test_keys_that_no_case_names_go_after_a_month(database: Database, case_keys: CaseKeys) -> None:
    """Not those of drafts, not young ones, and none for a month after older data were brought back."""
    with database.begin() as session:
        kept = add_case(session, "other", "ordinary", NOW).key_id
    orphan = case_keys.create()
    later = datetime.now(UTC) + timedelta(days=ORPHAN_DAYS + 1)
    for restored, left in ((None, {kept, orphan}), (later, {kept, orphan}), (None, {kept})):
        with database.begin() as session:
            if restored:
                note_restored(session, restored)
            elif left == {kept}:
                later += timedelta(days=ORPHAN_DAYS)
            sweep(session, later if restored or left == {kept} else datetime.now(UTC))
        assert set(case_keys.list_living(ALL_DAYS)) == left


def test_draft_goes_after_a_week_with_its_row(database: Database) -> None:
    """What was never sent was never the union's."""
    with database.begin() as session:
        old = add_case(session, "other", "ordinary", NOW - timedelta(days=8))
        new = add_case(session, "other", "ordinary", NOW - timedelta(days=6))
        old_id, new_id = old.id, new.id
    for _ in range(2):
        with database.begin() as session:
            apply_retention(session, NOW)
    assert is_erased(database, old_id)
    with database.begin() as session:
        destroy_keys(session, NOW)
        assert session.get(Case, old_id) is None
        assert session.get_one(Case, new_id).state is CaseState.DRAFT
        assert len(case_keys_of_session(session).list_living(ALL_DAYS)) == 1
        assert verify(session) == []


def test_finished_case_goes_after_its_period(database: Database) -> None:
    """Counted from the last thing that happened in it; an open one stays however old it is."""
    days = {period.kind: period.days for period in PERIODS}["finished_cases"]
    old, young = NOW - timedelta(days=days + 1), NOW - timedelta(days=days - 1)
    with database.begin() as session:
        states = (CaseState.CLOSED, CaseState.WITHDRAWN, CaseState.MERGED)
        gone = [send_case(session, "lan", state=state, now=old).id for state in states]
        kept = [send_case(session, "lan", state=state, now=young).id for state in states]
        kept.append(send_case(session, "lan", now=old).id)
        touched = send_case(session, "lan", state=CaseState.CLOSED, now=old)
        append(session, touched, EventKind.READ, young)
        kept.append(touched.id)
    with database.begin() as session:
        assert forget_finished_cases(session, NOW - timedelta(days=days)) == 3
        assert forget_case_drafts(session, NOW) == 0
    assert [is_erased(database, one) for one in gone] == [True] * 3
    assert [is_erased(database, one) for one in kept] == [False] * 5


def test_worker_who_erases_themself_takes_their_cases_along(database: Database) -> None:
    """On their only channel the case goes; one they also follow from another phone loses this tie and stays there."""
    with database.begin() as session:
        alone, both, others = (send_case(session, *names).id for names in (("lan",), ("lan", "máy khác"), ("hoa",)))
        erase_account(session, account_of(session, "lan"), NOW)
    assert is_erased(database, alone)
    with database.begin() as session:
        assert (open_story(session, both), open_story(session, others)) == (STORY, STORY)
        [account] = list_party_accounts(session, get_locked(session, both))
        assert account.address == "máy khác"
        assert erase_cases_of(session, account, NOW) == 1
    assert is_erased(database, both)


def test_person_who_is_erased_takes_the_cases_of_all_their_channels_along(database: Database) -> None:
    """Also one that two of their own channels follow."""
    with database.begin() as session:
        person = Person(code="AAAA2222", created_at=NOW)
        session.add(person)
        session.flush()
        for name in ("lan", "lan ở nhà"):
            account_of(session, name).person_id = person.id
        case_id = send_case(session, "lan", "lan ở nhà").id
        erase_person(session, person, NOW, NOW.date())
    assert is_erased(database, case_id)


@pytest.mark.parametrize("way", ["unseen", "cleared"])
def test_cleared_computer_unties_and_takes_no_report_back(database: Database, way: str) -> None:
    """A browser that forgets, or is not used for years, no longer leads to the case; it goes on, and the receipt still
    opens it."""
    from bot.transports.web import WebTransport, _forget_visitor

    sender = WebTransport.sender if way == "cleared" else "t:1"
    with database.begin() as session:
        lane = lane_of(keys_of_session(session), sender, "lan")
        lan, _ = meet_account(session, sender, lane, "lan", None, NOW)
        case = send_case(session)
        add_party(session, case, lan, NOW)
        case_id = case.id
    forget: dict[str, Callable[[Session], object]] = {
        "cleared": lambda session: _forget_visitor(session, lane),
        "unseen": lambda session: forget_unseen_accounts(session, NOW + timedelta(days=1)),
    }
    with database.begin() as session:
        forget[way](session)
    with database.begin() as session:
        assert session.query(Account).count() == session.query(CaseParty).count() == 0
        assert open_story(session, case_id) == STORY
        again, _ = meet_account(session, sender, lane, "lan", None, NOW)
        assert list_own(session, [again]) == []


def test_officer_who_is_erased_stays_in_the_history_without_a_name(database: Database) -> None:
    """The line says that somebody read; ties and days away are gone."""
    with database.begin() as session:
        officer, nobody = (Person(code=code, created_at=NOW, profile={"full_name": "X"}) for code in ("AA22", "AA33"))
        session.add_all([officer, nobody])
        session.flush()
        case = send_case(session, "lan")
        append(session, case, EventKind.READ, NOW, officer.id)
        session.add(OfficerTie(person_id=officer.id, unit_id=case.unit_id, declared_at=NOW))
        session.add(Absence(person_id=officer.id, from_on=NOW.date(), to_on=NOW.date(), substitute_id=nobody.id))
        ids = (officer.id, nobody.id)
    with database.begin() as session:
        for one in ids:
            erase_person(session, session.get_one(Person, one), NOW, NOW.date())
    with database.begin() as session:
        assert session.get_one(Person, ids[0]).profile is None
        assert session.get(Person, ids[1]) is None
        assert session.scalars(select(CaseEvent.actor_id).where(CaseEvent.kind == "read")).all() == [ids[0]]
        assert session.query(OfficerTie).count() == session.query(Absence).count() == 0
        assert verify(session) == []
