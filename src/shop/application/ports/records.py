"""What a payment provider has on record, for comparing its books with ours.

Promises every provider keeps that has such lists (`shop.adapters.contracts.payments` proves them):

- A list holds everything that was created from `since` up to but not including `until`, in pages of at most `limit`;
  `next` of a page leads on, and is empty after the last. Nothing stands on two pages, nothing that was there before
  the first page was asked for is left out.
- What stands in a list is how it is at that moment, with the same meaning as in an answer to `fetch`.
"""

from datetime import datetime
from typing import Generic, Protocol, TypeVar, runtime_checkable

from attrs import frozen

from shop.application.ports.payments import ProviderNews
from shop.domain.payments import IntentState

LISTED_MAX = 100
T = TypeVar("T")


@frozen(kw_only=True)
class Listed(Generic[T]):
    """A page of a provider's list. `next` is to be passed as `after`; empty when there is no more."""

    data: list[T]
    next: str = ""


@frozen(kw_only=True)
class ListedIntent:
    """An intent, when it was made, and the order that it was made for if the provider was told."""

    state: IntentState
    created_at: datetime
    order_hint: str = ""


@frozen(kw_only=True)
class ListedNews:
    """A message that the shop should have been sent. It was asked for over our own line, so it needs no signature."""

    news: ProviderNews
    created_at: datetime


@runtime_checkable
class ProviderRecords(Protocol):
    """Lists what a provider has. Raises PaymentProviderUnavailable; a gateway need not offer it."""

    provider: str

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        """Every intent, whoever made it: also what somebody charged in the provider's dashboard."""

    async def list_news(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedNews]:
        """Messages about payments. Providers forget them after a while (Stripe: 30 days)."""
