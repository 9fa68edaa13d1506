"""People who talk with an Official Account on Zalo: what they do reaches the bot as signed posts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .zalo_oa import OA_ID, Sent, ZaloOaStandIn
from .zalo_oa_rules import JSON

SECONDS = 20.0


class ZaloMember:
    """Somebody with Zalo on their phone."""

    def __init__(self, zalo: ZaloOaStandIn, user_id: str, name: str = "Lan") -> None:
        self._zalo = zalo
        self.user_id = user_id
        self.name = name
        self.person = zalo.person(user_id)
        self.heard_until = 0

    @property
    def messages(self) -> list[Sent]:
        """Everything this person was sent, oldest first."""
        return [sent for sent in self._zalo.sent if sent.user_id == self.user_id]

    async def says(self, text: str) -> None:
        """Type a message."""
        await self.sends("text", {"text": text})

    async def presses(self, label: str) -> None:
        """Press the newest button whose title holds these words: Zalo sends its payload as if it had been typed."""
        for sent in reversed(self.messages):
            for button in sent.buttons:
                if label in button["title"]:
                    assert button["type"] == "oa.query.hide", "this button opens something"
                    return await self.says(button["payload"])
        raise AssertionError(f"no button {label!r}; offered: {[b['title'] for m in self.messages for b in m.buttons]}")

    async def sends(self, what: str, message: JSON) -> None:
        """Send a text, image, sticker, file …"""
        self.person.interacted_at = self._zalo.clock()
        self.heard_until = len(self.messages)
        await self._zalo.deliver(self.message_event(what, message))

    def message_event(self, what: str, message: JSON) -> JSON:
        """What Zalo posts when this person sends something."""
        full = {"msg_id": self._zalo.new_id(), **message}
        return self._zalo.new_event(f"user_send_{what}", message=full, user_id_by_app="55", **self._sides())

    async def sends_file(self, what: str, name: str, content: bytes) -> str:
        """Send a picture or a document; returns the address under which Zalo keeps it."""
        self._zalo.files[name] = content
        url = f"{self._zalo.url}/files/{name}"
        await self.sends(what, {"attachments": [{"type": what, "payload": {"url": url, "name": name}}]})
        return url

    async def follows(self) -> None:
        """Press "Quan tâm"."""
        self.person.is_following = True
        await self._zalo.deliver(self.follow_event("follow"))

    async def unfollows(self) -> None:
        """Press "Bỏ quan tâm"."""
        self.person.is_following = False
        await self._zalo.deliver(self.follow_event("unfollow"))

    def follow_event(self, name: str) -> JSON:
        """What Zalo posts when this person follows, or no longer does."""
        return self._zalo.new_event(name, oa_id=OA_ID, follower={"id": self.user_id}, source="oa_profile")

    async def shares_phone(self, phone: object) -> None:
        """Press "Chia sẻ" on a card that asks for it."""
        self.person.interacted_at = self._zalo.clock()
        self.heard_until = len(self.messages)
        info = {"name": self.name, "phone": phone, "full_address": {}}
        await self._zalo.deliver(self._zalo.new_event("user_submit_info", info=info, **self._sides()))

    async def withdraws(self) -> None:
        """Exercise the rights over one's data in Zalo's own settings."""
        await self._zalo.deliver(self._zalo.new_event("user_withdraw", oa_id=OA_ID, user_id=self.user_id))

    async def hears(self, is_it: Callable[[Sent], bool] | int = 1) -> Sent:
        """Wait for a message (or so many) since this person last did something; returns the (last) one."""
        async with asyncio.timeout(SECONDS):
            while True:
                new = self.messages[self.heard_until :]
                if isinstance(is_it, int):
                    if len(new) >= is_it:
                        return new[-1]
                elif found := [sent for sent in new if is_it(sent)]:
                    return found[-1]
                await asyncio.sleep(0.01)

    def _sides(self) -> JSON:
        return {"sender": {"id": self.user_id}, "recipient": {"id": OA_ID}}
