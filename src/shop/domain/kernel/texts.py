"""Texts that every storage can keep."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> bool:
    """Whether databases take it: no NUL, and no half of a character, as a program makes of bytes that are no UTF-8."""
    return _UNSTORABLE.search(text) is None


def trimmed(text: str) -> str:
    """Without blanks around it: nobody sees them, and they would tell two things apart."""
    return text.strip()
