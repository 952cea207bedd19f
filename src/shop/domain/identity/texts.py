"""What is written about people: how long it may be, and that it stays on its line."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.texts import storable

LENGTHS = {"name": 200, "phone": 40, "locale": 35, "note": 5_000}
TAGS_MAX, TAG_LENGTH_MAX = 50, 60


def bounded(name: str) -> Any:
    maximum = LENGTHS[name]

    def check(_instance: Any, _attribute: Any, value: str) -> None:
        if len(value) > maximum or not storable(value):
            raise Invalid(
                f"“{name}” has at most {maximum} characters.",
                flaws=(Flaw(f"/{name}", "length", f"At most {maximum} characters"),),
            )

    return check


# Control characters and line ends, and what turns the direction of the text around it.
_UNFIT = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")
_LINES = ("name", "phone", "locale")


def on_one_line(text: str) -> str:
    """The text without characters that would break out of their line."""
    return _UNFIT.sub("", text)


def check_lines(words: Mapping[str, Any]) -> None:
    """Raises Invalid for a name, phone number or language that would write more than itself into a mail or terminal.

    Looked at when it is written: what was kept before can still be read.
    """
    for name in _LINES:
        if _UNFIT.search(words.get(name, "")):
            raise Invalid(
                f"“{name}” is one line of ordinary characters.",
                flaws=(Flaw(f"/{name}", "characters_unfit", "No line ends, control or direction characters"),),
            )


def tagged(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(tags))
    if len(found) > TAGS_MAX or any(not 1 <= len(tag) <= TAG_LENGTH_MAX or not storable(tag) for tag in found):
        raise Invalid(
            f"At most {TAGS_MAX} tags of 1 to {TAG_LENGTH_MAX} characters.",
            flaws=(Flaw("/tags", "tags_too_many", f"At most {TAGS_MAX}"),),
        )
    return found
