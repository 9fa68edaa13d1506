"""The channels as a dialogue test meets them: the same talk, drawn and pressed as each channel draws and is pressed.

People do what they can do there: press a button where one is drawn, type its number where a list is, and read from the
ledger on the web page.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from bot.transports.web import WebTransport
from bot.transports.zalo_bot import ZaloBotTransport
from bot.transports.zalo_bot_messages import TEXT_LIMIT, draw, measure
from bot.transports.zalo_oa import ZaloOaTransport
from bot.transports.zalo_oa_messages import draw as draw_for_account
from db.deliveries import list_to
from handlers.chat import StoredReply
from knowledge.normalize import fold
from knowledge.texts import t
from tests.talk import Edge, Talk

_MOST = 10_000
_WAYS = ("{}", "số {}", "chọn {} ạ", "({})", "em bấm {}")


class ZaloBotEdge(Edge):
    """No buttons: the number before a label is typed while its list is the last one, and the words of it after that."""

    channel = ZaloBotTransport.channel
    text_limit = TEXT_LIMIT

    def __init__(self) -> None:
        super().__init__()
        self._ways = itertools.cycle(_WAYS)

    def measure(self, text: str) -> int:
        return measure(text)

    def draw(self, reply: StoredReply) -> list[str]:
        """The texts of a reply as they are sent."""
        drawn = [message.text for message in draw(reply)]
        assert all(len(text) <= TEXT_LIMIT for text in drawn)
        return drawn

    def press(self, heard: Sequence[StoredReply], label: str) -> dict[str, Any]:
        is_last = True
        for text in (text for reply in reversed(heard) for text in reversed(self.draw(reply))):
            lines = lines_of(text)
            for number, found in lines:
                if fold(label) in fold(found):
                    return {"kind": "text", "text": next(self._ways).format(number) if is_last else found}
            is_last = is_last and (not lines or lines[0][0] != "1")  # numbers that run on belong to one answer
        raise AssertionError(f"no line {label!r} in {[self.draw(reply) for reply in heard[-2:]]}")


class ZaloOaEdge(ZaloBotEdge):
    """Five buttons at most; more stand as a numbered list."""

    channel = ZaloOaTransport.channel
    text_limit = ZaloOaTransport.text_limit

    def draw(self, reply: StoredReply) -> list[str]:
        return [draft.body.get("text", "") for draft in draw_for_account(reply, "")]

    def press(self, heard: Sequence[StoredReply], label: str) -> dict[str, Any]:
        for reply in reversed(heard):
            if any(fold(label) in fold(button.label) for button in reply.buttons):
                bodies = [draft.body for draft in draw_for_account(reply, "")]
                is_native = any("buttons" in str(body.get("attachment", "")) for body in bodies)
                return Edge.press(self, [reply], label) if is_native else super().press([reply], label)
        raise AssertionError(f"no button {label!r}")


class WebEdge(Edge):
    """People read straight from the ledger."""

    channel = WebTransport.channel
    text_limit = WebTransport.text_limit
    stored_is_sent = True

    def list_heard(self, talk: Talk, address: str) -> list[StoredReply]:
        rows = talk.look(list_to, talk.member("", address).lane, 0, _MOST)
        return [StoredReply.from_json(row.body) for row in rows]


def lines_of(text: str) -> list[tuple[str, str]]:
    """The numbered lines of a drawn list."""
    heading = t("menu.choose_by_number")
    return re.findall(r"^(\d+)\. (.+)$", text.rpartition(heading)[2], re.MULTILINE) if heading in text else []


EDGES: dict[str, type[Edge]] = {"telegram": Edge, "zalo_bot": ZaloBotEdge, "zalo_oa": ZaloOaEdge, "web": WebEdge}
