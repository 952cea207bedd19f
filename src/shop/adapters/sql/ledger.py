"""The books in tables."""

from uuid import UUID

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Write
from shop.adapters.sql.gathering import ADDED, Gathered, Rank
from shop.adapters.sql.schema import ledger_entries, ledger_postings
from shop.adapters.sql.statements import Statement, insert_into, json_rows
from shop.domain.kernel.identifiers import LedgerEntryId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind, LedgerEntry, Posting

_BOOK = insert_into(ledger_entries)
_POST = insert_into(ledger_postings)
_OF_ORDER = Statement(
    select(
        *ledger_entries.columns,
        select(
            json_rows(
                ledger_postings.c.position,
                ledger_postings.c.account,
                ledger_postings.c.amount_minor,
                ledger_postings.c.currency,
            )
        )
        .where(ledger_postings.c.entry_id == ledger_entries.c.id)
        .scalar_subquery()
        .label("postings"),
    )
    .where(ledger_entries.c.order_id == bindparam("of_order"))
    .order_by(ledger_entries.c.seq)
)


class SqlLedger:
    """The books: rows are added, and never changed."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    def book(self, entry: LedgerEntry) -> None:
        self._gathered.witness.books(entry)
        row = {
            "id": entry.id.uuid,
            "at": entry.at,
            "kind": entry.kind,
            "order_id": entry.order_id.uuid if entry.order_id else None,
            "payment_id": entry.payment_id.uuid if entry.payment_id else None,
            "provider": entry.provider,
            "provider_ref": entry.provider_ref,
        }
        postings = [_posting_row(entry.id.uuid, *numbered) for numbered in enumerate(entry.postings)]
        self._gathered.add(Write(_BOOK, [row], Rank.LEDGER), Write(_POST, postings, Rank.LEDGER + ADDED))

    async def of_order(self, order_id: OrderId) -> list[LedgerEntry]:
        rows = await self._gathered.database.fetch(_OF_ORDER, of_order=order_id.uuid)
        return [
            LedgerEntry(
                id=LedgerEntryId(row["id"]),
                at=row["at"],
                kind=EntryKind(row["kind"]),
                order_id=OrderId(row["order_id"]),
                payment_id=PaymentId(row["payment_id"]),
                provider=row["provider"],
                provider_ref=row["provider_ref"],
                postings=tuple(
                    Posting(account, Money(minor, currency)) for _, account, minor, currency in sorted(row["postings"])
                ),
            )
            for row in rows
        ]


def _posting_row(entry_id: UUID, position: int, posting: Posting) -> dict[str, object]:
    return {
        "entry_id": entry_id,
        "position": position,
        "account": posting.account,
        "currency": posting.amount.currency,
        "amount_minor": posting.amount.minor,
    }
