"""A bulletin as people will get it: drawn for each channel by the code that sends there, and sent to oneself."""

from db.bulletins import add_event, list_files
from db.models import Bulletin, BulletinKind
from handlers.access import get_actor
from handlers.actions import ActOnBulletin
from handlers.bulletins.content import ON_TRIAL, Content, compose
from handlers.bulletins.desk_seat import act_button, back_button, reads
from handlers.bulletins.desk_words import name_unit
from handlers.bulletins.telling import name_channel, show_moment
from handlers.bulletins.timing import Timing
from handlers.chat import Button, File, Reply
from handlers.errors import Outdated, UserError
from handlers.feature import Context
from handlers.notify import tell_account
from handlers.previews import Preview
from knowledge.texts import t


def draw(context: Context, bulletin: Bulletin, with_files: bool = True) -> Reply:
    """The message as it would be if it went out at its next time."""
    content, timing = Content.from_json(bulletin.content), Timing.from_json(bulletin.timing)
    due_at = timing.first_at(context.now) or context.now
    fields = timing.fields_for(due_at, 1, name_unit(context, bulletin.unit_id))
    is_news, task_ends = bulletin.kind is BulletinKind.NEWS, show_moment(timing.task_ends_at(due_at))
    reply = compose(content, ON_TRIAL, fields, is_news, task_ends)
    rows = list_files(context.session, bulletin.id, content.files) if with_files else []
    files = tuple(File(row.name, row.media_type, row.content, is_personal=False) for row in rows)
    return Reply(reply.text, reply.buttons, files)


def list_too_long(context: Context, bulletin: Bulletin) -> list[str]:
    """The channels on which it would not be one message."""
    previews = context.previews(draw(context, bulletin, with_files=False))
    return [preview.channel for preview in previews if len(preview.texts) > 1]


def show_preview(context: Context, bulletin_id: int, channel: str) -> list[Reply]:
    """What every channel does with it; then, of one channel, the very messages."""
    bulletin = reads(context, bulletin_id)
    previews = context.previews(draw(context, bulletin))
    if not channel:
        return [_compare(bulletin_id, previews)]
    chosen = next((preview for preview in previews if preview.channel == channel), None)
    if chosen is None:
        raise Outdated
    return _show(bulletin_id, chosen)


def _compare(bulletin_id: int, previews: list[Preview]) -> Reply:
    lines = [t("bulletin_desk.preview")]
    for preview in previews:
        lines += ["", f"**{name_channel(preview.channel)}**"]
        lines += [f"- {note}" for note in preview.notes or (t("bulletin_desk.nothing_cut"),)]
    buttons = tuple(
        Button(name_channel(preview.channel), ActOnBulletin(bulletin_id, "preview", preview.channel))
        for preview in previews
    )
    return Reply("\n".join(lines), (*buttons, act_button("test", bulletin_id, "test"), back_button(bulletin_id)))


def _show(bulletin_id: int, preview: Preview) -> list[Reply]:
    lines = [t("bulletin_desk.preview_end", channel=name_channel(preview.channel))]
    lines += [t("bulletin_desk.preview_pressed", label=label) for label in preview.buttons]
    lines += [f"- {note}" for note in preview.notes]
    buttons = (act_button("other_channel", bulletin_id, "preview"), back_button(bulletin_id))
    return [*(Reply(text) for text in preview.texts), Reply("\n".join(lines), buttons)]


def send_test(context: Context, bulletin_id: int) -> list[Reply]:
    """Send it to oneself, on this channel and marked as a trial."""
    bulletin = reads(context, bulletin_id)
    content = Content.from_json(bulletin.content)
    if not content.title or not content.text:
        raise UserError("bulletin_desk.nothing_to_test")
    drawn = draw(context, bulletin)
    trial = Reply(f"{t('bulletin_desk.trial')}\n\n{drawn.text}", drawn.buttons, drawn.files)
    subject = f"bulletin_test:{bulletin.id}:{context.now.isoformat()}"
    tell_account(context.session, context.account, trial, subject, context.now, is_urgent=True)
    add_event(context.session, bulletin.id, "tested", get_actor(context).person_id, context.now)
    return [Reply(t("bulletin_desk.test_sent"), (back_button(bulletin_id),))]
