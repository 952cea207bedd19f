"""Words: how every storage cuts texts and questions for search, so that all of them find the same things.

A question finds a product when each of its words is the beginning of some word of the product.
"""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape

from shop.domain.catalog import Product

WORDS_MAX, WORD_LENGTH_MAX = 2_000, 64
QUESTION_WORDS_MAX = 10
_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[^<>]*>")


def search_words(text: str, words_max: int = WORDS_MAX) -> list[str]:
    """The different words of a text in order of appearance: case and accents gone, cut at all but letters and digits.

    Longer words are cut to 64 characters; words beyond the first `words_max` are left out.
    """
    words: dict[str, None] = {}
    for match in _WORD.finditer(_folded(text)):
        words[match.group()[:WORD_LENGTH_MAX]] = None
        if len(words) >= words_max:
            break
    return list(words)


def question_words(text: str) -> list[str]:
    """The words that somebody searches for: the first ten."""
    return search_words(text, QUESTION_WORDS_MAX)


def product_words(product: Product) -> list[str]:
    """The words by which a product is found: of its title, vendor, tags, SKUs and description without markup."""
    return search_words("\n".join(_texts(product)))


def _texts(product: Product) -> Iterator[str]:
    yield product.title
    yield product.vendor
    yield from product.tags
    yield from (variant.sku for variant in product.variants)
    yield unescape(_TAG.sub(" ", product.description))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in decomposed if unicodedata.category(character)[0] != "M")
