"""Before a bulletin goes: who gets it on which account, what it costs, what does not fit, when an article may go."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.accounts import lane_of
from db.audiences import Audience, select_people
from db.bulletin_runs import BUDGET, Means, add_run, count_lines, plan_lines
from db.channel_accounts import PAID, add_account, article_lane, change_account, count_paid
from db.channel_plans import list_whole
from db.models import (
    Account,
    AccountDay,
    Bulletin,
    BulletinKind,
    BulletinState,
    Consent,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Membership,
    Person,
    Shift,
    TopicChoice,
    ZaloFollower,
)
from db.people import add_person
from db.session import Database, keys_of_session
from handlers.bulletins.content import Block, BlockKind, Content
from handlers.bulletins.zalo_plan import Plan, Share, make_plan
from handlers.bulletins.zalo_words import describe_plan, hide_small
from handlers.feature import VIETNAM
from knowledge.normalize import fold
from tests.small_tree import Tree

NOW = datetime(2026, 11, 18, 10, tzinfo=VIETNAM)
TODAY = NOW.date()
OA, OTHER_OA, BOT, TELEGRAM = "zalo_oa:1", "zalo_oa:2", "zalo_bot:7", "telegram:9"
PICTURED = Content("Tin tuần", "Nội dung.", files=(1,))


@dataclass
class World:
    """A union with members on its channels, and what one bulletin would do there."""

    session: Session
    tree: Tree
    senders: Sequence[str] = (OA, TELEGRAM, "web")
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def set(self, sender: str, **numbers: Any) -> None:
        """The operator's numbers of an account."""
        add_account(self.session, sender)
        change_account(self.session, sender, numbers)

    def member(self, unit_id: int | None = None, agrees: bool = True) -> int:
        """A member of the workplace, or of another unit; returns their number."""
        person = add_person(self.session, None, NOW)
        where = unit_id or self.tree.workplace
        self.session.add(Membership(person_id=person.id, unit_id=where, since_on=TODAY - timedelta(days=400)))
        if agrees:
            account_id = self.joins(person.id, "web", seen=timedelta(days=300))
            self.session.add(
                Consent(account_id=account_id, person_id=person.id, purpose="news", version=1, given_at=NOW)
            )
        self.session.flush()
        return person.id

    def joins(
        self,
        person_id: int | None,
        sender: str,
        seen: timedelta = timedelta(hours=1),
        wrote: timedelta | None = None,
        follows: bool = False,
    ) -> int:
        """Somebody's account on a channel; on an Official Account also when they wrote last and whether they follow."""
        address = f"a{next(self._numbers)}"
        lane = lane_of(keys_of_session(self.session), sender, address)
        account = Account(
            sender=sender, address=address, address_hash=lane, person_id=person_id,
            first_seen_at=NOW - seen, last_seen_at=NOW - seen,
        )  # fmt: skip
        self.session.add(account)
        if sender.startswith("zalo_oa"):
            interacted_at = NOW - wrote if wrote is not None else NOW - timedelta(days=30)
            self.session.add(
                ZaloFollower(
                    sender=sender, address_hash=lane, address=address, is_following=follows, interacted_at=interacted_at
                )
            )
        self.session.flush()
        return account.id

    def on_oa(self, wrote_hours: float, count: int = 1, follows: bool = True, sender: str = OA) -> list[int]:
        """Members who wrote to an Official Account so many hours ago, and are on no other channel but the page."""
        people = [self.member() for _ in range(count)]
        for person_id in people:
            self.joins(person_id, sender, wrote=timedelta(hours=wrote_hours), follows=follows)
        return people

    def bulletin(self, **changes: Any) -> Bulletin:
        """A bulletin to everybody, with a picture."""
        content, audience = changes.pop("content", PICTURED), changes.pop("audience", None)
        values = {
            "code": f"BT{next(self._numbers)}", "kind": BulletinKind.NEWS, "unit_id": self.tree.root, "topic": "law",
            "is_public": True, "state": BulletinState.RELEASED, "created_at": NOW, "changed_at": NOW, "timing": {},
            "content": content.to_json(), "audience": (audience or Audience(units=(self.tree.root,))).to_json(),
        }  # fmt: skip
        bulletin = Bulletin(**(values | changes))
        self.session.add(bulletin)
        self.session.flush()
        return bulletin

    def plan(self, senders: Sequence[str] | None = None, **changes: Any) -> Plan:
        """What a bulletin would do now."""
        return make_plan(self.session, self.bulletin(**changes), NOW, senders or self.senders)

    def sends(self, plan: Plan, bulletin: Bulletin, senders: Sequence[str] | None = None) -> dict[Any, int]:
        """The lines that a sending with this plan writes, by state and reason."""
        ends_at = NOW + timedelta(days=3)
        run = add_run(self.session, bulletin.id, NOW, {}, {"files": []}, TODAY, ends_at, NOW)
        assert run is not None
        people = select_people(Audience.from_json(bulletin.audience), bulletin.topic, TODAY)
        slots = {shift: [NOW] for shift in Shift}
        used = tuple(one for one in senders or self.senders if one not in plan.refused)
        means = Means(used, slots, plan.limits, plan.free_only, plan.articles)
        plan_lines(self.session, run, people, means, (0, 10**9), NOW)
        return {reason: count for (_, reason), count in count_lines(self.session, run.id).items()}


