"""Typed button payloads and their codec: what a button means, within the 64 bytes a platform carries.

An action carries ids only; whoever handles it reads the state again. A payload of an older version that no longer
decodes is simply unknown: the member is told that the matter has changed and gets a fresh menu.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar, dataclass_transform

MAX_BYTES: Final = 64


class Action:
    """Base of all actions; each is a frozen dataclass of short strings, dates and word lists."""

    code: ClassVar[str]


A = TypeVar("A", bound=Action)

_CODES: dict[str, type[Action]] = {}


@dataclass_transform(frozen_default=True)
def _action(code: str) -> Callable[[type[A]], type[A]]:
    """Make a class an action with a code of its own; two with one code stop the program at import."""

    def register(kind: type[A]) -> type[A]:
        if code in _CODES:
            raise ValueError(f"two actions use the code {code}")
        _CODES[code] = dataclass(frozen=True)(kind)
        kind.code = code
        return kind

    return register


@_action("menu")
class ShowMenu(Action):
    """Show the main menu."""


@_action("help")
class ShowHelp(Action):
    """Say what the bot can do."""


@_action("topics")
class ShowTopics(Action):
    """List the topics of the FAQ."""


@_action("topic")
class ShowTopic(Action):
    """List the first questions of one topic."""

    topic: str
    page: int = 0


@_action("e")
class ShowEntry(Action):
    """Answer with one entry, by the law of a day (empty: today)."""

    entry_id: str
    on: date | None = None


@_action("d")
class ShowDetails(Action):
    """The rest of an answer."""

    entry_id: str
    on: date | None = None


class Opinion(StrEnum):
    """What the member says of an answer."""

    HELPFUL = "h"
    WRONG = "w"


@_action("f")
class GiveFeedback(Action):
    """Say whether an answer helped."""

    opinion: Opinion
    entry_id: str


@_action("ask")
class AskOfficer(Action):
    """Ask for a person; the entry is the answer the wish stands under (empty: none)."""

    entry_id: str = ""


@_action("s")
class Choose(Action):
    """A choice offered by the open step of a conversation."""

    feature: str
    step: str
    choice: str


@_action("resume")
class Resume(Action):
    """Go on with the conversation left open."""


@_action("cancel")
class Cancel(Action):
    """Leave the open conversation and erase its draft."""


@_action("desk")
class ShowDesk(Action):
    """Show the officers' desk."""


@_action("si")
class AnswerSignIn(Action):
    """Whoever typed a one-time code says whether it names them ("y" or "n")."""

    code_id: int
    answer: str


@_action("sv")
class VouchSignIn(Action):
    """Say on a channel of one's own whether it was oneself who typed a one-time code elsewhere ("y" or "n")."""

    code_id: int
    answer: str


@_action("sd")
class DecideSignIn(Action):
    """Whoever issued a one-time code says whether the right person used it ("y" or "n")."""

    code_id: int
    answer: str


@_action("out")
class SignOut(Action):
    """Untie this account from the person."""


@_action("otp")
class EnterSecondFactor(Action):
    """Set up or enter the time-based one-time password."""


@_action("unit")
class ShowUnit(Action):
    """Show a unit, what lies under it and who serves it (0: my own units)."""

    unit_id: int = 0
    page: int = 0


@_action("funit")
class FindUnit(Action):
    """Find a unit within reach by typing its name or code."""


@_action("inv")
class InviteOfficer(Action):
    """Give somebody a role at a unit, with a one-time code to sign in."""

    unit_id: int


@_action("grant")
class ShowGrant(Action):
    """Show one officer's role."""

    grant_id: int


@_action("hand")
class HandOver(Action):
    """End an officer's role and hand over what they have in hand."""

    grant_id: int


@_action("recode")
class IssueCode(Action):
    """Issue a new one-time code to an officer, and forget their second factor."""

    grant_id: int


@_action("apps")
class ListApplications(Action):
    """List the applications that the officer may decide."""

    page: int = 0


@_action("mine")
class ListMyWork(Action):
    """List the applications that the officer has taken up."""

    page: int = 0


@_action("find")
class FindMember(Action):
    """Find a member by name or code."""


@_action("join")
class Join(Action):
    """Begin to join the union, or to move one's membership to another workplace."""


@_action("me")
class ShowMe(Action):
    """Show a person what the union knows of them and who serves them."""


@_action("edit")
class EditDetail(Action):
    """Correct one of one's own details (empty: choose which)."""

    field: str = ""


@_action("card")
class ShowCard(Action):
    """Send a member their card."""


