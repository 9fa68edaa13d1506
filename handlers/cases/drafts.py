"""What a worker has told so far of a report that is not sent: sealed with the key of the case it will be."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from db.case_erasing import erase_draft
from db.case_keys import CaseErased, case_keys_of_session
from db.case_parties import add_party, list_drafts
from db.cases import get_by_code
from db.models import Case, CaseState, Role
from handlers.cases.deadlines import more_urgent, urgency_of
from handlers.cases.service import Report, begin_draft
from handlers.feature import Context, Draft
from knowledge.case_terms import Urgency, load_case_terms

NAME = "cases"
LONGEST_STORY = 20_000
"""Signs of a story with everything added to it; a page of typing has 2,000."""

NAMES = ("full_name", "phone")
"""Details that say who writes."""

_PLACE = "conversations.draft.report"
_WAITING_PLACE = "conversations.draft.words"


@dataclass
class Told:
    """What was told. ``urgency`` is what the words tell, empty when nothing special; ``dangers`` are those of which the
    emergency numbers were said. ``asked`` is the detail that is being asked for; ``typed`` the name of a workplace as
    it was typed, ``found`` the units it may mean; ``excluded`` the units and roles that must not read it,
    ``page`` which of the possible readers are on the screen. ``is_editing``: everything was told once, so the next
    thing is to look it over again."""

    category: str = ""
    urgency: str = ""
    story: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    files: int = 0
    asked: str = ""
    found: list[tuple[int, str]] = field(default_factory=list)
    typed: str = ""
    unit_id: int | None = None
    commune: str | None = None
    is_named: bool = False
    includes_workplace: bool = False
    excluded: list[tuple[int, str]] = field(default_factory=list)
    page: int = 0
    is_editing: bool = False
    dangers: list[str] = field(default_factory=list)
    is_reader_asked: bool = False

    @property
    def is_emergency(self) -> bool:
        """Whether it cannot wait for a form to be filled, by its kind or by what was told."""
        return Urgency.EMERGENCY in (self.urgency, urgency_of(self.category or "other"))

    @property
    def lacks_reader(self) -> bool:
        """Whether they are still to be asked by whom it is read."""
        return self.category == "harassment" and not self.is_reader_asked

    def raise_urgency(self, heard: Urgency) -> None:
        """Words tell how urgent it is; what was heard before is never lowered."""
        self.urgency = more_urgent(Urgency(self.urgency or Urgency.ORDINARY), heard).value

    @property
    def has_content(self) -> bool:
        """Whether there is anything for an officer to read."""
        return bool(self.story or self.files or self.details.get("question"))

    def add(self, text: str) -> bool:
        """One more message of the story; False when it is full."""
        if len(text) + sum(map(len, self.story)) > LONGEST_STORY:
            return False
        self.story.append(text)
        return True

    def to_report(self) -> Report:
        """As it is sent; without a category it is "other", and a name once typed goes only with a named one. What only
        its holder opens goes to no workplace, whatever was chosen before it was of that kind."""
        category = self.category or "other"
        is_close = load_case_terms().categories[category].holder_only
        return Report(
            category=category,
            story="\n".join(self.story),
            details={key: words for key, words in self.details.items() if self.is_named or key not in NAMES},
            is_named=self.is_named,
            is_emergency=self.is_emergency,
            is_urgent=self.urgency == Urgency.URGENT,
            workplace_unit_id=self.unit_id,
            commune=self.commune,
            includes_workplace=self.includes_workplace and not is_close,
            excluded=tuple((unit_id, Role(role)) for unit_id, role in self.excluded),
        )


def begin(context: Context) -> Case:
    """A new draft of this account; one it left behind elsewhere is erased."""
    for old in list_drafts(context.session, context.account):
        erase_draft(context.session, old)
    case = begin_draft(context.session, context.now)
    add_party(context.session, case, context.account, context.now)
    return case


def find_case(context: Context, draft: Draft) -> Case | None:
    """The case that a draft will be; None when it was erased, or sent."""
    case = get_by_code(context.session, draft.get("case", ""), lock=True)
    return case if case is not None and case.state is CaseState.DRAFT else None


def seal(context: Context, case: Case, told: Told) -> Draft:
    """The draft as it is kept in the conversation."""
    cipher = case_keys_of_session(context.session).cipher(case.key_id)
    return {"case": case.code, "sealed": cipher.seal_text(json.dumps(asdict(told), ensure_ascii=False), _PLACE)}


def unseal(context: Context, case: Case, draft: Draft) -> Told | None:
    """What was told; None when the key is gone."""
    try:
        cipher = case_keys_of_session(context.session).cipher(case.key_id)
    except CaseErased:
        return None
    values: dict[str, Any] = json.loads(cipher.open_text(draft["sealed"], _PLACE))
    told = Told(**values)
    told.found = [(unit_id, label) for unit_id, label in told.found]
    told.excluded = [(unit_id, role) for unit_id, role in told.excluded]
    return told


def seal_words(context: Context, case: Case, words: str) -> str:
    """Words that wait beside a draft, readable as long as its case."""
    return case_keys_of_session(context.session).cipher(case.key_id).seal_text(words, _WAITING_PLACE)


def unseal_words(context: Context, case: Case, sealed: str) -> str:
    """What `seal_words` was given. Raises `CaseErased` when the key is gone."""
    return case_keys_of_session(context.session).cipher(case.key_id).open_text(sealed, _WAITING_PLACE)


def discard(context: Context, draft: Draft) -> None:
    """Erase a draft with its files and its key."""
    case = find_case(context, draft)
    if case is not None:
        erase_draft(context.session, case)
