"""One person on several channels: what can be pressed and typed, in one table."""

from handlers.actions import (
    AllowRerouting,
    AnswerLink,
    AnswerMerge,
    ConsentToLink,
    IssueLinkCode,
    LeaveChannel,
    PreferChannel,
    ProposeMerge,
    ShowChannels,
    UndoMerge,
)
from handlers.feature import Feature
from handlers.identity.channels import (
    answer_link,
    ask_for_code,
    catch_code,
    change_rerouting,
    consent_to_link,
    leave_channel,
    prefer_channel,
    show_channels,
    show_code,
)
from handlers.identity.merging import answer_merge, propose_merge, undo_merge

IDENTITY = Feature(
    name="identity",
    commands={"lienket": ask_for_code, "lien ket": ask_for_code},
    actions={
        ProposeMerge: propose_merge,
        AnswerMerge: answer_merge,
        UndoMerge: undo_merge,
        ShowChannels: lambda context, _action: show_channels(context),
        PreferChannel: prefer_channel,
        LeaveChannel: leave_channel,
        IssueLinkCode: lambda context, _action: show_code(context),
        ConsentToLink: consent_to_link,
        AnswerLink: answer_link,
        AllowRerouting: change_rerouting,
    },
    catches=catch_code,
)
