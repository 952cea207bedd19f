"""S-68: card numbers in free text are replaced by their last four digits, and other numbers stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.cards import without_card_numbers
from shop.domain.kernel.metadata import checked_metadata

# The numbers that payment providers publish for testing, one of each kind.
CARDS = (
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "5105105105105100",
    "378282246310005",
    "6011111111111117",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6759649826438453",
)


@pytest.mark.parametrize("number", CARDS)
def test_s68_cards_are_masked_however_they_are_spelled(number: str) -> None:
    for spelled in (number, " ".join(number), "-".join(number), f"{number[:4]} {number[4:10]}-{number[10:]}"):
        for text in ("{}", "my card: {}.", "({})", "{}, exp 12/29", "a\n{}\nb"):
            assert without_card_numbers(text.format(spelled)) == text.format(f"[card …{number[-4:]}]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "4006381333931",
        "1234567890123456",
        "1700000000000000",
        "4242424242424242x",
        "42424242424242424242424242424242",
        "+49 30 1234567",
        "4242  4242  4242  4242",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert without_card_numbers(text) == text


def test_s68_a_card_is_found_beside_other_numbers() -> None:
    assert without_card_numbers("4242 4242 4242 4242 12 29 123") == "[card …4242] 12 29 123"
    assert without_card_numbers("1700000000000001 4242424242424242") == "1700000000000001 [card …4242]"
    assert without_card_numbers("4242424242424242 5555555555554444") == "[card …4242] [card …4444]"
    assert without_card_numbers("card_4242424242424242") == "card_[card …4242]"


@given(st.text(alphabet="0123456789 -x", max_size=60))
def test_twice_is_once(text: str) -> None:
    once = without_card_numbers(text)
    assert without_card_numbers(once) == once


def test_s68_metadata_keeps_no_card() -> None:
    assert checked_metadata({"note": f"pay with {CARDS[0]}", "k": "v"}) == {"note": "pay with [card …4242]", "k": "v"}
    plain = {"gtin": "4006381333931"}
    assert checked_metadata(plain) == plain
