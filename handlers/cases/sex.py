"""Whom to ask first when a worker wishes to be read by a woman or by a man."""

from collections.abc import Mapping, Sequence

GENDERS = {"female": "nu", "male": "nam"}
"""The wish, as it stands among the details of a report, and the gender in the profile of an officer who fits it."""


def prefer_sex(people: Sequence[int], genders: Mapping[int, str], wish: str | None) -> list[int]:
    """Those of the wished-for sex, where there is any among these people; else all of them."""
    fitting = [one for one in people if genders.get(one) == GENDERS.get(wish or "", "")]
    return fitting or list(people)
