"""What “Nordlicht” sells: things for cold evenings. Prices in euros with tax."""

import csv
from collections.abc import Iterator, Mapping
from importlib.resources import files

from shop.application.commands.imports import ProductRecord, VariantRecord
from shop.domain.catalog import Option, Price
from shop.domain.kernel.money import Money

STANDARD, REDUCED = "standard", "reduced"

# What pays the reduced rate in Germany: food and books.
_REDUCED = ("Kitchen > Pantry", "Books > Winter")
_STOCKS = (40, 12, 0, 25, 7, 60, 3, 18)
_DEARER_SIZES = {"Large": 1.6, "60 cm": 1.5, "A2": 1.5, "28 cm": 1.25, "500 g": 1.8, "1 kg": 3.4, "50 cm": 1.2}


def products() -> Iterator[ProductRecord]:
    """All products of `catalogue.csv`, always the same. A few variants are out of stock, some nearly."""
    text = (files(__package__) / "catalogue.csv").read_text(encoding="utf-8")
    for number, line in enumerate(csv.DictReader(text.splitlines(), delimiter=";")):
        yield _record(number, line)


def _record(number: int, line: Mapping[str, str]) -> ProductRecord:
    options = _options(line["varies"])
    return ProductRecord(
        handle=line["handle"],
        title=line["title"],
        description=line["description"],
        vendor=line["vendor"],
        tags=tuple(sorted({line["vendor"].split()[0].lower(), line["path"].split(" > ")[1].lower()})),
        seo_title=f"{line['title']} · Nordlicht",
        seo_description=line["description"],
        options=options,
        variants=tuple(_variant(number, place, values, line) for place, values in enumerate(_combinations(options))),
        categories=(_path(line["path"]),),
    )


def _options(varies: str) -> tuple[Option, ...]:
    parts = [part.partition(":") for part in varies.split("/") if part.strip()]
    return tuple(
        Option(name=name.strip(), values=tuple(value.strip() for value in values.split(",")))
        for name, _, values in parts
    )


def _combinations(options: tuple[Option, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for option in options:
        found = [(*values, value) for values in found for value in option.values]
    return found


def _variant(number: int, place: int, values: tuple[str, ...], line: Mapping[str, str]) -> VariantRecord:
    factor = max((_DEARER_SIZES.get(value, 1.0) for value in values), default=1.0)
    before = _larger(line["before"], factor) if line["before"] else None
    return VariantRecord(
        sku=f"NL-{number + 1:02d}-{place + 1:02d}",
        options=values,
        prices=(Price(amount=_larger(line["price"], factor), compare_at=before),),
        weight_grams=int(int(line["grams"]) * factor),
        tax_class=REDUCED if line["path"] in _REDUCED else STANDARD,
        stock=_STOCKS[(number * 3 + place) % len(_STOCKS)],
    )


def _larger(euros: str, factor: float) -> Money:
    """The price for a larger size, to the whole ten cents; nothing else is ever made with a fraction."""
    price = Money.from_major(euros, "EUR")
    return price if factor == 1.0 else Money(round(price.minor * factor / 10) * 10, "EUR")


def _path(path: str) -> tuple[tuple[str, str], ...]:
    names = path.split(" > ")
    return tuple(("-".join(name.lower() for name in names[: depth + 1]), name) for depth, name in enumerate(names))
