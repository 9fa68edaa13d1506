"""Joining, deciding and one's own page: what a person or an officer can press and type, in one table."""

from handlers.actions import (
    DecideApplication,
    EditDetail,
    EndMembership,
    FindMember,
    GiveDecisionNumber,
    Join,
    LetLeave,
    ListApplications,
    ListLeaving,
    ListMembers,
    ListMyWork,
    ListUnitMembers,
    MoveMember,
    MoveMemberTo,
    SendAgain,
    ShowApplication,
    ShowCard,
    ShowForm,
    ShowLeaving,
    ShowMe,
    ShowMember,
    WithdrawApplication,
)
from handlers.feature import Feature
from handlers.registration.approvals import APPROVAL_STEPS, decide, list_applications, list_my_work, show_application
from handlers.registration.changes import CHANGE_STEPS, ask_home, move_member, start_number
from handlers.registration.form import FORM_STEPS, start
from handlers.registration.leaving import LEAVING_STEPS, fulfil_wish, list_wishes, show_wish, start_leaving
from handlers.registration.me import ME_STEPS, send_again, send_card, send_form, show_me, start_edit, withdraw_own
from handlers.registration.members import MEMBER_STEPS, catch_card, list_here, send_list, show_member, start_search

REGISTRATION = Feature(
    name="registration",
    commands={
        "gianhap": start,
        "gia nhap": start,
        "gia nhap cong doan": start,
        "vao cong doan": start,
        "toi": show_me,
        "cua toi": show_me,
        "trang cua toi": show_me,
        "the": lambda context: catch_card(context, context.said) or send_card(context),
        "the doan vien": send_card,
    },
    actions={
        Join: lambda context, _action: start(context),
        ShowMe: lambda context, _action: show_me(context),
        EditDetail: start_edit,
        ShowCard: lambda context, _action: send_card(context),
        ShowForm: send_form,
        WithdrawApplication: withdraw_own,
        SendAgain: lambda context, _action: send_again(context),
        ListApplications: list_applications,
        ListMyWork: list_my_work,
        ShowApplication: show_application,
        DecideApplication: decide,
        FindMember: lambda context, _action: start_search(context),
        ShowMember: show_member,
        EndMembership: start_leaving,
        ListLeaving: list_wishes,
        ShowLeaving: show_wish,
        LetLeave: fulfil_wish,
        ListUnitMembers: list_here,
        GiveDecisionNumber: start_number,
        MoveMember: ask_home,
        MoveMemberTo: move_member,
        ListMembers: send_list,
    },
    steps={**FORM_STEPS, **APPROVAL_STEPS, **MEMBER_STEPS, **CHANGE_STEPS, **LEAVING_STEPS, **ME_STEPS},
    catches=catch_card,
)
