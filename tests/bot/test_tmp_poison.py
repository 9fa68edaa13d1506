import asyncio
import bot.inbox
from sqlalchemy import text
from tests.bot.test_web import *
async def test_poison(site, monkeypatch):
    def handle(context, incoming):
        context.session.execute(text("INSERT INTO accounts(id) VALUES (1)"))
        return []
    monkeypatch.setattr(bot.inbox, "handle", handle)
    lan = await site.visitor()
    r = await lan.posts(text="a")
    await asyncio.sleep(8)
    print(r.status_code, r.json(), [(e.state, e.attempts) for e in site.rows(InboxEvent)])
    assert 0
