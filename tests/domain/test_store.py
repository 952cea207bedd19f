"""The shop's own data: currencies and countries that exist."""

from typing import Any

import pytest

from shop.domain.kernel.errors import Invalid
from shop.domain.store import Store


def test_the_first_currency_is_the_default() -> None:
    assert Store(currencies=("CHF", "EUR")).currency == "CHF"
    assert Store(ships_to=("DE", "AT")).ships_to == ("DE", "AT")


@pytest.mark.parametrize(
    "flaw",
    [{"currencies": ()}, {"currencies": ("EUR", "EURO")}, {"ships_to": ("DE", "UK")}, {"country": "XX"}],
    ids=str,
)
def test_a_shop_that_cannot_be_is_refused(flaw: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Store(**flaw)
