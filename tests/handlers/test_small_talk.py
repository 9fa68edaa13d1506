"""Who only wants to talk hears a friendly line, and where a person is when they need one."""

import pytest

from db.models import UnansweredQuestion
from tests.talk import HOTLINE, Talk


@pytest.mark.parametrize("text", ["buồn quá bot ơi", "em không muốn sống nữa", "cho tôi gặp người thật", "đồ vô dụng"])
async def test_who_needs_a_person_is_told_the_number_and_offered_an_officer(talk: Talk, text: str) -> None:
    """Tired, in despair, angry, or tired of a machine: the union's number and one button to a person."""
    lan = talk.member("Lan")
    await lan.says("/start")
    (reply,) = await lan.says(text)
    assert HOTLINE in reply.text
    assert {"Hỏi cán bộ", "Nhờ công đoàn giúp"} & {button.label for button in reply.buttons}


async def test_thanks_are_met_with_a_line_and_nothing_is_kept(talk: Talk) -> None:
    """Small talk is no question nobody could answer."""
    lan = talk.member("Lan")
    await lan.says("/start")
    (reply,) = await lan.says("cảm ơn nhiều nha 🙏")
    assert "Hỏi cán bộ" not in [button.label for button in reply.buttons]
    with talk.database.read() as session:
        assert session.query(UnansweredQuestion).count() == 0
