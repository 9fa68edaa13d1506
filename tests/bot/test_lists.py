"""Lists of units, officers and members come in whole or not at all, and go out so that they can come in again."""

import csv
import stat
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from bot.__main__ import main
from bot.lists import READERS
from db.bulk import HIDDEN, NewMember, add_hidden_members, begin_import, end_import, seal_person, take_hidden_away
from db.models import ListTransfer, Membership, NameToken, Person, PersonalRead, Role, RoleGrant, Unit, UnitLevel
from db.session import Database
from db.staging import Staging
from db.units import find_period, find_unit, list_open
from handlers.access import NotAllowed
from handlers.organisation.columns import COLUMNS, Kind
from handlers.organisation.exports import export_list, list_header, record_export
from handlers.organisation.member_import import gather_members, import_members
from handlers.organisation.service import where_was
from handlers.organisation.sheets import harmless, open_table, write_table
from tests.tree import NOW, TODAY, Tree

UNITS = [
    ["HN", "LĐLĐ Hà Nội", "LĐLĐ thành phố", "", "01/01/2024"],
    ["P1", "CĐ phường Một", "CĐ cấp trên", "HN", "01/01/2024"],
    ["MAY", "CĐCS May Việt Thắng", "công đoàn cơ sở", "P1", "2024-01-01"],
    ["MAY.T1", "Tổ 1", "Tổ", "may", "15.02.2024"],
]
UNIT_COLUMNS = ["Mã đơn vị", "Tên đơn vị", "Cấp", "Mã đơn vị cấp trên", "Hoạt động từ ngày"]
MEMBER_COLUMNS = ["Mã đơn vị", "Họ và tên", "Ngày sinh", "Số điện thoại", "Số CCCD", "Ngày vào công đoàn"]
LAN = ["MAY", "Nguyễn Thị Lan", "05/03/1992", "0912345678", "001092000001", "01/06/2025"]
HOA = ["MAY.T1", "Trần Thị Hoa", "1990-11-20", "+84 912 345 679", "", ""]


class Office:
    """An operator at a console."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.says = ""

    def runs(self, *words: str) -> int:
        """Run a command; what it prints is in ``says``."""
        self._capsys.readouterr()
        code = main(list(words))
        printed = self._capsys.readouterr()
        self.says = printed.out + printed.err
        return code

    def writes(self, header: Sequence[str], rows: Sequence[Sequence[object]], name: str = "list.csv") -> str:
        """A list as a CSV file with semicolons, as an office program saves it."""
        path = self.folder / name
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";").writerows([header, *rows])
        return str(path)

    def brings(self, kind: str, header: Sequence[str], rows: Sequence[Sequence[object]], *more: str) -> int:
        """Import a list."""
        return self.runs("import", kind, self.writes(header, rows), *more)


@pytest.fixture
def office(
    database_url: str,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Office:
    """A console of a deployment."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KEY_FILE", str(key_file))
    # else every later test would log into this test's captured screen, which is closed by then
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda *_settings: None)
    return Office(tmp_path, capsys)


def count(database: Database, model: type[object]) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(model)).one()


def test_units_come_in_from_any_dialect_of_csv(office: Office, database: Database) -> None:
    """Semicolons, a byte-order mark, dates in three spellings, codes in small letters."""
    assert office.brings("units", UNIT_COLUMNS, UNITS) == 0
    with database.read() as session:
        team = find_unit(session, "MAY.T1")
        assert team is not None
        assert [one.name for one in where_was(session, team.id, TODAY)] == [row[1] for row in UNITS]
        period = find_period(session, team.id, date(2024, 2, 15))
        assert period is not None
        assert find_period(session, team.id, date(2024, 2, 14)) is None
        transfer = session.scalars(select(ListTransfer)).one()
        assert (transfer.kind, transfer.went_out, transfer.person_id, transfer.row_count) == ("units", False, None, 4)


