"""What a group of officers is never told, what it is told and when: worked out from the case, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.case_access import bar_role
from db.case_erasing import erase_case
from db.case_topics import ask_for_group, forget_groups, name_group, tie_group
from db.deliveries import Outcome, claim_due, record_outcomes
from db.duty import add_tie
from db.models import (
    Case,
    CaseTopic,
    Delivery,
    DeliveryKind,
    DeliveryState,
    OfficerGroup,
    Role,
    TopicAct,
    UnitLevel,
    UnitPeriod,
    WhyUntied,
)
from db.officers import end_grant, list_grants
from db.session import Database
from handlers.cases.clockwork import mend
from handlers.cases.service import claim, decline, forward, recategorise, withdraw, write_as_worker
from handlers.cases.topics import keep_some_topics
from knowledge.case_terms import Urgency
from tests.case_world import Heard, accounts_of, add_officer, day_of, see, send
from tests.small_tree import Tree, add_unit

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 9:00 in Vietnam
NIGHT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SENDER = "telegram_desk:9"


class World:
    """One transaction in a ward with a clerk, a chair and a tied group."""

    def __init__(self, session: Session, tree: Tree) -> None:
        self.session, self.tree, self.heard, self.now = session, tree, Heard(), NOW
        self.clerk = add_officer(session, "Lê Thị Việc", tree.upper, Role.OFFICER, NOW - timedelta(days=9))
        self.chair = add_officer(session, "Trần Thị Chủ", tree.upper, Role.CHAIR, NOW - timedelta(days=9))
        self.group = self.tie(tree.upper, "-1001")

    def tie(self, unit_id: int, address: str) -> OfficerGroup:
        group = ask_for_group(self.session, unit_id, SENDER, self.chair, f"C{address}", NOW, timedelta(minutes=15))
        name_group(self.session, group, address, "Cán bộ phường")
        tie_group(self.session, group, NOW)
        return group

    def send(self, **facts: Any) -> Case:
        return send(self.session, self.now, **({"workplace_unit_id": self.tree.workplace} | facts))[0]

    def tick(self) -> list[tuple[TopicAct, str]]:
        """The clock looks; whatever it wrote is taken by the platform. Returns what it was."""
        keep_some_topics(self.session, self.now, day_of(self.now), self.heard, 0)
        lines = [one for one in claim_due(self.session, SENDER, self.now, 50) if one.kind is DeliveryKind.GROUP_POST]
        outcomes = [
            Outcome(one.id, DeliveryState.SENT, platform_message_id=str(one.body["topic"]["number"] or 500 + one.id))
            for one in lines
        ]
        record_outcomes(self.session, outcomes, self.now)
        self.session.flush()
        self.session.expire_all()
        return [(TopicAct(one.body["topic"]["act"]), one.body["text"]) for one in lines]

    def topics(self) -> list[CaseTopic]:
        return list(self.session.scalars(select(CaseTopic).order_by(CaseTopic.id)))


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    tree = Tree.plant(database, day_of(NOW) - timedelta(days=400))
    with database.begin() as session:
        yield World(session, tree)


def acts(said: list[tuple[TopicAct, str]]) -> list[TopicAct]:
    return [act for act, _text in said]


def test_case_of_harassment_has_no_topic(world: World) -> None:
    """One that its holder alone opens is not spoken of in a group; set to that kind later, its topic is removed."""
    world.send(category="harassment")
    assert world.tick() == []
    case = world.send()
    assert acts(world.tick()) == [TopicAct.OPEN]
    claim(world.session, see(world.session, world.clerk, NOW), case.code, NOW, day_of(NOW))
    recategorise(world.session, see(world.session, world.clerk, NOW), case.code, "harassment", Urgency.URGENT, NOW)
    assert acts(world.tick()) == [TopicAct.REMOVE]
    world.tick()
    assert world.topics() == []


def test_case_from_which_anybody_is_kept_away_has_no_topic(world: World) -> None:
    """Excluded by the worker, named by them, tied, paid by the employer, or the reporter themself: whoever sits in the
    group could be the one."""
    world.send(excluded=((world.tree.root, Role.CHAIR),))
    world.send(story="Chị Trần Thị Chủ bênh công ty, nợ lương ba tháng.")
    world.send(account=accounts_of(world.session, world.clerk)[0])
    add_tie(world.session, world.clerk, world.tree.other_workplace, NOW)
    world.send(workplace_unit_id=world.tree.other_workplace)
    assert world.tick() == []
    world.send()
    assert acts(world.tick()) == [TopicAct.OPEN], "the first workplace is nobody's"


def test_roles_that_handle_no_cases_and_past_ones_count_as_well(world: World) -> None:
    """An administrator whom the employer pays reads along in the group, and so does an officer of last year."""
    paid = world.tree.workplace
    boss = add_officer(world.session, "Đặng Quản Trị", world.tree.upper, Role.ADMINISTRATOR, NOW, paid_by=paid)
    world.send()
    assert world.tick() == []
    [grant] = list_grants(world.session, boss, NOW, day_of(NOW))
    end_grant(grant, NOW, None)
    assert world.tick() == []


def test_unknown_workplace_has_no_topic_where_anybody_is_tied_to_any(world: World) -> None:
    """It could be that very one."""
    world.send(workplace_unit_id=None, commune="Phường Thử")
    assert acts(world.tick()) == [TopicAct.OPEN]
    add_tie(world.session, world.clerk, world.tree.other_workplace, NOW)
    assert acts(world.tick()) == [TopicAct.REMOVE]
    world.send(workplace_unit_id=None, commune="Phường Thử")
    assert world.tick() == []


def test_topic_goes_when_somebody_is_kept_away_later(world: World) -> None:
    """The worker names the chair in a later message: what stood in the group is removed with all it said."""
    case = world.send()
    world.tick()
    write_as_worker(world.session, case, "Hôm qua chị Trần Thị Chủ đi ăn với giám đốc.", NOW, day_of(NOW))
    assert acts(world.tick()) == [TopicAct.REMOVE]
    other = world.send()
    world.tick()
    bar_role(world.session, other, world.tree.upper, Role.CHAIR, NOW)
    assert acts(world.tick()) == [TopicAct.REMOVE]
    world.tick()
    assert world.topics() == []


def test_somebody_named_who_holds_another_role_is_found_too(world: World) -> None:
    """Names are looked for among everybody of the unit, not only among those who handle cases."""
    add_officer(world.session, "Phạm Văn Biên Tập", world.tree.upper, Role.BULLETIN_EDITOR, NOW)
    world.send(story="Anh Phạm Văn Biên Tập nhận tiền của công ty.")
    assert world.tick() == []


def test_group_hears_of_steps_and_of_no_reading(world: World) -> None:
    """Declined, claimed, another kind: one message each; that somebody opened it is not the group's business."""
    case = world.send()
    [(_, first)] = world.tick()
    assert "hạn" in first
    clerk, chair = (see(world.session, one, NOW) for one in (world.clerk, world.chair))
    decline(world.session, clerk, case.code, NOW, day_of(NOW))
    [(act, text)] = world.tick()
    assert act is TopicAct.POST
    assert "Một người không nhận được" in text
    claim(world.session, chair, case.code, NOW, day_of(NOW))
    assert "Đã có người nhận" in world.tick()[0][1]
    recategorise(world.session, chair, case.code, "dismissal", Urgency.URGENT, NOW)
    assert "Sa thải" in world.tick()[0][1]
    from handlers.cases.service import open_story

    open_story(world.session, chair, case.code, NOW)
    assert world.tick() == []
    withdraw(world.session, case, NOW)
    assert acts(world.tick()) == [TopicAct.CLOSE]
    assert world.tick() == []
    assert "Chủ" not in first + text, "no officer is named"


