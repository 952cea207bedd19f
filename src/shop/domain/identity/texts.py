"""What is written about people: how long it may be."""

from collections.abc import Iterable
from typing import Any

from shop.domain.kernel.errors import Flaw, Invalid

LENGTHS = {"name": 200, "phone": 40, "locale": 35, "note": 5_000}
TAGS_MAX, TAG_LENGTH_MAX = 50, 60


def bounded(name: str) -> Any:
    maximum = LENGTHS[name]

    def check(_instance: Any, _attribute: Any, value: str) -> None:
        if len(value) > maximum or "\x00" in value:
            raise Invalid(
                f"“{name}” has at most {maximum} characters.",
                flaws=(Flaw(f"/{name}", "length", f"At most {maximum} characters"),),
            )

    return check


def tagged(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(tags))
    if len(found) > TAGS_MAX or any(not 1 <= len(tag) <= TAG_LENGTH_MAX or "\x00" in tag for tag in found):
        raise Invalid(
            f"At most {TAGS_MAX} tags of 1 to {TAG_LENGTH_MAX} characters.",
            flaws=(Flaw("/tags", "tags_too_many", f"At most {TAGS_MAX}"),),
        )
    return found
