"""`shop store`: the shop's own settings, as one JSON document that can be shown, changed and put back."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shop.entrypoints.cli.output import AsJson, for_people, print_json, say, show_one
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.commands.store import ConfigureStore
    from shop.application.ports.repositories import StoreSettings
    from shop.application.shop import Shop
    from shop.domain.kernel.money import Money
    from shop.domain.store import Store

app = commands("The shop's name, currencies, taxes and deliveries.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the settings. Their JSON is what `shop store configure` takes."""
    from shop.application.queries.store import GetStoreSettings

    async def ask(shop: "Shop") -> "StoreSettings":
        return await shop.ask(GetStoreSettings())

    document = as_document(with_shop(ask))
    if for_people(as_json):
        show_one(document, as_json=False)
    else:
        print_json(document)


@app.command()
def configure(file: Annotated[Path, typer.Argument(help="JSON with store, taxes or shipping_methods.")]) -> None:
    """Replace the parts of the settings that the file has. Orders that stand keep what they were placed with, but for
    `unheld_methods`."""
    command = from_document(_read(file))

    async def replace(shop: "Shop") -> None:
        await shop.execute(command)

    with_shop(replace)
    say("The settings are replaced: other processes follow within two seconds.")


def _read(file: Path) -> Any:
    import json

    from shop.domain.kernel.errors import Invalid

    try:
        return json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Invalid(f"{file} cannot be read: {error}.") from None


def as_document(settings: "StoreSettings") -> dict[str, Any]:
    """The settings as JSON."""
    return {
        "store": _plain(settings.store),
        "taxes": _plain(settings.taxes),
        "shipping_methods": [_plain(method) for method in settings.shipping_methods],
    }


def _plain(value: Any) -> Any:
    import attrs

    from shop.domain.kernel.money import Money

    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, Decimal):
        return f"{value:f}"
    if attrs.has(type(value)):
        return {attribute.name: _plain(getattr(value, attribute.name)) for attribute in attrs.fields(type(value))}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def from_document(document: Any) -> "ConfigureStore":
    """The command that puts the parts of the document in place. Raises Invalid, which names what is unknown."""
    from shop.application.commands.store import ConfigureStore
    from shop.domain.kernel.errors import Invalid
    from shop.domain.pricing.taxes import TaxRate, TaxTable
    from shop.domain.shipping import ShippingMethod, WeightStep

    try:
        parts = dict(document)
        store, taxes = parts.pop("store", None), parts.pop("taxes", None)
        methods = parts.pop("shipping_methods", None)
        if parts:
            raise Invalid(f"Unknown: {', '.join(parts)}.", hint="There is store, taxes and shipping_methods.")
        return ConfigureStore(
            store=None if store is None else _store(store),
            taxes=None
            if taxes is None
            else TaxTable(
                **{
                    **taxes,
                    "rates": tuple(TaxRate(**{**rate, "rate": Decimal(str(rate["rate"]))}) for rate in taxes["rates"]),
                }
            ),
            shipping_methods=None
            if methods is None
            else tuple(
                ShippingMethod(
                    **{
                        **method,
                        "countries": frozenset(method.get("countries", ())),
                        "flat": tuple(_money(price) for price in method.get("flat", ())),
                        "by_weight": tuple(
                            WeightStep(up_to_grams=step["up_to_grams"], price=_money(step["price"]))
                            for step in method.get("by_weight", ())
                        ),
                    }
                )
                for method in methods
            ),
        )
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise Invalid(
            f"The settings do not have the right shape: {error}.", hint="See what it looks like: shop store show --json"
        ) from None


def _store(document: dict[str, Any]) -> "Store":
    from shop.domain.store import Store

    parts = _tuples(document, "currencies", "locales", "ships_to", "unheld_methods")
    return Store(**{**parts, "refund_limits": tuple(_money(limit) for limit in document.get("refund_limits", ()))})


def _tuples(document: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(document.get(name), str):
            raise TypeError(f"{name} is a list, and not one text")  # which would be taken for a list of its letters
    return {name: tuple(value) if name in names else value for name, value in document.items()}


def _money(document: dict[str, Any]) -> "Money":
    from shop.domain.kernel.money import Money

    return Money(document["amount"], document["currency"])
