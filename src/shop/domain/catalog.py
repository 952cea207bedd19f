"""What the shop sells: products with their variants and prices, and the tree of categories they hang in."""

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import define, evolve, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, Flaw, Invalid, NotFound, ShopError
from shop.domain.kernel.identifiers import CategoryId, ProductId, VariantId
from shop.domain.kernel.metadata import checked_metadata
from shop.domain.kernel.money import Money
from shop.domain.kernel.texts import storable, trimmed

VARIANTS_MAX, OPTIONS_MAX, OPTION_VALUES_MAX = 250, 5, 250
MEDIA_MAX, TAGS_MAX, CATEGORIES_MAX, DEPTH_MAX, POSITION_MAX = 100, 100, 100, 10, 10**6
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ProductStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


PRODUCT_ARROWS: Mapping[ProductStatus, frozenset[ProductStatus]] = {
    ProductStatus.DRAFT: frozenset({ProductStatus.ACTIVE, ProductStatus.ARCHIVED}),
    ProductStatus.ACTIVE: frozenset({ProductStatus.DRAFT, ProductStatus.ARCHIVED}),
    ProductStatus.ARCHIVED: frozenset({ProductStatus.DRAFT, ProductStatus.ACTIVE}),
}


class ProductNotFound(NotFound):
    title = "No such product"


class VariantNotFound(NotFound):
    title = "No such variant"


class CategoryNotFound(NotFound):
    title = "No such category"


class SlugTaken(Conflict):
    code = "slug_taken"
    title = "Another one has this slug"


class SkuTaken(Conflict):
    code = "sku_taken"
    title = "Another variant has this SKU"


class VariantsAlike(Invalid):
    code = "variants_alike"
    title = "Two variants have the same options"


class CategoryLoops(Invalid):
    code = "category_loops"
    title = "A category cannot hang below itself"


@frozen(kw_only=True)
class ProductCreated(Event):
    """A product was added, on sale or not."""

    type: ClassVar[str] = "product.created"
    product_id: ProductId

    @property
    def subject(self) -> ProductId:
        return self.product_id


@frozen(kw_only=True)
class ProductUpdated(Event):
    """Something about a product or its variants is different."""

    type: ClassVar[str] = "product.updated"
    product_id: ProductId

    @property
    def subject(self) -> ProductId:
        return self.product_id


@frozen(kw_only=True)
class ProductArchived(Event):
    """A product was taken off sale."""

    type: ClassVar[str] = "product.archived"
    product_id: ProductId

    @property
    def subject(self) -> ProductId:
        return self.product_id


@frozen(kw_only=True)
class CategoryChanged(Event):
    """A category was made, changed or removed."""

    type: ClassVar[str] = "category.changed"
    category_id: CategoryId

    @property
    def subject(self) -> CategoryId:
        return self.category_id


def _sized(minimum: int, maximum: int) -> Any:
    def check(_instance: Any, attribute: Any, value: str) -> None:
        if not minimum <= len(value.strip()) <= len(value) <= maximum or not storable(value):
            flaw = Flaw(f"/{attribute.name}", "length", f"{minimum} to {maximum} characters")
            raise Invalid(f"“{attribute.name}” has {minimum} to {maximum} characters.", flaws=(flaw,))

    return check


def _position(_instance: Any, _attribute: Any, position: int) -> None:
    if abs(position) > POSITION_MAX:
        raise Invalid(f"A position is -{POSITION_MAX} to {POSITION_MAX}.")


def checked_slug(slug: str) -> str:
    """The slug, if it is lower-case words joined by single dashes. Raises Invalid."""
    if len(slug) > 200 or not _SLUG.fullmatch(slug):
        what = "no slug: lower-case letters and digits in words joined by single dashes."
        raise Invalid(f"“{slug[:60]}” is {what}", flaws=(Flaw("/slug", "slug_malformed", "Such as linen-shirt"),))
    return slug


@frozen(kw_only=True)
class Media:
    """A picture or film of the product, wherever it is kept."""

    url: str = field(validator=_sized(1, 2000))
    alt: str = field(default="", validator=_sized(0, 500))


@frozen(kw_only=True)
class Option:
    """A way in which variants differ, such as Size with S, M and L."""

    name: str = field(validator=_sized(1, 100))
    values: tuple[str, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.values) > OPTION_VALUES_MAX or len(set(self.values)) != len(self.values):
            raise Invalid(f"An option has at most {OPTION_VALUES_MAX} values, each once.")
        if not all(1 <= len(value) <= 100 and storable(value) for value in self.values):
            raise Invalid("A value of an option has 1 to 100 characters.")