@_action("paper")
class ShowForm(Action):
    """Send somebody their application form (Mẫu 5a) as a document; officers name the application."""

    application_id: int = 0


@_action("app")
class ShowApplication(Action):
    """Show one application to an officer."""

    application_id: int


@_action("dec")
class DecideApplication(Action):
    """Take up ("t"), approve ("a"), ask for more ("m") or refuse ("r") an application."""

    application_id: int
    decision: str


@_action("wd")
class WithdrawApplication(Action):
    """Take one's own application back."""

    application_id: int


@_action("again")
class SendAgain(Action):
    """Send an application again after mending what was asked for."""


@_action("mem")
class ShowMember(Action):
    """Show one member to an officer."""

    person_id: int


@_action("endmem")
class EndMembership(Action):
    """End somebody's membership because they leave the union."""

    person_id: int


@_action("mems")
class ListUnitMembers(Action):
    """List the members of a unit, the newest first; the day and number are those of the last one of the page before."""

    unit_id: int
    since_on: date | None = None
    number: int = 0


@_action("gnum")
class GiveDecisionNumber(Action):
    """Write down the number of the decision on a membership that began without one."""

    person_id: int


@_action("mvmem")
class MoveMember(Action):
    """Choose to which team of their workplace a member goes, or from a team back to the workplace."""

    person_id: int
    page: int = 0


@_action("mvto")
class MoveMemberTo(Action):
    """Let a member go on at a team of their workplace, or back at the workplace, from today."""

    person_id: int
    unit_id: int


@_action("mcode")
class IssueMemberCode(Action):
    """Issue a one-time code to a member who has no channel yet, so that they reach their own page."""

    person_id: int


@_action("leavers")
class ListLeaving(Action):
    """List the members within reach who wish to leave the union."""

    page: int = 0


@_action("leaver")
class ShowLeaving(Action):
    """Show an officer one member's wish to leave."""

    request_id: int


@_action("letgo")
class LetLeave(Action):
    """Fulfil a member's wish to leave: today is the last day."""

    request_id: int


@_action("list5b")
class ListMembers(Action):
    """Send an officer the list of a unit's members (Mẫu 5b) as a document."""

    unit_id: int


@_action("rights")
class ShowDataRights(Action):
    """Show what a person may do about their data."""


@_action("nounion")
class TellNoUnion(Action):
    """Tell in confidence that there is no union where one works."""


@_action("nuback")
class TakeBackInterest(Action):
    """Take back what one told in confidence."""


@_action("nuname")
class AnswerNaming(Action):
    """Say whether one wants to be named to the upper union ("y" or "n")."""

    answer: str


@_action("founds")
class ListFoundings(Action):
    """List the workplaces at which enough people want a union, to the officers who look after them."""

    page: int = 0


@_action("found")
class ShowFounding(Action):
    """Show one of these workplaces to an officer."""

    founding: str


@_action("mydata")
class SeeMyData(Action):
    """Send a person everything that is held of them, as a file."""


@_action("fix")
class AskCorrection(Action):
    """Correct one's data, by oneself or (``how`` is "o") with the help of an officer."""

    how: str = ""


@_action("agreed")
class ShowConsents(Action):
    """Show a person what they agreed to."""


@_action("unagree")
class WithdrawConsent(Action):
    """Withdraw the consent to a purpose."""

    purpose: str


@_action("leave")
class AskToLeave(Action):
    """Ask to leave the union."""


@_action("reqback")
class TakeBackRequest(Action):
    """Take back a request of one's own that is not done yet."""

    request_id: int


@_action("erase")
class EraseMe(Action):
    """Erase what is held of a person."""


@_action("reqs")
class ListDataRequests(Action):
    """List the requests about data that an officer must see to."""

    page: int = 0


@_action("req")
class ShowDataRequest(Action):
    """Show one request about data to the officer for data protection."""

    request_id: int


@_action("reqdo")
class HandleDataRequest(Action):
    """Close a request about data as done ("d") or refused ("r"), or extend its deadline ("x")."""

    request_id: int
    decision: str


@_action("mg")
class ProposeMerge(Action):
    """Ask an applicant and somebody else at the unit whether they are one person."""

    application_id: int
    person_id: int


@_action("ma")
class AnswerMerge(Action):
    """Say whether one is that other person too ("y" or "n")."""

    proposal_id: int
    answer: str


@_action("mu")
class UndoMerge(Action):
    """Take two people who were merged apart again; "y" once it was asked whether that is meant."""

    proposal_id: int
    answer: str = ""


