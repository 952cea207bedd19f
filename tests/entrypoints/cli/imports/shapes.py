"""Turning the JSON of others into our own shape, as somebody would who moves to this shop."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any


def from_dummyjson(products: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "title": product["title"],
            "description": product["description"],
            "vendor": product.get("brand", ""),
            "tags": product["tags"],
            "media": [{"url": url} for url in product["images"]],
            "categories": [[product["category"]]],
            "variants": [
                {
                    "sku": product["sku"],
                    "barcode": product["meta"]["barcode"],
                    "price": product["price"],
                    "weight_grams": int(product["weight"]),
                    "stock": product["stock"],
                }
            ],
        }
        for product in products
    ]


def from_bestbuy(products: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "handle": f"p{number}-{product['name'][:80]}",
            "title": product["name"],
            "description": product["description"],
            "vendor": product["brand"],
            "media": [{"url": product["image"]}],
            "categories": [product["categories"]],
            "metadata": {"popularity": str(product["popularity"])},
            "variants": [{"price": product["price"], "tracked": False}],
        }
        for number, product in enumerate(products)
    ]


def plain(value: object) -> object:
    """Decimals as the numbers they were read from."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value))
