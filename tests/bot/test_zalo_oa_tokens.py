"""The tokens of an Official Account: given by a consent, renewed by exactly one call, and never lost in silence."""

import asyncio
import json
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import text

from bot.app import open_database, utc_now
from bot.doctor import _look_at_zalo_oa
from bot.settings import Settings
from bot.transports.zalo_oa_alarms import list_notices
from bot.transports.zalo_oa_client import ZaloClient, ZaloRefused, ZaloUnavailable
from bot.transports.zalo_oa_tokens import LoginNeeded, ZaloTokenKeeper, challenge_of
from bot.zalo import ZaloProblem, describe, log_in
from db.keys import load_key_file
from db.models import Delivery, DeliveryKind, ZaloTokens
from db.session import Database
from db.zalo_oa_tokens import TokenPair, claim_refresh, find_tokens, store_refresh
from handlers.chat import StoredReply
from tests.standins import telegram_faults as fault
from tests.standins.zalo_oa import APP_ID, APP_SECRET, OA_ID, OA_SECRET, ZaloOaStandIn
from tests.standins.zalo_oa_people import ZaloMember

from .process import ROOT, BotProcess, free_port
from .telegram_app import RunningBot
from .zalo_oa_app import SENDER, StartZaloOa, give_tokens, settings_for

PROCESSES, TASKS = 5, 10

Keeper = Callable[[], ZaloTokenKeeper]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than a moment is given up; what failed is tried again soon."""
    monkeypatch.setattr("bot.transports.zalo_oa_client._CALL_SECONDS", 2.0)
    monkeypatch.setattr("bot.transports.zalo_oa_tokens._TRY_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr("bot.transports.zalo_oa_tokens._STORE_AGAIN_SECONDS", 0.05)


@pytest.fixture
async def keeper(zalo_oa: ZaloOaStandIn, database: Database) -> AsyncIterator[Keeper]:
    """Makes keepers of one account that was logged in just now, as any number of processes would."""
    give_tokens(zalo_oa, database, utc_now())
    client = ZaloClient(APP_ID, APP_SECRET, zalo_oa.url, zalo_oa.url, zalo_oa.url)
    yield lambda: ZaloTokenKeeper(SENDER, OA_ID, client, database, utc_now)
    await client.close()


def row(database: Database) -> ZaloTokens:
    """The tokens as committed."""
    with database.read() as session:
        found = find_tokens(session, SENDER)
        assert found is not None
        return found


def alerts(bot: RunningBot) -> list[str]:
    """What the operator was told."""
    told = [delivery for delivery in bot.rows(Delivery) if delivery.kind is DeliveryKind.OPERATOR_ALERT]
    return [StoredReply.from_json(delivery.body).text for delivery in told]


async def asked(zalo: ZaloOaStandIn) -> None:
    """Wait until Zalo has been asked for a newer token."""
    async with asyncio.timeout(60):
        while not zalo.calls["token"]:  # noqa: ASYNC110  # another task's call arrives
            await asyncio.sleep(0.01)


# One call


async def test_fifty_refreshes_at_once_make_exactly_one_call(
    zalo_oa: ZaloOaStandIn, database_url: str, database: Database, key_file: Path
) -> None:
    """Five processes with ten tasks each want a newer token in the same moment: one call, and all get its token."""
    give_tokens(zalo_oa, database, utc_now())
    zalo_oa.faults.next("token", fault.slow(0.3))
    command = [sys.executable, "-m", "tests.bot.zalo_oa_refresher", database_url, str(key_file), zalo_oa.url]
    processes = [
        await asyncio.create_subprocess_exec(
            *command, str(TASKS), cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    said = await asyncio.wait_for(asyncio.gather(*(process.communicate(b"go\n") for process in processes)), 60)
    got: dict[str, int] = {}
    for out, _ in said:
        for token, count in json.loads(out.splitlines()[-1]).items():
            got[token] = got.get(token, 0) + count
    kept = row(database)
    assert got == {f"2:{kept.access_token}": PROCESSES * TASKS}
    assert zalo_oa.calls["token"] == 1
    assert zalo_oa.calls["burned"] == 0


async def test_refused_token_is_renewed_once_for_everybody(zalo_oa: ZaloOaStandIn, keeper: Keeper) -> None:
    """Forty calls in flight meet -216 together: one refresh, and each call is made once more and works."""
    mine, zalo_oa.retry_seconds = keeper(), ()
    await mine.access()
    zalo_oa.end_access()
    mine._now = lambda: utc_now() + timedelta(minutes=6)
    zalo_oa.clock = mine._now
    ZaloMember(zalo_oa, "1").person.interacted_at = zalo_oa.clock()
    client = mine._client
    sent = await asyncio.gather(
        *(mine.use(lambda token: client.send_consultation(token, "1", {"text": "a"})) for _ in range(40))
    )
    assert len(set(sent)) == 40
    assert zalo_oa.calls["token"] == 1


async def test_token_refused_right_after_its_birth_is_not_renewed_again_and_again(
    zalo_oa: ZaloOaStandIn, keeper: Keeper
) -> None:
    """Permissions were taken away in Zalo: refreshing for every message would help nobody."""
    mine = keeper()
    zalo_oa.end_access()
    for _ in range(3):
        with pytest.raises(LoginNeeded):
            await mine.use(lambda token: mine._client.send_consultation(token, "1", {"text": "a"}))
    assert zalo_oa.calls["token"] == 0
    assert list_notices(await mine.look(), mine.trouble, utc_now())


# Nothing lost


async def test_pair_is_committed_before_anybody_uses_it(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """The database fails after Zalo's answer: nobody gets the new token until it is stored; Zalo is not asked twice."""
    mine = keeper()
    zalo_oa.faults.next("token", fault.slow(1.0))
    wanted = asyncio.create_task(mine.renew(1))
    await asked(zalo_oa)
    execute(database, "ALTER TABLE zalo_oa_tokens RENAME TO zalo_oa_tokens_away")
    await asyncio.sleep(1.5)
    assert not wanted.done()
    execute(database, "ALTER TABLE zalo_oa_tokens_away RENAME TO zalo_oa_tokens")
    held = await asyncio.wait_for(wanted, 60)
    assert held.token == row(database).access_token
    assert zalo_oa.calls["token"] == 1


