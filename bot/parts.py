"""Cuts replies into the messages a channel carries, each a ledger line of its own, so that a crash half-way repeats no
message that was sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.transports import Transport
from bot.transports.formatting import split, to_plain, with_buttons
from handlers.chat import Button, Reply, StoredReply


def draw_parts(replies: Sequence[Reply], transport: Transport) -> list[dict[str, Any]]:
    """The bodies of the messages. Buttons and files stand with the last part of their reply. Where buttons are
    numbered, the numbers run through all replies, and a list that does not fit under its text stands alone."""
    bodies = []
    number = 1
    for reply in replies:
        for part in _parts_of(reply, transport, number):
            body = part.to_json()
            bodies.append(body)
            if transport.channel.numbers(len(part.buttons)):
                if number > 1:
                    body["first_number"] = number
                number += sum(1 for button in part.buttons if button.action)
    return bodies


def _parts_of(reply: Reply, transport: Transport, number: int) -> Iterator[Reply]:
    *first, last = split(reply.text, transport.text_limit, transport.measure) or [""]
    yield from (Reply(part) for part in first)
    whole = replace(reply, text=last)
    if not transport.channel.numbers_buttons or _fits(whole, transport, number):
        yield whole
        return
    yield replace(whole, buttons=())
    yield from _lists_of(reply.buttons, transport, number)


def _lists_of(buttons: Sequence[Button], transport: Transport, number: int) -> Iterator[Reply]:
    """Buttons alone, as many in each message as fit; a list is cut only between its lines."""
    shown: tuple[Button, ...] = ()
    for button in buttons:
        if shown and not _fits(Reply("", (*shown, button)), transport, number):
            yield Reply("", shown)
            number += sum(1 for one in shown if one.action)
            shown = ()
        shown = (*shown, button)
    yield Reply("", shown)


def _fits(part: Reply, transport: Transport, number: int) -> bool:
    stored = StoredReply.from_json(Reply("", part.buttons).to_json() | {"first_number": number})
    return transport.measure(with_buttons(to_plain(part.text), stored)) <= transport.text_limit
