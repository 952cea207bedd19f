"""Values that are kept as JSON: addresses, the delivery of an order, what surrounds a product, settings."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shop.application.ports.repositories import StoreSettings
from shop.domain.catalog import Media, Option
from shop.domain.kernel.address import Address
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.orders import OrderShipping
from shop.domain.payments import NextAction
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod, WeightStep
from shop.domain.store import Store

Document = dict[str, Any]


def from_address(address: Address | None) -> Document | None:
    if address is None:
        return None
    return {
        "name": address.name,
        "company": address.company,
        "line1": address.line1,
        "line2": address.line2,
        "postal_code": address.postal_code,
        "city": address.city,
        "region": address.region,
        "country": address.country,
        "phone": address.phone,
    }


def to_address(document: Mapping[str, Any] | None) -> Address | None:
    return Address(**document) if document is not None else None


def from_shipping(shipping: OrderShipping | None) -> Document | None:
    if shipping is None:
        return None
    return {
        "code": shipping.code,
        "name": shipping.name,
        "price": shipping.price.minor,
        "net": shipping.net.minor,
        "tax": shipping.tax.minor,
        "total": shipping.total.minor,
        "tax_rate": str(shipping.tax_rate),
        "tax_name": shipping.tax_name,
    }


def from_tenders(tenders: Sequence[Tender]) -> list[Document] | None:
    if not tenders:
        return None
    return [
        {
            "kind": tender.kind.value,
            "amount": tender.amount.minor,
            "reference": tender.reference,
            "returned": tender.returned.minor,
        }
        for tender in tenders
    ]


def to_tenders(documents: Iterable[Mapping[str, Any]] | None, currency: str) -> tuple[Tender, ...]:
    """Tenders in the currency of what they pay for."""
    if documents is None:
        return ()
    return tuple(
        Tender(
            kind=TenderKind(document["kind"]),
            amount=Money(document["amount"], currency),
            reference=document["reference"],
            returned=Money(document["returned"], currency),
        )
        for document in documents
    )


def to_shipping(document: Mapping[str, Any] | None, currency: str) -> OrderShipping | None:
    """The delivery of an order, in the order's currency."""
    if document is None:
        return None
    return OrderShipping(
        code=document["code"],
        name=document["name"],
        price=Money(document["price"], currency),
        net=Money(document["net"], currency),
        tax=Money(document["tax"], currency),
        total=Money(document["total"], currency),
        tax_rate=Decimal(document["tax_rate"]),
        tax_name=document["tax_name"],
    )


def from_next_action(action: NextAction | None) -> Document | None:
    return {"kind": action.kind, "url": action.url} if action is not None else None


def to_next_action(document: Mapping[str, Any] | None) -> NextAction | None:
    return NextAction(**document) if document is not None else None


def from_media(media: Iterable[Media]) -> list[Document]:
    return [{"url": one.url, "alt": one.alt} for one in media]


def to_media(documents: Iterable[Mapping[str, Any]]) -> tuple[Media, ...]:
    return tuple(Media(**document) for document in documents)


def from_options(options: Iterable[Option]) -> list[Document]:
    return [{"name": option.name, "values": list(option.values)} for option in options]


def to_options(documents: Iterable[Mapping[str, Any]]) -> tuple[Option, ...]:
    return tuple(Option(name=document["name"], values=tuple(document["values"])) for document in documents)


def from_settings(settings: StoreSettings) -> Document:
    store, taxes = settings.store, settings.taxes
    return {
        "store": {
            "name": store.name,
            "country": store.country,
            "currencies": list(store.currencies),
            "locales": list(store.locales),
            "ships_to": list(store.ships_to),
            "capture": store.capture,
            "unheld_methods": list(store.unheld_methods),
            "refund_limits": [[limit.minor, limit.currency] for limit in store.refund_limits],
        },
        "prices_include_tax": taxes.prices_include_tax,
        "tax_rates": [
            {
                "name": rate.name,
                "country": rate.country,
                "region": rate.region,
                "tax_class": rate.tax_class,
                "rate": str(rate.rate),
                "rounding": rate.rounding,
            }
            for rate in taxes.rates
        ],
        "shipping_methods": [_from_method(method) for method in settings.shipping_methods],
    }


def to_settings(document: Mapping[str, Any], version: int) -> StoreSettings:
    store: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document["store"].items()
    }
    store.setdefault("capture", CapturePolicy.AUTOMATIC)  # as every shop did before there was a choice
    store["refund_limits"] = tuple(Money(minor, currency) for minor, currency in store.get("refund_limits", ()))
    rates = tuple(TaxRate(**{**rate, "rate": Decimal(rate["rate"])}) for rate in document["tax_rates"])
    return StoreSettings(
        store=Store(**store),
        taxes=TaxTable(prices_include_tax=document["prices_include_tax"], rates=rates),
        shipping_methods=tuple(_to_method(method) for method in document["shipping_methods"]),
        version=version,
    )


def _from_method(method: ShippingMethod) -> Document:
    return {
        "code": method.code,
        "name": method.name,
        "countries": sorted(method.countries),
        "flat": [[price.minor, price.currency] for price in method.flat],
        "by_weight": [[step.up_to_grams, step.price.minor, step.price.currency] for step in method.by_weight],
        "tax_class": method.tax_class,
        "days_min": method.days_min,
        "days_max": method.days_max,
    }


def _to_method(document: Mapping[str, Any]) -> ShippingMethod:
    return ShippingMethod(
        code=document["code"],
        name=document["name"],
        countries=frozenset(document["countries"]),
        flat=tuple(Money(minor, currency) for minor, currency in document["flat"]),
        by_weight=tuple(
            WeightStep(up_to_grams=grams, price=Money(minor, currency))
            for grams, minor, currency in document["by_weight"]
        ),
        tax_class=document["tax_class"],
        days_min=document["days_min"],
        days_max=document["days_max"],
    )
