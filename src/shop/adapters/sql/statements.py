"""Statements: written once in SQLAlchemy Core, compiled once per database, run on the driver itself.

Constants in a statement are compiled into its text, so that the planner sees them and partial indexes serve;
everything named by `bindparam` stays a parameter.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import Boolean, ClauseElement, ColumnElement, Table, TableValuedAlias, Text, bindparam, insert
from sqlalchemy import column as named
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import any_
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from shop.adapters.sql.schema.columns import Convert, Id, Json, Portable, word

POSTGRES, SQLITE = "postgresql", "sqlite"
VALUES = re.compile(r"VALUES (\((?:[^()]|\([^()]*\))*\))")
"""The row of an insert, in its text."""


class _ConstantsInText(SQLCompiler):
    def visit_bindparam(self, bindparam: Any, *arguments: Any, **options: Any) -> Any:
        if not bindparam.required and bindparam.value is not None:
            options["literal_binds"] = True
        return super().visit_bindparam(bindparam, *arguments, **options)  # type: ignore[no-untyped-call]


def _dialect(dialect: Dialect) -> Dialect:
    bases = (_ConstantsInText, dialect.statement_compiler)
    dialect.statement_compiler = type("Compiler", bases, {})
    return dialect


DIALECTS: dict[str, Dialect] = {
    POSTGRES: _dialect(PGDialect_asyncpg()),  # type: ignore[no-untyped-call]
    SQLITE: _dialect(sqlite.dialect(paramstyle="qmark")),
}


@frozen
class Compiled:
    """The text of a statement for one database, its parameters in order, and what to convert on the way.

    `bulk_text` (PostgreSQL, plain inserts) takes an array per parameter and inserts a row per element.
    """

    text: str
    names: tuple[str, ...]
    binds: tuple[tuple[int, Convert], ...] = ()
    results: tuple[tuple[int, Convert], ...] = ()
    bulk_text: str = ""
    _pick: Callable[[Mapping[str, Any]], Iterable[Any]] = field(init=False, eq=False, repr=False)

    @_pick.default
    def _in_order(self) -> Callable[[Mapping[str, Any]], Iterable[Any]]:
        if len(self.names) < 2:  # an itemgetter of one name gives the value itself
            return lambda values: [values[name] for name in self.names]
        return itemgetter(*self.names)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the parameters, as the driver wants them."""
        arguments = list(self._pick(values))
        for index, convert in self.binds:
            if arguments[index] is not None:
                arguments[index] = convert(arguments[index])
        return arguments


@define(eq=False)
class Statement:
    """A statement for both databases. `bulk`: an insert of which many rows may go at once."""

    element: ClauseElement
    bulk: bool = False
    _compiled: dict[str, Compiled] = field(factory=dict, init=False, repr=False)

    def compiled(self, dialect: str) -> Compiled:
        known = self._compiled.get(dialect)
        if known is None:
            known = self._compiled[dialect] = _compile(self, dialect)
        return known


def insert_into(
    table: Table, *, computed: Mapping[str, Any] | None = None, replace: Iterable[str] | None = None
) -> Statement:
    """An insert of whole rows, by column name, but for what the database begins with by itself.

    `computed` columns are given by an expression. With `replace`, a row that is there (by these key columns) is
    brought up to date instead.
    """
    computed = computed or {}
    values = {
        column.name: computed[column.name] if column.name in computed else bindparam(column.name)
        for column in table.columns
        if column.identity is None and column.server_default is None
    }
    if replace is None:
        return Statement(insert(table).values(values).inline(), bulk=not computed)
    keys = list(replace)
    element = postgresql.insert(table).values(values).inline()
    updated = {name: element.excluded[name] for name in values if name not in keys}
    return Statement(element.on_conflict_do_update(index_elements=keys, set_=updated), bulk=not computed)


