"""A quote agrees with itself to the minor unit, whichever way it is added up."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import VariantId
from shop.domain.kernel.money import AmountOutOfRange, CurrenciesDiffer, Money
from shop.domain.pricing.quote import QUANTITY_MAX, PricedLine, Quote, ShippingCharge, quote
from shop.domain.pricing.taxes import TaxRate, TaxTable
from tests.domain.samples import an, eur
from tests.scale import rounds

CLASSES = ("standard", "reduced", "none")
RATES = ("0", "0.055", "0.07", "0.0825", "0.19", "0.2", "0.25", "0.0000001", "9.99")


def a_line(unit: int = 1000, quantity: int = 1, tax_class: str = "standard", number: int = 1) -> PricedLine:
    return PricedLine(
        variant_id=an(VariantId, number),
        title=f"Thing {number}",
        quantity=quantity,
        unit_price=eur(unit),
        tax_class=tax_class,
    )


def a_rate(rate: str, tax_class: str = "standard", country: str = "DE", name: str = "VAT") -> TaxRate:
    return TaxRate(name=name, country=country, tax_class=tax_class, rate=Decimal(rate))


lines = st.lists(
    st.builds(a_line, st.integers(0, 10**6), st.integers(1, 50), st.sampled_from(CLASSES), st.integers(1, 9)),
    max_size=12,
)
tables = st.builds(
    lambda inclusive, of: TaxTable(
        prices_include_tax=inclusive,
        # A shop may have stored a tax without a name once.
        rates=tuple(
            a_rate(rate, tax_class, name="" if tax_class == CLASSES[-1] else "VAT") for tax_class, rate in of.items()
        ),
    ),
    st.booleans(),
    st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(RATES)),
)
charges = st.none() | st.builds(
    lambda minor, tax_class: ShippingCharge(code="post", name="Post", price=eur(minor), tax_class=tax_class),
    st.integers(0, 10**5),
    st.sampled_from(CLASSES),
)


def added(amounts: Any) -> int:
    return sum(amount.minor for amount in amounts)


def assert_adds_up(quoted: Quote) -> None:
    parts = [line.taxed for line in quoted.lines]
    if quoted.shipping_taxed:
        parts.append(quoted.shipping_taxed)
    assert added(step.amount for step in quoted.steps) == quoted.total.minor
    assert added(part.gross for part in parts) == quoted.total.minor
    assert added(part.net for part in parts) + quoted.tax_total.minor == quoted.total.minor
    assert all(part.net + part.tax == part.gross for part in parts)
    assert added(sum_.tax for sum_ in quoted.taxes) == quoted.tax_total.minor
    assert len({(sum_.name, sum_.rate) for sum_ in quoted.taxes}) == len(quoted.taxes)
    for line in quoted.lines:
        assert line.subtotal == line.line.unit_price * line.line.quantity
    assert quoted.subtotal.minor == added(line.subtotal for line in quoted.lines)
    stated = quoted.subtotal + quoted.shipping_total
    assert quoted.total == (stated if quoted.prices_include_tax else stated + quoted.tax_total)
    assert quoted.tax_total.minor >= 0


@pytest.mark.prove
@settings(max_examples=rounds(500, in_full=20_000))
@given(lines, tables, charges)
def test_f58_a_quote_adds_up_to_the_minor_unit(
    priced: list[PricedLine], taxes: TaxTable, shipping: ShippingCharge | None
) -> None:
    assert_adds_up(quote("EUR", priced, taxes, country="DE", shipping=shipping))


@given(lines, charges, st.sampled_from(RATES), st.sampled_from(RATES))
def test_what_a_price_with_tax_adds_up_to_does_not_depend_on_the_rate(
    priced: list[PricedLine], shipping: ShippingCharge | None, one: str, other: str
) -> None:
    totals = {
        quote("EUR", priced, TaxTable(rates=(a_rate(rate),)), country="DE", shipping=shipping).total
        for rate in (one, other)
    }
    assert len(totals) == 1


@given(lines.filter(bool), tables, charges, st.integers(0, 11), st.integers(1, 50))
def test_more_of_a_thing_never_costs_less(
    priced: list[PricedLine], taxes: TaxTable, shipping: ShippingCharge | None, which: int, more: int
) -> None:
    index = which % len(priced)
    grown = list(priced)
    grown[index] = evolve(priced[index], quantity=priced[index].quantity + more)
    less, more_ = (quote("EUR", each, taxes, country="DE", shipping=shipping) for each in (priced, grown))
    assert more_.total >= less.total
    assert more_.tax_total >= less.tax_total


def test_f57_another_address_is_another_quote() -> None:
    taxes = TaxTable(
        prices_include_tax=False,
        rates=(a_rate("0.19"), a_rate("0.05", country="US"), evolve(a_rate("0.0725", country="US"), region="CA")),
    )
    totals = [
        quote("EUR", [a_line(10_000)], taxes, country=country, region=region).total.minor
        for country, region in (("DE", ""), ("US", ""), ("US", "CA"), ("CH", ""))
    ]
    assert totals == [11_900, 10_500, 10_725, 10_000]


def test_prices_with_tax_show_it_and_prices_without_add_it() -> None:
    shipping = ShippingCharge(code="post", name="Post", price=eur(490))
    rates = (a_rate("0.19", name="MwSt"), a_rate("0.07", "reduced", name="MwSt"))
    cart = [a_line(1190, 2), a_line(535, 1, "reduced", 2)]
    inside = quote("EUR", cart, TaxTable(rates=rates), country="DE", shipping=shipping)
    assert (inside.subtotal, inside.shipping_total, inside.total) == (eur(2915), eur(490), eur(3405))
    assert [(s.name, s.rate, s.net.minor, s.tax.minor) for s in inside.taxes] == [
        ("MwSt", Decimal("0.19"), 2412, 458),
        ("MwSt", Decimal("0.07"), 500, 35),
    ]
    assert [(step.label, step.amount.minor) for step in inside.steps] == [
        ("2 × Thing 1", 2380),
        ("1 × Thing 2", 535),
        ("Post", 490),
    ]
    outside = quote("EUR", cart, TaxTable(prices_include_tax=False, rates=rates), country="DE", shipping=shipping)
    assert [(step.label, step.amount.minor) for step in outside.steps[3:]] == [("MwSt 19 %", 545), ("MwSt 7 %", 37)]
    assert outside.total == eur(2915 + 490 + 545 + 37)


def test_where_no_tax_is_taken_none_is_shown() -> None:
    free = quote("EUR", [a_line()], TaxTable(prices_include_tax=False), country="CH")
    assert (free.taxes, free.tax_total, free.total) == ((), eur(0), eur(1000))
    assert free.lines[0].taxed.tax_name == ""


def test_a_rate_of_nothing_is_named_and_adds_no_step() -> None:
    table = TaxTable(prices_include_tax=False, rates=(a_rate("0"),))
    quoted = quote("EUR", [a_line()], table, country="DE")
    assert [(s.name, s.tax) for s in quoted.taxes] == [("VAT", eur(0))]
    assert len(quoted.steps) == 1


def test_an_empty_cart_costs_nothing() -> None:
    empty = quote("JPY", [], TaxTable(), country="JP")
    assert (empty.total, empty.shipping, empty.shipping_total) == (Money.zero("JPY"), None, Money.zero("JPY"))


@pytest.mark.parametrize("quantity", [0, -1, QUANTITY_MAX + 1])
def test_a_line_has_a_quantity(quantity: int) -> None:
    with pytest.raises(Invalid):
        a_line(quantity=quantity)


def test_two_currencies_and_sums_beyond_measure_are_refused() -> None:
    with pytest.raises(CurrenciesDiffer):
        quote("USD", [a_line()], TaxTable(), country="DE")
    with pytest.raises(AmountOutOfRange):
        quote("EUR", [a_line(10**9, 10**6)], TaxTable(), country="DE")
