"""One try at taking money, and what there is to say when there is none."""

from datetime import datetime

from attrs import evolve, field, frozen

from shop.domain.kernel.errors import Invalid, NotFound
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.kernel.money import Money
from shop.domain.payments.states import AttemptStatus, IntentState, NextAction

DECLINES_MAX = 100
"""So many declines of one attempt are kept, the first ones: beyond, somebody is trying out cards."""


class PaymentNotFound(NotFound):
    title = "No such payment"


class PaymentMethodUnknown(Invalid):
    code = "payment_method_unknown"
    title = "No such way to pay"
    default_hint = "GET /api/payments/methods lists the ways to pay."


@frozen(kw_only=True)
class PaymentAttempt:
    """One try at taking the money. Its id is the idempotency key at the provider, kept before the first call.

    The shopper may try several cards in it: `declines` are the reasons of those that failed, in order. The same reason
    twice, with nothing seen in between, is one. An attempt whose intent the provider would not make has FAILED with no
    `provider_ref`. With `saves` the provider keeps the card for its owner once it was accepted, and `method` names it
    from then on. `expires_at` is until when what is authorised can be captured, where
    the provider says.
    """

    id: AttemptId
    method: str
    amount: Money
    saves: bool = False
    status: AttemptStatus = AttemptStatus.NEW
    brand: str = ""
    provider_ref: str = ""
    failure_code: str = ""
    declines: tuple[str, ...] = ()
    next_action: NextAction | None = None
    client_secret: str = field(default="", repr=False)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None

    def following(self, news: IntentState, at: datetime) -> "PaymentAttempt":
        """The same as the provider says it is now; itself where that is nothing new."""
        followed = evolve(
            self,
            method=news.method or self.method,
            provider_ref=news.provider_ref,
            status=news.status,
            failure_code=news.failure_code,
            declines=self._declines_after(news),
            next_action=news.next_action,
            client_secret=news.client_secret or self.client_secret,
            expires_at=news.expires_at or self.expires_at,
            brand=news.brand or self.brand,
        )
        return self if followed == self else evolve(followed, updated_at=at)

    @property
    def is_refused(self) -> bool:
        """Whether the provider would not even make its intent."""
        return self.status is AttemptStatus.FAILED and not self.provider_ref

    def given_up(self, at: datetime) -> "PaymentAttempt":
        """Over, and why it failed stays to be seen."""
        return evolve(self, status=AttemptStatus.CANCELLED, updated_at=at)

    def _declines_after(self, news: IntentState) -> tuple[str, ...]:
        known = self.status is AttemptStatus.FAILED and self.failure_code == news.failure_code
        if news.status is not AttemptStatus.FAILED or known:
            return self.declines
        return (*self.declines, news.failure_code)[:DECLINES_MAX]