@frozen(kw_only=True)
class Price:
    """What a variant costs, and what it is compared with when it is on sale."""

    amount: Money
    compare_at: Money | None = None

    def __attrs_post_init__(self) -> None:
        if self.amount.minor < 0 or (self.compare_at is not None and self.compare_at < self.amount):
            raise Invalid(
                "A price is not negative, and its compare-at price is not below it.",
                flaws=(Flaw("/compare_at", "price_out_of_range", "0 ≤ amount ≤ compare_at"),),
            )


@frozen(kw_only=True)
class Variant:
    """One thing that can be put into a cart: a product in one size, colour and so on.

    `options` holds one value per option of the product, in their order. `backorder_limit` is how many units may
    be sold beyond what is on hand; an untracked variant is always to be had. Weight in grams.
    """

    id: VariantId
    sku: str = field(default="", converter=trimmed, validator=_sized(0, 100))
    barcode: str = field(default="", converter=trimmed, validator=_sized(0, 100))
    options: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    weight_grams: int = 0
    tax_class: str = field(default="standard", validator=_sized(1, 40))
    tracked: bool = True
    backorder_limit: int = 0
    requires_shipping: bool = True
    archived: bool = False
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)

    def __attrs_post_init__(self) -> None:
        currencies = [price.amount.currency for price in self.prices]
        if len(set(currencies)) != len(currencies):
            raise Invalid("A variant has one price per currency.")
        whole = type(self.weight_grams) is int and type(self.backorder_limit) is int
        if not whole or not 0 <= self.weight_grams <= 10**8 or not 0 <= self.backorder_limit <= 10**6:
            raise Invalid("Weight is 0 to 10⁸ grams and the backorder limit 0 to 10⁶ units.")

    @property
    def title(self) -> str:
        """“M / Blue”, or nothing for a product that comes one way only."""
        return " / ".join(self.options)

    def price_in(self, currency: str) -> Price | None:
        return next((price for price in self.prices if price.amount.currency == currency), None)


@define(eq=False, kw_only=True)
class Product(Aggregate):
    """A thing on sale with everything that is said about it. Its variants live and are saved with it."""

    audited: ClassVar = ("status", "prices")

    id: ProductId
    slug: str = field(converter=checked_slug)
    title: str = field(validator=_sized(1, 300))
    description: str = field(default="", validator=_sized(0, 100_000))
    vendor: str = field(default="", validator=_sized(0, 200))
    status: ProductStatus = ProductStatus.DRAFT
    tags: tuple[str, ...] = ()
    seo_title: str = field(default="", validator=_sized(0, 300))
    seo_description: str = field(default="", validator=_sized(0, 1000))
    media: tuple[Media, ...] = ()
    options: tuple[Option, ...] = ()
    variants: tuple[Variant, ...] = ()
    category_ids: tuple[CategoryId, ...] = ()
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, *, at: datetime, **attributes: Any) -> Self:
        """A new product. Raises Invalid when its parts do not fit together."""
        product = cls(created_at=at, updated_at=at, **attributes)
        product._check()
        product._record(ProductCreated(at=at, product_id=product.id))
        return product

    @property
    def prices(self) -> Mapping[VariantId, tuple[Price, ...]]:
        """What each variant costs."""
        return {variant.id: variant.prices for variant in self.variants}

    def change(self, at: datetime, **changes: Any) -> None:
        """Replaces the named attributes. Raises Invalid or SkuTaken, and then nothing has changed."""
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
            self._check()
        except ShopError:
            for name, value in before.items():
                setattr(self, name, value)
            raise
        self._touch(at)

    def move_to(self, status: ProductStatus, at: datetime) -> None:
        """Drafts, activates or archives the product; saying what it is already changes nothing."""
        if status is self.status:
            return
        if status not in PRODUCT_ARROWS[self.status]:  # pragma: no cover - every arrow exists today
            raise Conflict(f"A product that is {self.status} cannot become {status}.")
        self.status = status
        if status is ProductStatus.ARCHIVED:
            self.updated_at = at
            self._record(ProductArchived(at=at, product_id=self.id))
        else:
            self._touch(at)

    def add_variant(self, variant: Variant, at: datetime) -> None:
        self.change(at, variants=(*self.variants, variant))

    def change_variant(self, variant_id: VariantId, at: datetime, **changes: Any) -> Variant:
        """Raises VariantNotFound, Invalid."""
        changed = evolve(self.variant(variant_id), **changes)
        self.change(at, variants=tuple(changed if v.id == variant_id else v for v in self.variants))
        return changed

    def variant(self, variant_id: VariantId) -> Variant:
        """Raises VariantNotFound."""
        for variant in self.variants:
            if variant.id == variant_id:
                return variant
        raise VariantNotFound(f"This product has no variant {variant_id}.")

    @property
    def live_variants(self) -> tuple[Variant, ...]:
        return tuple(variant for variant in self.variants if not variant.archived)

    def _touch(self, at: datetime) -> None:
        self.updated_at = at
        self._record(ProductUpdated(at=at, product_id=self.id))

    def _check(self) -> None:
        for name, parts, most in (
            ("variants", self.variants, VARIANTS_MAX),
            ("options", self.options, OPTIONS_MAX),
            ("media", self.media, MEDIA_MAX),
            ("tags", self.tags, TAGS_MAX),
            ("categories", self.category_ids, CATEGORIES_MAX),
        ):
            if len(parts) > most:
                raise Invalid(f"A product has at most {most} {name}; this one has {len(parts)}.")
        unique: tuple[tuple[str, Sequence[Hashable]], ...] = (
            ("variants", [variant.id for variant in self.variants]),
            ("options", [option.name for option in self.options]),
            ("tags", self.tags),
            ("categories", self.category_ids),
        )
        for name, each in unique:
            if len(set(each)) != len(each):
                raise Invalid(f"Each of the product's {name} stands there once.")
        if not all(1 <= len(tag.strip()) <= len(tag) <= 100 and storable(tag) for tag in self.tags):
            raise Invalid("A tag has 1 to 100 characters.")
        self._check_media()
        self._check_variants()

    def _check_media(self) -> None:
        """Storefronts put these addresses into their pages: a script or a file of the reader's own is no picture."""
        for index, media in enumerate(self.media):
            scheme = _SCHEME.match(media.url)
            if (scheme and scheme[1].lower() not in ("http", "https")) or _CONTROL.search(media.url):
                flaw = Flaw(f"/media/{index}/url", "url_malformed", "Such as https://example.com/lamp.jpg")
                raise Invalid(f"“{media.url[:60]}” is no address of a picture.", flaws=(flaw,))

    def _check_variants(self) -> None:
        seen: set[tuple[str, ...]] = set()
        for index, variant in enumerate(self.variants):
            if variant.archived:
                continue
            if len(variant.options) != len(self.options):
                flaw = Flaw(f"/variants/{index}/options", "options_differ", f"Each needs {len(self.options)} values")
                raise Invalid("Every variant has one value for each option of its product.", flaws=(flaw,))
            for place, (option, value) in enumerate(zip(self.options, variant.options, strict=True)):
                if value not in option.values:
                    flaw = Flaw(f"/variants/{index}/options/{place}", "value_unknown", f"One of “{option.name}”")
                    raise Invalid(f"“{value}” is not a value of the option “{option.name}”.", flaws=(flaw,))
            if variant.options in seen:
                flaw = Flaw(f"/variants/{index}/options", "variants_alike", "Another variant has these values")
                raise VariantsAlike("No two variants of a product have the same option values.", flaws=(flaw,))
            seen.add(variant.options)
        skus = [variant.sku for variant in self.variants if variant.sku]
        if len(set(skus)) != len(skus):
            raise SkuTaken("Two variants of this product have the same SKU.")


