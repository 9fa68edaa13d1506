"""Amounts by date: look one up, derive it, write it the Vietnamese way, put it into a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from knowledge.entry import Amount, Citation, Figure, Span, day_after
from knowledge.texts import t

FIGURE = re.compile(r"\{figure:([a-z0-9_]+)\}")
MILLION = Decimal(1_000_000)
MONTHS_A_YEAR = 12
Figures = Mapping[str, Figure]


class NoValueError(LookupError):
    """The figure does not exist or is not known on that day; there is no falling back to the last one."""


def names_in(text: str) -> list[str]:
    """The figures a text names, in order, each once."""
    return list(dict.fromkeys(FIGURE.findall(text)))


def amount_on(figures: Figures, name: str, day: date) -> Amount:
    """What the figure is worth on that day. Raises NoValueError."""
    figure = figures.get(name)
    if figure is None:
        raise NoValueError(name)
    if figure.of is not None:
        if figure.limit is not None and not figure.limit.holds(day):
            raise NoValueError(name)
        return _times(amount_on(figures, figure.of, day), figure.times, unit_of(figures, name))
    for value in figure.values:
        if value.span.holds(day):
            return value.amount
    raise NoValueError(name)


def unit_of(figures: Figures, name: str) -> str:
    """A derived figure has the unit of what it is derived from, unless it names its own."""
    figure = figures[name]
    return figure.unit or (unit_of(figures, figure.of) if figure.of is not None and figure.of in figures else "")


def _show_of(figures: Figures, name: str) -> str:
    figure = figures[name]
    return figure.show or (_show_of(figures, figure.of) if figure.of is not None and figure.of in figures else "")


def _times(amount: Amount, times: Decimal, unit: str) -> Amount:
    if isinstance(amount, tuple):
        return (_one(amount[0] * times, unit), _one(amount[1] * times, unit))
    return _one(amount * times, unit)


def _one(amount: Decimal, unit: str) -> Decimal:
    if unit == t("knowledge.unit.dong"):
        return amount.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return amount


def root_of(figures: Figures, name: str) -> Figure:
    """The figure at the bottom of a derivation: the one that has values of its own."""
    figure = figures[name]
    return root_of(figures, figure.of) if figure.of is not None and figure.of in figures else figure


def citations_of(figures: Figures, name: str, day: date | None = None) -> list[Citation]:
    """The articles a figure rests on, its own first, then those of what it is derived from."""
    figure = figures.get(name)
    if figure is None:
        return []
    found = [figure.citation] if figure.citation else []
    found += [value.citation for value in figure.values if value.citation and (day is None or value.span.holds(day))]
    return found + (citations_of(figures, figure.of, day) if figure.of else [])


def spans_of(figures: Figures, name: str) -> list[Span]:
    """The stretches of days for which the figure has one value, oldest first."""
    figure = figures.get(name)
    if figure is None:
        return []
    if figure.of is None:
        return sorted((value.span for value in figure.values), key=lambda span: span.first)
    base = spans_of(figures, figure.of)
    return [cut for span in base if (cut := _cut(span, figure.limit)) is not None]


def _cut(span: Span, limit: Span | None) -> Span | None:
    if limit is None:
        return span
    if not span.overlaps(limit):
        return None
    lasts = [last for last in (span.last, limit.last) if last is not None]
    return Span(max(span.first, limit.first), min(lasts) if lasts else None)


def gap_in(figures: Figures, name: str, span: Span) -> date | None:
    """The first day of the span on which the figure has no value, or None when it has one every day."""
    day = span.first
    for stretch in spans_of(figures, name):
        if stretch.holds(day):
            if stretch.last is None or (span.last is not None and span.last <= stretch.last):
                return None
            day = day_after(stretch.last)
    return day


def change_days(figures: Figures, name: str, span: Span) -> list[date]:
    """The days within the span on which the figure takes a new value."""
    return [stretch.first for stretch in spans_of(figures, name) if span.holds(stretch.first)]


def plain_number(number: Decimal) -> str:
    """2530000 → 2.530.000; 4.5 → 4,5; 10.50 → 10,5."""
    whole, _, fraction = f"{number:f}".partition(".")
    fraction = fraction.rstrip("0")
    grouped = f"{int(whole):,}".replace(",", ".")
    return f"{grouped},{fraction}" if fraction else grouped


def format_amount(amount: Amount, unit: str, show: str = "") -> str:
    """An amount as a member reads it: "2.530.000 đồng", "20–25 triệu đồng", "10,5%", "61 tuổi 6 tháng"."""
    if unit == t("knowledge.unit.age") and isinstance(amount, Decimal):
        return _age(amount)
    if unit == t("knowledge.unit.dong"):
        return _money(amount, show)
    number = _range(amount, plain_number)
    return f"{number}%" if unit == "%" else f"{number} {unit}".rstrip()


def _range(amount: Amount, write: Callable[[Decimal], str]) -> str:
    if isinstance(amount, tuple):
        return f"{write(amount[0])}–{write(amount[1])}"
    return write(amount)


def _money(amount: Amount, show: str) -> str:
    highest = amount[1] if isinstance(amount, tuple) else amount
    in_millions = isinstance(amount, tuple) or show == t("knowledge.unit.million")
    if in_millions and highest >= MILLION:
        return t("knowledge.amount.million", number=_range(amount, lambda one: plain_number(one / MILLION)))
    return t("knowledge.amount.dong", number=_range(amount, plain_number))


def _age(months: Decimal) -> str:
    years, rest = divmod(int(months), MONTHS_A_YEAR)
    return (
        t("knowledge.amount.age_months", years=years, months=rest) if rest else t("knowledge.amount.age", years=years)
    )


def show_figure(figures: Figures, name: str, day: date) -> str:
    """The figure on that day as a member reads it. Raises NoValueError."""
    return format_amount(amount_on(figures, name, day), unit_of(figures, name), _show_of(figures, name))


def fill(text: str, figures: Figures, day: date) -> str:
    """The text with every {figure:name} replaced by its value on that day. Raises NoValueError."""
    return FIGURE.sub(lambda found: show_figure(figures, found.group(1), day), text)