@_action("ch")
class ShowChannels(Action):
    """Show a person their channels, and by which one notices come."""


@_action("pc")
class PreferChannel(Action):
    """Let notices come by this channel of one's own."""

    account_id: int


@_action("xc")
class LeaveChannel(Action):
    """Untie another channel of one's own."""

    account_id: int


@_action("lk")
class IssueLinkCode(Action):
    """Show a short-lived code that ties a further channel to oneself."""


@_action("lc")
class ConsentToLink(Action):
    """On a channel whose servers are abroad: whether notices may come by it ("y" or "n")."""

    link_id: int
    answer: str


@_action("la")
class AnswerLink(Action):
    """Say on the first channel whether one wants the further one tied ("y" or "n")."""

    link_id: int
    answer: str


@_action("um")
class ManageUnit(Action):
    """Show what may be changed about a unit."""

    unit_id: int


@_action("uc")
class ChangeUnit(Action):
    """Begin one kind of change of the tree at a unit."""

    unit_id: int
    kind: str


@_action("uds")
class ListDecisions(Action):
    """List the decisions on the tree that wait for their day; the unit is the one to go back to."""

    unit_id: int = 0
    page: int = 0


@_action("ud")
class ShowDecision(Action):
    """Show one decision that waits for its day."""

    number: int


@_action("uoff")
class CallOffDecision(Action):
    """Call off a decision that waits for its day."""

    number: int


@_action("uw")
class WhereWasUnit(Action):
    """Look up where a unit belonged on a day."""

    unit_id: int


@_action("rp")
class Report(Action):
    """Begin to report something; the kind of complaint and its urgency where they are known already, and the mark of
    the message that told it, which becomes the beginning of the story."""

    category: str = ""
    urgency: str = ""
    told: str = ""


@_action("rl")
class ListOwnCases(Action):
    """Show what I reported."""


@_action("ro")
class ShowOwnCase(Action):
    """Show one of my reports."""

    case_code: str


@_action("ra")
class ActOnOwnCase(Action):
    """Do something with one of my reports: add to it, say whether it is settled, take it back."""

    case_code: str
    what: str


@_action("rr")
class EnterReceipt(Action):
    """Come back to a report with its receipt code."""


@_action("rs")
class SharePhone(Action):
    """Say whether others use this phone too, or set its PIN."""

    what: str = ""


@_action("cl")
class ListCases(Action):
    """Show a list of the desk's cases, from a place in it on."""

    which: str = ""
    offset: int = 0


@_action("co")
class ShowCase(Action):
    """Open a case at the desk."""

    case_code: str


@_action("cc")
class ClaimCase(Action):
    """Take a case."""

    case_code: str


@_action("cd")
class DeclineCase(Action):
    """Say that one cannot take a case."""

    case_code: str


@_action("ca")
class ActOnCase(Action):
    """Do something with a case one holds."""

    case_code: str
    what: str
    choice: str = ""


@_action("gk")
class AllowRerouting(Action):
    """Say whether one's messages may go on another channel of one's own when they cannot go on theirs ("y" or "n")."""

    answer: str


@_action("du")
class ShowDuty(Action):
    """Show an officer when they are away or what they are tied to; the number is that of one such line."""

    what: str
    number: int = 0


@_action("fg")
class ShowFigures(Action):
    """Show the figures of a unit and a quarter (0: my own units; no day: the newest)."""

    unit_id: int = 0
    quarter_on: date | None = None


@_action("fu")
class ListFigureUnits(Action):
    """List the units under one that have figures."""

    unit_id: int
    page: int = 0


@_action("fs")
class SendFigures(Action):
    """Send the figures of a unit and a quarter as a workbook ("x") or a picture ("p")."""

    unit_id: int
    form: str
    quarter_on: date | None = None


@_action("ba")
class AnswerBulletin(Action):
    """Choose an answer to a question of a bulletin that was sent. Without a number, of one on trial."""

    run_id: int = 0
    block: int = 0
    choice: int = 0


@_action("bo")
class OpenFromBulletin(Action):
    """Ask what a bulletin offers to ask, or begin a report from it. Without a number, of one on trial."""

    run_id: int = 0
    block: int = 0


@_action("bx")
class StopBulletins(Action):
    """Be sent no more bulletins of a topic; asks which first."""

    run_id: int = 0


@_action("bl")
class ListBulletins(Action):
    """Show the officers' lists of bulletins, or one of them from a place on."""

    which: str = ""
    offset: int = 0


