"""Words: the same for every storage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.ports.search import WORD_LENGTH_MAX, product_words, question_words, search_words
from tests.domain.samples import a_product, a_variant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Linen shirt, LINEN!", ["linen", "shirt"]),
        ("Café Öresund Straße", ["cafe", "oresund", "strasse"]),
        ("İstanbul ﬁne ①", ["istanbul", "fine", "1"]),
        ("SKU-77_XL", ["sku", "77", "xl"]),
        ("亜麻 布", ["亜麻", "布"]),
        ("%_'\"&|!()*:", []),
        ("x" * 100, ["x" * WORD_LENGTH_MAX]),
    ],
)
def test_texts_are_cut_into_words(text: str, words: list[str]) -> None:
    assert search_words(text) == words


def test_words_are_bounded() -> None:
    assert search_words("a b c d", 2) == ["a", "b"]
    assert len(question_words(" ".join(str(number) for number in range(50)))) == 10


def test_a_product_is_found_by_what_is_said_of_it() -> None:
    product = a_product(
        title="Mug", vendor="Ton", tags=("blue",), variants=(a_variant(sku="M-1"),), description="A mug of clay"
    )
    assert product_words(product) == ["mug", "ton", "blue", "m", "1", "a", "of", "clay"]


@given(st.text())
def test_words_of_words_are_the_same(text: str) -> None:
    words = search_words(text)
    assert search_words(" ".join(words)) == words


def test_markup_is_no_word() -> None:
    text = '<p class="x">A <a href="https://e.example/hidden">rug</a> &amp; a&nbsp;bowl, 3 < 4</p>'
    product = a_product(title="It", vendor="", tags=(), variants=(), description=text)
    assert product_words(product) == ["it", "a", "rug", "bowl", "3", "4"]
