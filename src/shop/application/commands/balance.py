"""What the provider keeps for its work and pays out to the bank, booked as it says it."""

from datetime import datetime, timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.clearing import PAGE, check, transactions
from shop.application.findings import GRACE
from shop.application.messages import INTERNAL, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.records import BalanceTransaction, ProviderBalance
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.windows import Window, window_of

CATCH_UP_MAX = timedelta(days=90)


@frozen(kw_only=True)
class BookBalance(Command[int]):
    """Books the fees and payouts of a window that are not in the ledger yet: how many. Those that are, stay.

    Where the ledger has had no fee and no payout since, it begins earlier, by no more than CATCH_UP_MAX: a worker was
    away for longer than the window, or the provider was. To `catch_up` looks there in any case, otherwise only where
    something of the window is due: what is booked last says that all before it is booked too. What the ledger says
    otherwise than the provider is left for a reconciliation to tell.
    """

    requires: ClassVar = INTERNAL
    since: datetime
    until: datetime
    catch_up: bool = False


async def book_balance(
    command: BookBalance,
    context: Context,
    *,
    uow: UnitOfWork,
    ids: Ids,
    balance: ProviderBalance | None,
    books: ReconciliationReader,
) -> int:
    """Raises Invalid for a window that is none or too long; PaymentProviderUnavailable and StaleAggregate, and what was
    booked until then is booked."""
    window = window_of(command.since, command.until, context.now)
    if balance is None:
        return 0
    since, ended = window.since, await books.balance_booked_until(balance.provider)
    # Providers count in whole seconds, by a clock of their own.
    start = None if ended is None else max(ended - GRACE, since - CATCH_UP_MAX)
    if start is not None and start < since and (command.catch_up or await _is_due(window, balance, books)):
        since = start
    count = 0
    # The oldest first, whatever the order of the provider's lists: cut short, it goes on where it was.
    for part in Window(since, window.until).slices():
        moved = sorted([one async for page in transactions(balance, part) for one in page], key=_moment)
        for page in (moved[at : at + PAGE] for at in range(0, len(moved), PAGE)):
            due = [one.due for one in await check(page, balance.provider, books) if one.booked is None]
            if due:
                async with uow(context) as tx:
                    for one in due:
                        tx.ledger.book(one.entry(balance.provider, ids))
                count += len(due)
    return count


def _moment(transaction: BalanceTransaction) -> datetime:
    return transaction.created_at


async def _is_due(window: Window, balance: ProviderBalance, books: ReconciliationReader) -> bool:
    """Whether anything of it is not in the ledger yet."""
    async for page in transactions(balance, window):
        if any(one.booked is None for one in await check(page, balance.provider, books)):
            return True
    return False
