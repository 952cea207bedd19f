"""Variants of products: what is put into carts, and how staff change it."""

import re
from typing import Annotated, Any, TypeVar

from attrs import evolve
from msgspec import UNSET, Meta, UnsetType, field

from shop.application.commands.catalog import AddVariant, ArchiveVariant, NewVariant, UpdateVariant
from shop.application.messages import Command
from shop.application.ports.views import ProductView, VariantView
from shop.application.queries.catalog import GetProduct
from shop.domain.catalog import Price
from shop.domain.kernel.errors import ShopError, below
from shop.domain.kernel.identifiers import ProductId, VariantId
from shop.domain.kernel.money import Money
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import (
    Amount,
    Body,
    CurrencyText,
    Metadata,
    MetadataChange,
    ShortText,
    given,
    merged,
)
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.representation import Plain

endpoints = Endpoints("products")
WRITE = "products:write"
R = TypeVar("R")
_ONE_OF_THEM = re.compile(r"^/variants(/[0-9]+)?")

Grams = Annotated[int, Meta(ge=0, le=10**8)]
Units = Annotated[int, Meta(ge=0, le=10**6)]


class PriceBody(Body):
    """A price in one currency; `compare_at` is what it is reduced from."""

    amount: Amount
    currency: CurrencyText
    compare_at: Amount | None = None

    def price(self) -> Price:
        before = None if self.compare_at is None else Money(self.compare_at, self.currency)
        return Price(amount=Money(self.amount, self.currency), compare_at=before)


Prices = Annotated[list[PriceBody], Meta(max_length=200)]


class VariantBody(Body):
    """A variant to be made. `stock` units are put into the first location."""

    sku: ShortText = ""
    barcode: ShortText = ""
    options: Annotated[list[ShortText], Meta(max_length=5)] = field(default_factory=list)
    prices: Prices = field(default_factory=list)
    weight_grams: Grams = 0
    tax_class: Annotated[str, Meta(min_length=1, max_length=40)] = "standard"
    tracked: bool = True
    backorder_limit: Units = 0
    requires_shipping: bool = True
    metadata: Metadata = field(default_factory=dict)
    stock: Annotated[int, Meta(ge=0, le=10**9)] | None = None

    def variant(self) -> NewVariant:
        return NewVariant(
            sku=self.sku,
            barcode=self.barcode,
            options=tuple(self.options),
            prices=_prices(self.prices),
            weight_grams=self.weight_grams,
            tax_class=self.tax_class,
            tracked=self.tracked,
            backorder_limit=self.backorder_limit,
            requires_shipping=self.requires_shipping,
            metadata=self.metadata,
            stock=self.stock,
        )


class VariantChange(Body):
    """What is to be changed about a variant: a merge patch. New prices replace all of its prices."""

    sku: ShortText | UnsetType | None = UNSET
    barcode: ShortText | UnsetType | None = UNSET
    options: Annotated[list[ShortText], Meta(max_length=5)] | UnsetType = UNSET
    prices: Prices | UnsetType = UNSET
    weight_grams: Grams | UnsetType = UNSET
    tax_class: Annotated[str, Meta(min_length=1, max_length=40)] | UnsetType = UNSET
    tracked: bool | UnsetType = UNSET
    backorder_limit: Units | UnsetType = UNSET
    requires_shipping: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    metadata: MetadataChange | UnsetType | None = UNSET


def _prices(prices: list[PriceBody]) -> tuple[Price, ...]:
    return tuple(below(f"/prices/{i}", price.price) for i, price in enumerate(prices))


async def show_product(call: Call, product_id: ProductId) -> ProductView:
    return await call.ask(GetProduct(id_or_slug=product_id, expand=frozenset({"variants"})))


async def _current(call: Call) -> Plain:
    return call.representation.plain(await show_product(call, call.id(ProductId)))


CHANGES: dict[str, Any] = {"scope": WRITE, "if_match": True, "current": _current}


@endpoints.post(
    "/api/products/{id}/variants",
    "variant_create",
    Who.STAFF,
    "Add a variant",
    scope=WRITE,
    body=VariantBody,
    example={"sku": "LS-L", "options": ["L"], "prices": [{"amount": 4900, "currency": "EUR"}], "stock": 3},
    status=201,
    shows=Shows(view=VariantView),
    problems=("not_found", "sku_taken", "variants_alike", "conflict"),
)
async def variant_create(call: Call) -> Answer:
    """Adds a variant. Values that the product's options do not have yet are added to them."""
    product_id = call.id(ProductId)
    variant_id = await _for_one(call, AddVariant(product_id=product_id, variant=call.body.variant()))
    await call.catalog_changed()
    return await _one_variant(call, product_id, variant_id)


@endpoints.patch(
    "/api/products/{id}/variants/{variant_id}",
    "variant_update",
    Who.STAFF,
    "Change a variant",
    body=VariantChange,
    example={"prices": [{"amount": 3900, "currency": "EUR", "compare_at": 4900}]},
    shows=Shows(view=VariantView),
    problems=("not_found", "sku_taken", "variants_alike", "conflict"),
    **CHANGES,
)
async def variant_update(call: Call) -> Answer:
    """Changes a variant. If-Match holds the ETag of its product."""
    body: VariantChange = call.body
    product_id, variant_id = call.id(ProductId), call.id(VariantId, "variant_id")
    version = call.expected_version()
    changes = given(
        body,
        "sku",
        "barcode",
        "weight_grams",
        "tax_class",
        "tracked",
        "backorder_limit",
        "requires_shipping",
        "archived",
    )
    if body.options is not UNSET:
        changes["options"] = tuple(body.options)
    if body.prices is not UNSET:
        changes["prices"] = _prices(body.prices)
    if body.metadata is not UNSET:
        before = next((v for v in (await show_product(call, product_id)).variants or () if v.id == variant_id), None)
        changes["metadata"] = merged(before.metadata if before else {}, body.metadata)
    command = UpdateVariant(product_id=product_id, variant_id=variant_id, expected_version=version, **changes)
    await _for_one(call, command)
    await call.catalog_changed()
    return await _one_variant(call, product_id, variant_id)


@endpoints.delete(
    "/api/products/{id}/variants/{variant_id}",
    "variant_archive",
    Who.STAFF,
    "Archive a variant",
    problems=("not_found", "conflict"),
    **CHANGES,
)
async def variant_archive(call: Call) -> Answer:
    """Takes one variant off sale. If-Match holds the ETag of its product."""
    command = ArchiveVariant(
        product_id=call.id(ProductId),
        variant_id=call.id(VariantId, "variant_id"),
        expected_version=call.expected_version(),
    )
    await call.execute(command)
    await call.catalog_changed()
    return call.nothing()


async def _for_one(call: Call, command: Command[R]) -> R:
    """Carries it out. What is wrong with one of the product's variants is wrong with this one, the only one sent."""
    try:
        return await call.execute(command)
    except ShopError as error:
        error.flaws = tuple(evolve(flaw, pointer=_ONE_OF_THEM.sub("", flaw.pointer)) for flaw in error.flaws)
        raise


async def _one_variant(call: Call, product_id: ProductId, variant_id: VariantId) -> Answer:
    product = await show_product(call, product_id)
    variant = next(v for v in product.variants or () if v.id == variant_id)
    return call.one(variant, version=product.version)
