"""Card numbers in places where people write what they like: the shop never keeps one."""

import re
from collections.abc import Container

DIGITS_MIN, DIGITS_MAX = 14, 19
# How cards begin, and how long they are. Old Visa numbers of 13 digits look like barcodes (EAN-13) and are left out.
_KINDS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = (
    (re.compile("4"), (16, 19)),  # Visa
    (re.compile("5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),  # Mastercard
    (re.compile("3[47]"), (15,)),  # American Express
    (re.compile("6(?:011|4[4-9]|5)"), (16, 19)),  # Discover
    (re.compile("35(?:2[89]|[3-8])"), (16, 19)),  # JCB
    (re.compile("3(?:0[0-5]|[689])"), (14, 16, 19)),  # Diners Club
    (re.compile("62|81"), (16, 17, 18, 19)),  # UnionPay
    (re.compile("5[06-8]|6"), (16, 18, 19)),  # Maestro
)
# Digits with at most one space or dash between two of them; not part of a longer word.
_RUN = re.compile(rf"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){{{DIGITS_MIN - 1},}}(?![0-9A-Za-z])")
_LENGTHS = tuple(range(DIGITS_MAX, DIGITS_MIN - 1, -1))


def without_card_numbers(text: str) -> str:
    """The text with each card number replaced by its last four digits."""
    if len(text) < DIGITS_MIN or not _RUN.search(text):
        return text
    return _RUN.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    """A run may hold more than the number: an expiry date behind it, another number before it."""
    run = match[0]
    places = [place for place, character in enumerate(run) if character.isdigit()]
    digits = "".join(run[place] for place in places)
    begins = {n for n, place in enumerate(places) if not n or places[n - 1] != place - 1}
    parts, first, told = [], 0, 0
    while first <= len(digits) - DIGITS_MIN:
        length = _card_at(digits, first, begins) if first in begins else 0
        if length:
            parts += [run[told : places[first]], f"[card …{digits[first + length - 4 : first + length]}]"]
            told = places[first + length - 1] + 1
        first += length or 1
    return "".join([*parts, run[told:]])


def _card_at(digits: str, first: int, begins: Container[int]) -> int:
    """How long the card number is that begins there and ends with a group of digits; 0 if none does."""
    for length in _LENGTHS:
        end = first + length
        if (end == len(digits) or end in begins) and _is_card(digits[first:end]):
            return length
    return 0


def _is_card(digits: str) -> bool:
    known = any(len(digits) in lengths and start.match(digits) for start, lengths in _KINDS)
    return known and _adds_up(digits)


def _adds_up(digits: str) -> bool:
    """Luhn: every second digit from the right counts twice, and the sum ends in 0."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
