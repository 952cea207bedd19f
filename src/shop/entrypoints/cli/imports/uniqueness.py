"""What may be in a file once only: handles, SKUs, and the addresses of categories."""

from collections.abc import Iterator
from itertools import count

from attrs import evolve

from shop.application.commands.imports import VariantRecord
from shop.entrypoints.cli.imports.records import Entry, Found, RowProblem, slug_of

_NUMBERED_MAX = 180
_Path = tuple[str, ...]


class Uniqueness:
    """Watches over a file: what must be there once only is noticed when it comes again.

    `handles` are all that the file itself gives: none of those is made up for another product.
    """

    def __init__(self, handles: frozenset[str] = frozenset()) -> None:
        self._given = set(handles)
        self._handles: dict[str, int] = {}
        self._skus: dict[str, int] = {}
        self._categories: dict[str, _Path] = {}
        self._told: set[tuple[str, _Path]] = set()

    def free_handle(self, wanted: str, otherwise: str = "") -> str:
        """`wanted` where that is free; else with `otherwise` behind it, or a number. No other product gets it."""
        if not wanted:
            return ""
        handle = next(each for each in self._candidates(wanted, otherwise) if each not in self._given)
        self._given.add(handle)
        return handle

    @staticmethod
    def _candidates(wanted: str, otherwise: str) -> Iterator[str]:
        yield wanted
        if otherwise:
            yield slug_of(wanted, otherwise)
        for number in count(2):
            yield f"{wanted[:_NUMBERED_MAX].rstrip('-')}-{number}"

    def check(self, found: Found) -> Iterator[Entry]:
        """The product with its SKUs made unique (a note for each that was not), or a problem with its handle."""
        handle = found.record.handle
        if handle in self._handles:
            detail = f"“{handle}” is the handle of another product too, which begins in line {self._handles[handle]}."
            yield RowProblem(*found.place("/handle"), detail)
            return
        self._handles[handle] = found.line
        yield from self._alike_categories(found)
        variants: list[VariantRecord] = []
        for index, variant in enumerate(found.record.variants):
            earlier = self._skus.get(variant.sku)
            if earlier is not None:
                detail = f"The SKU {variant.sku} comes again (first in line {earlier}): this variant gets none."
                yield RowProblem(*found.place(f"/variants/{index}/sku"), detail, fatal=False)
                variant = evolve(variant, sku="")
            elif variant.sku:
                self._skus[variant.sku] = found.line_of(index)
            variants.append(variant)
        yield evolve(found, record=evolve(found.record, variants=tuple(variants)))

    def _alike_categories(self, found: Found) -> Iterator[RowProblem]:
        """A note for each category that comes into another one, because letters and digits do not tell them apart."""
        for path in found.record.categories:
            for depth, (slug, _) in enumerate(path, start=1):
                names = tuple(name for _, name in path[:depth])
                first = self._categories.setdefault(slug, names)
                if _folded(first) == _folded(names):
                    continue
                if (slug, names) not in self._told:
                    self._told.add((slug, names))
                    detail = f"“{' > '.join(names)[:200]}” comes into “{' > '.join(first)[:200]}”: both are “{slug}”."
                    yield RowProblem(*found.place("/categories"), detail, fatal=False)
                break


def _folded(names: _Path) -> _Path:
    return tuple(name.strip().casefold() for name in names)
