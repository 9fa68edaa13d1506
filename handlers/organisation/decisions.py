"""The decisions that change the tree, as they are asked for, shown beforehand, stored and carried out on their day."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from db.models import UnitLevel


@dataclass(frozen=True)
class NewUnit:
    """A unit that a decision creates."""

    code: str
    name: str
    level: UnitLevel
    parent_id: int | None
    employer: str | None = None
    headcount_band: str | None = None
    sector: str | None = None
    province: str | None = None
    commune: str | None = None
    wage_region: str | None = None


Place = int | NewUnit
"""Where something goes: to a unit that is open, or to one that the decision creates."""


@dataclass(frozen=True)
class Create:
    """A unit begins."""

    unit: NewUnit
    kind: Literal["create"] = "create"


@dataclass(frozen=True)
class Change:
    """A unit gets another name, employer, place …; ``facts`` are fields of `rules.CHANGEABLE`."""

    unit_id: int
    facts: dict[str, str | None]
    kind: Literal["change"] = "change"


@dataclass(frozen=True)
class Move:
    """A unit with all that lies under it goes to another upper unit (None: it stands at the top)."""

    unit_id: int
    parent_id: int | None
    kind: Literal["move"] = "move"


@dataclass(frozen=True)
class Close:
    """A unit ends without a successor: so do the memberships, for that stated reason."""

    unit_id: int
    kind: Literal["close"] = "close"


@dataclass(frozen=True)
class Merge:
    """Units end and go on in another one, which may be new. ``chair_id`` is the person named to lead it."""

    unit_ids: tuple[int, ...]
    into: Place
    chair_id: int | None = None
    kind: Literal["merge"] = "merge"


@dataclass(frozen=True)
class Part:
    """What a split gives to one unit: units under the old one, all of them in some communes, and people by name."""

    into: Place
    child_ids: tuple[int, ...] = ()
    communes: tuple[str, ...] = ()
    person_ids: tuple[int, ...] = ()
    chair_id: int | None = None


@dataclass(frozen=True)
class Split:
    """A unit gives parts away; ``rest`` gets whatever no part names. When the unit itself is the rest it stays open,
    else it ends."""

    unit_id: int
    parts: tuple[Part, ...]
    rest: Place
    chair_id: int | None = None
    kind: Literal["split"] = "split"


Decision = Create | Change | Move | Close | Merge | Split

_ADAPTER: TypeAdapter[Decision] = TypeAdapter(Annotated[Decision, Field(discriminator="kind")])


def to_json(decision: Decision) -> dict[str, Any]:
    """A decision as it is stored until its day."""
    stored: dict[str, Any] = _ADAPTER.dump_python(decision, mode="json")
    return stored


def from_json(stored: dict[str, Any]) -> Decision:
    """A decision as it was stored."""
    return _ADAPTER.validate_python(stored)
