"""Whose SKU it is: one that only an archived variant has is free, and the archived one loses it to whoever asks."""

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve, frozen

from shop.application.messages import Context
from shop.application.ports.unit_of_work import Transaction
from shop.domain.catalog import Product, SkuTaken, Variant
from shop.domain.kernel.errors import Flaw
from shop.domain.kernel.identifiers import ProductId


def without_skus(variants: Iterable[Variant], skus: Collection[str]) -> tuple[Variant, ...]:
    """The variants of a product; of those that are archived none has one of these SKUs any more."""
    return tuple(evolve(v, sku="") if v.archived and v.sku in skus else v for v in variants)


@frozen
class Skus:
    """The SKUs of other products as one transaction sees them."""

    tx: Transaction
    context: Context

    async def take(
        self,
        wanted: Mapping[str, str],
        *,
        by: ProductId | None = None,
        retiring: frozenset[str] | None = None,
        write: bool = True,
    ) -> None:
        """Makes these SKUs free for the product `by`, or for a new one. `wanted` are SKUs by what asks, as a pointer.

        Archived variants lose them, and so do variants of products with one of the slugs in `retiring`: those are
        archived. With `retiring`, raises SkuTaken for a SKU that any other live variant has; without, storage does.
        """
        changed: dict[ProductId, Product] = {}
        for pointer, sku in wanted.items():
            holder = await self.tx.products.find_by_sku(sku)
            if holder is None or holder.id == by:
                continue
            variant = next(variant for variant in holder.variants if variant.sku == sku)
            if variant.archived or holder.slug in (retiring or ()):
                changed.setdefault(holder.id, holder).change_variant(
                    variant.id, self.context.now, archived=True, sku=""
                )
            elif retiring is not None:
                raise SkuTaken(
                    f"The SKU “{sku}” is that of a variant of “{holder.slug}”.",
                    flaws=(Flaw(pointer, "sku_taken", "Each SKU belongs to one variant"),),
                )
        for holder in changed.values() if write else ():
            # Saved before whoever takes the SKU: it is given up first.
            self.tx.products.save(holder)
