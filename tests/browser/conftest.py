"""The real program in a process of its own, and a person who reads its page in a real browser."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from db.accounts import lane_of, meet_account
from db.case_keys import CaseKeys
from db.codes import show_code
from db.keys import load_key_file
from db.session import Database
from handlers.cases.service import Report, open_case
from handlers.feature import VIETNAM

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 360, "height": 740}
UNION = "Công đoàn Khu công nghiệp Sông Hồng"
HOTLINE = "1900 1234"
SECONDS = 15_000
"""Milliseconds the browser waits for something to appear; the ninth question in a row is slowed on purpose."""


class RunningBot:
    """`python -m bot` on a database of its own; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._port = "0"
        self.address = ""
        self.started_in = 0.0

    @property
    def _surroundings(self) -> dict[str, Any]:
        """A folder of its own as the working directory: a developer's .env must not bring a real token into a test."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TELEGRAM_", "WEB_"))}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": f"sqlite:///{self._folder / 'union.db'}",
            "KEY_FILE": str(self._folder / "union.key"),
            "WEB_HOST": "127.0.0.1",
            "WEB_PORT": self._port,
            "UNION_NAME": UNION,
            "UNION_HOTLINE": HOTLINE,
        }
        return {"cwd": self._folder, "env": environment, "text": True}

    def does(self, *command: str) -> str:
        """What an operator's command says."""
        arguments = [sys.executable, "-m", "bot", *command]
        return subprocess.run(arguments, check=True, capture_output=True, **self._surroundings).stdout

    def takes_report(self, story: str) -> str:
        """Somebody sends a report; returns its code. It is put into the running bot's database: what a worker types is
        another test's matter."""
        keys = load_key_file(self._folder / "union.key")
        store = CaseKeys(f"sqlite:///{self._folder / 'case-keys.db'}", keys)
        database = Database(f"sqlite:///{self._folder / 'union.db'}", keys, store)
        now = datetime.now(UTC)
        with database.begin() as session:
            account, _ = meet_account(session, "web", lane_of(keys, "web", "worker"), "worker", None, now)
            case, _ = open_case(session, account, Report("wages", story), now, now.astimezone(VIETNAM).date())
            code = show_code(case.code)
        database.close()
        return code

    def start(self) -> "RunningBot":
        began = time.monotonic()
        command = [sys.executable, "-m", "bot"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._surroundings
        )
        self.address = self._read_address()
        self.started_in = time.monotonic() - began
        self._port = self.address.rsplit(":", 1)[1]
        return self

    def _read_address(self) -> str:
        assert self._process
        assert self._process.stdout
        said = []
        for line in self._process.stdout:
            said.append(line)
            found = re.search(r"http://[\d.]+:\d+", line)
            if found:
                return found[0]
        raise AssertionError("the bot did not start:\n" + "".join(said))

    def kill(self) -> None:
        """As a power cut would: no goodbye, no clean-up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.communicate(timeout=30)
            self._process = None


@dataclass
class Person:
    """Somebody with the page open; methods say what they do and see."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def opens(self, address: str) -> "Person":
        self.page.goto(address)
        self.hears("thông tin tham khảo")
        return self

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def messages(self) -> Locator:
        return self.page.locator(".message")

    @property
    def own(self) -> Locator:
        return self.page.locator(".message.own:not(.sending)")

    @property
    def last(self) -> Locator:
        return self.messages.last

    def says(self, text: str) -> "Person":
        """Types and sends; returns once the server has it."""
        said = self.own.count()
        self.box.fill(text)
        self.box.press("Enter")
        expect(self.own).to_have_count(said + 1)
        expect(self.box).to_have_value("")
        return self

    def asks(self, text: str) -> Locator:
        """Says something and waits for what the bot answers to it; returns the answer."""
        self.says(text)
        return self.answer()

    def answer(self) -> Locator:
        """The bot's first message after the newest words of this person."""
        answer = self.page.locator(".message.own:not(.sending)").last.locator("xpath=following-sibling::div[1]")
        answer.wait_for()
        return answer

    def presses(self, label: str) -> Locator:
        """Presses the newest button of that name; returns the answer."""
        said = self.own.count()
        self.log.get_by_role("button", name=label, exact=True).last.click()
        expect(self.own).to_have_count(said + 1)
        return self.answer()

    def hears(self, words: str) -> None:
        expect(self.page.locator(".message:not(.own)").filter(has_text=words).last).to_be_visible()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all; each person has a profile of their own."""
    expect.set_options(timeout=SECONDS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def shared_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBot]:
    """A bot for tests that leave it running; people do not see one another."""
    bot = RunningBot(tmp_path_factory.mktemp("bot")).start()
    yield bot
    bot.stop()


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[RunningBot]:
    """A bot of the test's own, to be killed and started again."""
    running = RunningBot(tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def profile(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser profiles: a phone unless told otherwise."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        defaults: dict[str, Any] = {"viewport": PHONE, "locale": "vi-VN", "timezone_id": "Asia/Ho_Chi_Minh"}
        context = browser.new_context(**(defaults | options))
        context.set_default_timeout(SECONDS)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def person(profile: Callable[..., BrowserContext]) -> Iterator[Callable[..., Person]]:
    """Make people. What their browser complains of (a script error, something the policy blocked) fails the test,
    but for failed requests: tests take the server away on purpose."""
    people: list[Person] = []

    def make(context: BrowserContext | None = None, **options: Any) -> Person:
        somebody = Person((context or profile(**options)).new_page())
        somebody.page.on("pageerror", lambda error: somebody.problems.append(str(error)))
        somebody.page.on("console", lambda line: somebody.problems.append(line.text) if is_complaint(line) else None)
        people.append(somebody)
        return somebody

    yield make
    assert [problem for somebody in people for problem in somebody.problems] == []


def is_complaint(line: Any) -> bool:
    return line.type in ("error", "warning") and "Failed to load resource" not in line.text
