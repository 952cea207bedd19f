"""The rule for passwords: what is taken, and what everybody would try first."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.passwords import BYTES_MAX, LENGTH_MAX, LENGTH_MIN, checked_password, is_common
from shop.domain.passwords.blocklist import COMMON_WORDS

GOOD = (
    "correct horse battery staple",
    "Tr0ub4dor&3",
    "Ein langer Satz",
    "xkq7-plmw",
    "blau4hund9katze",
    "qwertyspaceship",
    "maria goes home",
    "password manager of my cat",
    "schneeglöckchen",
    "пароль от моей почты",
    "今日は良い天気です",
    "🐈🐕🐎🐖🐄🐑🐐🐪",
    "ilovemyneighboursdog",
    "48291736",
    "a1b2c3d4e5f6",
)
COMMON_TEXT = """
password password1 password123 Password1! P@ssw0rd P@$$w0rd2024! passw0rd. p455w0rd pa55word1 passwordpassword
password12345678 12345678 123456789 1234567890 87654321 0123456789 11111111 00000000 11223344 12341234 1111aaaa
qwertyui qwertyuiop qwerty123 qwerty1234 QWERTZUIOP azertyuiop asdfghjkl asdfghjkl; zxcvbnm1 1q2w3e4r 1q2w3e4r5t
qwer1234 1qaz2wsx zaq12wsx abcdefgh abcd1234 abcabcabc aaaaaaaa abababab iloveyou iloveyou1 ILoveYou! letmein!
letmein123 trustno1 admin123! administrator Administrator1 changeme changeme! Welcome1 !!Welcome1
welcome2024 Summer2024!
summer2025 Winter2023! football Football99 baseball1 monkey123 monkeymonkey dragon1234 superman superman1 batman123
sunshine sunshine2023 princess1 michael1 jessica1 charlie123 jordan23 liverpool1 chelsea123 starwars pokemon123
master123 shadow12 computer1 internet1 whatever1 secret123 topsecret test1234 testtest demo1234 hexshop1 hexshop2026
19900101 01011990 12251985 01.02.1990 1990-01-01 passwort1 geheim123 hallo123 willkommen1 motdepasse senha123
"""


def accepted(text: str, *, email: str = "ada@example.com", name: str = "Ada Lovelace") -> str:
    return checked_password(text, email=email, name=name)


def refusal(text: str, *, email: str = "ada@example.com", name: str = "Ada Lovelace") -> str:
    with pytest.raises(Invalid) as caught:
        checked_password(text, email=email, name=name)
    (flaw,) = caught.value.flaws
    assert flaw.pointer == "/password"
    return flaw.code


@pytest.mark.parametrize("text", GOOD)
def test_whatever_people_like_is_taken(text: str) -> None:
    assert accepted(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("text", COMMON_TEXT.split())
def test_what_everybody_takes_is_refused(text: str) -> None:
    assert refusal(text) == "password_common"


def test_the_list_stands_for_thousands() -> None:
    """Each word with what people put around it."""
    words = [word for word in COMMON_WORDS if len(word) >= 6]
    assert len(words) >= 400
    around = ("{}12", "{}123", "{}2024", "{}1!", "!{}1", "{}{}")
    tried = {pattern.format(word.title(), word) for word in words for pattern in around}
    assert len(tried) >= 2400
    assert {text for text in tried if not is_common(text)} == set()


def test_s36_lengths() -> None:
    for length, code in ((0, "short"), (LENGTH_MIN - 1, "short"), (LENGTH_MAX + 1, "long"), (10**6, "long")):
        assert refusal(("xk7 " * length)[:length]) == f"password_too_{code}"
    for length in (LENGTH_MIN, 64, 72, 73, LENGTH_MAX):
        text = ("xk7 plm" * length)[:length]
        assert accepted(text) == text


def test_s36_length_is_counted_in_characters_and_bounded_in_bytes() -> None:
    assert refusal("🐈🐕🐎🐖") == "password_too_short"
    assert accepted("🐈🐕🐎🐖" * 16 + "🐄") == "🐈🐕🐎🐖" * 16 + "🐄"
    # So many marks that they are one letter for a reader, and more than a thousand bytes on the way in.
    assert refusal("e" + "\u0301" * BYTES_MAX) == "password_too_long"
    assert refusal("🐈🐕" * 129) == "password_too_long"


def test_s36_both_forms_of_a_letter_are_one_password() -> None:
    composed = "schöne Grüße an Zoë"
    decomposed = unicodedata.normalize("NFD", composed)
    assert decomposed != composed
    assert accepted(decomposed) == accepted(composed) == composed


@pytest.mark.parametrize("text", ["before\0behind", "\0" * 9 + "xk7", "half a \ud800 pair", "\udfff tail and more"])
def test_s36_what_cannot_be_typed_is_refused(text: str) -> None:
    assert refusal(text) == "password_malformed"


def test_spaces_are_part_of_it() -> None:
    assert accepted("  xk7 plmw  ") == "  xk7 plmw  "


@pytest.mark.parametrize(
    "text",
    [
        "ada.byron@example.com",
        "ADA.BYRON@example.com",
        "ada.byron",
        "Ada.Byron1",
        "adabyron2024",
        "Augusta Ada King",
        "augustaadaking!",
        "augusta12",
        "Augusta!!",
    ],
)
def test_ones_own_name_is_refused(text: str) -> None:
    assert refusal(text, email="ada.byron@example.com", name="Augusta Ada King") == "password_common"


@pytest.mark.parametrize("text", ["Nähstube", "nähstube2026!", "Nähstube Berlin", "nahtnadel"])
def test_the_shops_own_name_is_refused(text: str) -> None:
    known = {"email": "ada@example.com", "name": "Ada", "shop": "Nähstube Berlin"}
    if text == "nahtnadel":
        assert checked_password(text, **known) == text
        return
    with pytest.raises(Invalid):
        checked_password(text, **known)


def test_what_holds_a_name_among_other_words_is_taken() -> None:
    assert accepted("adabyron likes numbers", email="ada.byron@example.com", name="Ada King")
    assert accepted("a quiet evening", email="a@example.com", name="A")
    assert accepted("a quiet evening", email="", name="")


@given(st.text(max_size=200), st.text(max_size=30), st.text(max_size=30))
def test_whatever_comes_is_taken_or_refused(text: str, email: str, name: str) -> None:
    try:
        password = checked_password(text, email=email, name=name)
    except Invalid:
        return
    assert LENGTH_MIN <= len(password) <= LENGTH_MAX
    assert len(password.encode()) <= BYTES_MAX
    assert checked_password(password, email=email, name=name) == password


@given(st.integers(min_value=8, max_value=128), st.sampled_from(["a", "0", "ab", "123", "qwe"]))
def test_what_repeats_is_refused_at_any_length(length: int, unit: str) -> None:
    assert is_common((unit * length)[:length])
