"""From a worker's press of "Gửi" to the alert on an officer's Telegram (a stand-in over HTTP), while the same bot
answers other turns, 117 a second where nothing else is asked for. With PostgreSQL the keys of cases stay in SQLite.

Workers go through the whole talk on the page, step by step with a pause between, as a person types; twenty upper
unions have an officer each at the desk bot. What counts is the time from the press to the moment at which the stand-in
has taken the message that names the new case. The workers tell of a stoppage: that alert does not wait for the
morning, so the figure is the same at every hour.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.turns import TURNS_PER_PERSON, WebPerson, _open_loop, _spread
from db.accounts import lane_of
from db.case_keys import CaseKeys
from db.keys import create_key_file, load_key_file
from db.migrate import migrate
from db.models import Account, Role, RoleGrant, UnitLevel
from db.people import add_person
from db.session import Database
from knowledge.normalize import fold
from tests.bot.process import BotProcess
from tests.postgres import run_postgres
from tests.small_tree import add_unit
from tests.standins.telegram import DESK_TOKEN, TelegramStandIn

UPPERS = 20
SINCE = date(2020, 1, 1)
_CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
_PAUSE = 1.5
_PATIENCE = 60
_SENDER = f"telegram_desk:{DESK_TOKEN.split(':')[0]}"


class Worker(WebPerson):
    """Somebody who reports on the page."""

    def __init__(self, number: int, session: aiohttp.ClientSession, address: str) -> None:
        super().__init__(number, session, address)
        self.heard: list[Any] = []

    async def does(self, **what: str) -> None:
        """One message or press, and what comes back."""
        body = {"id": f"file-{self._number:08d}-{next(self.turns):04d}", "after": self.after, **what}
        self.heard = []
        async with self._session.post(f"{self._address}/api/messages", json=body, headers=self._headers) as answer:
            self._hear(await answer.json())
        while not self.heard:
            await self._listen()

    async def _listen(self) -> None:
        """What was not answered while the request was open: the page goes on asking."""
        query = {"after": str(self.after)}
        async with self._session.get(f"{self._address}/api/messages", params=query, headers=self._headers) as more:
            self._hear(await more.json())

    def _hear(self, found: dict[str, Any]) -> None:
        self.after = found.get("after", self.after)
        self.heard += [one for one in found.get("messages", []) if not one["own"]]

    async def presses(self, label: str) -> None:
        """The button whose label holds these words, once it is there."""
        until = time.monotonic() + _PATIENCE
        while True:
            buttons = [one for message in self.heard for one in message["buttons"]]
            found = [str(one["action"]) for one in buttons if fold(label) in fold(one["label"])]
            if found:
                return await self.does(action=found[0])
            if time.monotonic() > until:
                raise LookupError(f"no button {label!r}: {json.dumps(self.heard, ensure_ascii=False)[-600:]}")
            await self._listen()

    async def reports(self, workplace: str) -> tuple[str, float] | None:
        """The whole talk; the case's code and the moment of the last press."""
        await self.arrive()
        steps: list[tuple[Any, str]] = [
            (lambda text: self.does(text=text), "phản ánh"),
            (self.presses, "Mục khác"),
            (self.presses, "Ngừng việc"),
            (lambda text: self.does(text=text), "cả chuyền nghỉ làm vì công ty nợ lương 2 tháng"),
            (self.presses, "Xong"),
            (self.presses, "Đi tiếp"),
            (lambda text: self.does(text=text), workplace),
            (self.presses, workplace),
            (self.presses, "Không ghi tên"),
        ]
        for act, words in steps:
            await act(words)
            await asyncio.sleep(_PAUSE)
        pressed_at = time.monotonic()
        await self.presses("Gửi")
        code = _CODE.search(json.dumps(self.heard, ensure_ascii=False))
        return (code[0], pressed_at) if code else None


def plant(database: Database) -> None:
    """A federation with twenty upper unions, one workplace and one officer each."""
    now = datetime.now(UTC)
    with database.begin() as session:
        root = add_unit(session, "LD", UnitLevel.FEDERATION, None, "Liên đoàn Lao động tỉnh Thử", SINCE)
        for number in range(UPPERS):
            upper = add_unit(session, f"P{number}", UnitLevel.UPPER, root, f"Công đoàn xã {number}", SINCE)
            name = _name_of(number)
            add_unit(session, f"W{number}", UnitLevel.WORKPLACE, upper, f"CĐCS {name}", SINCE, employer=name)
            person = add_person(session, {"full_name": f"Cán Bộ Trực {number}"}, now)
            grant = RoleGrant(person_id=person.id, unit_id=upper, role=Role.OFFICER, from_on=SINCE, granted_at=now)
            chat = str(5000 + number)
            lane = lane_of(database.keys, _SENDER, chat)
            times = {"first_seen_at": now, "last_seen_at": now}
            account = Account(sender=_SENDER, address=chat, address_hash=lane, person_id=person.id, **times)
            session.add_all([grant, account])


