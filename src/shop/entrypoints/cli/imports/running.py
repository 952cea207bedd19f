"""One import from beginning to end: read the whole file first, then bring in product by product, resumably.

Where an import stopped is kept under the user's state folder, by what the file contains: the same file under
another name goes on, a changed file starts anew.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from attrs import asdict, define, field

from shop.application.commands.imports import ImportProduct, Outcome
from shop.application.queries.store import GetStoreSettings
from shop.application.shop import Shop
from shop.domain.kernel.currencies import exponent
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.entrypoints.cli.imports.json import read_json
from shop.entrypoints.cli.imports.records import Entry, FileUnreadable, Found, RowProblem
from shop.entrypoints.cli.imports.rows import no_utf8, opened
from shop.entrypoints.cli.imports.shopify import read_shopify
from shop.entrypoints.cli.imports.vendure import read_vendure
from shop.entrypoints.cli.imports.woocommerce import read_woocommerce

READERS: dict[str, Callable[[Path, str], Iterator[Entry]]] = {
    "shopify": read_shopify,
    "woocommerce": read_woocommerce,
    "vendure": read_vendure,
    "json": read_json,
}
# Columns that only files of this kind have.
_SIGNS = {
    "shopify": ("handle,", "url handle", "variant price"),
    "woocommerce": ("regular price",),
    "vendure": ("optiongroups",),
}
PROBLEMS_KEPT = 1000
SAVED_EVERY = 20
_COUNTS = ("done", "created", "updated", "unchanged")


class Progress(Protocol):
    """Whoever watches an import."""

    def begin(self, total: int, done: int) -> None: ...

    def advance(self) -> None: ...

    def problem(self, problem: RowProblem) -> None: ...

    def end(self) -> None: ...


@define(kw_only=True)
class Summary:
    """What became of a file. `problems` holds the first thousand; `total` and the counts are of products.

    `done` is how many of the file's products were tried, `refused` which of those the shop would not take.
    """

    file: str
    dry_run: bool = False
    total: int = 0
    done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    refused: list[int] = field(factory=list)
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
        return asdict(self, filter=lambda attribute, _: attribute.name != "refused")


class Mark:
    """Where an import stands, in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_into(self, summary: Summary) -> None:
        """Fills the counts in as they were; leaves them alone where nothing was kept."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            counts = {name: int(kept[name]) for name in _COUNTS}
            refused = [int(number) for number in kept["refused"]]
        except (OSError, ValueError, KeyError, TypeError):
            return
        for name, count in counts.items():
            setattr(summary, name, count)
        summary.refused = refused

    def write(self, summary: Summary) -> None:
        # Without a place to keep it, the import still works; it just cannot be resumed.
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            kept = {name: getattr(summary, name) for name in (*_COUNTS, "refused")}
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(kept), encoding="utf-8")
            draft.replace(self._path)

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


@define
class Import:
    """An import that is ready to run: the file has been read through once, and its products counted."""

    shop: Shop
    path: Path
    read: Callable[[Path, str], Iterator[Entry]]
    currency: str
    mark: Mark
    resume: bool
    summary: Summary

    @classmethod
    async def prepare(
        cls,
        shop: Shop,
        path: Path,
        format: str,
        *,
        into: str = "",
        currency: str = "",
        dry_run: bool = False,
        resume: bool = True,
    ) -> Self:
        """Reads the file through, so that nothing is written of one that cannot be read. Raises FileUnreadable.

        `into` names the shop's storage: the same file goes into another shop from the beginning.
        """
        settings = await shop.ask(GetStoreSettings())
        currency = currency.upper() or settings.store.currency
        exponent(currency)
        read = READERS[format]
        total = sum(1 for entry in read(path, currency) if isinstance(entry, Found))
        mark = Mark(_state_folder() / f"{_fingerprint(path, format, currency, into)}.json")
        return cls(shop, path, read, currency, mark, resume, Summary(file=path.name, dry_run=dry_run, total=total))

    async def run(self, progress: Progress) -> Summary:
        """Brings every product in. A product that the shop refuses is noted and the next one follows.

        Raises Unavailable when the shop's storage is away: the import goes on there when it is started again.
        """
        summary = self.summary
        if self.resume and not summary.dry_run:
            self.mark.read_into(summary)
        # What the shop refused then is tried again: somebody may have mended the reason.
        tried, again = summary.done, set(summary.refused)
        summary.refused = []
        progress.begin(summary.total, tried - len(again))
        finished, number = False, -1
        try:
            for entry in self.read(self.path, self.currency):
                if isinstance(entry, RowProblem):
                    self._note(entry, progress)
                    continue
                number += 1
                if number >= tried or number in again:
                    await self._bring_in(entry, number, progress)
            finished = True
        finally:
            progress.end()
            if finished:
                self.mark.remove()
            elif not summary.dry_run:
                self.mark.write(summary)
        return summary

    async def _bring_in(self, found: Found, number: int, progress: Progress) -> None:
        summary = self.summary
        try:
            imported = await self.shop.execute(ImportProduct(record=found.record, dry_run=summary.dry_run))
        except Unavailable:
            raise
        except ShopError as error:
            summary.refused.append(number)
            detail = f"“{found.record.title[:60]}” was refused: {error.detail}"
            self._note(RowProblem(found.line, error.flaws[0].pointer if error.flaws else "", detail), progress)
        else:
            summary.created += imported.outcome is Outcome.CREATED
            summary.updated += imported.outcome is Outcome.UPDATED
            summary.unchanged += imported.outcome is Outcome.UNCHANGED
        summary.done = max(summary.done, number + 1)
        if summary.done % SAVED_EVERY == 0 and not summary.dry_run:
            self.mark.write(summary)
        progress.advance()

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
        "Its first line does not tell whose file this is.", hint=f"Say it: --format {', '.join(READERS)}."
    )


def _fingerprint(path: Path, *circumstances: str) -> str:
    digest = hashlib.sha256("\0".join(circumstances).encode())
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()[:32]


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "hexshop" / "imports"
