"""Reading tables: rows with the lines they begin in, whatever the editor did to the file."""

import csv
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TextIO, TypeAlias

from attrs import frozen

from shop.entrypoints.cli.imports.records import FileUnreadable, RowProblem

CELL_LENGTH_MAX = 1_000_000
_DELIMITERS = ",;\t"


@frozen
class Row:
    """One row: the line it begins in, and its cells by the names of their columns in lower case.

    `columns` are all that the table has, whatever stands in them.
    """

    line: int
    cells: Mapping[str, str]
    columns: frozenset[str] = frozenset()

    def get(self, *columns: str) -> str:
        """The cell of the first of these columns that has anything in it, trimmed."""
        for column in columns:
            if cell := self.cells.get(column.casefold()):
                return cell
        return ""

    def has(self, *columns: str) -> bool:
        """Whether the table has one of these columns."""
        return any(column.casefold() in self.columns for column in columns)


ToldBy: TypeAlias = Mapping[str, tuple[str, ...]]
"""The columns that tell of each field of a record; none for a field of which files of that kind say nothing."""


def silent(row: Row, told_by: ToldBy) -> frozenset[str]:
    """The fields of which the table says nothing."""
    return frozenset(name for name, columns in told_by.items() if not row.has(*columns))


def column_names(row: Row, told_by: ToldBy) -> dict[str, str]:
    """What the table calls the fields of which it tells."""
    return {
        name: next(column for column in columns if row.has(column))
        for name, columns in told_by.items()
        if row.has(*columns)
    }


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The text of a file, unpacked when its name ends in .gz. Raises FileUnreadable."""
    try:
        with open(path, "rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as plain:
            yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise FileUnreadable(f"There is no file {path}.") from None
    except (gzip.BadGzipFile, zlib.error, EOFError, IsADirectoryError, PermissionError) as error:
        raise FileUnreadable(f"{path}: {error}.") from None


def no_utf8(line: int) -> FileUnreadable:
    return FileUnreadable(
        f"The file is not encoded in UTF-8 (near line {line}).",
        hint="Save it as “CSV UTF-8”, or convert it: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv",
    )


def table(path: Path, needs: Iterable[str | tuple[str, ...]], what: str) -> Iterator[Row | RowProblem]:
    """The rows of a CSV file, one after the other.

    `needs` are columns that must be there; of a tuple, one of them. Raises FileUnreadable when the file is no
    table of this kind. Rows with nothing in them are left out.
    """
    csv.field_size_limit(CELL_LENGTH_MAX)
    with opened(path) as text:
        line = 0
        try:
            first = text.readline()
            delimiter = max(_DELIMITERS, key=first.count)
            reader = csv.reader(_with_first(first, text), delimiter=delimiter)
            header = [name.strip().casefold() for name in next(reader, [])]
            _check_header(header, needs, what)
            columns, line = frozenset(header), reader.line_num
            for cells in reader:
                begins, line = line + 1, reader.line_num
                row = _row(begins, header, cells, columns)
                if row is not None:
                    yield row
        except UnicodeDecodeError:
            raise no_utf8(line + 1) from None
        except csv.Error as error:
            raise FileUnreadable(
                f"Line {line + 1} cannot be read: {error}.", hint="Perhaps a quote that opens there is never closed."
            ) from None


def _with_first(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _check_header(header: list[str], needs: Iterable[str | tuple[str, ...]], what: str) -> None:
    wanted = [(need,) if isinstance(need, str) else need for need in needs]
    missing = [" or ".join(names) for names in wanted if not any(name.casefold() in header for name in names)]
    if missing:
        there = ", ".join(name for name in header if name)[:300] or "nothing"
        raise FileUnreadable(
            f"This is no product file of {what}: it lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}.",
            hint=f"Its first line has: {there}. Another format? --format shopify, woocommerce, vendure or json.",
        )


def _row(line: int, header: list[str], cells: list[str], columns: frozenset[str]) -> Row | RowProblem | None:
    trimmed = [cell.strip() for cell in cells]
    if not any(trimmed):
        return None
    if any(trimmed[len(header) :]):
        return RowProblem(line, "", f"The row has {len(cells)} cells, but the first line names {len(header)} columns.")
    if len(cells) < len(header) and "\n" in cells[-1]:
        return RowProblem(line, header[len(cells) - 1], "A quote that opens here is never closed.")
    return Row(line, {name: cell for name, cell in zip(header, trimmed, strict=False) if name and cell}, columns)


class Spool:
    """Keeps rows in a temporary file until all that belongs together has been read: a file of any size fits."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the spool is one itself
        self._columns: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def put(self, row: Row) -> int:
        """Keeps the row, all of one table. Returns the place where `get` finds it."""
        self._columns = row.columns
        place = self._file.seek(0, io.SEEK_END)
        self._file.write(json.dumps([row.line, dict(row.cells)]).encode() + b"\n")
        return place

    def get(self, place: int) -> Row:
        self._file.seek(place)
        line, cells = json.loads(self._file.readline())
        return Row(line, cells, self._columns)
