"""Each statement is compiled once for each database, and says what the database needs to see."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Table, bindparam, select

from shop.adapters.sql.schema import UtcDateTime, carts, deliveries, metadata
from shop.adapters.sql.sqlite import connect
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement, any_of, insert_into

OPEN = Statement(
    select(carts.c.id, carts.c.metadata).where(carts.c.status == "open", carts.c.email == bindparam("of_email"))
)


@pytest.mark.parametrize("dialect", [POSTGRES, SQLITE])
def test_constants_stand_in_the_text_and_parameters_do_not(dialect: str) -> None:
    compiled = OPEN.compiled(dialect)
    assert "carts.status = 'open'" in compiled.text
    assert compiled.names == ("of_email",)
    assert OPEN.compiled(dialect) is compiled


def test_an_apostrophe_in_a_constant_stays_inside() -> None:
    statement = Statement(select(carts.c.id).where(carts.c.note == "it's 50 %"))
    for dialect in (POSTGRES, SQLITE):
        assert "'it''s 50 %'" in statement.compiled(dialect).text


def test_a_parameter_that_is_missing_is_noticed() -> None:
    with pytest.raises(KeyError, match="of_email"):
        OPEN.compiled(SQLITE).arguments({})


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_bulk_inserts_name_every_column_once(table: Table) -> None:
    compiled = insert_into(table).compiled(POSTGRES)
    assert compiled.bulk_text.count("[]") == len(compiled.names)
    assert "VALUES" not in compiled.bulk_text
    assert "COLLATE" not in compiled.bulk_text


def test_sqlite_finds_one_of_many_by_the_index() -> None:
    connection = sqlite3.connect(":memory:")
    connection.create_function("id_of", 1, bytes.fromhex, deterministic=True)
    connection.execute("CREATE TABLE carts (id BLOB PRIMARY KEY) WITHOUT ROWID")
    ids = [UUID(int=n) for n in range(5)]
    connection.executemany("INSERT INTO carts VALUES (?)", [(one.bytes,) for one in ids])
    compiled = Statement(select(carts.c.id).where(any_of(carts.c.id, "wanted"))).compiled(SQLITE)
    arguments = compiled.arguments({"wanted": ids[1:3]})
    assert [row[0] for row in connection.execute(compiled.text, arguments)] == [ids[1].bytes, ids[2].bytes]
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", arguments))
    assert "SEARCH carts USING PRIMARY KEY" in plan
    connection.close()


def test_times_sort_as_text_and_naive_ones_are_refused() -> None:
    late = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    text = UtcDateTime.to_sqlite(late)
    assert text == "2026-01-02T01:04:05.000006Z"
    assert UtcDateTime.from_sqlite(text) == late
    assert UtcDateTime.from_sqlite(text).tzinfo == UTC
    assert UtcDateTime.to_sqlite(datetime(500, 1, 1, tzinfo=UTC)) == "0500-01-01T00:00:00.000000Z" < text
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime.to_sqlite(late.replace(tzinfo=None))


def test_a_partial_index_serves_what_is_pending(tmp_path: Path) -> None:
    connection = connect(tmp_path / "plan.db")
    connection.execute("CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, state TEXT, due_at TEXT, subscriber TEXT)")
    connection.execute("CREATE INDEX pending ON deliveries (due_at) WHERE state = 'pending'")
    wanted = select(deliveries.c.seq).where(
        deliveries.c.state == "pending", deliveries.c.due_at <= bindparam("now", type_=UtcDateTime())
    )
    compiled = Statement(wanted).compiled(SQLITE)
    arguments = compiled.arguments({"now": datetime(2026, 1, 1, tzinfo=UTC)})
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", arguments))
    assert "INDEX pending" in plan
    connection.close()
