"""Figures about the shop as a whole, from tables."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, distinct, func, literal_column, or_, select

from shop.adapters.sql.database import Database
from shop.adapters.sql.schema import disputes, ledger_entries, ledger_postings, payment_attempts, payments
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, json_elements, json_text
from shop.application.ports.analytics import DECLINE_CODES_MAX, PaymentFigures
from shop.domain.kernel.money import turnover
from shop.domain.payments import ANSWERABLE, ENDED_WELL, TENDERS, DisputeStatus

_BOTH = payments.join(payment_attempts, payment_attempts.c.payment_id == payments.c.id)


def _in_window(column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    return [column >= bindparam("since", type_=column.type), column < bindparam("until", type_=column.type)]


_CURRENCY = bindparam("of_currency", type_=word())
_MADE = payment_attempts.c.provider_ref != literal_column("''")
_NEVER_DECLINED = json_text(payment_attempts.c.declines, 0).is_(None)
_ASKED = (
    *_in_window(payments.c.created_at),
    payments.c.currency == _CURRENCY,
    or_(_MADE, ~_NEVER_DECLINED),  # or the provider would not even make it
    payments.c.provider != literal_column(f"'{TENDERS}'"),  # nobody was asked to accept anything
)
_ACCEPTED = or_(
    payment_attempts.c.status.in_([literal_column("'authorized'"), literal_column("'captured'")]),
    and_(payment_attempts.c.status == literal_column("'cancelled'"), _MADE, payments.c.processed),
)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_TRIES = Statement(
    select(
        _count(_ACCEPTED).label("succeeded"),
        _count(and_(~_ACCEPTED, _NEVER_DECLINED)).label("unfinished"),
        func.count(distinct(payments.c.order_id)).label("orders_attempted"),
        func.count(distinct(case((_ACCEPTED, payments.c.order_id)))).label("orders_paid"),
    )
    .select_from(_BOTH)
    .where(*_ASKED)
)
_CODE = json_elements(payment_attempts.c.declines)
_TIMES = func.count()
_CODES = Statement(
    select(_CODE.c.value.label("code"), _TIMES.label("times"))
    .select_from(_BOTH, _CODE)
    .where(*_ASKED)
    .group_by(_CODE.c.value)
    .order_by(_TIMES.desc(), _CODE.c.value)
    .limit(DECLINE_CODES_MAX)
)
_DECLINED = Statement(select(_TIMES.label("times")).select_from(_BOTH, _CODE).where(*_ASKED))
_CAPTURED = Statement(
    select(func.coalesce(func.sum(payments.c.captured_minor), 0).label("captured")).where(
        *_in_window(payments.c.created_at), payments.c.captured_currency == _CURRENCY
    )
)
_WENT_BACK = and_(
    ledger_entries.c.kind.in_([literal_column("'refund'"), literal_column("'refund_reversal'")]),
    ledger_postings.c.account.like(literal_column("'clearing:%'")),
)
_LEDGER = Statement(
    select(
        func.coalesce(
            func.sum(
                case((ledger_postings.c.account == literal_column("'fees'"), ledger_postings.c.amount_minor), else_=0)
            ),
            0,
        ).label("fees"),
        func.coalesce(func.sum(case((_WENT_BACK, -ledger_postings.c.amount_minor), else_=0)), 0).label("refunded"),
        func.coalesce(
            func.sum(
                case(
                    (and_(_WENT_BACK, ledger_entries.c.kind == literal_column("'refund'")), 1),
                    (_WENT_BACK, -1),
                    else_=0,
                )
            ),
            0,
        ).label("refunds"),
    )
    .select_from(ledger_entries.join(ledger_postings, ledger_postings.c.entry_id == ledger_entries.c.id))
    .where(
        ledger_entries.c.kind != literal_column("'capture'"),  # what the index by time holds
        *_in_window(ledger_entries.c.at),
        ledger_postings.c.currency == _CURRENCY,
    )
)


def _in_states(states: Iterable[DisputeStatus]) -> ColumnElement[bool]:
    return disputes.c.status.in_([literal_column(f"'{state}'") for state in sorted(states)])


_DISPUTES = Statement(
    select(
        func.count().label("opened"),
        _count(_in_states(ENDED_WELL)).label("won"),
        _count(_in_states({DisputeStatus.LOST})).label("lost"),
        _count(_in_states(ANSWERABLE)).label("due"),
        func.coalesce(func.sum(disputes.c.amount_minor), 0).label("disputed"),
    ).where(*_in_window(disputes.c.created_at), disputes.c.currency == _CURRENCY)
)


class SqlAnalyticsReader:
    """Answers for analytics. Each figure is of one moment; all of them together need not be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def payments(self, currency: str, since: datetime, until: datetime) -> PaymentFigures:
        asked: dict[str, Any] = {"of_currency": currency, "since": since, "until": until}
        [tries] = await self._database.fetch(_TRIES, **asked)
        [declined] = await self._database.fetch(_DECLINED, **asked)
        codes = await self._database.fetch(_CODES, **asked)
        [captured] = await self._database.fetch(_CAPTURED, **asked)
        [ledger] = await self._database.fetch(_LEDGER, **asked)
        [disputed] = await self._database.fetch(_DISPUTES, **asked)
        return PaymentFigures(
            succeeded=int(tries["succeeded"]),
            declined=int(declined["times"]),
            unfinished=int(tries["unfinished"]),
            orders_attempted=int(tries["orders_attempted"]),
            orders_paid=int(tries["orders_paid"]),
            captured=turnover(int(captured["captured"]), currency),
            refunded=turnover(int(ledger["refunded"]), currency),
            refunds=int(ledger["refunds"]),
            fees=turnover(int(ledger["fees"]), currency),
            disputes_opened=int(disputed["opened"]),
            disputes_won=int(disputed["won"]),
            disputes_lost=int(disputed["lost"]),
            disputes_due=int(disputed["due"]),
            disputed=turnover(int(disputed["disputed"]), currency),
            # Databases have their own ideas of how words are sorted.
            decline_codes=sorted(((r["code"], int(r["times"])) for r in codes), key=lambda one: (-one[1], one[0])),
        )
