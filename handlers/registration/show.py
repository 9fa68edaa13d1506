"""How details look to people: dates the Vietnamese way, choices in words, id numbers and telephones mostly hidden."""

from collections.abc import Mapping
from datetime import date

from knowledge.texts import t

_SHOWN_DIGITS = 3
_HIDDEN = ("citizen_id", "phone")


def show_value(name: str, value: str) -> str:
    """A detail as its owner reads it."""
    if name == "born_on":
        return show_day(date.fromisoformat(value))
    return t(f"join.choice_{value}") if name == "gender" else value


def show_hidden(name: str, value: str) -> str:
    """A detail on a screen that somebody may look at over the shoulder: of numbers only the end."""
    if name not in _HIDDEN:
        return show_value(name, value)
    return "•" * (len(value) - _SHOWN_DIGITS) + value[-_SHOWN_DIGITS:]


def show_profile(profile: Mapping[str, str], names: tuple[str, ...], is_hidden: bool = False) -> str:
    """Details as a list, in the given order, without those that are missing."""
    show = show_hidden if is_hidden else show_value
    return "\n".join(f"- {t(f'fields.{name}')}: {show(name, profile[name])}" for name in names if profile.get(name))


def show_day(day: date) -> str:
    """A day the Vietnamese way."""
    return day.strftime("%d/%m/%Y")
