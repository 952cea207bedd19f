"""The unit of work in memory: reads see what is stored, and the end of the block writes everything in one step."""

from contextlib import AbstractAsyncContextManager
from contextvars import Token
from types import TracebackType

from shop.adapters.memory.answers import keep_answer
from shop.adapters.memory.carts import MemoryCartRepository
from shop.adapters.memory.catalog import MemoryCategoryRepository, MemoryProductRepository
from shop.adapters.memory.disputes import MemoryDisputeRepository
from shop.adapters.memory.identity import MemoryApiKeyRepository
from shop.adapters.memory.inventory import MemoryStockRepository
from shop.adapters.memory.ledger import MemoryLedger
from shop.adapters.memory.orders import MemoryOrderRepository
from shop.adapters.memory.outbox import EventWriter
from shop.adapters.memory.payments import (
    MemoryInboxRepository,
    MemoryPaymentRepository,
    MemoryPaymentSessionRepository,
)
from shop.adapters.memory.people import (
    MemoryAccountRequestRepository,
    MemoryExportRepository,
    MemoryInvitationRepository,
    MemoryOneTimeTokenRepository,
    MemoryRoleRepository,
    MemorySessionRepository,
    MemorySignInAttempts,
    MemorySigningKeyRepository,
    MemoryUserRepository,
)
from shop.adapters.memory.refunds import MemoryRefundRepository
from shop.adapters.memory.store import MemoryStoreRepository
from shop.adapters.memory.subscriptions import MemoryPlanRepository, MemorySubscriptionRepository
from shop.adapters.memory.tables import Tables
from shop.adapters.memory.wallets import MemoryWalletRepository
from shop.adapters.memory.writes import Rank, Writes
from shop.application.messages import Context
from shop.application.ports.answers import Answer
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


class MemoryTransaction:
    """Everything a use case may read and save in one go."""

    def __init__(self, tables: Tables, context: Context) -> None:
        self._tables = tables
        self._context = context
        self.writes = writes = Writes(tables)
        self.products: ProductRepository = MemoryProductRepository(tables, writes)
        self.categories: CategoryRepository = MemoryCategoryRepository(tables, writes)
        self.stock: StockRepository = MemoryStockRepository(tables, writes)
        self.carts: CartRepository = MemoryCartRepository(tables, writes)
        self.orders: OrderRepository = MemoryOrderRepository(tables, writes)
        self.payment_sessions: PaymentSessionRepository = MemoryPaymentSessionRepository(tables, writes)
        self.payments: PaymentRepository = MemoryPaymentRepository(tables, writes)
        self.refunds: RefundRepository = MemoryRefundRepository(tables, writes)
        self.disputes: DisputeRepository = MemoryDisputeRepository(tables, writes)
        self.wallets: WalletRepository = MemoryWalletRepository(tables, writes)
        self.ledger: Ledger = MemoryLedger(tables, writes)
        self.inbox: InboxRepository = MemoryInboxRepository(tables, writes)
        self.api_keys: ApiKeyRepository = MemoryApiKeyRepository(tables, writes)
        self.users: UserRepository = MemoryUserRepository(tables, writes)
        self.roles: RoleRepository = MemoryRoleRepository(tables, writes)
        self.sessions: SessionRepository = MemorySessionRepository(tables, writes)
        self.one_time_tokens: OneTimeTokenRepository = MemoryOneTimeTokenRepository(tables, writes)
        self.sign_in_attempts: SignInAttempts = MemorySignInAttempts(tables, writes)
        self.account_requests: AccountRequestRepository = MemoryAccountRequestRepository(tables, writes)
        self.invitations: InvitationRepository = MemoryInvitationRepository(tables, writes)
        self.exports: ExportRepository = MemoryExportRepository(tables, writes)
        self.signing_keys: SigningKeyRepository = MemorySigningKeyRepository(tables, writes)
        self.store: StoreRepository = MemoryStoreRepository(tables, writes)
        self.plans: PlanRepository = MemoryPlanRepository(tables, writes)
        self.subscriptions: SubscriptionRepository = MemorySubscriptionRepository(tables, writes)

    def publish(self, event: Event) -> None:
        self.writes.events.append(event)

    def answer(self, result: Identifier) -> None:
        idempotency, principal = self._context.idempotency, self._context.actor.principal
        if idempotency is None or principal is None:
            return
        key = (principal, idempotency.route, idempotency.key)
        answer = Answer(fingerprint=idempotency.fingerprint, result=str(result))
        at = self._context.now
        self.writes.add(Rank.ANSWER, lambda journal: keep_answer(self._tables, key, answer, at, journal))


class _Block(AbstractAsyncContextManager[Transaction]):
    """One `async with`: the commit is a single step of the loop, so nobody ever sees half of it."""

    def __init__(self, tables: Tables, events: EventWriter, context: Context) -> None:
        self._transaction = MemoryTransaction(tables, context)
        self._events = events
        self._context = context
        self._token: Token[bool] | None = None

    async def __aenter__(self) -> Transaction:
        self._token = enter_transaction()
        return self._transaction

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            leave_transaction(self._token)
        if kind is None:
            writes, context = self._transaction.writes, self._context
            writes.add(Rank.EVENTS, lambda journal: self._events.write(writes.events, context, journal))
            entry = writes.witness.entry(self._events.ids, context)
            if entry is not None:
                writes.add(Rank.EVENTS, lambda journal: journal.put(writes.tables.audit_entries, entry.id, entry))
            writes.commit()


class MemoryUnitOfWork:
    """Opens transactions on these tables."""

    def __init__(self, tables: Tables, events: EventWriter) -> None:
        self._tables = tables
        self._events = events

    def __call__(self, context: Context) -> AbstractAsyncContextManager[Transaction]:
        return _Block(self._tables, self._events, context)