@pytest.fixture
def world(database: Database) -> Any:
    """An empty union."""
    tree = Tree.plant(database, TODAY - timedelta(days=1000))
    with database.begin() as session:
        yield World(session, tree)


def share_of(plan: Plan, sender: str = OA) -> Share:
    """What one account does."""
    return next(share for share in plan.shares if share.sender == sender)


# Windows and money


def test_account_that_may_spend_nothing_reaches_those_who_wrote_lately_and_no_others(world: World) -> None:
    """At the beginning an Official Account pays for nobody: whoever wrote more than 48 hours ago reads it elsewhere."""
    world.on_oa(2, 3), world.on_oa(60, 2), world.on_oa(24 * 9, 4)
    plan = world.plan()
    share = share_of(plan)
    assert (share.free, share.paid, share.cost) == (3, 0, 0)
    assert plan.free_only == (OA,)
    assert share_of(plan, "web").free == 6


def test_people_on_no_other_channel_wait_until_they_write(world: World) -> None:
    """Whom the window shuts out and nothing else reaches is not lost: the line waits for them."""
    world.on_oa(2, 3), world.on_oa(60, 2), world.on_oa(24 * 9, 4)
    plan = world.plan(senders=[OA])
    share = share_of(plan)
    assert (share.free, share.waits) == (3, 6)
    assert world.sends(plan, world.bulletin(), [OA]) == {None: 3, "window": 6}


def test_messages_outside_the_free_window_are_paid_where_money_and_price_are_known(world: World) -> None:
    """Two days to seven: so many đồng each, for all of them or for none."""
    world.on_oa(2, 3), world.on_oa(60, 2), world.on_oa(24 * 9, 4)
    world.set(OA, dong_per_month=1000)
    assert world.plan().free_only == (OA,), "without a price nothing is spent"
    world.set(OA, price_outside_window=100)
    share = share_of(world.plan())
    assert (share.free, share.paid, share.cost) == (3, 2, 200)
    world.set(OA, dong_per_month=250)
    assert share_of(world.plan()).paid == 0, "a quarter is kept for urgent notices, and the rest is not enough for both"
    urgent = share_of(world.plan(topic="urgent"))
    assert (urgent.paid, urgent.cost) == (2, 200)


def test_urgent_notice_goes_to_as_many_as_there_is_money_for(world: World) -> None:
    """News goes to all or none for money; an urgent notice to whom it can, and the rest wait."""
    world.on_oa(60, 5)
    world.set(OA, dong_per_month=300, price_outside_window=100)
    share = share_of(world.plan(senders=[OA], topic="urgent"))
    assert (share.paid, share.no_room, share.cost) == (3, 2, 300)


