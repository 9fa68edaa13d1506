"""The letters of pictures we draw: a font that has every Vietnamese mark, loaded when the first picture is drawn."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_FONTS = Path(__file__).parent / "fonts"


@cache
def load_font(size: int, is_bold: bool = False) -> "FreeTypeFont":
    """DejaVu Sans in a size."""
    from PIL import ImageFont  # here, since most starts draw nothing

    return ImageFont.truetype(_FONTS / ("DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"), size)
