"""What the provider keeps for its work and pays out to the bank, booked as it says it."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.clearing import check, transactions
from shop.application.findings import Window
from shop.application.messages import INTERNAL, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.records import ProviderBalance
from shop.application.ports.unit_of_work import UnitOfWork


@frozen(kw_only=True)
class BookBalance(Command[int]):
    """Books the fees and payouts of a window that are not in the ledger yet: how many. Those that are, stay.

    What the ledger says otherwise than the provider is left for a reconciliation to tell.
    """

    requires: ClassVar = INTERNAL
    since: datetime
    until: datetime


async def book_balance(
    command: BookBalance,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    balance: ProviderBalance | None,
    books: ReconciliationReader,
) -> int:
    """Raises PaymentProviderUnavailable, StaleAggregate; what was booked until then is booked."""
    if balance is None:
        return 0
    count = 0
    async for page in transactions(balance, Window(command.since, command.until)):
        due = [one.due for one in await check(page, balance.provider, books) if one.booked is None]
        if due:
            async with uow(context) as tx:
                for one in due:
                    tx.ledger.book(one.entry(balance.provider, ids))
            count += len(due)
    return count