@_action("bw")
class WriteBulletin(Action):
    """Begin to write a bulletin."""


@_action("bs")
class ShowBulletin(Action):
    """Open a bulletin at the desk."""

    bulletin_id: int


@_action("bd")
class ActOnBulletin(Action):
    """Do something with a bulletin: change a part, look at it as a channel shows it, submit, release, return, stop."""

    bulletin_id: int
    what: str
    choice: str = ""


@_action("br")
class ActOnRun(Action):
    """Do something with one sending of a bulletin: look how far it is, pause it, go on, call it off."""

    run_id: int
    what: str


@_action("bv")
class ShowWaivers(Action):
    """Show where one person may release bulletins alone (0: my units), or say so of a unit or take it back."""

    unit_id: int = 0
    what: str = ""


@_action("bn")
class ConfirmBulletinAnswer(Action):
    """Give an answer that is kept with one's name, after that was said."""

    run_id: int
    block: int = 0
    choice: int = 0


@_action("bg")
class BrowseBulletins(Action):
    """Show past bulletins from a place on, those with some words in them where words are given."""

    page: int = 0
    words: str = ""


@_action("bz")
class ReadBulletin(Action):
    """Show one past bulletin again."""

    bulletin_code: str


@_action("bq")
class SearchBulletins(Action):
    """Look for a past bulletin by words."""


@_action("be")
class ShowResults(Action):
    """Show an editor what became of one sending: all of it, by units, its answers, what was asked after it, a file."""

    run_id: int
    what: str = ""
    choice: str = ""


@_action("bc")
class CorrectBulletin(Action):
    """Begin to correct a bulletin that went out."""

    bulletin_id: int


@_action("aq")
class AskQuestion(Action):
    """Put a question to the FAQ in words; in a button only a short one."""

    question: str


@_action("ar")
class WatchAnswer(Action):
    """Whether one wants to be told when answers one got change ("ask" first, then "y" or "n"); the entry is the answer
    it was asked under."""

    choice: str
    entry_id: str = ""


@_action("ac")
class TellAnswerChange(Action):
    """Begin to tell those who got an answer that it is another one now."""

    entry_id: str = ""


@_action("og")
class ManageGroup(Action):
    """Show the group in which officers of a unit hear of its cases, issue a code for another one, say whether the group
    in which it was typed is meant, or end the tie."""

    unit_id: int
    what: str = ""
    number: int = 0


@_action("bt")
class ChooseNews(Action):
    """Show what bulletins one is sent; or one topic, and whether one wants it ("y"), refuses it ("n") or neither
    ("-")."""

    topic: str = ""
    wish: str = ""


@_action("bh")
class ChooseShift(Action):
    """Say when one works, so that no bulletin comes while one sleeps."""

    shift: str


@_action("bk")
class StopNews(Action):
    """Be sent no bulletins at all ("stop"), be asked whether one wants them again ("ask"), or agree to that ("agree"),
    or leave it as it is ("keep")."""

    what: str


def encode(action: Action) -> str:
    """The payload of an action. Raises ValueError when it would not fit into 64 bytes."""
    values = [_write(getattr(action, item.name)) for item in fields(action)]  # type: ignore[arg-type]  # all are dataclasses
    while values and values[-1] == "":
        values.pop()
    payload = "|".join([action.code, *values])
    if len(payload.encode()) > MAX_BYTES:
        raise ValueError(f"a button's payload is longer than {MAX_BYTES} bytes: {payload}")
    return payload


def decode(payload: str) -> Action | None:
    """The action of a payload; None for one that this version does not know."""
    code, *values = payload.split("|")
    kind = _CODES.get(code)
    if kind is None:
        return None
    slots = fields(kind)  # type: ignore[arg-type]  # all are dataclasses
    if len(values) > len(slots):
        return None
    try:
        return kind(**{slot.name: _read(slot.type, value) for slot, value in zip(slots, values, strict=False) if value})
    except (TypeError, ValueError):
        return None


def list_action_kinds() -> list[type[Action]]:
    """Every action there is, for tests and documentation."""
    return list(_CODES.values())


def _write(value: object) -> str:
    if value is None or value == 0:
        return ""
    text = value.strftime("%Y%m%d") if isinstance(value, date) else str(value)
    if "|" in text:
        raise ValueError(f"a button's value may not hold '|': {text}")
    return text


def _read(kind: Any, value: str) -> object:
    if kind in (Opinion, int):
        return kind(value)
    if kind == date | None:
        return date.fromisoformat(value)
    return value