def any_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The column is one of the values of the list parameter `name` (ids, or text)."""
    return _AnyOf(column, name)


def json_rows(*columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """All rows of a group as one JSON list of lists. Ids come as hexadecimal text, in no particular order."""
    return _JsonRows(*columns)


def json_elements(column: ColumnElement[Any]) -> TableValuedAlias:
    """The texts of a JSON list as rows with one column `value`; to be selected from beside the table of the list."""
    return _JsonElements(column).table_valued(named("value", word()))


def json_text(column: ColumnElement[Any], *path: str | int) -> ColumnElement[Any]:
    """What stands at this path of a JSON column, as text; NULL where there is nothing."""
    return _JsonText(column, path)


class _AnyOf(FunctionElement[bool]):
    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column, self.parameter = column, name
        super().__init__(column)

    def self_group(self, against: Any = None) -> Any:
        """A condition as it is: comparing it with 1, as SQLite would be told, keeps it from its index."""
        return self


@compiles(_AnyOf, POSTGRES)
def _any_of_postgres(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column = element.column
    values = bindparam(element.parameter, type_=postgresql.ARRAY(_without_collation(column.type)))
    return f"{compiler.process(column, **options)} = {compiler.process(any_(values), **options)}"


@compiles(_AnyOf, SQLITE)
def _any_of_sqlite(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column = element.column
    ids = isinstance(column.type, Id)
    values = compiler.process(bindparam(element.parameter, type_=_IdList() if ids else Json()), **options)
    value = "id_of(value)" if ids else "value"
    return f"{compiler.process(column, **options)} IN (SELECT {value} FROM json_each({values}))"  # noqa: S608


class _IdList(Json):
    """Ids as a JSON list of hexadecimal words, for SQLite."""

    cache_ok = True

    @staticmethod
    def to_sqlite(value: Any) -> str:
        return Json.to_sqlite([uuid.hex for uuid in value])


class _JsonRows(FunctionElement[Any]):
    inherit_cache = False
    type = Json()


@compiles(_JsonRows, POSTGRES)
def _json_rows_postgres(element: _JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    columns = ", ".join(compiler.process(column, **options) for column in element.clauses)
    return f"coalesce(json_agg(json_build_array({columns})), '[]')"


@compiles(_JsonRows, SQLITE)
def _json_rows_sqlite(element: _JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    columns = ", ".join(_json_value(column, compiler, options) for column in element.clauses)
    return f"json_group_array(json_array({columns}))"


class _JsonElements(FunctionElement[Any]):
    name = "json_elements"
    inherit_cache = False


@compiles(_JsonElements, POSTGRES)
def _json_elements_postgres(element: _JsonElements, compiler: SQLCompiler, **options: Any) -> str:
    [column] = element.clauses
    return f"jsonb_array_elements_text({compiler.process(column, **options)})"


@compiles(_JsonElements, SQLITE)
def _json_elements_sqlite(element: _JsonElements, compiler: SQLCompiler, **options: Any) -> str:
    [column] = element.clauses
    return f"json_each({compiler.process(column, **options)})"


class _JsonText(FunctionElement[Any]):
    inherit_cache = False
    type = Text()

    def __init__(self, column: ColumnElement[Any], path: tuple[str | int, ...]) -> None:
        self.column, self.path = column, path
        super().__init__(column)


@compiles(_JsonText, POSTGRES)
def _json_text_postgres(element: _JsonText, compiler: SQLCompiler, **options: Any) -> str:
    path = ",".join(str(step) for step in element.path)
    return f"({compiler.process(element.column, **options)} #>> '{{{path}}}')"


@compiles(_JsonText, SQLITE)
def _json_text_sqlite(element: _JsonText, compiler: SQLCompiler, **options: Any) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in element.path)
    return f"json_extract({compiler.process(element.column, **options)}, '${path}')"


def _json_value(column: ColumnElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> str:
    text = compiler.process(column, **options)
    if isinstance(column.type, Id):
        return f"lower(hex({text}))"
    return f"json({text})" if isinstance(column.type, Json) else text


def _compile(statement: Statement, dialect: str) -> Compiled:
    compiled = statement.element.compile(dialect=DIALECTS[dialect])
    assert isinstance(compiled, SQLCompiler)
    names = tuple(compiled.positiontup or ())
    if dialect == POSTGRES:
        bulk = _bulk_text(compiled, names) if statement.bulk else ""
        return Compiled(compiled.string, names, bulk_text=bulk)
    binds = [(i, _to_sqlite(compiled.binds[name].type)) for i, name in enumerate(names)]
    results = [(i, _from_sqlite(entry[3])) for i, entry in enumerate(compiled._result_columns)]
    return Compiled(
        compiled.string,
        names,
        binds=tuple((i, convert) for i, convert in binds if convert),
        results=tuple((i, convert) for i, convert in results if convert),
    )


def _bulk_text(compiled: SQLCompiler, names: Sequence[str]) -> str:
    """`VALUES ($1, $2)` becomes `SELECT * FROM unnest($1::uuid[], $2::text[])`."""
    arrays = ", ".join(f"${number}::{_array_type(compiled.binds[name].type)}" for number, name in enumerate(names, 1))
    columns = ", ".join(f"c{number}" for number in range(1, len(names) + 1))
    text, found = re.subn(
        VALUES,
        lambda _: f"SELECT * FROM unnest({arrays}) AS given({columns})",  # noqa: S608
        compiled.string,
        count=1,
    )
    assert found, compiled.string
    return text


def _array_type(kind: TypeEngine[Any]) -> str:
    return DIALECTS[POSTGRES].type_compiler_instance.process(postgresql.ARRAY(_without_collation(kind)))


def _without_collation(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type itself: a cast to a collated type is not a type."""
    native = kind.dialect_impl(DIALECTS[POSTGRES])
    if isinstance(native, TypeDecorator):
        native = native.impl_instance.dialect_impl(DIALECTS[POSTGRES])
    if getattr(native, "collation", None):
        return postgresql.TEXT()
    return native


def _to_sqlite(kind: Any) -> Convert | None:
    return kind.to_sqlite if isinstance(kind, Portable) else None


def _from_sqlite(kind: Any) -> Convert | None:
    if isinstance(kind, Portable):
        return kind.from_sqlite
    return bool if isinstance(kind, Boolean) else None
