"""What follows from each error code of Zalo: wait for the person, for the morning or for the operator, or give up.

Codes as copies of Zalo's error page give them; the message itself is never read, since it is translated.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from bot.transports import PersonUnreachable, SendFailed, SendUnavailable, WindowClosed
from handlers.feature import VIETNAM

MORNING = time(6)
EVENING = time(22)
"""Zalo takes nothing that is sent to many between these (code -234); answers to a person go day and night."""

_UNPAID_AGAIN = timedelta(hours=1)


class Then(StrEnum):
    """What is done with a message that was refused."""

    GIVE_UP = "give_up"
    PERSON_GONE = "person_gone"
    WAIT_FOR_PERSON = "wait_for_person"
    WAIT_FOR_MORNING = "wait_for_morning"
    WAIT_FOR_MONEY = "wait_for_money"
    WAIT_FOR_OPERATOR = "wait_for_operator"


@dataclass(frozen=True)
class Rule:
    """What follows from a code; ``reason`` is stored in the ledger, and with ``alarms`` the operator is told."""

    then: Then
    reason: str
    alarms: bool = False


RULES = {
    -200: Rule(Then.GIVE_UP, "not_sent"),
    -201: Rule(Then.GIVE_UP, "invalid"),
    -204: Rule(Then.WAIT_FOR_OPERATOR, "account_removed", alarms=True),
    -205: Rule(Then.WAIT_FOR_OPERATOR, "account_unknown", alarms=True),
    -209: Rule(Then.WAIT_FOR_OPERATOR, "app_not_active", alarms=True),
    -210: Rule(Then.GIVE_UP, "too_long"),
    -211: Rule(Then.WAIT_FOR_MORNING, "quota", alarms=True),
    -212: Rule(Then.WAIT_FOR_OPERATOR, "api_not_registered", alarms=True),
    -213: Rule(Then.PERSON_GONE, "not_follower"),
    -216: Rule(Then.WAIT_FOR_OPERATOR, "token"),
    -217: Rule(Then.PERSON_GONE, "blocked"),
    -218: Rule(Then.WAIT_FOR_MORNING, "quota"),
    -219: Rule(Then.WAIT_FOR_OPERATOR, "app_removed", alarms=True),
    -220: Rule(Then.WAIT_FOR_OPERATOR, "token"),
    -221: Rule(Then.WAIT_FOR_OPERATOR, "not_verified", alarms=True),
    -223: Rule(Then.WAIT_FOR_OPERATOR, "not_permitted", alarms=True),
    -224: Rule(Then.WAIT_FOR_OPERATOR, "package", alarms=True),
    -227: Rule(Then.PERSON_GONE, "inactive"),
    -230: Rule(Then.WAIT_FOR_PERSON, "window"),
    -232: Rule(Then.WAIT_FOR_PERSON, "window"),
    -233: Rule(Then.GIVE_UP, "kind_not_supported"),
    -234: Rule(Then.WAIT_FOR_MORNING, "night"),
    -235: Rule(Then.WAIT_FOR_OPERATOR, "account_kind", alarms=True),
    -240: Rule(Then.WAIT_FOR_OPERATOR, "api_shut_down", alarms=True),
    -244: Rule(Then.PERSON_GONE, "opted_out"),
    -248: Rule(Then.GIVE_UP, "platform_rules"),
    -320: Rule(Then.WAIT_FOR_MONEY, "billing", alarms=True),
    -321: Rule(Then.WAIT_FOR_MONEY, "billing", alarms=True),
}

TEMPLATE_RULES = {
    -108: Rule(Then.GIVE_UP, "phone_invalid"),
    -117: Rule(Then.WAIT_FOR_OPERATOR, "template_not_permitted", alarms=True),
    -118: Rule(Then.PERSON_GONE, "no_zalo"),
    -120: Rule(Then.WAIT_FOR_OPERATOR, "not_permitted", alarms=True),
    -124: Rule(Then.WAIT_FOR_OPERATOR, "token"),
    -133: Rule(Then.WAIT_FOR_MORNING, "night"),
    -135: Rule(Then.WAIT_FOR_OPERATOR, "not_permitted", alarms=True),
    -136: Rule(Then.WAIT_FOR_OPERATOR, "no_zalo_cloud", alarms=True),
    -138: Rule(Then.WAIT_FOR_OPERATOR, "not_permitted", alarms=True),
    -139: Rule(Then.PERSON_GONE, "opted_out"),
    -140: Rule(Then.PERSON_GONE, "opted_out"),
    -141: Rule(Then.PERSON_GONE, "opted_out"),
    -144: Rule(Then.WAIT_FOR_MORNING, "quota", alarms=True),
    -147: Rule(Then.WAIT_FOR_MORNING, "quota", alarms=True),
    -249: Rule(Then.GIVE_UP, "not_by_user"),
}
"""Template messages have codes of their own beside those above."""


def rule_of(code: int, is_template: bool = False) -> Rule:
    """What follows from a code; one we do not know fails the message, under its number."""
    own = TEMPLATE_RULES.get(code) if is_template else None
    return own or RULES.get(code) or Rule(Then.GIVE_UP, f"zalo{code}")


def error_of(rule: Rule, now: datetime) -> Exception:
    """The error by which the ledger learns what to do with the message."""
    if rule.then is Then.PERSON_GONE:
        return PersonUnreachable(rule.reason)
    if rule.then is Then.WAIT_FOR_PERSON:
        return WindowClosed(rule.reason)
    if rule.then is Then.WAIT_FOR_MORNING:
        return WindowClosed(rule.reason, next_morning(now))
    if rule.then is Then.WAIT_FOR_MONEY:
        return WindowClosed(rule.reason, now + _UNPAID_AGAIN)
    return SendUnavailable() if rule.then is Then.WAIT_FOR_OPERATOR else SendFailed(rule.reason)


def next_morning(now: datetime) -> datetime:
    """Six o'clock in Vietnam, the next time it strikes."""
    local = now.astimezone(VIETNAM)
    morning = local.replace(hour=MORNING.hour, minute=0, second=0, microsecond=0)
    return morning if morning > local else morning + timedelta(days=1)


def is_day(now: datetime) -> bool:
    """Whether Zalo takes what is sent to many at this moment."""
    return MORNING <= now.astimezone(VIETNAM).time() < EVENING
