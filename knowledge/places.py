"""Minimum wage by place: province → commune → region, from the annex of the decree, and found in a question."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from knowledge.entry import CONTENT, Library
from knowledge.figures import NoValueError, show_figure
from knowledge.normalize import fold
from knowledge.texts import t
from knowledge.words import split_words

REGIONS = ("I", "II", "III", "IV")
LONGEST = 6
"""Syllables of the longest name of a commune."""


@dataclass(frozen=True)
class Place:
    """A commune, ward or special zone of the annex, or a whole province when it has no name of its own."""

    name: str
    province: str
    region: str


@dataclass(frozen=True)
class Annex:
    """Every place the annex names, and the region of those it does not name, by province."""

    since: date
    places: tuple[Place, ...]
    rest: dict[str, str]
    entry: str
    asks: tuple[str, ...]
    aliases: dict[str, str]


def _lists(content: Path = CONTENT) -> dict[str, Any]:
    path = content / "places.yaml"
    tree: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return tree


def index_annex(path: Path, content: Path = CONTENT) -> dict[str, Any]:
    """The facts of an annex file, ready to be written as places.json. Raises ValueError naming what it cannot read."""
    words = _lists(content)["annex"]
    provinces: dict[str, Any] = {}
    since = ""
    for row in json.loads(path.read_text(encoding="utf-8")):
        since = row["effective_from"]
        named: dict[str, str] = {}
        rest = ""
        for region, text in row["regions"].items():
            text = unicodedata.normalize("NFC", text).strip().rstrip(".")
            if region not in REGIONS:
                raise ValueError(f"{row['province']}: {region}")
            if words["rest"] in text:
                rest = region
                continue
            for name in _names(text, words):
                if named.setdefault(name, region) != region:
                    raise ValueError(f"{row['province']}: {name}")
        provinces[unicodedata.normalize("NFC", row["province"])] = {"rest": rest, "places": named}
    return {"since": since, "provinces": provinces}


def _names(text: str, words: dict[str, Any]) -> list[str]:
    """ "các phường A, B và xã C" → phường A, phường B, xã C."""
    names, kind = [], ""
    for part in re.split(rf"[,;]|\s{words['and']}\s", text):
        part = re.sub(rf"^\s*{words['the']}\s+", "", part.strip())
        kind = next((one for one in words["kinds"] if part.startswith(f"{one} ")), kind)
        name = part.removeprefix(f"{kind} ").strip()
        if not kind or not name:
            raise ValueError(part)
        names.append(f"{kind} {name}")
    return names


def write_places(found: dict[str, Any], content: Path = CONTENT) -> Path:
    """One province a block, one region a line, so that a change shows in a diff."""
    blocks = []
    for province, item in found["provinces"].items():
        by_region = {region: [name for name, one in item["places"].items() if one == region] for region in REGIONS}
        rows = [f"    {_dump(region)}: {_dump(names)}" for region, names in by_region.items() if names]
        rows.insert(0, f'    "rest": {_dump(item["rest"])}')
        blocks.append(f"  {_dump(province)}: {{\n" + ",\n".join(rows) + "\n  }")
    path = content / "places.json"
    text = '{"since": ' + _dump(found["since"]) + ', "provinces": {\n' + ",\n".join(blocks) + "\n}}\n"
    path.write_text(text, encoding="utf-8")
    return path


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def load_annex(content: Path = CONTENT) -> Annex | None:
    """The annex of places.json; None when it has not been made."""
    if not (content / "places.json").exists() or not (content / "places.yaml").exists():
        return None
    tree, lists = json.loads((content / "places.json").read_text(encoding="utf-8")), _lists(content)
    places = tuple(
        Place(name, province, region)
        for province, item in tree["provinces"].items()
        for region in REGIONS
        for name in item.get(region, ())
    )
    rest = {province: item["rest"] for province, item in tree["provinces"].items()}
    asks = tuple(map(fold, lists["asks"]))
    aliases = {fold(short): fold(full) for short, full in lists["aliases"].items()}
    return Annex(date.fromisoformat(tree["since"]), places, rest, lists["entry"], asks, aliases)


@dataclass(frozen=True)
class Said:
    """What to say about the place of a question; `clear` when there is one answer."""

    text: str
    clear: bool


class Places:
    """Finds the place in a question about the minimum wage."""

    def __init__(self, annex: Annex, library: Library, kind: str) -> None:
        self.annex, self._library, self._kind = annex, library, re.compile(kind)
        self._communes: dict[str, list[Place]] = {}
        for place in annex.places:
            self._communes.setdefault(fold(self._kind.sub("", place.name)), []).append(place)
        self._provinces = {fold(self._kind.sub("", province)): province for province in annex.rest}
        self.words = frozenset(word for name in (*self._communes, *self._provinces) for word in name.split())

    def find(self, text: str, on: date) -> Said | None:
        """The sentence about the place a question names; None when it is not about the minimum wage of a place."""
        plain = f" {fold(text)} "
        if on < self.annex.since or not any(f" {ask} " in plain for ask in self.annex.asks):
            return None
        for ask in self.annex.asks:
            plain = plain.replace(f" {ask} ", " | ")
        row = " ".join(self.annex.aliases.get(word, word) for word in plain.split()).split()
        province = self._longest(row, list(self._provinces))
        provinces = [self._provinces[province]] if province else []
        if province and not self._kind_before(row, province):
            row = " ".join(row).replace(province, "|").split()  # the rest of its name must not read as a commune
        commune = self._longest(row, list(self._communes))
        found = self._communes.get(commune, []) if commune else []
        found = self._with_marks(found, text)
        if provinces:
            found = [place for place in found if place.province in provinces]
        if found:
            return self._say_communes(found, on)
        return self._say_province(provinces[0], on) if provinces else None

    def _kind_before(self, row: Sequence[str], name: str) -> bool:
        return bool(re.search(rf"\b(?:phuong|xa|p|x) {re.escape(name)}\b", " ".join(row)))

    def _longest(self, row: Sequence[str], names: Sequence[str]) -> str | None:
        """The longest name in a row of folded syllables; a name of one syllable only after the kind of place."""
        known = set(names)
        for length in range(LONGEST, 0, -1):
            for start in range(len(row) - length + 1):
                name = " ".join(row[start : start + length])
                if name in known and (length > 1 or self._kind_before(row, name)):
                    return name
        return None

    def _with_marks(self, found: list[Place], text: str) -> list[Place]:
        """Those spelt as in the question, when it has marks and they are told apart by them."""
        words = " ".join(split_words(text))
        spelt = [one for one in found if " ".join(split_words(self._kind.sub("", one.name))) in words]
        return spelt or found

    def _say_communes(self, found: list[Place], on: date) -> Said | None:
        wages = {place.region: self._wage(place.region, on) for place in found}
        if not all(wages.values()):
            return None
        if len(found) == 1:
            place = found[0]
            values = {"place": place.name, "province": place.province, "region": place.region}
            return Said(t("answer.place.one", wage=wages[place.region], **values), True)
        rows = [
            t("answer.place.row", place=one.name, province=one.province, region=one.region, wage=wages[one.region])
            for one in found
        ]
        return Said(t("answer.place.several", rows="\n".join(rows)), False)

    def _say_province(self, province: str, on: date) -> Said | None:
        named = {place.region for place in self.annex.places if place.province == province}
        regions = [one for one in REGIONS if one in named or one == self.annex.rest[province]]
        wages = {one: wage for one in regions if (wage := self._wage(one, on)) is not None}
        rows = [t("answer.place.region", region=one, wage=wage) for one, wage in wages.items()]
        if not rows:
            return None
        rest = self.annex.rest[province]
        return Said(t("answer.place.province", province=province, rows="\n".join(rows), rest=rest), True)

    def _wage(self, region: str, on: date) -> str | None:
        name = f"minimum_wage_region_{REGIONS.index(region) + 1}"
        try:
            return show_figure(self._library.figures, name, on)
        except NoValueError:
            return None


def load_places(library: Library, content: Path = CONTENT) -> Places | None:
    """The finder of places; None when the annex has not been indexed."""
    annex = load_annex(content)
    return None if annex is None else Places(annex, library, _lists(content)["kind"])
