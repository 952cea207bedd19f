"""Tables as editors leave them behind: every row is read, with the line on which it begins."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from shop.entrypoints.cli.imports.records import FileUnreadable, Found
from shop.entrypoints.cli.imports.rows import Row, Spool, table
from shop.entrypoints.cli.imports.shopify import read_shopify
from tests.scale import rounds


def rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    return [(row.line, dict(row.cells)) for row in table(path, ("Name",), "a test") if isinstance(row, Row)]


@pytest.mark.parametrize(
    "content",
    [
        b"Name,Price\nMug,9\n",
        b"\xef\xbb\xbfName,Price\r\nMug,9\r\n",
        b"Name;Price\nMug;9",
        b"Name\tPrice\nMug\t9\n",
        b" NAME , price \n  Mug  ,9  \n",
        b"Name,Price\n\n,\nMug,9\n,,\n",
        b"Name,Price\rMug,9\r",
    ],
)
def test_the_same_row_in_every_guise(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert [cells for _, cells in rows(path)] == [{"name": "Mug", "price": "9"}]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('Name,Text\nA,"one\ntwo\nthree"\n\nB,x\n"C\nC",y\nD,z\n', encoding="utf-8")
    assert [line for line, _ in rows(path)] == [2, 6, 7, 9]


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"Name\nMug\n"))
    assert rows(path) == [(2, {"name": "Mug"})]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("Name\nCafé\n".encode("latin-1"), "UTF-8"),
        ("Name\nMug\n".encode("utf-16"), "UTF-8"),
        (b"Title\nMug\n", "lacks the column Name"),
        (b"", "lacks the column Name"),
        (b'Name\n"' + b"x" * 1_100_000, "Line 2 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=what) as caught:
        rows(path)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["nothing.csv", ".", "nothing.csv.gz"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable):
        rows(tmp_path / name)


def test_a_packed_file_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    packed = bytearray(gzip.compress(b"Name\n" + b"".join(b"Mug %d\n" % number for number in range(20_000))))
    packed[len(packed) // 2] ^= 0xFF
    for content in (bytes(packed), bytes(packed[: len(packed) // 2])):
        path.write_bytes(content)
        with pytest.raises(FileUnreadable):
            rows(path)


def test_a_file_that_is_not_packed_after_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(b"Name\nMug\n")
    with pytest.raises(FileUnreadable):
        rows(path)


def test_rows_that_do_not_fit_are_problems_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('Name,Price\nA,1,2\nB,1,\nC,1\nD\nE,"1\n2', encoding="utf-8")
    found = [(type(row).__name__, row.line) for row in table(path, ("Name",), "a test")]
    assert found == [("RowProblem", 2), ("Row", 3), ("Row", 4), ("Row", 5), ("Row", 6)]


def test_a_quote_that_is_never_closed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('Name,Text,Price\nA,"never closed,1\nB,x,2\n', encoding="utf-8")
    [problem] = list(table(path, ("Name",), "a test"))
    assert not isinstance(problem, Row)
    assert (problem.line, problem.detail) == (2, "A quote that opens here is never closed.")


def test_a_spool_gives_back_what_it_was_given() -> None:
    given = [Row(number, {"name": f"Nø {number}", "text": "a\nb"}) for number in range(100)]
    with Spool() as spool:
        places = [spool.put(row) for row in given]
        assert [spool.get(place) for place in reversed(places)] == given[::-1]


@pytest.mark.prove
def test_a_long_file_needs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    text, count = "word " * 100, rounds(8_000, in_full=100_000)
    with path.open("w", encoding="utf-8") as file:
        file.write("Handle,Title,Body (HTML),Variant Price,Option1 Name,Option1 Value\n")
        for number in range(count):
            title, name = ("Thing", "Size") if number % 4 == 0 else ("", "")
            file.write(f"thing-{number // 4},{title},{text},9.99,{name},{number % 4}\n")
    tracemalloc.start()
    try:
        products = variants = 0
        for entry in read_shopify(path, "EUR"):
            assert isinstance(entry, Found)
            products += 1
            variants += len(entry.record.variants)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (products, variants) == (count // 4, count)
    # Handles and places are kept, the rows are not.
    assert peak < 2_000_000 + 200 * count < path.stat().st_size
