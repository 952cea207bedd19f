"""The unit of work in a database: reads see what is committed, and the end of the block writes in one step."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from contextvars import Token
from types import TracebackType
from typing import Generic, TypeVar

from shop.adapters.sql.answers import answer_write
from shop.adapters.sql.audit import entry_write
from shop.adapters.sql.carts import SqlCartRepository
from shop.adapters.sql.catalog import SqlProductRepository
from shop.adapters.sql.categories import SqlCategoryRepository
from shop.adapters.sql.database import Database, Write
from shop.adapters.sql.disputes import SqlDisputeRepository
from shop.adapters.sql.events import EventWriter
from shop.adapters.sql.gathering import Gathered
from shop.adapters.sql.identity import SqlApiKeyRepository
from shop.adapters.sql.inventory import SqlStockRepository
from shop.adapters.sql.ledger import SqlLedger
from shop.adapters.sql.orders import SqlOrderRepository
from shop.adapters.sql.payments import SqlInboxRepository, SqlPaymentRepository, SqlPaymentSessionRepository
from shop.adapters.sql.people import (
    SqlAccountRequestRepository,
    SqlExportRepository,
    SqlInvitationRepository,
    SqlSignInAttempts,
)
from shop.adapters.sql.refunds import SqlRefundRepository
from shop.adapters.sql.sessions import SqlOneTimeTokenRepository, SqlSessionRepository, SqlSigningKeyRepository
from shop.adapters.sql.store import SqlStoreRepository
from shop.adapters.sql.subscriptions import SqlPlanRepository, SqlSubscriptionRepository
from shop.adapters.sql.users import SqlRoleRepository, SqlUserRepository
from shop.adapters.sql.wallets import SqlWalletRepository
from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.network import enter_transaction, leave_transaction
from shop.application.ports.people import (
    AccountRequestRepository,
    ExportRepository,
    InvitationRepository,
    OneTimeTokenRepository,
    RoleRepository,
    SessionRepository,
    SignInAttempts,
    SigningKeyRepository,
    UserRepository,
)
from shop.application.ports.repositories import (
    ApiKeyRepository,
    CartRepository,
    CategoryRepository,
    DisputeRepository,
    InboxRepository,
    Ledger,
    OrderRepository,
    PaymentRepository,
    PaymentSessionRepository,
    PlanRepository,
    ProductRepository,
    RefundRepository,
    StockRepository,
    StoreRepository,
    SubscriptionRepository,
    WalletRepository,
)
from shop.application.ports.unit_of_work import Transaction
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import Identifier

R_co = TypeVar("R_co", covariant=True)


class _Repository(Generic[R_co]):
    """A repository of a transaction, made when it is asked for: most transactions need two or three of them all."""

    def __init__(self, make: Callable[[Gathered], R_co]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, transaction: "SqlTransaction", owner: type) -> R_co:
        made = transaction.__dict__[self._name] = self._make(transaction.gathered)
        return made


class SqlTransaction:
    """Everything a use case may read and save in one go."""

    products = _Repository[ProductRepository](SqlProductRepository)
    categories = _Repository[CategoryRepository](SqlCategoryRepository)
    stock = _Repository[StockRepository](SqlStockRepository)
    carts = _Repository[CartRepository](SqlCartRepository)
    orders = _Repository[OrderRepository](SqlOrderRepository)
    payment_sessions = _Repository[PaymentSessionRepository](SqlPaymentSessionRepository)
    payments = _Repository[PaymentRepository](SqlPaymentRepository)
    refunds = _Repository[RefundRepository](SqlRefundRepository)
    disputes = _Repository[DisputeRepository](SqlDisputeRepository)
    wallets = _Repository[WalletRepository](SqlWalletRepository)
    ledger = _Repository[Ledger](SqlLedger)
    inbox = _Repository[InboxRepository](SqlInboxRepository)
    api_keys = _Repository[ApiKeyRepository](SqlApiKeyRepository)
    users = _Repository[UserRepository](SqlUserRepository)
    roles = _Repository[RoleRepository](SqlRoleRepository)
    sessions = _Repository[SessionRepository](SqlSessionRepository)
    one_time_tokens = _Repository[OneTimeTokenRepository](SqlOneTimeTokenRepository)
    sign_in_attempts = _Repository[SignInAttempts](SqlSignInAttempts)
    account_requests = _Repository[AccountRequestRepository](SqlAccountRequestRepository)
    invitations = _Repository[InvitationRepository](SqlInvitationRepository)
    exports = _Repository[ExportRepository](SqlExportRepository)
    signing_keys = _Repository[SigningKeyRepository](SqlSigningKeyRepository)
    store = _Repository[StoreRepository](SqlStoreRepository)
    plans = _Repository[PlanRepository](SqlPlanRepository)
    subscriptions = _Repository[SubscriptionRepository](SqlSubscriptionRepository)

    def __init__(self, gathered: Gathered, context: Context) -> None:
        self.gathered = gathered
        self._context = context

    def publish(self, event: Event) -> None:
        self.gathered.events.append(event)

    def answer(self, result: Identifier) -> None:
        write = answer_write(self._context, result)
        if write is not None:
            self.gathered.add(write)


class _Block(AbstractAsyncContextManager[Transaction, None]):
    """One `async with`."""

    def __init__(self, gathered: Gathered, events: EventWriter, ids: Ids, context: Context) -> None:
        self._gathered = gathered
        self._events = events
        self._ids = ids
        self._context = context
        self._token: Token[bool] | None = None

    async def __aenter__(self) -> Transaction:
        self._token = enter_transaction()
        return SqlTransaction(self._gathered, self._context)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._gathered.commit(self._told)
        finally:
            if self._token is not None:
                leave_transaction(self._token)

    def _told(self) -> Iterable[Write]:
        """The events, and the entry of the audit log."""
        gathered = self._gathered
        yield from self._events.writes(gathered.events, self._context)
        entry = gathered.witness.entry(self._ids, self._context)
        if entry is not None:
            yield entry_write(entry)


class SqlUnitOfWork:
    """Opens transactions on a database."""

    def __init__(self, database: Database, events: EventWriter, ids: Ids, forget_settings: Callable[[], None]) -> None:
        self._database = database
        self._events = events
        self._ids = ids
        self._forget_settings = forget_settings

    def __call__(self, context: Context) -> _Block:
        return _Block(Gathered(self._database, self._forget_settings), self._events, self._ids, context)