def test_money_spent_this_month_is_gone_and_last_months_is_not_counted(world: World) -> None:
    """What was used is counted from the ledger."""
    world.on_oa(60, 1)
    world.set(OA, dong_per_month=1000, price_outside_window=100)
    for day in (timedelta(days=1), timedelta(days=2), timedelta(days=30)):
        world.session.add(_line(f"case:{day}", "r", OA, NOW - day, PAID))
    world.session.add(_line("free", "r", OA, NOW, None))
    world.session.flush()
    assert count_paid(world.session, OA, NOW.replace(day=1, hour=0)) == 2
    assert share_of(world.plan()).paid == 1
    for number in range(5):
        world.session.add(_line(f"case:{number}", "r", OA, NOW, PAID))
    world.session.flush()
    assert share_of(world.plan()).paid == 0, "seven of seven and a half are spent"


def _line(subject: str, recipient: str, sender: str, at: datetime, reason: str | None) -> Delivery:
    return Delivery(
        kind=DeliveryKind.CASE_REPLY, subject=subject, recipient=recipient, sender=sender, priority=1, attempts=1,
        state=DeliveryState.SENT, reason=reason, not_before_at=at, expires_at=at, created_at=at, finished_at=at,
    )  # fmt: skip


def test_zalo_bot_keeps_half_of_its_month_for_answers(world: World) -> None:
    """The free plan's 3,000 messages count both ways: a bulletin has what is left of half, an urgent one of three
    quarters, and what does not fit waits until its person writes."""
    for _ in range(4):
        world.joins(world.member(), BOT)
    world.set(BOT, messages_per_month=6)
    plan = world.plan(senders=[BOT])
    assert (dict(plan.limits), share_of(plan, BOT).free, share_of(plan, BOT).no_room) == ({BOT: 3}, 3, 1)
    assert world.sends(plan, world.bulletin(), [BOT]) == {None: 3, BUDGET: 1}
    assert world.plan(senders=[BOT], topic="urgent").limits == {BOT: 0}, "all four may still go, each once"
    world.set(BOT, messages_per_month=20)
    world.session.add(AccountDay(sender=BOT, day=TODAY, received=8, sent=4))
    world.session.flush()
    assert world.plan(senders=[BOT]).limits == {BOT: 20 - 12 - 4}


def test_each_picture_more_is_a_message_more(world: World) -> None:
    """One picture carries the text; three of them are four messages."""
    world.joins(world.member(), BOT)
    world.set(BOT, messages_per_month=40)
    three = Content("a", "b", files=(1, 2, 3))
    assert world.plan(senders=[BOT], content=three).limits == {BOT: 5}
    assert world.plan(senders=[BOT]).limits == {BOT: 20}


def test_account_sends_nobody_more_bulletins_in_a_month_than_the_operator_set(world: World) -> None:
    """Once somebody there has got so many, the next one waits."""
    world.on_oa(1, 1)
    world.set(OA, per_person_per_month=1)
    bulletin = world.bulletin()
    plan = make_plan(world.session, bulletin, NOW, [OA])
    assert plan.limits == {}
    world.sends(plan, bulletin, [OA])
    assert world.plan(senders=[OA]).limits == {OA: 0}


# Articles


@pytest.fixture
def followed(world: World) -> World:
    """An Official Account of the federation with two articles a month, followed by people who wrote long ago."""
    world.set(OA, unit_id=world.tree.root, articles_per_month=2)
    world.on_oa(24 * 30, 5)
    return world


def test_article_reaches_followers_whose_window_is_closed_and_they_get_no_other_message(followed: World) -> None:
    """One article for all who follow; who only wrote, and is in the window, is written to."""
    followed.on_oa(2, 2, follows=False)
    plan = followed.plan()
    share = share_of(plan)
    assert plan.articles == (OA,)
    assert (share.by_article, share.free, share.waits, share.cost) == (5, 2, 0, 0)
    assert followed.sends(plan, followed.bulletin()) == {"article": 5, None: 2}