def test_case_that_goes_on_takes_its_topic_along(world: World) -> None:
    """Sent up, it is closed in the ward's group and opened in the federation's, if that has one."""
    add_officer(world.session, "Vũ Cấp Trên", world.tree.root, Role.OFFICER, NOW)
    above = world.tie(world.tree.root, "-1002")
    case = world.send()
    world.tick()
    viewer = see(world.session, world.clerk, NOW)
    claim(world.session, viewer, case.code, NOW, day_of(NOW))
    world.tick()
    forward(world.session, viewer, case.code, "Công ty ở nhiều phường", NOW, day_of(NOW))
    assert sorted(acts(world.tick())) == [TopicAct.CLOSE, TopicAct.OPEN]
    assert {topic.group_id: topic.closed_at is None for topic in world.topics()} == {
        world.group.id: True,
        above.id: True,
    }
    world.tick()
    assert {topic.group_id: topic.closed_at is None for topic in world.topics()} == {
        world.group.id: False,
        above.id: True,
    }


def test_posts_stand_behind_personal_alerts_and_wait_for_the_morning(world: World) -> None:
    """By night only what is claimed by the clock is posted; and always after what is for a person."""
    world.now = NIGHT
    world.send()
    world.send(category="accident")
    [(_, text)] = world.tick()
    assert "Tai nạn" in text
    rows = world.session.scalars(select(Delivery)).all()
    post = next(row.priority for row in rows if row.kind is DeliveryKind.GROUP_POST)
    assert all(row.priority < post for row in rows if row.kind is DeliveryKind.CASE_ALERT)
    world.now = NIGHT + timedelta(hours=9)
    assert "Tiền lương" in world.tick()[0][1]


