"""The settings: listed completely, wrong ones named, no value ever printed."""

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from bot.settings import Settings, SettingsProblem, read_settings

ROOT = Path(__file__).parents[2]
MEMBERS, DESK = "123456:members-secret", "654321:desk-secret"
SECRET = "a-secret-of-16-or-more"
SAID = "7up-not-fitting"
"""A value that fits no setting below and must not be repeated in any message."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def default_of(field: FieldInfo) -> str:
    return "" if field.default is None else str(field.default)


def expected() -> dict[str, tuple[str, str]]:
    return {name.upper(): (default_of(field), field.description or "") for name, field in Settings.model_fields.items()}


def test_every_setting_has_a_description() -> None:
    """A setting nobody can explain is not added."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_env_example_lists_exactly_the_settings_with_defaults() -> None:
    """Every setting stands in .env.example once, commented out, under its description."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    found = re.findall(r"^# (.+)\n# ?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^#? ?[A-Z_]+=", text, re.MULTILINE))
    assert len(found) == len({name for _, name, _ in found})
    assert {name: (default, description) for description, name, default in found} == expected()


def test_reference_lists_exactly_the_settings_with_defaults() -> None:
    """Every setting is one row of docs/reference/settings.md: name, default, description."""
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", text, re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows})
    found = {name: ("" if default == "–" else default.strip("`"), words) for name, default, words in rows}
    assert found == expected()


def test_env_example_changes_nothing_when_copied_as_it_is() -> None:
    """Copying the example gives the settings of a start without any file."""
    assert read_settings(str(ROOT / ".env.example")) == read_settings(None)


def test_env_example_with_every_line_taken_in_gives_the_defaults(tmp_path: Path) -> None:
    """Taking the # away from every setting still changes nothing: an empty value counts as not set."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / "env").write_text(re.sub(r"^# ([A-Z_]+=)", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    assert read_settings(str(tmp_path / "env")) == read_settings(None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", SAID),
        ("DATABASE_URL", f"mysql://union:{SAID}@db/union"),
        ("WEB_PORT", SAID),
        ("WEB_PORT", "70000"),
        ("METRICS_PORT", SAID),
        ("METRICS_PORT", "-1"),
        ("WEB_PUBLIC_URL", SAID),
        ("WEB_PUBLIC_URL", f"https://congdoan.example/{SAID}"),
        ("WEB_TRUSTED_PROXIES", f"127.0.0.1, {SAID}"),
        ("TELEGRAM_TOKEN", SAID),
        ("TELEGRAM_DESK_TOKEN", SAID),
        ("TELEGRAM_WEBHOOK_URL", SAID),
        ("LOG_LEVEL", SAID),
        ("ZALO_OA_ID", SAID),
        ("ZALO_APP_ID", SAID),
        ("ZALO_API_URL", SAID),
        ("ZALO_CARD_IMAGE_URL", SAID),
    ],
)
def test_wrong_setting_is_named_and_its_value_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The message names the setting; the value may be a secret, so it is never repeated."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsProblem) as problem:
        read_settings(None)
    assert name in str(problem.value)
    assert value not in str(problem.value)
    assert SAID not in str(problem.value)


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should have to start the program once per mistake."""
    monkeypatch.setenv("WEB_PORT", SAID)
    monkeypatch.setenv("LOG_LEVEL", SAID)
    with pytest.raises(SettingsProblem, match=r"(?s)WEB_PORT.*LOG_LEVEL|LOG_LEVEL.*WEB_PORT"):
        read_settings(None)


@pytest.mark.parametrize("secret", ["", "short", "has spaces in it, and a comma", "x" * 257])
def test_webhook_without_a_good_secret_refuses(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Without a secret anybody could post updates in Telegram's name."""
    monkeypatch.setenv("TELEGRAM_TOKEN", MEMBERS)
    monkeypatch.setenv("TELEGRAM_WEBHOOK_URL", "https://bot.example")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", secret)
    with pytest.raises(SettingsProblem, match="TELEGRAM_WEBHOOK_SECRET") as problem:
        read_settings(None)
    assert MEMBERS not in str(problem.value)
    assert not secret or secret not in str(problem.value)


def test_webhook_with_a_secret_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counterpart: the refusal above is about the secret and nothing else."""
    monkeypatch.setenv("TELEGRAM_TOKEN", MEMBERS)
    monkeypatch.setenv("TELEGRAM_WEBHOOK_URL", "https://bot.example/")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", SECRET)
    assert read_settings(None).telegram_webhook_url == "https://bot.example"


@pytest.mark.parametrize("missing", ["ZALO_APP_ID", "ZALO_APP_SECRET", "ZALO_OA_SECRET"])
def test_official_account_without_its_secrets_refuses(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without them nothing can be sent and no event believed."""
    given = {"ZALO_OA_ID": "42", "ZALO_APP_ID": "43", "ZALO_APP_SECRET": MEMBERS, "ZALO_OA_SECRET": DESK}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(None)
    assert {MEMBERS, DESK} <= set(settings.secrets)
    assert not any(secret in repr(settings) for secret in (MEMBERS, DESK))
    monkeypatch.delenv(missing)
    with pytest.raises(SettingsProblem, match=missing):
        read_settings(None)


def test_one_token_for_two_bots_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram lets one client receive per token, and officers' alerts need a budget of their own."""
    monkeypatch.setenv("TELEGRAM_TOKEN", MEMBERS)
    monkeypatch.setenv("TELEGRAM_DESK_TOKEN", MEMBERS)
    with pytest.raises(SettingsProblem, match=r"TELEGRAM_TOKEN.*TELEGRAM_DESK_TOKEN") as problem:
        read_settings(None)
    assert MEMBERS not in str(problem.value)


def test_operator_chat_without_the_desk_bot_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts to a chat need the bot that sends them."""
    monkeypatch.setenv("OPERATOR_TELEGRAM_ID", "4711471147")
    with pytest.raises(SettingsProblem, match="OPERATOR_TELEGRAM_ID") as problem:
        read_settings(None)
    assert "4711471147" not in str(problem.value)


def test_settings_shown_in_a_trace_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Settings object that ends in a log or a trace shows neither a token nor the database's password."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://union:{SAID}@db/union")
    monkeypatch.setenv("TELEGRAM_TOKEN", MEMBERS)
    monkeypatch.setenv("TELEGRAM_DESK_TOKEN", DESK)
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", SECRET)
    settings = read_settings(None)
    assert not any(secret in repr(settings) for secret in (MEMBERS, DESK, SECRET, SAID))
    assert {MEMBERS, DESK, SECRET, settings.database_url} == set(settings.secrets)