@define(eq=False, kw_only=True)
class Category(Aggregate):
    """A place in the tree that shoppers browse by."""

    id: CategoryId
    slug: str = field(converter=checked_slug)
    name: str = field(validator=_sized(1, 200))
    description: str = field(default="", validator=_sized(0, 20_000))
    parent_id: CategoryId | None = None
    position: int = field(default=0, validator=_position)
    seo_title: str = field(default="", validator=_sized(0, 300))
    seo_description: str = field(default="", validator=_sized(0, 1000))
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, *, at: datetime, **attributes: Any) -> Self:
        """A new category at the top of the tree. Raises Invalid."""
        category = cls(created_at=at, updated_at=at, **attributes)
        category._record(CategoryChanged(at=at, category_id=category.id))
        return category

    def change(self, at: datetime, **changes: Any) -> None:
        """Replaces the named attributes. Raises Invalid, and then nothing has changed."""
        before = {name: getattr(self, name) for name in changes}
        try:
            for name, value in changes.items():
                setattr(self, name, value)
        except ShopError:
            for name, value in before.items():
                setattr(self, name, value)
            raise
        self.updated_at = at
        self._record(CategoryChanged(at=at, category_id=self.id))

    def hang_below(self, ancestors: Sequence[CategoryId], at: datetime, levels_below: int = 0) -> None:
        """Moves it and what hangs below it under the last of `ancestors` (the path from the root), or to the top.

        Raises CategoryLoops when the path leads through itself, Invalid when the tree would grow too deep.
        """
        if self.id in ancestors:
            raise CategoryLoops(f"“{self.name}” cannot hang below itself.")
        if len(ancestors) + levels_below >= DEPTH_MAX:
            raise Invalid(f"The tree of categories is at most {DEPTH_MAX} levels deep.")
        self.change(at, parent_id=ancestors[-1] if ancestors else None)