_NAMES = "Hoa Mai Lan Cúc Đào Sen Huệ Trúc Tùng Bách Phượng Quỳnh Ngọc Châu Giang Sơn Hải Vân Phong Khánh"
_WORDS = _NAMES.split()


def _name_of(number: int) -> str:
    return f"Công ty May {_WORDS[number]} {_WORDS[(number * 7 + 3) % UPPERS]}"


async def measure(seconds: float, filings: int, rate: float, processes: int, kind: str) -> dict[str, Any]:
    """Reports spread over the time in which other turns are asked for."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, key_file = f"sqlite:///{home / 'union.db'}", home / "union.key"
        if kind == "postgresql":
            postgres = stack.enter_context(run_postgres(durable=True))
            postgres.execute("CREATE DATABASE filing")
            url = postgres.url_of("filing")
        create_key_file(key_file)
        keys = load_key_file(key_file)
        database = Database(url, keys, CaseKeys(f"sqlite:///{home / 'case-keys.db'}", keys))
        migrate(database)
        plant(database)
        database.close()
        async with TelegramStandIn(fast=True) as server:
            officers = [server.bot(DESK_TOKEN).person(5000 + number, "Cán bộ") for number in range(UPPERS)]
            settings = {"TELEGRAM_DESK_TOKEN": DESK_TOKEN, "TELEGRAM_API_URL": server.url}
            bots = [BotProcess(home, url, key_file, METRICS_PORT="0", **settings) for _ in range(processes)]
            for bot in bots:
                await asyncio.to_thread(bot.start)
                stack.callback(bot.kill)
            for one in officers:
                await one.says("bàn")
            connector = aiohttp.TCPConnector(limit=400, keepalive_timeout=2)  # sooner than the bot closes it
            async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
                figures = await _run(session, [bot.address for bot in bots], seconds, filings, rate)
            await asyncio.sleep(5)
            found = _match(server, figures.pop("sent"))
            for bot in bots:
                await asyncio.to_thread(bot.stop)
    return figures | found


async def _run(
    session: aiohttp.ClientSession, addresses: list[str], seconds: float, filings: int, rate: float
) -> dict[str, Any]:
    numbers = itertools.count(1)
    address = itertools.cycle(addresses)
    count = int(rate * seconds / TURNS_PER_PERSON) + 1
    others = [WebPerson(next(numbers), session, next(address)) for _ in range(count)]
    workers = [Worker(next(numbers), session, next(address)) for _ in range(filings)]

    async def report(place: int, worker: Worker) -> tuple[str, float] | None:
        await asyncio.sleep(place * seconds / filings)
        return await worker.reports(_name_of(place % UPPERS))

    turns, *sent = await asyncio.gather(
        _open_loop(others, rate, seconds), *(report(place, worker) for place, worker in enumerate(workers))
    )
    return {"turns": turns, "sent": sent}


def _match(server: TelegramStandIn, sent: list[Any]) -> dict[str, Any]:
    """When the alert that names each case was taken by the stand-in."""
    taken, missing = [], 0
    for found in sent:
        calls = [call for call in server.calls("sendMessage") if found and found[0] in str(call.params.get("text"))]
        if found is None or not calls:
            missing += 1
        else:
            taken.append(calls[0].at - found[1])
    spread = _spread(taken) if taken else {}
    return {"filings": len(sent), "without_alert": missing, "filing_to_alert": spread}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--filings", type=int, default=60)
    parser.add_argument("--rate", type=float, default=117, help="other turns a second")
    parser.add_argument("--processes", type=int, default=1, help="bots on one database, each with a part of the people")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.seconds, options.filings, options.rate, options.processes, options.database))
    how = {"cores": os.cpu_count(), "database": options.database, "processes": options.processes}
    print(json.dumps({"benchmark": "filing", **how, **figures}))


if __name__ == "__main__":
    main()
