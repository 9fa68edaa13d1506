"""The same person twice at one workplace is noticed, and nobody beyond that workplace is looked at."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from db.models import Person
from db.people import add_membership, add_person
from db.session import Database
from handlers import duplicates
from handlers.duplicates import find_duplicates, is_near_name
from tests.small_tree import Tree
from tests.talk import Talk

BORN = "1995-10-20"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nguyễn Thị Hoa", "Nguyen Thi Hoa"),
        ("Nguyễn Thị Hoa", "Nguyễn Thị Hao"),
        ("Nguyễn Thị Hoa", "Nguyên Thị Hoaa"),
        ("Nguyễn Thị Hoa", "Hoa Nguyễn Thị"),
        ("Nguyễn Thị Hoa", "Nguyễn Hoa"),
        ("Đỗ Đức Dũng", "Do Duc Dung"),
        ("Trần Văn Hùng", "Trân Văm Hùg"),
    ],
)
def test_slips_of_the_hand_are_seen_through(one: str, other: str) -> None:
    """Marks, the order of words, one or two letters, a middle name left out."""
    assert is_near_name(one, other)
    assert is_near_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Nguyễn Thị Hoa", "Nguyễn Thị Lan"), ("Nguyễn Thị Hoa", "Trần Văn Hùng"), ("Hoa", ""), ("Lê An", "Phạm An")],
)
def test_other_names_are_other_people(one: str, other: str) -> None:
    """A whole word that differs is no slip."""
    assert not is_near_name(one, other)


def settle(session: Session, talk_now: Talk, unit_id: int, name: str, born_on: str, **more: str) -> Person:
    person = add_person(session, {"full_name": name, "born_on": born_on, **more}, talk_now.now())
    add_membership(session, person, unit_id, date(2026, 1, 1))
    return person


def test_twice_at_one_workplace_is_noticed(talk: Talk) -> None:
    """By phone, by id number, by name with birthday, and by nearly that name; another birthday is another person."""
    tree = Tree.plant(talk.database, date(2026, 1, 1))
    with talk.database.begin() as session:
        me = settle(
            session, talk, tree.workplace, "Nguyễn Thị Hoa", BORN, phone="0912345678", citizen_id="001195012345"
        )
        alike = [
            settle(session, talk, tree.workplace, "Người Khác Hẳn", "1970-01-01", phone="0912345678"),
            settle(session, talk, tree.workplace, "Ai Đó Nữa", "1970-01-01", citizen_id="001195012345"),
            settle(session, talk, tree.workplace, "nguyen thi hoa", BORN),
            settle(session, talk, tree.workplace, "Nguyễn Thị Hao", BORN),
        ]
        settle(session, talk, tree.workplace, "Nguyễn Thị Hao", "1995-10-21")
        settle(session, talk, tree.other_workplace, "Nguyễn Thị Hao", BORN)
        assert [one.id for one in find_duplicates(session, me, tree.workplace)] == [one.id for one in alike]


def test_large_unit_is_searched_by_the_words_of_the_name(
    database: Database, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are too many names to open, a slip in one word is still found."""
    monkeypatch.setattr(duplicates, "MOST_OPENED", 3)
    tree = Tree.plant(talk.database, date(2026, 1, 1))
    with talk.database.begin() as session:
        twin = settle(session, talk, tree.workplace, "Nguyễn Thị Hao", BORN)
        for given in ("Hùng", "Dũng", "Minh", "Nam", "Bắc"):
            settle(session, talk, tree.workplace, f"Trần Văn {given}", BORN)
        me = add_person(session, {"full_name": "Nguyễn Thị Hoa", "born_on": BORN}, talk.now())
        assert [one.id for one in find_duplicates(session, me, tree.workplace)] == [twin.id]