async def test_pair_is_stored_although_nobody_waits_for_it_any_more(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """The program is told to stop while Zalo answers: the pair is kept all the same."""
    mine = keeper()
    zalo_oa.faults.next("token", fault.slow(1.0))
    wanted = asyncio.create_task(mine.renew(1))
    await asked(zalo_oa)
    wanted.cancel()
    await mine.finish()
    assert row(database).version == 2
    assert (await keeper().access()).token == row(database).access_token


@pytest.mark.parametrize(
    "trouble", [fault.drop_before(), fault.bad_gateway(), fault.refuse(429, "slow down")], ids=["dropped", "502", "429"]
)
async def test_refresh_that_was_not_carried_out_is_tried_again(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, trouble: fault.Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh token is still good."""
    monkeypatch.setattr("bot.transports.zalo_oa_tokens._TRY_AGAIN_SECONDS", 3600.0)
    mine = keeper()
    zalo_oa.faults.next("token", trouble)
    with pytest.raises(ZaloUnavailable):
        await mine.renew(1)
    mine._not_before = 0.0  # the hour is over
    assert (await mine.renew(1)).version == 2


@pytest.mark.parametrize("trouble", [fault.drop_after(), fault.malformed(), fault.slow(3.0)], ids=lambda one: one.kind)
async def test_refresh_whose_answer_was_lost_needs_a_person_and_says_so(
    zalo_oa: ZaloOaStandIn,
    keeper: Keeper,
    database: Database,
    trouble: fault.Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What no program can mend: Zalo used the token up and we never saw the new one. The old access token still serves
    for hours, and the operator is told."""
    monkeypatch.setattr("bot.transports.zalo_oa_tokens._TRY_AGAIN_SECONDS", 3600.0)
    mine = keeper()
    zalo_oa.faults.next("token", trouble)
    with pytest.raises(ZaloUnavailable):
        await mine.renew(1)
    mine._not_before = 0.0  # the hour is over
    with pytest.raises(LoginNeeded):
        await mine.renew(1)
    assert row(database).refused_at is not None
    assert (await mine.access()).version == 1
    (notice,) = list_notices(row(database), mine.trouble, utc_now())
    assert "zalo login" in notice.text
    with pytest.raises(LoginNeeded):
        await keeper().renew(1)
    assert zalo_oa.calls["token"] == 2  # a dead token is not tried for ever


async def test_refresh_left_by_a_killed_process_is_taken_over(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """It had claimed the token and not used it yet: others wait for the claim to end, then one of them refreshes."""
    with database.begin() as session:
        lease = timedelta(seconds=0.5)
        assert claim_refresh(session, SENDER, 1, "killed", utc_now(), lease).refresh_token is not None
    began = asyncio.get_running_loop().time()
    held = await asyncio.gather(keeper().renew(1), keeper().renew(1))
    assert {one.version for one in held} == {2}
    assert asyncio.get_running_loop().time() - began > 0.4
    assert zalo_oa.calls["token"] == 1


async def test_new_login_wins_over_a_refresh_under_way(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """The pair of an older token never replaces that of a newer consent."""
    mine = keeper()
    zalo_oa.faults.next("token", fault.slow(1.0))
    wanted = asyncio.create_task(mine.renew(1))
    await asked(zalo_oa)
    give_tokens(zalo_oa, database, utc_now())
    new = row(database).access_token
    assert (await wanted).token == new
    assert row(database).access_token == new
    with database.begin() as session:
        assert store_refresh(session, SENDER, 1, TokenPair("a", "b", 1), utc_now()) is False


# Secrets


async def test_tokens_are_sealed_at_rest_and_never_shown(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """No column holds a token in clear, and neither an object nor an error prints one."""
    held = await keeper().access()
    kept = row(database)
    with database.read() as session:
        columns = "access_token, refresh_token, code_verifier"
        stored = session.execute(text(f"SELECT {columns} FROM zalo_oa_tokens")).one()
    for value, secret in zip(stored, (kept.access_token, kept.refresh_token, kept.code_verifier), strict=True):
        assert secret is not None
        assert secret.encode() not in bytes(value)
    assert held.token not in repr(held)
    nowhere = f"http://127.0.0.1:{free_port()}"
    client = ZaloClient(APP_ID, APP_SECRET, nowhere, nowhere, nowhere)
    refresh_token, access_token, words = "s3cr3t-1", "s3cr3t-2", "chuyện riêng"
    with pytest.raises(ZaloUnavailable) as raised:
        await client.refresh(refresh_token)
    with pytest.raises(ZaloUnavailable) as also_raised:
        await client.send_consultation(access_token, "1", {"text": words})
    shown = "".join(traceback.format_exception(raised.value) + traceback.format_exception(also_raised.value))
    assert not any(secret in shown for secret in (refresh_token, access_token, words, APP_SECRET, nowhere))
    await client.close()


# The consent


async def begin(bot: RunningBot) -> str:
    """The link that `python -m bot zalo login` prints."""
    assert bot.app._zalo_oa is not None
    login = await bot.app._zalo_oa.tokens.begin_login(f"{bot.address}/zalo/oa/callback")
    return login.url


async def visit(url: str) -> tuple[int, str]:
    """What the administrator's browser shows in the end."""
    async with aiohttp.ClientSession() as browser, browser.get(url) as response:
        return response.status, await response.text()


async def test_administrator_lets_the_bot_in_by_a_link(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Before: no message goes, the operator is told and /readyz says so. After: tokens are there and messages go."""
    async with start_zalo_oa(database_url, is_logged_in=False) as bot:
        lan = ZaloMember(zalo_oa, "77")
        await bot.until(lambda: alerts(bot))
        await lan.says("menu")
        assert (await ready(bot)) is False
        url = await begin(bot)
        zalo_oa.console.challenge = parse_qs(urlsplit(url).query)["code_challenge"][0]
        status, page = await visit(url)
        assert (status, "Zalo" in page) == (200, True)
        await lan.hears()
        assert (await ready(bot)) is True
        (kept,) = bot.rows(ZaloTokens)
        assert (kept.version, kept.login_hash) == (1, None)


async def ready(bot: RunningBot) -> bool:
    async with aiohttp.ClientSession() as http, http.get(f"{bot.address}/readyz") as response:
        return bool((await response.json())["channels"]["zalo_oa"])


async def test_consent_nobody_asked_for_is_turned_away(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """No link, another's state, a used link, an older link, a link of yesterday, another account: 404, no call to Zalo,
    and the tokens stay as they were."""
    shift = timedelta()
    async with start_zalo_oa(sqlite_url, lambda: utc_now() + shift) as bot:
        before = bot.rows(ZaloTokens)[0].access_token
        callback = zalo_oa.console.callback_url
        zalo_oa.console.challenge = challenge_of("v" * 43)
        older = await begin(bot)
        newer = await begin(bot)
        state = parse_qs(urlsplit(newer).query)["state"][0]
        for query in ("", "?code=1", "?state=1&code=1", f"?state={state}", f"?state={state}&code=1&oa_id=42"):
            assert (await visit(callback + query))[0] == 404
        async with aiohttp.ClientSession() as http:  # a messenger that looks at a link uses nothing up
            assert (await http.head(f"{callback}?state={state}&code=1")).status == 200
        assert (await visit(older))[0] == 404
        shift = timedelta(minutes=31)
        assert (await visit(newer))[0] == 404
        assert zalo_oa.calls["token"] == 0
        assert bot.rows(ZaloTokens)[0].access_token == before
        shift = timedelta()
        assert (await visit(newer))[0] == 200
        assert (await visit(newer))[0] == 404
        assert bot.rows(ZaloTokens)[0].access_token != before
        assert zalo_oa.calls["token"] == 1


async def test_challenge_in_the_console_stays_the_same_for_ever(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, database: Database
) -> None:
    """The console holds one challenge: a new link must fit it, after any number of logins and refreshes."""
    mine = keeper()
    first = await mine.begin_login("https://bot.example/zalo/oa/callback")
    await mine.renew(1)
    second = await keeper().begin_login("https://bot.example/zalo/oa/callback")
    assert first.challenge == second.challenge == challenge_of(row(database).code_verifier)
    assert first.url != second.url
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_wrong_challenge_in_the_console_is_told(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, sqlite_url: str
) -> None:
    """The commonest slip: the operator reads what to compare."""
    async with start_zalo_oa(sqlite_url, is_logged_in=False) as bot:
        zalo_oa.console.challenge = "something-else"
        status, page = await visit(await begin(bot))
        assert (status, "Code challenge" in page) == (404, True)


async def test_operator_logs_in_from_the_command_line(
    zalo_oa: ZaloOaStandIn, database: Database, key_file: Path
) -> None:
    """The link and the challenge are printed; where the callback page cannot be reached, the browser's address does."""
    settings = settings_for(zalo_oa, str(database.url), key_file=key_file)
    assert "zalo login" in describe(settings, database, utc_now())
    said = await asyncio.to_thread(log_in, settings, database, None, utc_now)
    link = next(word for word in said.split() if "/v4/oa/permission" in word)
    zalo_oa.console.challenge = parse_qs(urlsplit(link).query)["code_challenge"][0]
    assert {zalo_oa.console.challenge, zalo_oa.console.callback_url} <= set(said.split())
    async with aiohttp.ClientSession() as browser, browser.get(link, allow_redirects=False) as response:
        address = response.headers["Location"]
    await asyncio.to_thread(log_in, settings, database, address, utc_now)
    assert row(database).version == 1
    assert "zalo login" not in describe(settings, database, utc_now())
    with pytest.raises(ZaloProblem, match="30"):
        await asyncio.to_thread(log_in, settings, database, address, utc_now)
    for missing in ("web_public_url", "zalo_oa_id"):
        with pytest.raises(ZaloProblem, match=missing.upper()):
            log_in(settings.model_copy(update={missing: ""}), database, None, utc_now)


async def test_doctor_says_whether_the_account_is_logged_in(
    zalo_oa: ZaloOaStandIn, database: Database, key_file: Path
) -> None:
    """By the tokens' dates; Zalo is not asked."""
    settings = settings_for(zalo_oa, str(database.url), key_file=key_file)
    today = utc_now().date()
    assert _look_at_zalo_oa(settings, database.keys, today).is_good is False
    give_tokens(zalo_oa, database, utc_now())
    assert _look_at_zalo_oa(settings, database.keys, today).is_good is True
    assert _look_at_zalo_oa(settings, database.keys, today + timedelta(days=3)).is_good is False
    off = settings.model_copy(update={"zalo_oa_id": ""})
    assert _look_at_zalo_oa(off, None, today).is_good is True
    assert zalo_oa.calls.total() == 0


def test_command_without_an_account_says_what_to_set(tmp_path: Path) -> None:
    """Exit code 1 and one line, no trace."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}", "KEY_FILE": str(tmp_path / "own.key")}
    command = [sys.executable, "-m", "bot", "zalo", "status"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ZALO_OA_ID" in done.stderr
    assert "Traceback" not in done.stderr


# Warnings


@pytest.mark.parametrize(
    ("days_left", "told"), [(20, []), (13.5, [14]), (6.5, [7]), (2.9, [3]), (0.5, [1])], ids=lambda value: str(value)
)
def test_operator_is_warned_days_before_the_refresh_token_dies(days_left: float, told: list[int]) -> None:
    """At 14, 7, 3 and 1 days, once each."""
    now = utc_now()
    notices = list_notices(tokens_until(now, timedelta(days=days_left)), "", now)
    assert [notice.subject for notice in notices] == [f"zalo_oa:ends:3:{days}" for days in told]


def tokens_until(now: datetime, left: timedelta) -> ZaloTokens:
    return ZaloTokens(
        sender=SENDER,
        version=3,
        access_token="a",
        refresh_token="r",
        access_until=now + timedelta(hours=20),
        refresh_until=now + left,
    )


async def test_burned_refresh_token_is_told_once_a_day_and_mended_by_a_login(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """Zalo refuses the refresh token: messages still go with the access token, the operator hears of it, and a new
    consent ends it."""
    shift = timedelta()

    def now() -> datetime:
        return utc_now() + shift

    zalo_oa.clock = now
    async with start_zalo_oa(database_url, now) as bot:
        lan = ZaloMember(zalo_oa, "77")
        zalo_oa.burn_refresh()
        shift = timedelta(hours=21)  # the time at which it is renewed
        await bot.until(lambda: any("từ chối" in told for told in alerts(bot)))
        await lan.says("menu")
        await lan.hears()
        assert (await ready(bot)) is True
        shift = timedelta(hours=26)
        await lan.says("menu")
        await bot.until(lambda: any(row.state.value == "due" for row in bot.rows(Delivery)))
        await bot.until(lambda: not bot.app._zalo_oa.is_connected)
        assert (await ready(bot)) is False
        assert sum("từ chối" in told for told in alerts(bot)) <= 2  # two days by the calendar, at most
        url = await begin(bot)
        zalo_oa.console.challenge = parse_qs(urlsplit(url).query)["code_challenge"][0]
        assert (await visit(url))[0] == 200
        await lan.hears()


async def test_access_token_is_renewed_hours_before_it_ends(
    zalo_oa: ZaloOaStandIn, start_zalo_oa: StartZaloOa, database_url: str
) -> None:
    """So that a refresh that fails leaves time for a person; two programs beside each other make one call."""
    shift = timedelta()

    def now() -> datetime:
        return utc_now() + shift

    zalo_oa.clock = now
    async with start_zalo_oa(database_url, now) as bot:
        for hours, version in ((19, 1), (20.1, 2), (39, 2), (40.3, 3)):
            shift = timedelta(hours=hours)
            await bot.until(lambda wanted=version: bot.rows(ZaloTokens)[0].version == wanted)
            await asyncio.sleep(0.3)
            assert bot.rows(ZaloTokens)[0].version == version
        assert zalo_oa.calls["token"] == 2
        assert alerts(bot) == []


async def test_secrets_and_messages_never_stand_in_the_log(
    zalo_oa: ZaloOaStandIn, tmp_path: Path, key_file: Path
) -> None:
    """At the most talkative level, in trouble, with the account at work: no line holds a secret, an id or a message."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    ours = Settings(_env_file=None, database_url=url, key_file=key_file)  # type: ignore[call-arg]  # as above
    database = open_database(ours, load_key_file(key_file))
    give_tokens(zalo_oa, database, utc_now() - timedelta(hours=21))
    zalo_oa.faults.next("token", fault.malformed())
    zalo_oa.faults.next("cs", fault.bad_gateway(), fault.malformed())
    settings = {
        "ZALO_OA_ID": OA_ID,
        "ZALO_APP_ID": APP_ID,
        "ZALO_APP_SECRET": APP_SECRET,
        "ZALO_OA_SECRET": OA_SECRET,
        "ZALO_API_URL": zalo_oa.url,
        "ZALO_OAUTH_URL": zalo_oa.url,
        "ZALO_BUSINESS_URL": zalo_oa.url,
    }
    bot = BotProcess(tmp_path, url, key_file, LOG_LEVEL="DEBUG", **settings)
    zalo_oa.console.webhook_url = f"{bot.address}/zalo/oa/webhook"
    lan = ZaloMember(zalo_oa, "6204117895032116745")
    try:
        await asyncio.to_thread(bot.start)
        zalo_oa.retry_seconds = (0.5,) * 20
        await lan.says("chuyện của chị Mận: nghi thai san may thang")
        await lan.hears()
    finally:
        assert await asyncio.to_thread(bot.stop) == 0
    kept = row(database)
    database.close()
    for secret in (kept.access_token, kept.refresh_token, APP_SECRET, OA_SECRET, lan.user_id, "Mận", "M\\u1ead"):
        assert secret not in bot.log
    assert '"zalo_refresh_failed"' in bot.log


async def test_refusal_of_another_kind_leaves_the_refresh_token_as_it_is(
    zalo_oa: ZaloOaStandIn, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong app secret is put right in the settings: nobody has to log in again."""
    monkeypatch.setattr("bot.transports.zalo_oa_tokens._REFUSED_SECONDS", 0.05)
    mine = keeper()
    zalo_oa.faults.next("token", fault.refuse(-14002, "Invalid app"))
    with pytest.raises(ZaloUnavailable):
        await mine.renew(1)
    assert mine.trouble == "-14002"
    await asyncio.sleep(0.1)
    assert (await mine.renew(1)).version == 2
    assert mine.trouble == ""
    with pytest.raises(ZaloRefused):  # what a call itself is refused for is not mended by a token
        await mine.use(lambda token: mine._client.send_consultation(token, "1", {"text": "a"}))


def execute(database: Database, statement: str) -> None:
    with database.begin() as session:
        session.execute(text(statement))
