"""Replies become messages of a channel: nothing too long, nothing lost, numbers that run on."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.parts import draw_parts
from bot.transports.formatting import to_plain, with_buttons
from handlers.actions import ShowTopics
from handlers.chat import Button, File, Reply, StoredReply
from knowledge.texts import t
from tests.edges import ZaloBotEdge
from tests.talk import Edge

LABELS = st.text(alphabet="ăâđêôơư abc?", min_size=1, max_size=120).filter(lambda label: label.strip() == label)
BUTTONS = st.one_of(
    LABELS.map(lambda label: Button(label, ShowTopics())),
    LABELS.map(lambda label: Button(label, url="https://hoi.congdoan.example")),
    LABELS.map(lambda label: Button(label, shares_contact=True)),
)
REPLIES = st.builds(
    Reply,
    st.text(alphabet="lời dài. \n", max_size=5000),
    st.lists(BUTTONS, max_size=40).map(tuple),
)


def drawn(replies: list[Reply]) -> list[str]:
    """The messages as they are sent where buttons are numbered."""
    stored = [StoredReply.from_json(body) for body in draw_parts(replies, ZaloBotEdge())]
    return [with_buttons(to_plain(one.text), one) for one in stored]


@given(st.lists(REPLIES, max_size=3))
def test_numbered_messages_fit_and_every_choice_has_a_number_of_its_own(replies: list[Reply]) -> None:
    """Whatever is said: no message above the limit, numbers from 1 without a gap over all of them, no label lost."""
    edge, texts = ZaloBotEdge(), drawn(replies)
    assert all(edge.measure(text) <= edge.text_limit for text in texts)
    heading = t("menu.choose_by_number")
    lists = [text.rpartition(heading)[2] for text in texts if heading in text]
    lines = [line for listed in lists for line in re.findall(r"^(\d+)\. (.+)$", listed, re.MULTILINE)]
    labels = [button.label for reply in replies for button in reply.buttons if button.action]
    assert lines == [(str(number), label) for number, label in enumerate(labels, start=1)]


@given(REPLIES)
def test_where_buttons_are_pressed_they_stay_with_the_last_part(reply: Reply) -> None:
    """Buttons and files are never parted from each other, and no number is stored that nobody shows."""
    whole = Reply(reply.text, reply.buttons, (File("a.pdf", "application/pdf", b"x"),))
    bodies = draw_parts([whole], Edge())
    assert [len(body["buttons"]) for body in bodies[:-1]] == [0] * (len(bodies) - 1)
    assert len(bodies[-1]["buttons"]) == len(reply.buttons) and "files" in bodies[-1]
    assert not any("first_number" in body for body in bodies)


def test_list_that_does_not_fit_under_its_text_stands_alone() -> None:
    """The text keeps its files, the list follows whole."""
    buttons = tuple(Button(f"Lựa chọn dài dòng số {number}", ShowTopics()) for number in range(10))
    text, listed = drawn([Reply("x" * 1900, buttons)])
    assert text == "x" * 1900
    assert listed.startswith(t("menu.choose_by_number")) and "10. " in listed
