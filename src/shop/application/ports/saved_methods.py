"""Ways to pay that a provider keeps for a customer, in the shop's words.

Card data goes from the customer's browser to the provider and never through the shop: the shop begins, and is shown
brand, last four digits and date afterwards. Promises (`shop.adapters.contracts.saved_methods` proves them):

- One wallet of ours is one customer at the provider, however often it is asked for.
- Nothing is seen or removed through a customer whose it is not.
- Whatever goes wrong outside is PaymentProviderUnavailable (repeat it later) or PaymentRefused (do not).
"""

from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import WalletId
from shop.domain.payments import SavedMethod

ABOUT_SAVED_METHODS = ("payment_method.", "customer.deleted")
"""How the types of messages begin that are about saved ways to pay."""
GONE, CHANGED = ("payment_method.detached",), ("payment_method.updated", "payment_method.automatically_updated")
CUSTOMER_GONE = "customer.deleted"


class SavingNotOffered(Conflict):
    """The shop's provider keeps no ways to pay."""

    code = "saving_not_offered"
    title = "Ways to pay cannot be saved here"
    default_hint = "Choose a provider that keeps them: SHOP_PAYMENTS=fake or stripe."


class SetupStatus(StrEnum):
    """How far saving has come. REQUIRES_ACTION: the customer's browser finishes it with the client secret."""

    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


@frozen(kw_only=True)
class MethodSetup:
    """A way to pay that is being saved, to be used later also while the customer is away."""

    provider: str
    provider_ref: str
    status: SetupStatus
    client_secret: str = field(default="", repr=False)


class SavedMethods(Protocol):
    """Keeps the ways to pay of customers."""

    provider: str
    """The name of the payment provider that it is a part of."""

    def names(self, method: str) -> bool:
        """Whether this is how a saved way to pay is called here, whoever has it. No I/O."""

    async def open_customer(self, wallet_id: WalletId) -> str:
        """Makes the customer, and says how the provider calls it. Key: the wallet id. Nothing of the person goes
        along: what a receipt needs goes with the payment."""

    async def begin(self, customer_ref: str, method: str, key: str) -> MethodSetup:
        """Begins to save a way to pay of this kind (the code of a payment method; empty: the provider's first).

        Key: `key`. Raises PaymentMethodUnknown, PaymentRefused when the provider has no such customer.
        """

    async def saved(self, customer_ref: str) -> list[SavedMethod]:
        """What is saved, the newest first, 100 at most. A customer that is gone has nothing."""

    async def detach(self, customer_ref: str, method_ref: str) -> None:
        """Nothing can be paid with it any more. Raises SavedMethodNotFound when this customer does not have it."""

    async def forget(self, customer_ref: str) -> None:
        """Removes the customer with all that is saved. Twice is once."""

    def method_in(self, body: bytes) -> str:
        """Which saved way to pay a message speaks of that the provider signed; empty: of none. No I/O."""

    async def close(self) -> None:
        """Lets go of connections."""


class NoSavedMethods:
    """For a provider that keeps no ways to pay."""

    provider = ""

    def names(self, method: str) -> bool:
        return False

    async def open_customer(self, wallet_id: WalletId) -> str:
        raise SavingNotOffered

    async def begin(self, customer_ref: str, method: str, key: str) -> MethodSetup:
        raise SavingNotOffered

    async def saved(self, customer_ref: str) -> list[SavedMethod]:
        return []

    async def detach(self, customer_ref: str, method_ref: str) -> None:
        raise SavingNotOffered

    async def forget(self, customer_ref: str) -> None:
        """Nobody is known here."""

    def method_in(self, body: bytes) -> str:
        return ""

    async def close(self) -> None:
        """There is nothing to let go of."""