def test_follower_who_prefers_another_channel_still_gets_it_once(followed: World) -> None:
    """The article reaches them anyway, so nothing else is sent."""
    person_id = followed.on_oa(2, 1)[0]
    followed.joins(person_id, TELEGRAM)
    followed.session.get_one(Person, person_id).preferred_sender = TELEGRAM
    plan = followed.plan()
    assert share_of(plan).by_article == 6
    assert share_of(plan, TELEGRAM).people == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"content": Content("a", "b")}, "no_picture"),
        ({"content": Content("a", "b", (1,), (Block(BlockKind.POLL, "?", choices=("a", "b")),))}, "asks"),
        ({"kind": BulletinKind.TASK}, "not_news"),
        ({"audience": "workplace"}, "not_whole"),
        ({"audience": "without"}, "not_whole"),
        ({"audience": "since"}, "not_whole"),
    ],
)
def test_article_is_not_used_where_it_cannot_say_or_reach_the_same(
    followed: World, changes: dict[str, Any], why: str
) -> None:
    """No cover, questions to answer, a task, or an audience that is not the account's whole unit."""
    tree = followed.tree
    audiences = {
        "workplace": Audience(units=(tree.workplace,)),
        "without": Audience(units=(tree.root,), without=(tree.other_workplace,)),
        "since": Audience(units=(tree.root,), joined_since=TODAY - timedelta(days=500)),
    }
    if "audience" in changes:
        changes = {"audience": audiences[changes["audience"]]}
    plan = followed.plan(**changes)
    assert plan.articles == ()
    if why != "not_news":
        followed.senders = [OA]
        assert why in dict(share_of(followed.plan(**changes)).why)


def test_article_is_not_used_while_a_follower_refused_its_topic(followed: World) -> None:
    """Nobody can be left out of an article; as soon as they no longer follow, it goes again."""
    person_id = followed.on_oa(1, 1)[0]
    followed.session.add(TopicChoice(person_id=person_id, topic="law", is_wanted=False))
    followed.session.flush()
    followed.senders = [OA]
    plan = followed.plan()
    assert (plan.articles, dict(share_of(plan).why)["excluded"]) == ((), 1)
    assert followed.plan(topic="welfare").articles == (OA,)
    account = followed.session.query(Account).filter_by(person_id=person_id, sender=OA).one()
    follower = followed.session.query(ZaloFollower).filter_by(address_hash=account.address_hash).one()
    follower.is_following = False
    followed.session.flush()
    assert followed.plan().articles == (OA,)


def test_article_is_not_used_while_a_follower_has_not_agreed_to_news(followed: World) -> None:
    """A member without the consent, or one who withdrew it."""
    person_id = followed.member(agrees=False)
    followed.joins(person_id, OA, follows=True)
    assert followed.plan().articles == ()


def test_bulletin_that_is_not_public_is_no_article_while_strangers_follow(followed: World) -> None:
    """Who follows without being known would read what is meant for members; a public bulletin they may."""
    assert followed.plan(is_public=False).articles == (OA,)
    followed.joins(None, OA, follows=True)
    assert followed.plan(is_public=False).articles == ()
    assert followed.plan(is_public=True).articles == (OA,)


def test_last_article_of_the_month_is_kept_for_an_urgent_notice(followed: World) -> None:
    """Of two articles news takes one; an urgent notice the other; then there is none."""
    assert followed.plan().articles == (OA,)
    followed.session.add(_article(OA, "1"))
    followed.session.flush()
    assert followed.plan().articles == ()
    assert followed.plan(topic="urgent").articles == (OA,)
    followed.session.add(_article(OA, "2"))
    followed.session.flush()
    assert followed.plan(topic="urgent").articles == ()


def _article(sender: str, number: str) -> Delivery:
    line = _line(f"article:{number}", article_lane(sender), sender, NOW, None)
    line.kind = DeliveryKind.BULLETIN
    return line


