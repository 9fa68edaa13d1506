"""Published figures as a picture."""

import io
from collections.abc import Callable, Mapping, Sequence

from handlers.chat import File
from handlers.lettering import load_font
from knowledge.texts import t

_WIDTH, _EDGE, _LINE, _NAME_WIDTH = 1000, 40, 44, 300
_GROUND, _BAR, _INK, _SOFT = "#ffffff", "#0b5c8f", "#18222d", "#52606d"


def draw_bars(name: str, title: str, panels: Mapping[str, Sequence[tuple[str, int | None]]], note: str) -> File:
    """Panels of horizontal bars, each with its number; None is drawn as a dash."""
    from PIL import Image, ImageDraw  # here, since most starts draw nothing

    lines = sum(len(bars) + 2 for bars in panels.values())
    height = 2 * _EDGE + (lines + 2) * _LINE
    image = Image.new("RGB", (_WIDTH, height), _GROUND)
    draw = ImageDraw.Draw(image)
    plain, bold, small = load_font(24), load_font(26, True), load_font(19)
    draw.text((_EDGE, _EDGE), _fit(title, bold.getlength), font=bold, fill=_INK)
    top = _EDGE + _LINE
    for heading, bars in panels.items():
        draw.text((_EDGE, top + 10), heading, font=bold, fill=_BAR)
        top += _LINE
        most = max((amount or 0 for _, amount in bars), default=0) or 1
        for label, amount in bars:
            draw.text((_EDGE, top + 6), _fit(label, plain.getlength, _NAME_WIDTH), font=plain, fill=_INK)
            left = _EDGE + _NAME_WIDTH + 20
            length = int((amount or 0) / most * (_WIDTH - left - _EDGE - 100))
            draw.rectangle((left, top + 6, left + length, top + _LINE - 8), fill=_BAR)
            shown = t("figures.hidden") if amount is None else str(amount)
            draw.text((left + length + 12, top + 6), shown, font=plain, fill=_INK)
            top += _LINE
        top += _LINE // 2
    draw.text((_EDGE, height - _EDGE - 12), _fit(note, small.getlength), font=small, fill=_SOFT)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return File(f"{name}.png", "image/png", content.getvalue())


def _fit(text: str, measure: Callable[[str], float], width: int = _WIDTH - 2 * _EDGE) -> str:
    """The text, cut where it would run out of its place."""
    if measure(text) <= width:
        return text
    while text and measure(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
