"""The operator reads and sets what each bot account may send and spend; nothing is overwritten by the program."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.__main__ import main
from db.channel_accounts import add_account, list_accounts
from db.models import ChannelAccount, UnitLevel
from db.session import Database
from knowledge.normalize import fold
from tests.tree import Tree

OA, BOT = "zalo_oa:4318657068771012646", "zalo_bot:7"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(database_url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `channels …`; returns the exit code and what was printed, without marks."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KEY_FILE", str(key_file))
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda *_settings: None)

    def command(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["channels", *words])
        printed = capsys.readouterr()
        return code, fold(printed.out + printed.err)

    return command


def read(database: Database, sender: str) -> ChannelAccount:
    """An account's numbers as they are stored."""
    with database.read() as session:
        return next(account for account in list_accounts(session) if account.sender == sender)


@pytest.fixture
def accounts(database: Database) -> None:
    """A Zalo Bot and an Official Account that were driven once."""
    with database.begin() as session:
        add_account(session, OA)
        add_account(session, BOT)


def test_new_accounts_begin_with_what_is_published_and_spend_nothing(
    run: Run, accounts: None, database: Database
) -> None:
    """The free plan of Zalo Bot; of an Official Account no money, no article, and a price nobody knows."""
    code, says = run("list")
    assert code == 0
    assert "0 3000" in says and "0 50" in says
    assert "chua biet nen khong gui tin mat tien" in says
    assert "21 11 2026" in says
    account = read(database, OA)
    assert (account.dong_per_month, account.articles_per_month, account.price_outside_window) == (0, 0, None)


def test_operator_sets_numbers_and_they_stay(run: Run, accounts: None, database: Database) -> None:
    """A restart, which writes what accounts begin with, changes none of them."""
    Tree(database).unit("PT", UnitLevel.UPPER, None, "Công đoàn phường Thử")
    words = (
        "--unit",
        "pt",
        "--articles",
        "4",
        "--price-outside",
        "165",
        "--dong",
        "500.000",
        "--source",
        "Gói Nâng cao",
    )
    code, says = run("set", OA, *words)
    assert code == 0
    assert "0 500000" in says and "165 dong" in says and "don vi pt" in says
    with database.begin() as session:
        add_account(session, OA)
    account = read(database, OA)
    assert (account.dong_per_month, account.articles_per_month, account.price_outside_window) == (500_000, 4, 165)
    assert account.source == "Gói Nâng cao"
    assert run("set", OA, "--unit", "none", "--dong", "none")[0] == 0
    account = read(database, OA)
    assert (account.unit_id, account.dong_per_month, account.articles_per_month) == (None, None, 4)


@pytest.mark.parametrize(
    ("words", "says"),
    [(("set", "zalo_oa:1", "--dong", "5"), "khong co kenh"), (("set", OA, "--unit", "XX"), "xx")],
)
def test_what_is_not_there_is_said_and_changes_nothing(
    run: Run, accounts: None, database: Database, words: tuple[str, ...], says: str
) -> None:
    """An account or a unit by a wrong name."""
    code, said = run(*words)
    assert code == 1
    assert says in said
    assert read(database, OA).unit_id is None


@pytest.mark.parametrize("number", ["-1", "abc", "3000000000"])
def test_number_that_is_none_is_refused(run: Run, accounts: None, number: str) -> None:
    """argparse says so and ends."""
    with pytest.raises(SystemExit):
        run("set", OA, "--dong", number)
