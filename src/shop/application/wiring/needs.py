"""Everything the application needs from outside, in one place."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from shop.application.commands.identity.opening import AccountRules, Doorkeeper
from shop.application.limits import AccountLimits, RateLimits
from shop.application.messages import Context
from shop.application.outages import CircuitBreaker, Guard, GuardedBilling, GuardedGateway, GuardedSavedMethods
from shop.application.ports.cache import Cache, RateLimiter
from shop.application.ports.clock import Clock, Ids, MovableClock
from shop.application.ports.identity import Authenticator, Secrets
from shop.application.ports.markup import Markup
from shop.application.ports.notifications import Notifier
from shop.application.ports.passwords import Passwords
from shop.application.ports.payments import PaymentGateway, PaymentSimulator
from shop.application.ports.records import ProviderBalance, ProviderRecords
from shop.application.ports.saved_methods import NoSavedMethods, SavedMethods
from shop.application.ports.second_step import Passkeys, TotpCodes
from shop.application.ports.sign_in import SignInProviders
from shop.application.ports.storage import Storage
from shop.application.ports.subscriptions import NoBilling, SubscriptionBilling
from shop.application.ports.tenders import TenderSources
from shop.application.ports.tokens import AccessTokens
from shop.application.renewals import Till
from shop.application.settlement import Cashier
from shop.domain.carts import LIFETIME

Handler = Callable[[Any, Context], Awaitable[Any]]


@frozen(kw_only=True)
class Lifetimes:
    """How long things last that do not last for ever."""

    cart: timedelta = LIFETIME
    stock_hold: timedelta = timedelta(minutes=15)
    answers: timedelta = timedelta(days=7)
    delivered_events: timedelta = timedelta(days=30)


@frozen(kw_only=True)
class Ports:
    """Everything the application needs from outside."""

    storage: Storage
    gateway: PaymentGateway
    cache: Cache
    limiter: RateLimiter
    clock: Clock
    ids: Ids
    secrets: Secrets
    authenticator: Authenticator
    markup: Markup
    passwords: Passwords
    access_tokens: AccessTokens
    totp: TotpCodes
    passkeys: Passkeys
    notifier: Notifier
    sign_in: SignInProviders = field(factory=dict)
    lifetimes: Lifetimes = Lifetimes()
    limits: RateLimits = RateLimits()
    billing: SubscriptionBilling = field(factory=NoBilling)
    saved_methods: SavedMethods = field(factory=NoSavedMethods)
    tenders: TenderSources = ()
    circuit: CircuitBreaker = field(factory=CircuitBreaker)
    accounts: AccountRules = AccountRules()

    @property
    def doorkeeper(self) -> Doorkeeper:
        readers = self.storage.readers
        return Doorkeeper(self.ids, self.secrets, self.access_tokens, readers.people, readers.store, self.accounts)

    @property
    def account_limits(self) -> AccountLimits:
        return AccountLimits(self.limiter, self.limits, self.secrets)

    @property
    def cashier(self) -> Cashier:
        guard = Guard(self.circuit, self.clock)
        gateway = GuardedGateway(self.gateway, guard)
        saved_methods = GuardedSavedMethods(self.saved_methods, guard)
        billing = GuardedBilling(self.billing, guard)
        return Cashier(self.storage.uow, self.ids, gateway, billing, saved_methods, self.tenders)

    @property
    def records(self) -> ProviderRecords | None:
        """What the provider has on record, where it has lists of that."""
        return self.gateway if isinstance(self.gateway, ProviderRecords) else None

    @property
    def simulator(self) -> PaymentSimulator | None:
        """The provider, where it only plays one: never in production, where no clock can be moved either."""
        if self.movable_clock is None or not isinstance(self.gateway, PaymentSimulator):
            return None
        return self.gateway

    @property
    def balance(self) -> ProviderBalance | None:
        """What the provider holds for the shop, where it says that."""
        return self.gateway if isinstance(self.gateway, ProviderBalance) else None

    @property
    def till(self) -> Till:
        return Till(self.cashier, self.storage.readers.store)

    @property
    def movable_clock(self) -> MovableClock | None:
        """The clock, where it is one that may be moved: never in production."""
        return self.clock if isinstance(self.clock, MovableClock) else None
