"""The unit of work: what a use case reads and saves, written all at once or not at all.

Reads see what is committed. Saves are gathered and written in one atomic step when the block ends without an
error, in the one order in which the whole shop locks rows. Nothing is locked while the use case thinks; instead
every write carries its guard: an aggregate its version, a level its rule against overselling, a key its
uniqueness. A guard that fails writes nothing and raises StaleAggregate; the front door then runs the use case
again on what is true now.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shop.application.messages import Context
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
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import Identifier


class StaleAggregate(Conflict):
    """Somebody else was faster: nothing was written, and the use case may simply run again."""

    code = "conflict"
    title = "Somebody else changed this at the same moment"
    default_hint = "Repeat the request."


class AnsweredAlready(StaleAggregate):
    """Another request with the same idempotency key was faster."""


class Transaction(Protocol):
    """Everything a use case may read and save in one go."""

    products: ProductRepository
    categories: CategoryRepository
    stock: StockRepository
    carts: CartRepository
    orders: OrderRepository
    payment_sessions: PaymentSessionRepository
    payments: PaymentRepository
    refunds: RefundRepository
    disputes: DisputeRepository
    wallets: WalletRepository
    ledger: Ledger
    inbox: InboxRepository
    api_keys: ApiKeyRepository
    users: UserRepository
    roles: RoleRepository
    sessions: SessionRepository
    one_time_tokens: OneTimeTokenRepository
    sign_in_attempts: SignInAttempts
    account_requests: AccountRequestRepository
    invitations: InvitationRepository
    exports: ExportRepository
    signing_keys: SigningKeyRepository
    store: StoreRepository
    plans: PlanRepository
    subscriptions: SubscriptionRepository

    def publish(self, event: Event) -> None:
        """Writes an event that no aggregate recorded."""

    def answer(self, result: Identifier) -> None:
        """Keeps `result` as the answer to the context's idempotency key, if there is one, with what is saved."""


class UnitOfWork(Protocol):
    """Opens transactions.

    `async with uow(context) as tx:` writes on a clean end. Raises StaleAggregate when a guard failed, and the
    errors that the repositories name for what must be unique. While the block runs, calls to other systems raise
    (see `ports.network`).
    """

    def __call__(self, context: Context) -> AbstractAsyncContextManager[Transaction]: ...
