"""Wallets: who a customer is at a payment provider, which keeps their saved ways to pay.

The ways to pay themselves are not kept here: what a card looks like is asked of the provider each time.
"""

from datetime import datetime
from typing import ClassVar, Self

from attrs import define, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, NotFound
from shop.domain.kernel.identifiers import UserId, WalletId

SAVED_MAX = 100
"""How many ways to pay of one customer are shown; nobody has more cards."""


class SavedMethodNotFound(NotFound):
    title = "No such saved way to pay"


class WalletElsewhere(Conflict):
    """A wallet has one customer at its provider for as long as it exists."""

    code = "conflict"
    title = "The wallet is known to the provider by another name"


@frozen(kw_only=True)
class SavedMethod:
    """A way to pay as the provider shows it: never more of a card than this.

    `expires_month` is 1 to 12; both parts of the date are 0 where the way to pay has none.
    """

    ref: str
    kind: str
    brand: str = ""
    last4: str = ""
    expires_month: int = 0
    expires_year: int = 0


@frozen(kw_only=True)
class _WalletEvent(Event):
    wallet_id: WalletId
    user_id: UserId
    method: str

    @property
    def subject(self) -> WalletId:
        return self.wallet_id


@frozen(kw_only=True)
class SavedMethodUpdated(_WalletEvent):
    """A saved way to pay has changed, such as a card that was sent anew with another date."""

    type: ClassVar[str] = "payment_method.updated"


@frozen(kw_only=True)
class SavedMethodDetached(_WalletEvent):
    """A saved way to pay is gone: nothing can be paid with it any more."""

    type: ClassVar[str] = "payment_method.detached"


@define(eq=False, kw_only=True)
class Wallet(Aggregate):
    """The customer at the provider that belongs to a user; a user has one with each provider.

    Its id is the idempotency key of making that customer, kept before the first call; `customer_ref` is empty until
    the provider has answered.
    """

    audited: ClassVar = ("provider",)
    audited_silently: ClassVar = ("customer_ref",)

    id: WalletId
    user_id: UserId
    provider: str
    customer_ref: str = ""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def open(cls, *, id: WalletId, user_id: UserId, provider: str, at: datetime) -> Self:
        return cls(id=id, user_id=user_id, provider=provider, created_at=at, updated_at=at)

    def know(self, customer_ref: str, at: datetime) -> None:
        """The provider knows the customer by this name. Twice is once. Raises WalletElsewhere for another name."""
        if self.customer_ref == customer_ref:
            return
        if self.customer_ref:
            raise WalletElsewhere("The provider gave this customer another name before.")
        self.customer_ref, self.updated_at = customer_ref, at

    def tell_of_update(self, method: str, at: datetime) -> None:
        """The provider says that a saved way to pay has changed."""
        self.updated_at = at
        self._record(SavedMethodUpdated(at=at, wallet_id=self.id, user_id=self.user_id, method=method))

    def tell_of_removal(self, method: str, at: datetime) -> None:
        """The provider says that a saved way to pay is gone."""
        self.updated_at = at
        self._record(SavedMethodDetached(at=at, wallet_id=self.id, user_id=self.user_id, method=method))
