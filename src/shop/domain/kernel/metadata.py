"""Metadata: what a shop's own programs hang on our objects, within bounds."""

from collections.abc import Mapping

from shop.domain.kernel.cards import DIGITS_MIN, without_card_numbers
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.texts import storable

KEYS_MAX, KEY_LENGTH_MAX, VALUE_LENGTH_MAX = 50, 40, 500


def checked_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """The metadata without card numbers, if it has at most 50 keys of 40 characters, values of 500. Raises Invalid."""
    if not metadata:
        return metadata
    if len(metadata) > KEYS_MAX:
        raise Invalid(f"Metadata holds at most {KEYS_MAX} keys; these are {len(metadata)}.")
    for key, value in metadata.items():
        if not storable(key) or not storable(value):
            raise Invalid("Metadata is text without null characters.")
        if not 1 <= len(key) <= KEY_LENGTH_MAX or len(value) > VALUE_LENGTH_MAX:
            raise Invalid(
                f"Metadata keys have 1 to {KEY_LENGTH_MAX} characters and values at most {VALUE_LENGTH_MAX}.",
                flaws=(Flaw(f"/metadata/{key[:KEY_LENGTH_MAX]}", "metadata_too_long", "Too long"),),
            )
    if any(len(value) >= DIGITS_MIN for value in metadata.values()):
        return {key: without_card_numbers(value) for key, value in metadata.items()}
    return metadata


def merged_metadata(current: Mapping[str, str], change: Mapping[str, str | None]) -> Mapping[str, str]:
    """What is there with the change laid over it; None takes a key away. Bounds are not checked here."""
    after = {**current, **change}
    return {key: value for key, value in after.items() if value is not None}
