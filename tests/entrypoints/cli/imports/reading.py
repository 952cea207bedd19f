"""Reading a file in a test: what was found, and what was said about it."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from shop.application.commands.imports import ProductRecord, VariantRecord
from shop.domain.catalog import Price
from shop.entrypoints.cli.imports import woocommerce
from shop.entrypoints.cli.imports.records import Entry, Found, RowProblem

TODAY = date(2026, 3, 4)
SHARED = Path(__file__).parents[5] / "shared" / "data"


def shared(name: str) -> Path:
    """A real file of another shop; the test is skipped where it is not at hand."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the real catalogue {name} is not beside the repository")
    return path


def read_woocommerce(path: Path, currency: str) -> Iterator[Entry]:
    """As it is read on that day."""
    return woocommerce.read_woocommerce(path, currency, TODAY)


class Reading:
    """Everything that came out of a file, sorted."""

    def __init__(self, read: Callable[[Path, str], Iterator[Entry]], path: Path, currency: str = "EUR") -> None:
        entries = list(read(path, currency))
        self.found = [entry for entry in entries if isinstance(entry, Found)]
        self.problems = [entry for entry in entries if isinstance(entry, RowProblem) and entry.fatal]
        self.notes = [entry for entry in entries if isinstance(entry, RowProblem) and not entry.fatal]
        self.records: list[ProductRecord] = [found.record for found in self.found]
        self.variants: list[VariantRecord] = [variant for record in self.records for variant in record.variants]

    @property
    def prices(self) -> list[Price]:
        return [price for variant in self.variants for price in variant.prices]

    @property
    def sum_of_prices(self) -> int:
        """In minor units."""
        return sum(price.amount.minor for price in self.prices)
