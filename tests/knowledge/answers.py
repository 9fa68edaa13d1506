"""A small library of three subjects for the tests of search and answers."""

from datetime import date
from pathlib import Path

from knowledge.answer import Answerer, build_answerer
from knowledge.load import load_library

from .library import ENTRY, make_content, write_entry

TODAY = date(2026, 11, 21)

SUBJECTS = {
    "nghi-de": ("Sinh con được nghỉ mấy tháng?", "sinh con", "được nghỉ đẻ sáu tháng"),
    "no-luong": ("Công ty nợ lương thì làm sao?", "công ty nợ lương", "công ty phải trả đủ tiền lương đúng hạn"),
}
WAYS = ["{0} thì sao", "cho hỏi chuyện {0}", "{0} bao lâu", "{0} được gì", "{0} theo luật", "em bị {0}", "hỏi về {0} ạ",
        "{0} làm thế nào", "quy định {0}", "khi {0} cần gì"]  # fmt: skip


def make_answerer(folder: Path, *changes: tuple[str, str]) -> Answerer:
    """An answerer over a fresh folder: weddings, births, unpaid wages; the changes apply to the first."""
    content = make_content(folder)
    text = ENTRY
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    write_entry(content, text)
    for entry_id, (question, words, answer) in SUBJECTS.items():
        head, tail = ENTRY.split("also_asked:\n")
        tail = tail[tail.index("citations:") :]
        asked = "".join(f"  - {way.format(words)}\n" for way in WAYS)
        text = head.replace("nghi-cuoi", entry_id).replace("Cưới được nghỉ mấy ngày?", question)
        tail = tail.replace("được nghỉ **3 ngày**", answer)
        write_entry(content, f"{text}also_asked:\n{asked}{tail}", entry_id)
    return build_answerer(load_library(content), content)
