"""What no database keeps is refused by the domain, so that memory says no as well."""

import pytest

from shop.domain.carts import Cart
from shop.domain.catalog import Category
from shop.domain.kernel.address import Address
from shop.domain.kernel.email import checked_email
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import CartId, CategoryId
from shop.domain.kernel.metadata import checked_metadata
from shop.domain.kernel.texts import storable
from tests.domain.samples import NOW, a_product, an

HALVES = ("a\x00b", "\ud800", "half\udcff")


@pytest.mark.parametrize("text", ["", "plain", "Straße 東京", "👋🏽", "\U0010ffff", "a\nb\t"])
def test_texts_are_stored(text: str) -> None:
    assert storable(text)
    assert text.encode().decode() == text


@pytest.mark.parametrize("text", HALVES)
def test_what_is_no_text_is_stored_nowhere(text: str) -> None:
    assert not storable(text)
    for make in (
        lambda: a_product(title=text),
        lambda: a_product(tags=(text,)),
        lambda: Category.create(at=NOW, id=an(CategoryId), slug="a", name=text),
        lambda: checked_email(f"{text}@example.com"),
        lambda: Address(name=text, line1="Torstr. 1", city="Berlin", country="DE"),
        lambda: checked_metadata({"key": text}),
        lambda: Cart.open(at=NOW, id=an(CartId), currency="EUR", note=text),
    ):
        with pytest.raises(Invalid):
            make()
