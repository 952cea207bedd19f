"""What a reconciliation found, as staff see it."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import OrderId, PaymentId
from shop.domain.kernel.money import Money


@frozen(kw_only=True, slots=False)
class FindingView:
    """Something that does not agree. `id` names it for `shop reconcile --repair`, and is the same in every run.

    `ours` and `theirs` are the two figures where they are money; `healing` says whether asking the provider again
    puts it right, which the worker does by itself; `repair` is the command that helps, or empty: people decide.
    """

    object: ClassVar[str] = "reconciliation_finding"
    id: str
    kind: str
    subject: str
    detail: str
    provider: str = ""
    provider_ref: str = ""
    order_id: OrderId | None = None
    order_number: int | None = None
    payment_id: PaymentId | None = None
    ours: Money | None = None
    theirs: Money | None = None
    healing: bool = False
    repair: str = ""


@frozen(kw_only=True, slots=False)
class ReconciliationView:
    """The shop's books beside the provider's, differences only.

    `compared` is false where the provider has no lists: then only the shop's own books were added up. The counts say
    how much was looked at; `truncated` that there may be more findings than are shown.
    """

    object: ClassVar[str] = "reconciliation"
    since: datetime
    until: datetime
    provider: str
    compared: bool
    intents: int
    payments: int
    messages: int
    levels: int
    transactions: int
    payouts: int
    clean: bool
    truncated: bool
    findings: list[FindingView]
