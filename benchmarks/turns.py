"""Whole turns per second (an event in, its reply out) through the web page and the Telegram transport, on SQLite.

The mix: of twenty turns twelve questions (with and without marks, short and long), three "Xem chi tiết", two "Có ích",
two "menu", one wish for an officer. The load comes from this process, the bot is another; both share the machine.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot.process import BotProcess
from tests.standins.telegram import TOKEN, TelegramStandIn

QUESTIONS = (
    "nghi thai san may thang",
    "Công ty trả lương trễ 2 tháng thì phải làm sao?",
    "tăng ca ngày chủ nhật được bao nhiêu tiền",
    "em làm công ty may được 3 năm nay muốn nghỉ việc thì phải báo trước bao nhiêu ngày và có được trợ cấp gì không ạ",
    "bhxh 1 lan can giay to gi",
    "thử việc mấy tháng",
    "phep nam bao nhieu ngay",
    "bị đuổi việc không lý do",
)
TURNS_PER_PERSON = 7
"""Below the burst that one person may send, so that what is measured is the bot and not its brake."""


class Person:
    """A visitor of the page, or a Telegram user; `turn` does one turn and waits for its reply."""

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)
        self.entry = ""
        self.turns = itertools.count()

    def next_step(self) -> dict[str, str]:
        """What this person does next, by the stated mix."""
        dice = self.chance.randrange(20)
        if self.entry and dice < 3:
            return {"action": f"d|{self.entry}"}
        if self.entry and dice < 5:
            return {"action": f"f|h|{self.entry}"}
        if dice < 7:
            return {"text": "menu"}
        if dice < 8:
            return {"action": "ask"}
        return {"text": self.chance.choice(QUESTIONS)}


class WebPerson(Person):
    """One browser."""

    def __init__(self, number: int, session: aiohttp.ClientSession, address: str) -> None:
        super().__init__(number)
        self._session, self._address, self._number = session, address, number
        host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self._headers = {"X-Forwarded-For": host}
        self.after = 0

    async def arrive(self) -> None:
        """Open the page."""
        async with self._session.get(self._address, headers=self._headers) as page:
            text = await page.text()
            cookie = page.cookies["union_chat"].value
        self._headers |= {"X-CSRF-Token": text.split('data-csrf="')[1].split('"')[0], "Cookie": f"union_chat={cookie}"}

    async def turn(self) -> bool:
        """One message and its answer; False when none came."""
        body = {"id": f"bench-{self._number:08d}-{next(self.turns):04d}", "after": self.after, **self.next_step()}
        async with self._session.post(f"{self._address}/api/messages", json=body, headers=self._headers) as answer:
            found = await answer.json()
        self.after = found.get("after", self.after)
        for message in found.get("messages", []):
            for button in message["buttons"]:
                if str(button["action"]).startswith("d|"):
                    self.entry = button["action"].split("|")[1]
        return bool(found.get("messages"))


async def _closed_loop(people: list[Any], at_once: int, turns: int) -> dict[str, float]:
    """As many turns as the bot can do, with so many people waiting at any moment."""
    waiting = iter(people)
    taken: list[float] = []
    missing = 0

    async def live() -> None:
        nonlocal missing
        for person in waiting:
            await person.arrive()
            for _ in range(TURNS_PER_PERSON):
                began = time.perf_counter()
                missing += not await person.turn()
                taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(live() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    return {"turns": len(taken), "unanswered": missing, "per_second": round(len(taken) / seconds, 1), **_spread(taken)}


async def _open_loop(people: list[Any], rate: float, seconds: float) -> dict[str, float]:
    """Turns begun at a steady rate, whether or not earlier ones are answered."""
    taken: list[float] = []
    missing = 0
    schedule = [person for person in people for _ in range(TURNS_PER_PERSON)]
    order = [schedule[offset::TURNS_PER_PERSON] for offset in range(TURNS_PER_PERSON)]
    steps = [person for part in order for person in part][: int(rate * seconds)]
    for start in range(0, len(people), 50):
        await asyncio.gather(*(person.arrive() for person in people[start : start + 50]))

    async def one(person: Any) -> None:
        nonlocal missing
        began = time.perf_counter()
        missing += not await person.turn()
        taken.append(time.perf_counter() - began)

    begin = time.perf_counter()
    running = []
    for number, person in enumerate(steps):
        await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
        running.append(asyncio.create_task(one(person)))
    await asyncio.gather(*running)
    real = len(steps) / (time.perf_counter() - begin)
    return {"turns": len(taken), "unanswered": missing, "rate": rate, "per_second": round(real, 1), **_spread(taken)}


def _spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        f"p{share}_ms": round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000, 1)
        for share in (50, 95, 99)
    }


async def measure_web(seconds: float, turns: int) -> dict[str, Any]:
    """The page: at full speed, then at 117 turns a second."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        bot = BotProcess(home, f"sqlite:///{home / 'union.db'}", home / "union.key")
        started = bot.start()
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=200), cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            numbers = itertools.count(1)
            count = turns // TURNS_PER_PERSON
            full = await _closed_loop([WebPerson(next(numbers), session, bot.address) for _ in range(count)], 12, turns)
            count = int(117 * seconds / TURNS_PER_PERSON) + 1
            steady = await _open_loop(
                [WebPerson(next(numbers), session, bot.address) for _ in range(count)], 117, seconds
            )
        bot.stop()
    return {"start_seconds": round(started, 2), "full_speed": full, "at_117": steady}


async def measure_telegram(turns: int) -> dict[str, Any]:
    """The members' bot against a stand-in over HTTP, polling, without Telegram's 30 messages a second."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with TelegramStandIn(fast=True) as server:
            environment = dict(os.environ) | {
                "DATABASE_URL": f"sqlite:///{home / 'union.db'}",
                "KEY_FILE": str(home / "union.key"),
                "WEB_PORT": "0",
                "TELEGRAM_TOKEN": TOKEN,
                "TELEGRAM_API_URL": server.url,
            }
            unlimited = (
                "import sys; import bot.transports.telegram as t; t.TelegramTransport.messages_per_second = None; "
                "from bot.__main__ import main; sys.exit(main([]))"
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", unlimited, env=environment, stdout=subprocess.DEVNULL
            )
            people = [server.bot().person(1000 + number, "Lan") for number in range(turns // TURNS_PER_PERSON)]
            first = server.bot().person(1, "Lan")
            await first.says("menu")
            await first.hears(1, timeout=60)
            chance = random.Random(1)
            began = time.perf_counter()
            for _ in range(TURNS_PER_PERSON):
                for person in people:
                    await person.says(chance.choice((*QUESTIONS, "menu")))
            expected = len(people) * TURNS_PER_PERSON
            while len({id(m) for p in people for m in p.messages}) < expected and time.perf_counter() - began < 120:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            seconds = time.perf_counter() - began
            process.terminate()
            await process.wait()
    return {"turns": expected, "per_second": round(expected / seconds, 1), "rate_limit": "off"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long at 117 turns a second (the bar is 300)")
    parser.add_argument("--turns", type=int, default=3500, help="how many at full speed")
    options = parser.parse_args()
    web = asyncio.run(measure_web(options.seconds, options.turns))
    telegram = asyncio.run(measure_telegram(min(options.turns, 2100)))
    print(
        json.dumps(
            {"benchmark": "turns", "cores": os.cpu_count(), "database": "sqlite", "web": web, "telegram": telegram}
        )
    )


if __name__ == "__main__":
    main()
