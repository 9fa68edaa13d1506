"""The commands ask and preview: what a member would be told, with the score and what came second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from knowledge.answer import Answer, Answerer, Outcome
from knowledge.entry import Citation
from knowledge.texts import t


def first_message(answerer: Answerer, answer: Answer) -> str:
    """The first message a member reads; the operator's own sentences stand in for those of the handlers."""
    if answer.entry_id is not None:
        page = answerer.page(answer.entry_id, answer.on)
        return "" if page is None else "\n\n".join(part for part in (answer.text, page.message) if part)
    if answer.text:
        return answer.text
    if answer.outcome is Outcome.ASK_BACK:
        return t("faq.ask_back")  # the handlers put the questions on buttons below it
    key = "faq.handover" if answer.outcome is Outcome.HANDOVER else "faq.abstain"
    if answer.outcome is Outcome.SMALL_TALK:
        key = f"small_talk.{answer.talk}"
    return t(key, hotline=t("union.no_hotline"))


def as_record(answerer: Answerer, answer: Answer) -> dict[str, Any]:
    """The answer as JSON; the keys are a contract with the curators' tools and the measurements."""
    entry = answer.entry_id
    return {
        "outcome": answer.outcome.value,
        "entry": entry,
        "score": round(answer.score, 4),
        "options": list(answer.options),
        "citations": [_place(one) for one in answerer.citations_of(entry, answer.on)] if entry else [],
        "option_citations": {
            option: [_place(one) for one in answerer.citations_of(option, answer.on)] for option in answer.options
        },
        "text": first_message(answerer, answer),
    }


def _place(citation: Citation) -> dict[str, Any]:
    return {"law": citation.source, "article": citation.article, "clause": citation.clause}


def answer_batch(answerer: Answerer, path: Path, on: date) -> Iterator[str]:
    """One JSON line for each line {"id","text"} of the file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                row = json.loads(line)
                answer = answerer.answer(str(row.get("text") or ""), on)
                yield json.dumps({"id": row.get("id"), **as_record(answerer, answer)}, ensure_ascii=False)


def describe(answerer: Answerer, text: str, on: date) -> str:
    """The answer for a curator at a keyboard: outcome and score, the message, and what came after it."""
    answer = answerer.answer(text, on)
    lines = [
        t("answer.ask.outcome", outcome=answer.outcome.value, score=f"{answer.score:.2f}", day=f"{answer.on:%d/%m/%Y}")
    ]
    if answer.entry_id:
        lines.append(t("answer.ask.entry", id=answer.entry_id, question=answerer.question_of(answer.entry_id)))
    lines += ["", first_message(answerer, answer), ""]
    lines += [t("answer.ask.option", id=one, question=answerer.question_of(one)) for one in answer.options]
    lines.append(t("answer.ask.ranking"))
    lines += [
        t("answer.ask.row", score=f"{hit.score:.2f}", id=hit.entry_id, question=answerer.question_of(hit.entry_id))
        for hit in answerer.ranked(text)
    ]
    return "\n".join(lines)


def preview(answerer: Answerer, entry_id: str, on: date) -> str | None:
    """The entry as it is shown on that day: buttons where a channel has them, numbers where it has none."""
    page = answerer.page(entry_id, on)
    if page is None:
        return None
    buttons = [t("faq.details")] if page.details else []
    buttons += [t("faq.helpful"), t("faq.wrong"), t("faq.ask_officer")]
    buttons += [answerer.question_of(one) for one in page.related if answerer.has(one)]
    parts = [
        t("answer.preview.buttons_title"), page.message, "  ".join(f"[{label}]" for label in buttons),
        t("answer.preview.plain_title"), page.message.replace("**", ""),
        "\n".join(f"{number}. {label}" for number, label in enumerate(buttons, 1)),
    ]  # fmt: skip
    if page.details:
        parts += [t("answer.preview.details_title"), page.details]
    return "\n\n".join(parts)