def test_no_article_is_spent_where_everybody_can_be_written_to_for_nothing(world: World) -> None:
    """Who follows wrote lately: they get the message itself, with its buttons."""
    world.set(OA, unit_id=world.tree.root, articles_per_month=4)
    world.on_oa(2, 5)
    plan = world.plan()
    assert (plan.articles, share_of(plan).free) == ((), 5)


def test_nobody_who_follows_two_accounts_gets_two_articles(followed: World) -> None:
    """Only one of the two sends one."""
    followed.set(OTHER_OA, unit_id=followed.tree.upper, articles_per_month=4)
    followed.on_oa(24 * 30, 1, sender=OTHER_OA)
    followed.senders = (OA, OTHER_OA)
    assert followed.plan().articles == (OA, OTHER_OA)
    person_id = followed.on_oa(1, 1)[0]
    followed.joins(person_id, OTHER_OA, follows=True)
    assert followed.plan().articles == (OA,)


def test_account_of_another_unit_is_not_used(world: World) -> None:
    """A workplace's bulletin does not spend what belongs to another; the federation's goes by every account."""
    world.set(OA, unit_id=world.tree.other_workplace)
    plan = world.plan(unit_id=world.tree.workplace, audience=Audience(units=(world.tree.workplace,)))
    assert plan.refused == (OA,)
    assert world.plan().refused == ()
    assert world.plan(unit_id=world.tree.other_workplace).refused == ()


def test_whole_units_of_an_audience(world: World) -> None:
    """A unit counts when all of it, and all below it, is meant."""
    tree = world.tree
    units = {tree.root, tree.upper, tree.workplace, tree.other_workplace}
    upper = Audience(units=(tree.upper,))
    assert list_whole(world.session, upper, units, TODAY) == units - {tree.root}
    without = Audience(units=(tree.upper,), without=(tree.team,))
    assert list_whole(world.session, without, units, TODAY) == {tree.other_workplace}
    assert list_whole(world.session, Audience(units=(tree.upper,), only_interested=True), units, TODAY) == set()


# What the editor reads


def test_editor_reads_who_gets_it_where_and_what_it_costs(followed: World) -> None:
    """Counts of people, the cost, and why there is no article; never a count below five."""
    followed.on_oa(60, 12), followed.on_oa(1, 6)
    for _ in range(2):
        followed.joins(followed.member(), TELEGRAM)
    followed.set(OA, price_outside_window=100, dong_per_month=10_000, articles_per_month=0)
    followed.set(TELEGRAM), followed.set("web")
    said = fold("\n".join(describe_plan(followed.session, followed.bulletin(), NOW, 5)))
    assert "5 nguoi nhan ngay khong mat tien" in said, "rounded down by fives too: one more or less shows nowhere"
    assert "10 nguoi nhan ngay mat tien" in said
    assert "khong con bai nao" in said
    assert "khong qua 1 500 dong" in said, "the cost is rounded up by fives, so that it tells nobody's number"
    assert "telegram it nguoi" in said
    assert "2 nguoi" not in said


def test_editor_is_told_when_nobody_would_get_it(world: World) -> None:
    """An empty audience says so."""
    world.set(TELEGRAM)
    assert len(describe_plan(world.session, world.bulletin(), NOW, 5)) == 1


def test_small_part_is_hidden_with_another_so_that_it_does_not_follow_from_the_whole() -> None:
    """Of 100 with 98 shown one would know the two."""
    assert hide_small({"a": 98, "b": 2}, 5) == {"a": None, "b": None}
    assert hide_small({"a": 90, "b": 2, "c": 8}, 5) == {"a": 90, "b": None, "c": None}
    assert hide_small({"a": 90, "b": 2, "c": 3}, 5) == {"a": 90, "b": None, "c": None}
    assert hide_small({"a": 90, "b": 10}, 5) == {"a": 90, "b": 10}
