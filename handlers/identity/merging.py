"""The talk about two people who may be one: the officer proposes, both sides are asked, and any of them undoes it."""

from db.codes import show_code
from db.models import Account, MergeProposal, Person
from db.units import find_period
from handlers.access import find_actor, get_actor
from handlers.actions import AnswerMerge, ListApplications, ProposeMerge, ShowApplication, ShowDesk, ShowMe, UndoMerge
from handlers.chat import Button, Reply
from handlers.feature import Context
from handlers.identity.merges import (
    confirm,
    find_sides,
    get_question,
    get_undoable,
    propose,
    refuse,
    undo,
)
from handlers.notify import WITHOUT_DESK, choose_account, tell_account, tell_person
from knowledge.texts import t

_YES = "y"


def name_channel(account: Account) -> str:
    """What people call the channel of an account."""
    return t(f"channels.{account.sender.split(':')[0]}")


def propose_merge(context: Context, action: ProposeMerge) -> list[Reply]:
    """Ask both sides; neither hears anything of the other but the channel and the unit."""
    actor = get_actor(context)
    proposal, sides = propose(
        context.session, actor, action.application_id, action.person_id, context.now, context.today
    )
    _ask(context, proposal, sides.kept, sides.other)
    _ask(context, proposal, sides.other, sides.kept)
    buttons = (
        Button(t("merge.back_to_application"), ShowApplication(action.application_id)),
        Button(t("officers.applications"), ListApplications()),
    )
    return [Reply(t("merge.asked"), buttons)]


def _ask(context: Context, proposal: MergeProposal, asked: Account, other: Account) -> None:
    period = find_period(context.session, proposal.unit_id, context.today)
    text = t("merge.question", channel=name_channel(other), unit=period.name if period else "")
    buttons = (
        Button(t("merge.it_is_me"), AnswerMerge(proposal.id, _YES)),
        Button(t("merge.not_me"), AnswerMerge(proposal.id, "n")),
    )
    tell_account(context.session, asked, Reply(text, buttons), f"merge:{proposal.id}:question", context.now)


def answer_merge(context: Context, action: AnswerMerge) -> list[Reply]:
    """One side's answer; with the second yes the two are one."""
    session, person_id = context.session, context.account.person_id
    proposal = get_question(session, action.proposal_id, person_id, context.now)
    if action.answer != _YES or person_id is None:
        refuse(proposal, context.now)
        _tell_proposer(context, proposal, "merge.officer_refused")
        return [Reply(t("merge.refused"), (_me_button(),))]
    sides = find_sides(session, proposal.kept_id, proposal.other_id)
    if not confirm(session, proposal, person_id, context.now, context.today):
        return [Reply(t("merge.wait_for_other"), (_me_button(),))]
    elsewhere = sides.other if person_id == proposal.kept_id else sides.kept
    merged = Reply(t("merge.merged"), (_me_button(), Button(t("merge.undo"), UndoMerge(proposal.id))))
    tell_account(session, elsewhere, merged, f"merge:{proposal.id}:merged", context.now)
    _tell_proposer(context, proposal, "merge.officer_merged")
    return [merged]


def _me_button() -> Button:
    return Button(t("menu.me"), ShowMe())


def _tell_proposer(context: Context, proposal: MergeProposal, key: str) -> None:
    """The officer who asked hears what came of it, by codes only."""
    if proposal.proposed_by_id is None:
        return
    people = (context.session.get_one(Person, number) for number in (proposal.kept_id, proposal.other_id))
    first, second = (show_code(person.code) for person in people)
    reply = Reply(t(key, first=first, second=second), (Button(t("menu.desk"), ShowDesk()),))
    subject = f"merge:{proposal.id}:answered"
    tell_person(context.session, proposal.proposed_by_id, reply, subject, context.now, without=WITHOUT_DESK)


def undo_merge(context: Context, action: UndoMerge) -> list[Reply]:
    """Ask whether that is meant, then take the two apart; whoever is on the other side hears of it."""
    session = context.session
    proposal = get_undoable(
        session, action.proposal_id, context.account.person_id, find_actor(context), context.now, context.today
    )
    if action.answer != _YES:
        return [Reply(t("merge.ask_undo"), (Button(t("merge.really_undo"), UndoMerge(proposal.id, _YES)),))]
    undo(session, proposal, context.now, context.today)
    for person_id in (proposal.kept_id, proposal.other_id):
        account = choose_account(session, person_id)
        if account is not None and account.id != context.account.id:
            subject = f"merge:{proposal.id}:undone"
            tell_account(session, account, Reply(t("merge.undone"), (_me_button(),)), subject, context.now)
    return [Reply(t("merge.undone"), (_me_button(),))]