def test_many_cases_at_once_stay_below_the_platforms_limit(world: World) -> None:
    """Twenty messages a minute would silence personal alerts as well; nothing is lost by going slowly."""
    for _ in range(7):
        world.send()
    told = [len(world.tick()) for _ in range(5)]
    assert max(told) * 2 * 3 <= 20, "opening a topic is two messages, and the clock ticks three times a minute"
    assert sum(told) == 7


def test_nothing_piles_up_while_the_platform_is_away(world: World) -> None:
    """With messages on their way nothing more is written; what expired is told as things stand then."""
    case = world.send()
    keep_some_topics(world.session, NOW, day_of(NOW), world.heard, 0)
    claim(world.session, see(world.session, world.clerk, NOW), case.code, NOW, day_of(NOW))
    for _ in range(3):
        keep_some_topics(world.session, NOW, day_of(NOW), world.heard, 0)
    posts = select(Delivery).where(Delivery.kind == DeliveryKind.GROUP_POST)
    assert len(world.session.scalars(posts).all()) == 1
    world.now = NOW + timedelta(days=3)
    assert world.tick() == [], "it expired in this very moment"
    [(act, _text)] = world.tick()
    assert act is TopicAct.OPEN
    assert world.heard.subjects == [], "a platform that is away is nobody's fault"


def test_erased_case_leaves_no_topic(world: World) -> None:
    """The worker erases what they sent: it goes from the group too."""
    case = world.send()
    world.tick()
    erase_case(world.session, case, NOW)
    assert acts(world.tick()) == [TopicAct.REMOVE]
    world.tick()
    assert world.topics() == []


def test_closed_unit_lets_its_group_go_once_it_was_told(world: World) -> None:
    """Its cases go to the unit that took its place; then nothing ties the group to anything."""
    session, today = world.session, day_of(NOW)
    world.send()
    world.tick()
    period = session.scalars(select(UnitPeriod).where(UnitPeriod.unit_id == world.tree.upper)).one()
    new = add_unit(session, "MOI", UnitLevel.UPPER, world.tree.root, "Công đoàn phường Mới", today)
    add_officer(session, "Vũ Người Mới", new, Role.OFFICER, NOW)
    for child in session.scalars(select(UnitPeriod).where(UnitPeriod.parent_id == world.tree.upper)):
        child.parent_id = new
    period.effective_to = today - timedelta(days=1)
    session.flush()
    mend(session, NOW, today)
    assert acts(world.tick()) == [TopicAct.CLOSE]
    world.tick()
    assert world.group.why_ended is WhyUntied.UNIT_CLOSED
    assert any("unit_closed" in subject for subject in world.heard.subjects)
    assert forget_groups(session, NOW + timedelta(days=1)) == 1
    assert world.topics() == []
