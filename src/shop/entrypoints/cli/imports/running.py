"""One import from beginning to end: read the whole file first, then bring in product by product.

Nothing is kept of how far an import came: given again, what is there already is passed over.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeAlias

from attrs import asdict, define, field

from shop.application.commands.imports import Imported, ImportProduct, Outcome
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.queries.store import GetStoreSettings
from shop.application.shop import Shop
from shop.domain.catalog import SkuTaken, SlugTaken
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.records import Entry, FileUnreadable, Found, RowProblem
from shop.entrypoints.cli.imports.rows import no_utf8, opened
from shop.entrypoints.cli.imports.shopify import read_shopify
from shop.entrypoints.cli.imports.vendure import read_vendure
from shop.entrypoints.cli.imports.woocommerce import read_woocommerce

Read: TypeAlias = Callable[[Path, str], Iterator[Entry]]
FORMATS: Final = ("shopify", "woocommerce", "vendure", "json")
# Columns that only files of this kind have.
_SIGNS = {
    "shopify": ("handle,", "url handle", "variant price"),
    "woocommerce": ("regular price",),
    "vendure": ("optiongroups",),
}
PROBLEMS_KEPT = 1000
TRIES = 3
"""How often a product is looked up and brought in while somebody else, such as another import, is at the same one."""


class Progress(Protocol):
    """Whoever watches an import."""

    def begin(self, total: int) -> None: ...

    def advance(self) -> None: ...

    def problem(self, problem: RowProblem) -> None: ...

    def end(self) -> None: ...


@define(kw_only=True)
class Summary:
    """What became of a file. `problems` holds the first thousand; `total` and the counts are of products."""

    file: str
    dry_run: bool = False
    total: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    notes: int = 0
    problems: list[RowProblem] = field(factory=list)

    def add(self, problem: RowProblem) -> None:
        if problem.fatal:
            self.failed += 1
        else:
            self.notes += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@define
class Import:
    """An import that is ready to run: the file has been read through once, and its products counted."""

    shop: Shop
    path: Path
    read: Read
    currency: str
    handles: frozenset[str]
    summary: Summary

    @classmethod
    async def prepare(cls, shop: Shop, path: Path, format: str, *, currency: str = "", dry_run: bool = False) -> Self:
        """Reads the file through, so that nothing is written of one that cannot be read. Raises FileUnreadable."""
        settings = await shop.ask(GetStoreSettings())
        currency = currency.upper() or settings.store.currency
        exponent(currency)
        read = _reader(shop, format)
        summary, handles = Summary(file=path.name, dry_run=dry_run), set[str]()
        for entry in read(path, currency):
            summary.total += isinstance(entry, Found)
            # What cannot be imported is named as well: nothing else is taken for it because of a SKU.
            handles.add(entry.record.handle if isinstance(entry, Found) else entry.handle)
        return cls(shop, path, read, currency, frozenset(handles), summary)

    async def run(self, progress: Progress) -> Summary:
        """Brings every product in. A product that the shop refuses is noted and the next one follows.

        Raises Unavailable when the shop's storage is away: what came in until then is there.
        """
        progress.begin(self.summary.total)
        try:
            for entry in self.read(self.path, self.currency):
                if isinstance(entry, RowProblem):
                    self._note(entry, progress)
                else:
                    await self._bring_in(entry, progress)
        finally:
            progress.end()
        return self.summary

    async def _bring_in(self, found: Found, progress: Progress) -> None:
        summary = self.summary
        try:
            imported = await self._imported(found)
        except Unavailable:
            raise
        except ShopError as error:
            detail = f"“{found.record.title[:60]}” was refused: {error.detail}"
            place = found.place(error.flaws[0].pointer if error.flaws else "")
            self._note(RowProblem(*place, detail, handle=found.record.handle), progress)
        else:
            summary.created += imported.outcome is Outcome.CREATED
            summary.updated += imported.outcome is Outcome.UPDATED
            summary.unchanged += imported.outcome is Outcome.UNCHANGED
        progress.advance()

    async def _imported(self, found: Found) -> Imported:
        """What became of the product. Where somebody took its slug or SKU meanwhile, it is the same one, perhaps."""
        command = ImportProduct(record=found.record, handles=self.handles, dry_run=self.summary.dry_run)
        for _ in range(TRIES - 1):
            try:
                return await self.shop.execute(command)
            except (SlugTaken, SkuTaken, StaleAggregate):
                continue
        return await self.shop.execute(command)

    def _note(self, problem: RowProblem, progress: Progress) -> None:
        self.summary.add(problem)
        progress.problem(problem)


def told_format(path: Path) -> str:
    """Which shop's file this is, by its name and first line. Raises FileUnreadable when that does not tell."""
    if {".json", ".jsonl"} & set(path.suffixes):
        return "json"
    with opened(path) as text:
        try:
            first = text.readline(100_000).casefold()
        except UnicodeDecodeError:
            raise no_utf8(1) from None
    for name, signs in _SIGNS.items():
        if any(sign in first for sign in signs):
            return name
    raise FileUnreadable(
        "Its first line does not tell whose file this is.", hint=f"Say it: --format {', '.join(FORMATS)}."
    )


def _reader(shop: Shop, format: str) -> Read:
    """How a file of this format is read today, as the shop's clock has it."""
    readers: dict[str, Read] = {
        "shopify": read_shopify,
        "woocommerce": partial(read_woocommerce, today=shop.context().now.date()),
        "vendure": read_vendure,
        "json": read_json,
    }
    return readers[format]
