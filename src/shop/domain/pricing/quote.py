"""The quote: what a cart costs, amount by amount, with the reason for each.

Taxes are rounded once per line and once for shipping, and everything else is a sum of those: so lines, taxes and
totals agree to the minor unit, whichever way they are added up.
"""

from collections.abc import Sequence
from decimal import Decimal

from attrs import field, frozen

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import PlanId, VariantId
from shop.domain.kernel.money import Money, total
from shop.domain.pricing.taxes import TaxRate, TaxTable

QUANTITY_MAX = 1_000_000


@frozen(kw_only=True)
class PricedLine:
    """A line before tax is looked at: how many, at what price each.

    `plan_id`: it comes again and again by this plan. `later`: it begins with a trial, so nothing of it is sent now.
    """

    variant_id: VariantId
    title: str
    quantity: int
    unit_price: Money
    tax_class: str
    plan_id: PlanId | None = None
    later: bool = False

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.quantity <= QUANTITY_MAX:
            raise Invalid(f"A quantity is 1 to {QUANTITY_MAX}.")


@frozen(kw_only=True)
class ShippingCharge:
    """What the chosen delivery costs."""

    code: str
    name: str
    price: Money
    tax_class: str = "standard"


@frozen(kw_only=True)
class Taxed:
    """An amount with its tax. `net + tax == gross`, always."""

    net: Money
    tax: Money
    gross: Money
    rate: Decimal
    tax_name: str
    rounding: str


@frozen(kw_only=True)
class QuotedLine:
    """A line with what it costs. `subtotal` is unit price × quantity as the shop's prices are stated."""

    line: PricedLine
    subtotal: Money
    taxed: Taxed


@frozen(kw_only=True)
class TaxSum:
    """All tax of one rate in the quote, and the net amount it is taken on."""

    name: str
    rate: Decimal
    net: Money
    tax: Money


@frozen
class Step:
    """One summand of the total and where it comes from."""

    label: str
    amount: Money


@frozen(kw_only=True)
class Quote:
    """What the cart costs. `Σ steps == total == Σ gross of lines + gross of shipping`."""

    currency: str
    lines: tuple[QuotedLine, ...]
    shipping: ShippingCharge | None
    shipping_taxed: Taxed | None
    prices_include_tax: bool
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    taxes: tuple[TaxSum, ...]
    steps: tuple[Step, ...] = field(repr=False)


def quote(
    currency: str,
    lines: Sequence[PricedLine],
    taxes: TaxTable,
    *,
    country: str,
    region: str = "",
    shipping: ShippingCharge | None = None,
) -> Quote:
    """Adds everything up for delivery to this place. Raises CurrenciesDiffer, AmountOutOfRange."""
    quoted = tuple(_quoted(line, taxes, country, region) for line in lines)
    shipping_taxed = None
    if shipping is not None:
        shipping_taxed = _taxed(shipping.price, taxes, taxes.rate_for(country, region, shipping.tax_class))
    parts = [line.taxed for line in quoted] + ([shipping_taxed] if shipping_taxed else [])
    steps = [Step(f"{q.line.quantity} × {q.line.title}", q.subtotal) for q in quoted]
    if shipping is not None:
        steps.append(Step(shipping.name, shipping.price))
    sums = _sums(parts, currency)
    if not taxes.prices_include_tax:
        steps += [Step(f"{tax.name} {(tax.rate * 100).normalize():f} %".lstrip(), tax.tax) for tax in sums if tax.tax]
    return Quote(
        currency=currency,
        lines=quoted,
        shipping=shipping,
        shipping_taxed=shipping_taxed,
        prices_include_tax=taxes.prices_include_tax,
        subtotal=total([q.subtotal for q in quoted], currency),
        shipping_total=shipping.price if shipping else Money.zero(currency),
        tax_total=total([part.tax for part in parts], currency),
        total=total([part.gross for part in parts], currency),
        taxes=sums,
        steps=tuple(steps),
    )


def _quoted(line: PricedLine, taxes: TaxTable, country: str, region: str) -> QuotedLine:
    subtotal = line.unit_price * line.quantity
    rate = taxes.rate_for(country, region, line.tax_class)
    return QuotedLine(line=line, subtotal=subtotal, taxed=_taxed(subtotal, taxes, rate))


def _taxed(stated: Money, taxes: TaxTable, rate: TaxRate | None) -> Taxed:
    if rate is None:
        zero = Money.zero(stated.currency)
        return Taxed(net=stated, tax=zero, gross=stated, rate=Decimal(0), tax_name="", rounding="")
    if taxes.prices_include_tax:
        tax = rate.within(stated)
        net, gross = stated - tax, stated
    else:
        tax = rate.on_top_of(stated)
        net, gross = stated, stated + tax
    return Taxed(net=net, tax=tax, gross=gross, rate=rate.rate, tax_name=rate.name, rounding=rate.rounding)


def _sums(parts: Sequence[Taxed], currency: str) -> tuple[TaxSum, ...]:
    groups: dict[tuple[str, Decimal], list[Taxed]] = {}
    for part in parts:
        if part.tax_name or part.rate:
            groups.setdefault((part.tax_name, part.rate), []).append(part)
    return tuple(
        TaxSum(
            name=name,
            rate=rate,
            net=total([part.net for part in group], currency),
            tax=total([part.tax for part in group], currency),
        )
        for (name, rate), group in groups.items()
    )