def test_every_problem_of_a_list_of_units_is_named_by_its_line_and_nothing_comes_in(
    office: Office, database: Database
) -> None:
    """Unknown units, rings, codes twice, wrong levels and dates, all in one go."""
    header = [*UNIT_COLUMNS, "Hoạt động đến ngày", "Người sử dụng lao động", "Vùng lương"]
    rows = [
        ["A", "Liên đoàn", "LĐLĐ tỉnh", "", "01/01/2024", "", "", ""],
        ["B", "", "CĐCS", "A", "", "", "", ""],
        ["C", "Ba", "Cấp lạ", "A", "", "", "", ""],
        ["D", "Bốn", "CĐCS", "KHONG.CO", "", "", "", ""],
        ["E", "Năm", "CĐCS", "F", "", "", "", ""],
        ["F", "Sáu", "CĐCS", "E", "", "", "", ""],
        ["A", "Lại A", "LĐLĐ tỉnh", "", "", "", "", ""],
        ["G", "Tổ mồ côi", "Tổ", "", "", "", "", ""],
        ["H", "Tám", "CĐCS", "A", "31/02/2025", "", "", "V"],
        ["I", "Chín", "CĐ cấp trên", "A", "01/01/2026", "01/01/2025", "Công ty", ""],
        ["J K", "Mười", "CĐCS", "A", "01/01/2023", "", "", ""],
        ["L", "Mười một", "CĐCS", "A", "01/01/2023", "", "", ""],
    ]
    assert office.brings("units", header, rows, "--dry-run") == 1
    named = {int(line.split(":")[0].split()[1]) for line in office.says.splitlines() if line.startswith("Dòng ")}
    assert named == {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
    for words in ("Tên đơn vị", "KHONG.CO", "vòng", "đã có ở dòng 2", "Vùng lương", "người sử dụng lao động"):
        assert words.lower() in office.says.lower()
    assert count(database, Unit) == 0


def test_columns_that_nobody_knows_or_that_are_missing_are_named(office: Office, database: Database) -> None:
    """A list in another shape is refused before any of its rows is read."""
    assert office.brings("units", ["Mã đơn vị", "Tên đơn vị", "Biển số xe", "Tên đơn vị"], [["A", "B", "C", "D"]]) == 1
    for words in ("Biển số xe", "Cột có hai lần", "Thiếu cột: Cấp"):
        assert words in office.says
    assert office.brings("units", ["một", "hai"], [["A", "B"]]) == 1
    assert "Không thấy dòng tên cột" in office.says
    assert count(database, Unit) == 0


def test_a_template_filled_in_by_an_office_program_comes_in(office: Office, database: Database) -> None:
    """Template, dates as dates, numbers as numbers that lost their zeros, formulas by their values."""
    assert office.brings("units", UNIT_COLUMNS, UNITS) == 0
    path = office.folder / "members.xlsx"
    assert office.runs("import", "template", "members", str(path)) == 0
    book = load_workbook(path)
    titles = [cell.value for cell in book.active[1]]
    row = {
        "Mã đơn vị (bắt buộc)": "MAY",
        "Họ và tên (bắt buộc)": "nguyễn thị lan",
        "Ngày sinh (bắt buộc)": datetime(1992, 3, 5),  # noqa: DTZ001  # as a cell holds it
        "Số điện thoại": 912345678,
        "Số CCCD": 1092000001,
    }
    book.active.append([row.get(title) for title in titles])
    book.save(path)
    assert office.runs("import", "members", str(path)) == 0
    with database.read() as session:
        profile = session.scalars(select(Person)).one().profile
    assert profile == {
        "full_name": "Nguyễn Thị Lan",
        "born_on": "1992-03-05",
        "phone": "0912345678",
        "citizen_id": "001092000001",
    }


def test_members_come_in_findable_and_sealed(office: Office, database: Database, database_url: str) -> None:
    """Whoever comes in is found by name by the officers of their unit, and stands nowhere in clear."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    assert office.brings("members", MEMBER_COLUMNS, [LAN, HOA]) == 0, office.says
    tree = Tree(database)
    with database.read() as session:
        unit = find_unit(session, "MAY")
    assert unit is not None
    chair = tree.officer("Chính", unit.id, Role.CHAIR)
    assert len(tree.finds(chair, "lan")) == 1
    assert len(tree.finds(chair, "tran thi hoa")) == 1
    with database.read() as session:
        assert set(session.scalars(select(Membership.until_on))) == {None}
        assert session.scalars(select(Membership.since_on).order_by(Membership.since_on)).first() == date(2025, 6, 1)
    if database_url.startswith("sqlite"):
        for file in office.folder.glob("union.db*"):
            content = file.read_bytes()
            for word in ("Nguyễn Thị Lan", "0912345678", "001092000001"):
                assert word.encode() not in content


def test_every_problem_of_a_list_of_members_is_named_by_its_line_and_nobody_comes_in(
    office: Office, database: Database
) -> None:
    """Bad and double people, unknown units, days that cross; and people who are members already."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    office.brings("members", MEMBER_COLUMNS, [LAN])
    other = ["MAY", "Lê Văn Nam", "01/01/1990", "0912345670", "", ""]
    rows = [
        other,
        ["MAY", "Lê Văn Năm", "02/01/1990", "0912345670", "", ""],  # the phone of line 2
        ["MAY", "LE VAN NAM", "01/01/1990", "", "", ""],  # the name and birthday of line 2
        ["MAY.T1", *other[1:]],  # another unit: fine
        ["XYZ", "Ngô Thị Mai", "01/01/1990", "", "", ""],
        ["MAY", "Ngô", "01/01/1990", "", "", ""],
        ["MAY", "Ngô Thị Mai", "", "", "", ""],
        ["MAY", "Ngô Thị Cúc", "32/01/1990", "12345", "12", "01/01/2099"],
        ["MAY", "Ngô Thị Đào", "01/01/2020", "", "", ""],
        LAN,
    ]
    before = count(database, Person)
    assert office.brings("members", MEMBER_COLUMNS, rows) == 1
    named = [int(line.split(":")[0].split()[1]) for line in office.says.splitlines() if line.startswith("Dòng ")]
    assert set(named) == {3, 4, 6, 7, 8, 9, 10, 11}
    assert named == sorted(named)
    assert named.count(9) == 4
    assert "Trùng số điện thoại với dòng 2" in office.says
    assert count(database, Person) == before
    assert list(office.folder.parent.rglob("*.staging")) == []


def test_all_problems_are_written_to_a_file_when_the_screen_is_too_small(office: Office) -> None:
    """A screen shows the first; the file has all."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    rows = [["MAY", "Ngô", "01/01/1990", "", "", ""]] * 500
    listed = office.folder / "problems.txt"
    assert office.brings("members", MEMBER_COLUMNS, rows, "--problems", str(listed)) == 1
    assert len(listed.read_text(encoding="utf-8").splitlines()) == 500
    assert "Có 500 vấn đề" in office.says
    assert len(office.says.splitlines()) < 260


def test_an_import_that_was_cut_off_is_taken_away_and_nobody_ever_saw_it(office: Office, database: Database) -> None:
    """What was written before the cut is a member nowhere, is counted nowhere, and goes with the next import."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    tree = Tree(database)
    with database.begin() as session:
        unit = find_unit(session, "MAY")
        assert unit is not None
        begin_import(session, NOW - timedelta(days=400))
        profile = {"full_name": "Người Dở Dang", "born_on": "1990-01-01"}
        tokens = tuple(sorted({database.keys.hash("name", word)[:16] for word in ("nguoi", "do", "dang")}))
        half = NewMember(seal_person(database.keys, profile), unit.id, tokens, date(2025, 1, 1))
        add_hidden_members(session, [half], NOW)
    chair = tree.officer("Chính", unit.id, Role.CHAIR)
    assert tree.finds(chair, "do dang") == set()
    assert office.brings("members", MEMBER_COLUMNS, [LAN]) == 0, office.says
    with database.read() as session:
        assert session.scalars(select(func.count()).where(Membership.until_on == HIDDEN)).one() == 0
        assert session.scalars(select(func.count()).select_from(Membership)).one() == 1
        assert session.scalars(select(func.count()).select_from(NameToken)).one() == 3
    assert count(database, Person) == 2


def test_two_imports_never_run_at_once(office: Office, database: Database) -> None:
    """The second is told to wait; one that was killed holds nobody up for longer than three minutes."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    with database.begin() as session:
        assert begin_import(session, datetime.now(UTC))
    assert office.brings("members", MEMBER_COLUMNS, [LAN]) == 1
    assert "Đang có một lần nhập khác" in office.says
    with database.begin() as session:
        end_import(session)
    assert office.brings("members", MEMBER_COLUMNS, [LAN]) == 0


def test_a_large_list_is_written_in_several_transactions_and_shown_in_one(database: Database, tmp_path: Path) -> None:
    """Between two transactions the bot may write; until the last one nobody sees anybody."""
    tree = Tree(database)
    unit_id = tree.unit("MAY", UnitLevel.WORKPLACE, None)
    path = tmp_path / "members.csv"
    rows = [["MAY", f"Nguyễn Văn {'ABCDEGHIKLMN'[n % 12]}", date(1980, 1, 1) + timedelta(days=n)] for n in range(4500)]
    write_table(path, ["Mã đơn vị", "Họ và tên", "Ngày sinh"], rows)
    staging = Staging(tmp_path)
    seen = []

    def tell(part: str, _share: float, _count: int) -> None:
        if part == "write":
            with database.begin() as session:  # somebody else writes in between
                take = session.scalars(select(func.count()).where(Membership.until_on.is_(None))).one()
                seen.append(take)

    with open_table(path) as table:
        gathered = gather_members(database, staging, table, READERS, TODAY, tell)
    assert (gathered.members, gathered.problems) == (4500, 0)
    (private,) = tmp_path.glob("*.staging")
    assert "Nguyễn".encode() not in private.read_bytes()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    import_members(database, gathered, lambda: NOW, tell, breath=0)
    staging.close()
    assert seen == [0, 0, 0]
    with database.read() as session:
        shown = select(func.count()).where(Membership.until_on.is_(None), Membership.unit_id == unit_id)
        assert session.scalars(shown).one() == 4500
        assert len(set(session.scalars(select(Person.code)))) == 4500


def test_officers_come_in_with_their_roles_and_who_pays_them(office: Office, database: Database) -> None:
    """The same name with the same telephone is one person; a code names somebody known."""
    office.brings("units", UNIT_COLUMNS, UNITS)
    office.brings("members", MEMBER_COLUMNS, [LAN])
    with database.read() as session:
        lan = session.scalars(select(Person)).one()
    header = ["Mã đơn vị", "Mã đoàn viên", "Họ và tên", "Số điện thoại", "Chức vụ", "Từ ngày", "Đến ngày"]
    rows = [
        ["MAY", lan.code, "", "", "Chủ tịch", "01/01/2026", "", "Doanh nghiệp"],
        ["MAY", "", "Lê Văn Hai", "0987654321", "cán bộ", "", "", "MAY"],
        ["P1", "", "lê văn hai", "0987 654 321", "Cán bộ", "", "31/12/2030", "Công đoàn"],
        ["MAY.T1", "", "Nguyễn Thị Lan", "0912345678", "Tổ trưởng", "", "", ""],
    ]
    assert office.brings("officers", [*header, "Bên trả lương"], rows) == 0, office.says
    with database.read() as session:
        grants = list(session.scalars(select(RoleGrant).order_by(RoleGrant.id)))
        unit = find_unit(session, "MAY")
    assert unit is not None
    assert [grant.role for grant in grants] == [Role.CHAIR, Role.OFFICER, Role.OFFICER, Role.TEAM_LEADER]
    assert grants[0].person_id == grants[3].person_id == lan.id
    assert grants[1].person_id == grants[2].person_id
    assert [grant.paid_by_unit_id for grant in grants] == [unit.id, unit.id, None, None]
    assert count(database, Person) == 2
    bad = [
        ["MAY", lan.code, "", "", "Chủ tịch", "", "", ""],
        ["MAY", "ZZZZZZZZ", "", "", "Chủ tịch", "", "", ""],
        ["MAY", "", "Ai Khác", "0912345678", "Cán bộ", "", "", ""],
        ["MAY", "", "", "", "Thủ quỹ", "02/01/2026", "01/01/2026", "Ông chủ"],
        ["P1", "", "Mới Tinh Khôi", "", "Tổ trưởng", "", "", ""],
    ]
    assert office.brings("officers", [*header, "Bên trả lương"], bad) == 1
    named = {int(line.split(":")[0].split()[1]) for line in office.says.splitlines() if line.startswith("Dòng ")}
    assert named == {2, 3, 4, 5, 6}
    assert count(database, RoleGrant) == 4


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_what_goes_out_comes_in_again_elsewhere(
    office: Office,
    database: Database,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
    key_file: Path,
    sqlite_template: Path,
) -> None:
    """An export is an import of another deployment: same tree, same people under the same codes, same roles."""
    assert office.runs("seed-demo") == 0
    files = {kind: office.folder / f"{kind}.{suffix}" for kind in Kind}
    for kind, path in files.items():
        assert office.runs("export", kind, str(path)) == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    copy = office.folder / "copy.db"
    copy.write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{copy}")
    for kind in (Kind.UNITS, Kind.MEMBERS):
        assert office.runs("import", kind, str(files[kind])) == 0, office.says
        again = office.folder / f"again.{suffix}"
        assert office.runs("export", kind, str(again)) == 0
        with open_table(files[kind]) as first, open_table(again) as second:
            assert [line.cells for line in first.lines] == [line.cells for line in second.lines]
    assert count(database, ListTransfer) == 3


def test_formulas_in_names_do_no_harm_and_are_whole_when_read_back(tmp_path: Path) -> None:
    """A member may call themselves =1+1; whoever opens the list runs nothing, and the name stays what it is."""
    names = ["=HYPERLINK(1)", "+84", "-1", "@x", "＝1", "'thường", "Lan"]
    for suffix in ("xlsx", "csv"):
        path = tmp_path / f"names.{suffix}"
        write_table(path, ["a", "b"], [["x", name] for name in names])
        with open_table(path) as table:
            read = [line.cells[1] for line in table.lines][1:]
        assert read == names
    book = load_workbook(tmp_path / "names.xlsx")
    assert {cell.data_type for row in book.active for cell in row} == {"s"}
    assert harmless("=1").startswith("'")


def test_a_file_that_is_no_table_is_refused_in_words(office: Office) -> None:
    """Broken archives, old formats and other encodings say what is wrong."""
    for name, content in (("a.xlsx", b"nothing"), ("b.csv", b"\xd4\xef\xbf\xff\x00"), ("c.xlsx", b"PK\x03\x04")):
        path = office.folder / name
        path.write_bytes(content)
        assert office.runs("import", "units", str(path)) == 1
        assert "Không đọc được tệp" in office.says
    assert office.runs("import", "units", str(office.folder / "none.csv")) == 1
    book = Workbook()
    book.save(office.folder / "empty.xlsx")
    assert office.runs("import", "units", str(office.folder / "empty.xlsx")) == 1


def test_an_officer_takes_out_only_what_they_reach_and_it_is_recorded(database: Database) -> None:
    """The right to export ends at the unit; every person in the file is a recorded reading."""
    tree = Tree(database)
    upper = tree.unit("P1", UnitLevel.UPPER, None)
    here, there = tree.unit("MAY", UnitLevel.WORKPLACE, upper), tree.unit("GIAY", UnitLevel.WORKPLACE, upper)
    lan, _nam = tree.member("Lan Anh", here), tree.member("Nam Anh", there)
    chair = tree.actor(tree.officer("Chính", here, Role.CHAIR))
    plain = tree.actor(tree.officer("Thường", here, Role.OFFICER))
    with database.begin() as session:
        record_export(session, chair, Kind.MEMBERS, here, NOW, TODAY)
        rows = list(export_list(session, chair, Kind.MEMBERS, None, NOW, TODAY).rows)
        assert [row[2] for row in rows] == ["Lan Anh"]
        for actor, unit in ((chair, there), (chair, upper), (plain, here)):
            with pytest.raises(NotAllowed):
                export_list(session, actor, Kind.MEMBERS, unit, NOW, TODAY)
        assert list(export_list(session, plain, Kind.MEMBERS, None, NOW, TODAY).rows) == []
    with database.read() as session:
        read = session.scalars(select(PersonalRead)).one()
        assert (read.reader_id, read.subject_id, read.what) == (chair.person_id, lan, "export")
        assert session.scalars(select(ListTransfer)).one().person_id == chair.person_id


def test_the_demo_federation_fills_an_empty_database_only(office: Office, database: Database) -> None:
    """All levels, officers with roles and who pays them, members, applications, somebody without a union."""
    assert office.runs("seed-demo") == 0
    with database.read() as session:
        assert {period.level for period in list_open(session, TODAY)} == set(UnitLevel)
        roles = set(session.scalars(select(RoleGrant.role)))
        paid = set(session.scalars(select(RoleGrant.paid_by_unit_id)))
    assert roles == set(Role)
    assert None in paid
    assert len(paid) > 5
    assert office.runs("seed-demo") == 1
    assert "trống" in office.says


def test_hidden_members_are_taken_away_in_parts(database: Database) -> None:
    """A large import that was cut off goes in short transactions too."""
    tree = Tree(database)
    unit_id = tree.unit("MAY", UnitLevel.WORKPLACE, None)
    with database.begin() as session:
        people = [seal_person(database.keys, {"full_name": f"Người {n}", "born_on": "1990-01-01"}) for n in range(5)]
        add_hidden_members(session, [NewMember(one, unit_id, ("a" * 16,), TODAY) for one in people], NOW)
    with database.begin() as session:
        assert [take_hidden_away(session, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_every_column_has_a_title_of_its_own() -> None:
    """Columns are told apart by their titles, whatever marks and capitals they are typed with."""
    for kind, columns in COLUMNS.items():
        titles = [column.title.casefold() for column in columns]
        assert len(titles) == len(set(titles)) == len(list_header(kind))
