"""A union of ten thousand units and 700,000 members: how long its import takes and how much memory, how long the bot
waits to write meanwhile, how fast a workplace is found by typing, and how fast an officer's list opens.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from db.deployment import take_turn
from db.keys import create_key_file, load_key_file
from db.migrate import migrate
from db.people import list_members, search_members
from db.session import Database
from db.units import Workplace, find_unit, select_subtree
from handlers.organisation.columns import Kind
from handlers.organisation.exports import list_header
from handlers.organisation.sheets import Cell, write_table
from handlers.workplaces import Units
from knowledge.normalize import fold
from tests.postgres import run_postgres

UNITS, MEMBERS = 10_000, 700_000
FEDERATIONS, UPPERS = 34, 126
TODAY = date(2026, 11, 21)

_FAMILIES = "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý"
_MIDDLES = "Thị Văn Hữu Đức Minh Quang Thanh Xuân Công Gia Ngọc Kim"
_GIVEN = (
    "Lan Hoa Hùng Dũng Mai Cúc Tuấn Bình Hạnh Phúc Yến Sơn Nga Thắng Huệ Long Trang Nam Thảo Khánh Liên Đạt Oanh Kiên "
    "Phượng Hải Ngân Toàn Vân Tâm An Châu Giang Hiền Khoa Linh Loan My Nhung Quỳnh"
)
_MORE = "Việt Á Đông Tây Bắc Thành Phát Star Global Vina Tech Daewon Sakura Fuji Delta"
_TRADES = "May Giày Gỗ Nhựa Dệt Thép"
FAMILIES, MIDDLES, GIVEN, MORE, TRADES = (words.split() for words in (_FAMILIES, _MIDDLES, _GIVEN, _MORE, _TRADES))
WORDS = [*FAMILIES, *GIVEN, *MORE]
FORMS = ("Công ty TNHH", "Công ty Cổ phần", "Công ty TNHH Một thành viên")


def invent_workplaces(count: int) -> list[Workplace]:
    """Workplaces of invented names in as many communes as there are upper unions."""
    chance = random.Random(1)
    made = []
    for number in range(count):
        words = " ".join(chance.choice(WORDS) for _ in range(chance.choice((2, 2, 3))))
        name = f"{chance.choice(FORMS)} {chance.choice(TRADES)} {words}"
        commune = f"Xã {FAMILIES[number % 16]} {GIVEN[number % UPPERS % 40]}"
        made.append(Workplace(number, f"CĐCS {name}", name, commune, "Hà Nội"))
    return made


def list_units() -> Iterator[list[Cell]]:
    """The rows of a list of units."""
    rest: list[Cell] = [None] * 9
    yield ["TLD", "Tổng Liên đoàn", "Tổng LĐLĐ", None, *rest]
    for number in range(FEDERATIONS):
        yield [f"F{number}", f"LĐLĐ {number}", "LĐLĐ tỉnh", "TLD", *rest]
    for number in range(UPPERS):
        yield [f"P{number}", f"CĐ xã {number}", "CĐ cấp trên", f"F{number % FEDERATIONS}", *rest]
    for number, one in enumerate(invent_workplaces(UNITS - 1 - FEDERATIONS - UPPERS)):
        facts: list[Cell] = [one.employer, "200–499", None, one.province, one.commune, "I"]
        yield [f"W{number}", one.name, "CĐCS", f"P{number % UPPERS}", None, None, None, *facts]


def invent_members(count: int) -> Iterator[list[Cell]]:
    """The rows of a list of members, all fields filled."""
    chance = random.Random(3)
    workplaces = UNITS - 1 - FEDERATIONS - UPPERS
    for number in range(count):
        name = " ".join(map(chance.choice, (FAMILIES, MIDDLES, MIDDLES, GIVEN)))
        born, since = (date(1970, 1, 1) + timedelta(days=chance.randrange(12_000)) for _ in range(2))
        since = date(2015, 1, 1) + timedelta(days=chance.randrange(4000))
        place: list[Cell] = ["Kinh", "Nghệ An", "Số 5 đường Hoa Sữa", f"{number:012d}", f"09{number:08d}"]
        yield [f"W{chance.randrange(workplaces)}", None, name, "Nam", born, *place, "Công nhân", since, "1/QĐ-CĐCS"]


class Probe(threading.Thread):
    """The running bot, as far as the importer is concerned: writes a little twenty times a second."""

    def __init__(self, url: str, key_file: Path) -> None:
        super().__init__(daemon=True)
        self._database = Database(url, load_key_file(key_file))
        self.waited: list[float] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        """Write until told to stop."""
        while not self.is_over.wait(0.05):
            began = time.perf_counter()
            with self._database.begin() as session:
                take_turn(session, "probe", datetime.now(UTC), datetime.now(UTC))
            self.waited.append(time.perf_counter() - began)


def measure_import(url: str, key_file: Path, folder: Path, suffix: str) -> dict[str, Any]:
    """Import units and members with the operator's commands, while something else writes."""
    environment = dict(os.environ) | {"DATABASE_URL": url, "KEY_FILE": str(key_file)}
    figures: dict[str, Any] = {"file": suffix}
    for kind in (Kind.UNITS, Kind.MEMBERS):
        probe = Probe(url, key_file)
        probe.start()
        began = time.perf_counter()
        command = [sys.executable, "-m", "bot", "import", kind, str(folder / f"{kind}.{suffix}")]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        probe.is_over.set()
        probe.join()
        assert process.returncode == 0, kind
        figures[kind] = {
            "seconds": round(time.perf_counter() - began, 1),
            "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
            "rss_mb": round(used.ru_maxrss / 1024),
            "others_waited_ms": _spread(probe.waited) | {"most": round(max(probe.waited) * 1000)},
        }
    return figures


