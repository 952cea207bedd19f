"""The unit of work in a database: reads see what is committed, and the end of the block writes in one step."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from contextvars import Token
from types import TracebackType

from shop.adapters.sql.answers import answer_write
from shop.adapters.sql.audit import entry_write
from shop.adapters.sql.carts import SqlCartRepository
from shop.adapters.sql.catalog import SqlProductRepository
from shop.adapters.sql.categories import SqlCategoryRepository
from shop.adapters.sql.database import Database, Write
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


class SqlTransaction:
    """Everything a use case may read and save in one go."""

    def __init__(self, gathered: Gathered, context: Context) -> None:
        self._context = context
        self._gathered = gathered
        self.products: ProductRepository = SqlProductRepository(gathered)
        self.categories: CategoryRepository = SqlCategoryRepository(gathered)
        self.stock: StockRepository = SqlStockRepository(gathered)
        self.carts: CartRepository = SqlCartRepository(gathered)
        self.orders: OrderRepository = SqlOrderRepository(gathered)
        self.payment_sessions: PaymentSessionRepository = SqlPaymentSessionRepository(gathered)
        self.payments: PaymentRepository = SqlPaymentRepository(gathered)
        self.refunds: RefundRepository = SqlRefundRepository(gathered)
        self.wallets: WalletRepository = SqlWalletRepository(gathered)
        self.ledger: Ledger = SqlLedger(gathered)
        self.inbox: InboxRepository = SqlInboxRepository(gathered)
        self.api_keys: ApiKeyRepository = SqlApiKeyRepository(gathered)
        self.users: UserRepository = SqlUserRepository(gathered)
        self.roles: RoleRepository = SqlRoleRepository(gathered)
        self.sessions: SessionRepository = SqlSessionRepository(gathered)
        self.one_time_tokens: OneTimeTokenRepository = SqlOneTimeTokenRepository(gathered)
        self.sign_in_attempts: SignInAttempts = SqlSignInAttempts(gathered)
        self.account_requests: AccountRequestRepository = SqlAccountRequestRepository(gathered)
        self.invitations: InvitationRepository = SqlInvitationRepository(gathered)
        self.exports: ExportRepository = SqlExportRepository(gathered)
        self.signing_keys: SigningKeyRepository = SqlSigningKeyRepository(gathered)
        self.store: StoreRepository = SqlStoreRepository(gathered)
        self.plans: PlanRepository = SqlPlanRepository(gathered)
        self.subscriptions: SubscriptionRepository = SqlSubscriptionRepository(gathered)

    def publish(self, event: Event) -> None:
        self._gathered.events.append(event)

    def answer(self, result: Identifier) -> None:
        write = answer_write(self._context, result)
        if write is not None:
            self._gathered.add(write)


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
                gathered = self._gathered
                gathered.at_the_end(lambda: self._events.writes(gathered.events, self._context))
                gathered.at_the_end(self._audit_writes)
                await gathered.commit()
        finally:
            if self._token is not None:
                leave_transaction(self._token)

    def _audit_writes(self) -> Iterable[Write]:
        entry = self._gathered.witness.entry(self._ids, self._context)
        return [] if entry is None else [entry_write(entry)]


class SqlUnitOfWork:
    """Opens transactions on a database."""

    def __init__(self, database: Database, events: EventWriter, ids: Ids, forget_settings: Callable[[], None]) -> None:
        self._database = database
        self._events = events
        self._ids = ids
        self._forget_settings = forget_settings

    def __call__(self, context: Context) -> _Block:
        return _Block(Gathered(self._database, self._forget_settings), self._events, self._ids, context)
