"""Products, variants and categories as callers see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import define, frozen

from shop.domain.catalog import Media, Option, ProductStatus
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.money import Money


@frozen(kw_only=True, slots=False)
class CategoryView:
    """A category. `ancestors` run from the root; `children` hold their own children."""

    object: ClassVar[str] = "category"
    id: CategoryId
    slug: str
    name: str
    description: str
    parent_id: CategoryId | None
    position: int
    seo_title: str
    seo_description: str
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int
    ancestors: "list[CategoryView] | None" = None
    children: "list[CategoryView] | None" = None


@frozen(kw_only=True, slots=False)
class VariantView:
    """A variant as shoppers see it. `price` is in the currency asked for, None where it has none."""

    object: ClassVar[str] = "variant"
    id: VariantId
    product_id: ProductId
    sku: str
    barcode: str
    title: str
    options: tuple[str, ...]
    price: Money | None
    compare_at: Money | None
    prices: list[Money]
    weight_grams: int
    tax_class: str
    tracked: bool
    requires_shipping: bool
    archived: bool
    metadata: Mapping[str, str]


@define(slots=False)
class ProductView:
    """A product as shoppers see it. `price_from` and `price_to` span its live variants in the currency asked for.

    Readers fill it by position, and nothing watches that it stays as it is: there are many in each list, and both
    would cost as much as all the rest.
    """

    object: ClassVar[str] = "product"
    id: ProductId
    slug: str
    title: str
    description: str
    vendor: str
    status: ProductStatus
    tags: tuple[str, ...]
    price_from: Money | None
    price_to: Money | None
    media: tuple[Media, ...]
    options: tuple[Option, ...]
    category_ids: tuple[CategoryId, ...]
    seo_title: str
    seo_description: str
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int
    variants: list[VariantView] | None = None
    categories: list[CategoryView] | None = None


@frozen(kw_only=True, slots=False)
class VariantAvailabilityView:
    """Whether a variant can be had: `in_stock`, `low_stock`, `backorder` or `out_of_stock`; never how many."""

    variant_id: VariantId
    sku: str
    status: str


@frozen(kw_only=True, slots=False)
class AvailabilityView:
    """Whether the variants of a product are to be had; never how many there are."""

    object: ClassVar[str] = "availability"
    product_id: ProductId
    variants: list[VariantAvailabilityView]
