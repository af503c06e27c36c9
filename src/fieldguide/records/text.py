"""When two texts are the same label or name: whatever Unicode form they are in, whatever spaces stand around them."""

import unicodedata
from collections.abc import Iterable


def normal_form(text: str) -> str:
    """Give the form in which texts are compared: composed (NFC), without spaces or no-break spaces at its ends.

    A Mac's disk decomposes `ü` into `u` and a diaeresis, tables mostly hold it as one character; spreadsheets leave
    spaces behind that nobody sees.
    """
    return unicodedata.normalize("NFC", text).strip()


def normal_forms(texts: Iterable[str]) -> list[str]:
    """Give the normal form of each of many texts, of which many are alike."""
    forms: dict[str, str] = {}
    return [forms.get(text) or forms.setdefault(text, normal_form(text)) for text in texts]
