"""Reads the environment once into a frozen Settings; a wrong value stops the start, by name."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

_TOKEN = re.compile(r"^\d+:[\w-]+$")
_SECRET = re.compile(r"^[A-Za-z0-9_-]{16,256}$")
_ZALO_BOT_TOKEN = re.compile(r"^\d+:[^\s/?#%]+$")


class Settings(BaseSettings):
    """Every setting there is. `docs/reference/settings.md` and `.env.example` list the same ones; a test compares."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str = Field(
        "sqlite:///data/union.db", repr=False, description="Where data is kept: a SQLAlchemy URL (SQLite or PostgreSQL)"
    )
    key_file: Path = Field(
        Path("data/union.key"), description="The keys that seal personal data; back it up, apart from the database"
    )
    case_keys_url: str = Field(
        "",
        repr=False,
        description="Where the keys of cases are kept, apart from the data; empty: case-keys.db beside KEY_FILE",
    )

    union_name: str = Field("Công đoàn", description="The union's name as members read it")
    union_hotline: str = Field("", description="A telephone number that a person answers")

    document_templates: Path = Field(
        Path("data/templates"), description="Folder with the union's own mau-5a.docx and mau-5b.docx, where it has any"
    )

    no_union_threshold: int = Field(
        5,
        ge=3,  # of two people each knows the other
        description="How many people must tell that their workplace has no union before anybody hears of it; 3 or more",
    )

    k_anonymity: int = Field(
        5,
        ge=3,  # of two people each knows the other
        description="No figure or alert about cases tells of fewer people than this; 3 or more",
    )

    web_host: str = Field("127.0.0.1", description="Address the web chat listens on")
    web_port: int = Field(8080, ge=0, le=65535, description="Port of the web chat; 0 takes any free one")
    web_public_url: str = Field(
        "", description="The address people type, such as https://hoi.congdoan.example; with https, cookies are Secure"
    )
    web_trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas"
    )
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of /metrics on this machine only; 0 turns it off")

    telegram_token: str = Field("", repr=False, description="Token of the members' Telegram bot")
    telegram_desk_token: str = Field(
        "", repr=False, description="Token of the officers' desk bot: another bot than the members'"
    )
    telegram_api_url: str = Field("https://api.telegram.org", description="Address of the Bot API server")
    telegram_webhook_url: str = Field("", description="Public https address for the members' bot; empty: the bot polls")
    telegram_webhook_secret: str = Field(
        "", repr=False, description="Secret that Telegram sends with each update: 16 to 256 of A-Z a-z 0-9 _ -"
    )
    operator_telegram_id: str = Field(
        "", description="Telegram chat that hears when something breaks, through the desk bot; empty: only the log does"
    )

    zalo_bot_token: str = Field("", repr=False, description="Token of the Zalo Bot; empty: it is off")
    zalo_bot_api_url: str = Field("https://bot-api.zaloplatforms.com", description="Address of Zalo's Bot Platform")
    zalo_bot_webhook_secret: str = Field(
        "",
        repr=False,
        description="Secret that Zalo sends with each event of the bot: 16 to 256 of A-Z a-z 0-9 _ -; empty: it polls",
    )

    zalo_oa_id: str = Field("", pattern=r"^\d*$", description="Number of the Zalo Official Account; empty: it is off")
    zalo_app_id: str = Field(
        "", pattern=r"^\d*$", description="Number of the Zalo app that the Official Account is linked with"
    )
    zalo_app_secret: str = Field("", repr=False, description="Secret key of the Zalo app")
    zalo_oa_secret: str = Field(
        "", repr=False, description="Secret key of the Official Account, by which its webhook signs"
    )
    zalo_card_image_url: str = Field(
        "", description="Public https picture on the card that asks for a telephone number; empty: people type theirs"
    )
    zalo_templates: bool = Field(False, description="Allow paid ZBS template messages; needs a Zalo Cloud account")
    zalo_api_url: str = Field("https://openapi.zalo.me", description="Address of Zalo's OpenAPI")
    zalo_oauth_url: str = Field("https://oauth.zaloapp.com", description="Address where Zalo gives out tokens")
    zalo_business_url: str = Field(
        "https://business.openapi.zalo.me", description="Address of Zalo's template messages"
    )

    law_texts: Path | None = Field(
        None, description="Folder with official texts, for checking answers and quoting articles"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="How much is logged")

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        try:
            backend = make_url(value).get_backend_name()
        except ArgumentError:
            backend = ""
        if backend not in ("sqlite", "postgresql", "postgres"):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("case_keys_url")
    @classmethod
    def _is_another_database(cls, value: str) -> str:
        return cls._is_a_database(value) if value else value

    @field_validator("telegram_token", "telegram_desk_token")
    @classmethod
    def _looks_like_a_token(cls, value: str) -> str:
        if value and not _TOKEN.match(value):
            raise ValueError("must look like 123456:ABC… as @BotFather gives it")
        return value

    @field_validator("zalo_bot_token")
    @classmethod
    def _looks_like_a_zalo_token(cls, value: str) -> str:
        if value and not _ZALO_BOT_TOKEN.match(value):
            raise ValueError("must look like 123456:abc… as Zalo Bot Creator gives it")
        return value

    @field_validator("web_trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for address in filter(None, (part.strip() for part in value.split(","))):
            try:
                ipaddress.ip_network(address, strict=False)
            except ValueError:
                raise ValueError("must be addresses such as 127.0.0.1 or 10.0.0.0/8, separated by commas") from None
        return value

    @field_validator(
        "web_public_url",
        "telegram_webhook_url",
        "zalo_bot_api_url",
        "zalo_api_url",
        "zalo_oauth_url",
        "zalo_business_url",
    )
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must begin with https:// (http:// only for an address on this machine)")
        if urlsplit(value.rstrip("/")).path:
            raise ValueError(
                "must be an address without a path: the page and the webhooks stand at fixed paths below it"
            )
        return value.rstrip("/")

    @field_validator("zalo_card_image_url")
    @classmethod
    def _is_a_public_picture(cls, value: str) -> str:
        if value and not value.startswith("https://"):
            raise ValueError("must begin with https://: Zalo fetches it")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if make_url(self.case_keys_store) == make_url(self.database_url):
            raise ValueError("CASE_KEYS_URL must name another database than DATABASE_URL")
        if self.telegram_token and self.telegram_token == self.telegram_desk_token:
            raise ValueError("TELEGRAM_TOKEN and TELEGRAM_DESK_TOKEN must belong to two different bots")
        if self.telegram_webhook_url and not _SECRET.match(self.telegram_webhook_secret):
            raise ValueError("TELEGRAM_WEBHOOK_URL needs TELEGRAM_WEBHOOK_SECRET: 16 to 256 of A-Z a-z 0-9 _ -")
        if self.operator_telegram_id and not self.telegram_desk_token:
            raise ValueError("OPERATOR_TELEGRAM_ID needs TELEGRAM_DESK_TOKEN")
        if self.zalo_bot_webhook_secret and not _SECRET.match(self.zalo_bot_webhook_secret):
            raise ValueError("ZALO_BOT_WEBHOOK_SECRET must be 16 to 256 of A-Z a-z 0-9 _ -")
        if self.zalo_bot_webhook_secret and not self.web_public_url:
            raise ValueError("ZALO_BOT_WEBHOOK_SECRET needs WEB_PUBLIC_URL")
        if self.zalo_oa_id and not (self.zalo_app_id and self.zalo_app_secret and self.zalo_oa_secret):
            raise ValueError("ZALO_OA_ID needs ZALO_APP_ID, ZALO_APP_SECRET and ZALO_OA_SECRET")
        return self

    @property
    def case_keys_store(self) -> str:
        """The URL of the store with the keys of cases: as set, else a file beside the key file."""
        return self.case_keys_url or f"sqlite:///{self.key_file.parent / 'case-keys.db'}"

    @property
    def law_folder(self) -> Path | None:
        """Where official texts lie: as set, else where `python -m knowledge law add` puts them; None without any."""
        folder = self.law_texts or Path("data/law")
        return folder if folder.is_dir() else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never stand in a log."""
        return tuple(
            filter(
                None,
                (
                    self.telegram_token,
                    self.telegram_desk_token,
                    self.telegram_webhook_secret,
                    self.zalo_bot_token,
                    self.zalo_bot_webhook_secret,
                    self.zalo_app_secret,
                    self.zalo_oa_secret,
                    self.database_url,
                    self.case_keys_url,
                ),
            )
        )


class SettingsProblem(Exception):
    """One or more settings are wrong; the message names each, and never prints a value."""


def read_settings(env_file: str | None = ".env") -> Settings:
    """Read the environment and the settings file. Raises `SettingsProblem`."""
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]  # how pydantic-settings takes the file
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])).upper() or 'settings'}: {item['msg']}" for item in error.errors()]
        raise SettingsProblem("\n".join(lines)) from None