def measure_lists(database: Database) -> dict[str, Any]:
    """The first and the second page of twenty at a workplace, an upper union, a federation and everything; and finding
    a name there."""
    chance = random.Random(7)
    places = {
        "workplace": [f"W{chance.randrange(9000)}" for _ in range(60)],
        "upper": [f"P{chance.randrange(UPPERS)}" for _ in range(60)],
        "federation": [f"F{chance.randrange(FEDERATIONS)}" for _ in range(30)],
        "everything": ["TLD"] * 30,
    }
    figures: dict[str, Any] = {}
    for place, codes in places.items():
        opened, found = [], []
        for code in codes:
            with database.read() as session:
                unit = find_unit(session, code)
                assert unit is not None
                before = None
                for _page in range(2):
                    began = time.perf_counter()
                    page = list_members(session, select_subtree([unit.id], TODAY), 20, before)
                    opened.append(time.perf_counter() - began)
                    before = (page[-1].since_on, page[-1].membership_id) if page else None
                name = f"{chance.choice(FAMILIES)} {chance.choice(MIDDLES)} {chance.choice(GIVEN)}"
                began = time.perf_counter()
                search_members(session, name, select_subtree([unit.id], TODAY), 20)
                found.append(time.perf_counter() - began)
        figures[place] = {"list_ms": _spread(opened), "search_ms": _spread(found)}
    return figures


def measure_finder() -> dict[str, Any]:
    """Typing a workplace: without marks, shortened, with and without the commune, a letter missing now and then."""
    chance = random.Random(9)
    workplaces = invent_workplaces(UNITS)
    began = time.perf_counter()
    units = Units(workplaces)
    built = time.perf_counter() - began
    taken, used = [], []
    for one in chance.sample(workplaces, 2000):
        typed = fold(one.employer or "").replace("cong ty", "cty").replace("mot thanh vien", "mtv")
        typed += f" {fold(one.commune or '')}" if chance.random() < 0.5 else ""
        at = chance.randrange(4, len(typed)) if chance.random() < 0.4 else len(typed)
        began, began_work = time.perf_counter(), time.thread_time()
        units.find(f"{typed[:at]}{typed[at + 1 :]}")
        used.append(time.thread_time() - began_work)
        taken.append(time.perf_counter() - began)
    times = {"find_ms": _spread(taken), "find_processor_ms": _spread(used)}
    return {"units": UNITS, "index_seconds": round(built, 2), **times}


def _spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        f"p{share}": round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000, 1)
        for share in (50, 95, 99)
    }


def tell(what: str, figures: dict[str, Any]) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": "organisation", "what": what, "cores": os.cpu_count(), **figures}), flush=True)


def main() -> None:
    """Measure on SQLite and on PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--xlsx", action="store_true", help="import from XLSX, which takes longer to read, and to make")
    options = parser.parse_args()
    suffix = "xlsx" if options.xlsx else "csv"
    tell("finder", measure_finder())
    with tempfile.TemporaryDirectory() as name, run_postgres() as server:
        folder = Path(name)
        write_table(folder / f"units.{suffix}", list_header(Kind.UNITS), list_units())
        write_table(folder / f"members.{suffix}", list_header(Kind.MEMBERS), invent_members(options.members))
        server.execute("CREATE DATABASE organisation")
        for kind, url in (("sqlite", f"sqlite:///{folder}/union.db"), ("postgresql", server.url_of("organisation"))):
            key_file = folder / f"{kind}.key"
            database = Database(url, create_key_file(key_file))
            migrate(database)
            facts = {"database": kind, "members": options.members}
            tell("import", facts | measure_import(url, key_file, folder, suffix))
            tell("officer_list", facts | measure_lists(database))
            database.close()


if __name__ == "__main__":
    main()
