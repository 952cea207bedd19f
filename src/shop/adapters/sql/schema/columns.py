"""What columns are made of: types that mean the same in both databases, and the constraints they share.

SQLite keeps ids as 16 bytes, times as UTC text with microseconds (so that they sort), JSON as text and booleans
as 0 and 1. PostgreSQL has a type for each. Text that is compared or sorted is compared byte by byte in both.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import CheckConstraint, Column, LargeBinary, MetaData, Text, TypeDecorator
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from shop.domain.kernel.money import AMOUNT_MAX

Convert = Callable[[Any], Any]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Portable(TypeDecorator[Any]):
    """A type that PostgreSQL's driver speaks by itself and that SQLite is told in its own few types."""

    cache_ok = True
    coerce_to_is_types = ()

    @staticmethod
    def to_sqlite(value: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def from_sqlite(value: Any) -> Any:
        raise NotImplementedError

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return self.to_sqlite(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return self.from_sqlite(value) if value is not None and dialect.name == "sqlite" else value


class Id(Portable):
    """A UUID: 16 bytes in either database."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        native = postgresql.UUID() if dialect.name == "postgresql" else LargeBinary()
        return dialect.type_descriptor(native)

    @staticmethod
    def to_sqlite(value: UUID) -> bytes:
        return value.bytes

    @staticmethod
    def from_sqlite(value: bytes) -> UUID:
        return UUID(bytes=value)


class UtcDateTime(Portable):
    """A moment, aware and in UTC, to the microsecond. A naive one is refused."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        native = postgresql.TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(native)

    @staticmethod
    def to_sqlite(value: datetime) -> str:
        if value.tzinfo is None:
            raise ValueError(f"{value} does not say in which time zone it is.")
        # strftime writes the year 500 in three digits, which sorts behind all others.
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    @staticmethod
    def from_sqlite(value: str) -> datetime:
        return datetime.fromisoformat(value)


class Json(Portable):
    """A document: jsonb, or text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        native = postgresql.JSONB() if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(native)

    @staticmethod
    def to_sqlite(value: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def from_sqlite(value: str) -> Any:
        return msgspec.json.decode(value)


def word() -> Text:
    """The type of text that is compared or sorted: byte by byte, in both databases."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def ident(name: str, *more: Any, **options: Any) -> Column[Any]:
    """A column with an id."""
    return Column(name, Id(), *more, nullable=options.pop("nullable", False), **options)


def text(name: str, *more: Any, **options: Any) -> Column[Any]:
    """A column with text that may be compared and sorted."""
    return Column(name, word(), *more, nullable=options.pop("nullable", False), **options)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime(), nullable=nullable)


def document(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Json(), nullable=nullable)


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """The column holds one of these states."""
    names = ", ".join(f"'{state}'" for state in states)
    return CheckConstraint(f"{column} IN ({names})", name=f"{column}_known")


def amounts(*columns: str, negative: bool = False) -> list[CheckConstraint]:
    """Each column is within what a shop handles; not below zero unless said."""
    least = -AMOUNT_MAX if negative else 0
    return [CheckConstraint(f"{c} BETWEEN {least} AND {AMOUNT_MAX}", name=f"{c}_bounded") for c in columns]


def within(column: str, least: int, most: int) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=f"{column}_bounded")
