"""The operator looks at the tree of any day and takes decisions at the console, after seeing what they move."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.__main__ import main
from db.codes import show_code
from db.models import EndReason, Person, Role, UnitLevel
from db.session import Database
from tests.tree import TODAY, Tree


class Console:
    """An operator at a keyboard; ``answers`` is what they type when asked."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.says = ""

    def runs(self, *words: str, answers: str = "") -> int:
        """Run a command of `units`."""
        self._monkeypatch.setattr("builtins.input", lambda _question: answers)
        self._capsys.readouterr()
        code = main(["units", *words])
        printed = self._capsys.readouterr()
        self.says = printed.out + printed.err
        return code


@pytest.fixture
def console(
    database_url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Console:
    """A console of a deployment."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KEY_FILE", str(key_file))
    # else every later test would log into this test's captured screen, which is closed by then
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda *_settings: None)
    return Console(capsys, monkeypatch)


@pytest.fixture
def tree(database: Database) -> Tree:
    """A province, two workplaces, a team and a member."""
    tree = Tree(database)
    province = tree.unit("HN", UnitLevel.FEDERATION, None, "LĐLĐ Hà Nội")
    upper = tree.unit("P1", UnitLevel.UPPER, province, "CĐ phường Một")
    sewing = tree.unit("MAY", UnitLevel.WORKPLACE, upper, "CĐCS May")
    tree.unit("GIAY", UnitLevel.WORKPLACE, upper, "CĐCS Giày")
    tree.unit("MAY.T1", UnitLevel.TEAM, sewing, "Tổ 1")
    return tree


def id_of(tree: Tree, code: str) -> int:
    from db.units import find_unit

    unit = tree.do(find_unit, code)
    assert unit is not None
    return unit.id


def test_a_merger_is_shown_asked_and_carried_out(console: Console, tree: Tree) -> None:
    """Nothing happens on "không"; "có" carries it out; the tree of yesterday is still readable."""
    lan = tree.member("Lan", id_of(tree, "GIAY"))
    assert console.runs("merge", "giay", "--into", "MAY", answers="không") == 1
    assert "CĐCS Giày → CĐCS May" in console.says
    assert "1 đoàn viên" in console.says
    assert len(tree.memberships(lan)) == 1
    assert console.runs("merge", "GIAY", "--into", "MAY", "--decision", "5/QĐ", answers="Có") == 0
    assert [row.end_reason for row in tree.memberships(lan)] == [EndReason.REORGANISED, None]
    assert console.runs("show", "GIAY") == 0
    assert "không hoạt động" in console.says
    assert "Nay thuộc về: MAY" in console.says
    assert console.runs("show", "GIAY", "--on", (TODAY - timedelta(days=400)).strftime("%d/%m/%Y")) == 0
    assert "LĐLĐ Hà Nội" in console.says
    assert console.runs("show", "MAY") == 0
    assert "Tiếp nhận từ: GIAY" in console.says


def test_a_decision_for_a_coming_day_waits_and_can_be_called_off(console: Console, tree: Tree) -> None:
    """It stands in the list until its day or until somebody calls it off."""
    assert console.runs("rename", "MAY", "--name", "CĐCS May Mới", "--on", "2999-01-01", "--yes") == 0
    assert console.runs("waiting") == 0
    assert "CĐCS May" in console.says
    assert console.runs("call-off", "1") == 0
    assert console.runs("waiting") == 0
    assert "Đã hủy" in console.says
    assert console.runs("call-off", "1") == 1
    assert console.runs("show", "MAY") == 0
    assert "CĐCS May Mới" not in console.says


def test_a_unit_is_split_as_a_file_says(console: Console, tree: Tree, tmp_path: Path) -> None:
    """Teams by code, people by theirs; a file that is no plan is refused."""
    lan = tree.member("Lan", id_of(tree, "MAY"))
    code = show_code(tree.do(lambda session: session.get_one(Person, lan)).code)
    plan = tmp_path / "plan.yaml"
    part = f"{{code: MAY2, name: CĐCS May Hai, parent: P1, units: [MAY.T1], people: [{code}], chair: {code}}}"
    plan.write_text(f"rest: MAY\nparts:\n- {part}\n", encoding="utf-8")
    assert console.runs("split", "MAY", "--plan", str(plan), "--preview") == 0
    assert console.runs("split", "MAY", "--plan", str(plan), "--yes") == 0, console.says
    assert tree.memberships(lan)[-1].unit_id == id_of(tree, "MAY2")
    assert [(grant.role, grant.unit_id) for grant in tree.grants(lan)] == [(Role.CHAIR, id_of(tree, "MAY2"))]
    assert console.runs("show", "MAY.T1") == 0
    assert "CĐCS May Hai" in console.says
    plan.write_text("nothing", encoding="utf-8")
    assert console.runs("split", "MAY", "--plan", str(plan), "--yes") == 1


def test_the_other_decisions_are_taken_by_their_words(console: Console, tree: Tree) -> None:
    """Create, move, close; mistakes are told in words."""
    facts = ["--level", "upper", "--parent", "HN", "--name", "CĐ phường Hai", "--yes"]
    assert console.runs("create", "p2", *facts) == 0, console.says
    assert console.runs("create", "P2", *facts) == 1
    assert "đã có đơn vị khác dùng" in console.says
    assert console.runs("move", "MAY", "--to", "P2", "--yes") == 0
    assert console.runs("show", "MAY.T1") == 0
    assert "CĐ phường Hai" in console.says
    assert console.runs("move", "P2", "--to", "MAY", "--yes") == 1
    assert console.runs("close", "GIAY", "--yes") == 0
    assert console.runs("close", "KHONG", "--yes") == 1
    assert "KHONG" in console.says
    assert console.runs("move", "P2", "--to", "-", "--yes") == 0
