"""The clock ticks, rows decide; retention erases what is old and says how much."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.app import App
from bot.clock import Clock, Job
from bot.settings import Settings
from db.accounts import meet_account
from db.conversations import get_conversation
from db.deliveries import Outgoing, add_deliveries
from db.inbox import Arrival, add_events, find_next, mark_processed
from db.keys import KeyProblem
from db.models import Conversation, Delivery, DeliveryKind, Erasure, InboxEvent, UnansweredQuestion
from db.questions import add_unanswered
from db.session import Database
from handlers.retention import PERIODS, apply_retention
from knowledge.answer import Answerer

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


async def test_two_clocks_run_a_job_once_per_period(database: Database) -> None:
    """Any number of clocks may tick on one database."""
    runs: list[datetime] = []
    job = Job("count", timedelta(hours=1), lambda _session, now: runs.append(now))
    moment = NOW
    clocks = [Clock(database, lambda: moment, (job,)) for _ in range(3)]
    for hours in range(4):
        moment = NOW + timedelta(hours=hours)
        for clock in clocks:
            await clock.tick()
    assert runs == [NOW + timedelta(hours=hours) for hours in range(4)]


async def test_job_that_fails_is_tried_again_at_the_next_tick(database: Database) -> None:
    """The row moves on only with the job's own transaction."""
    attempts: list[int] = []

    def fail_once(session: Session, _now: datetime) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            session.execute(text("SELECT no_such_column FROM nowhere"))

    clock = Clock(database, lambda: NOW, (Job("fragile", timedelta(days=1), fail_once),))
    await clock.tick()
    await clock.tick()
    await clock.tick()
    assert len(attempts) == 2


async def test_job_that_cannot_be_done_holds_up_none_behind_it_and_the_operator_hears(database: Database) -> None:
    """A value that no key opens is no fault of the database: the jobs behind it run at each tick, and the operator is
    told once a day which one does not."""
    runs: list[datetime] = []
    told: dict[str, str] = {}

    def fail(_session: Session, _now: datetime) -> None:
        raise KeyProblem("a key is missing")

    async def alarm(subject: str, text: str) -> None:
        told.setdefault(subject, text)

    moment = NOW
    jobs = (Job("broken", timedelta(hours=1), fail), Job("count", timedelta(hours=1), lambda _s, now: runs.append(now)))
    clock = Clock(database, lambda: moment, jobs, alarm)
    for _ in range(2):
        await clock.tick()
        moment += timedelta(hours=1)
    assert len(runs) == 2
    assert [("broken" in text, "KeyProblem" in text) for text in told.values()] == [(True, True)]


def test_retention_erases_what_is_older_than_its_period_and_records_it(database: Database) -> None:
    """Old raw messages, texts, drafts and questions go; young and unhandled ones stay; the count is kept."""
    old, young = NOW - timedelta(days=400), NOW - timedelta(hours=1)
    with database.begin() as session:
        for number, at in enumerate((old, young)):
            add_events(session, [Arrival("t:1", f"p{number}", f"lane{number}", "{}")], at)
            event = find_next(session, f"lane{number}")
            assert event is not None
            mark_processed(event, at)
            add_unanswered(session, "câu hỏi", "abstain", at)
            message = Outgoing(
                DeliveryKind.REPLY, f"s{number}", "r", "t:1", "a", {"text": "x"}, at + timedelta(1), stored_is_sent=True
            )
            add_deliveries(session, [message], at)
            account, _ = meet_account(session, "t:1", f"h{number}", "addr", None, at)
            conversation = get_conversation(session, account.id, at)
            conversation.feature, conversation.step, conversation.draft = "faq", "officer", {"question": "x"}
        add_events(session, [Arrival("t:1", "waiting", "lane9", "{}")], old)
    with database.begin() as session:
        apply_retention(session, NOW)
    with database.read() as session:
        assert {row.platform_id for row in session.query(InboxEvent)} == {"p1", "waiting"}
        assert session.query(UnansweredQuestion).count() == 1
        assert session.query(Delivery).count() == 1
        assert sorted(row.draft is None for row in session.query(Conversation)) == [False, True]
        erased = {row.kind: row.erased for row in session.query(Erasure)}
    assert erased == {
        "inbox_events": 1,
        "delivery_texts": 1,
        "delivery_lines": 1,
        "open_drafts": 1,
        "unanswered_questions": 1,
    }


def test_every_period_has_one_function_of_its_own() -> None:
    """Each kind of data is erased in one place."""
    assert len({period.forget for period in PERIODS}) == len(PERIODS) == len({period.kind for period in PERIODS})


async def test_clock_that_was_wrong_and_put_right_holds_no_job_up(database: Database) -> None:
    """A run written down for next year must not end the daily erasing until then."""
    runs: list[datetime] = []
    job = Job("count", timedelta(days=1), lambda _session, now: runs.append(now))
    for moment in (NOW + timedelta(days=365), NOW, NOW + timedelta(hours=1)):
        await Clock(database, lambda moment=moment: moment, (job,)).tick()  # type: ignore[misc]  # a default binds it
    assert runs == [NOW + timedelta(days=365), NOW]


async def test_job_with_more_to_do_goes_on_in_transactions_of_its_own(database: Database) -> None:
    """A long job never keeps everybody else from writing for long."""
    left = [3, 2, 1]
    sessions = []

    def work(session: Session, _now: datetime) -> bool:
        assert session not in sessions
        sessions.append(session)
        left.pop()
        return bool(left)

    await Clock(database, lambda: NOW, (Job("long", timedelta(days=1), work),)).tick()
    assert left == []


def test_running_program_watches_what_has_a_deadline(database: Database, answerer: Answerer) -> None:
    """What was told in confidence is looked at once a day, requests about data every hour, cases at every tick."""
    app = App(Settings(_env_file=None), database, answerer)  # type: ignore[call-arg]
    periods = {job.name: job.every for job in app._clock._jobs}
    assert periods["no_union"] == timedelta(days=1)
    assert periods["data_requests"] == timedelta(hours=1)
    assert periods["cases"] < timedelta(seconds=20)
    assert periods["mend_cases"] == timedelta(minutes=1)
    assert periods["follow_up_cases"] == timedelta(hours=1)
