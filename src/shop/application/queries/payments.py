"""What buyers and staff see of payments."""

from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import CUSTOMER, INTERNAL, OWNER, PUBLIC, Context, Query
from shop.application.ports.identity import Secrets
from shop.application.ports.paging import Page, PageRequest, limited
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.readers import PaymentFilter, PaymentReader, SessionWithPayment
from shop.application.ports.saved_methods import SavedMethods
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import MyPaymentView, PaymentMethodView, PaymentSessionView, PaymentView
from shop.application.windows import WINDOW_MAX
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId, PaymentId, PaymentSessionId
from shop.domain.payments import AttemptStatus, PaymentNotFound, PaymentSessionNotFound


@frozen(kw_only=True)
class GetPaymentMethods(Query[list[PaymentMethodView]]):
    """The ways to pay."""

    requires: ClassVar = PUBLIC


async def get_payment_methods(
    query: GetPaymentMethods, context: Context, *, gateway: PaymentGateway, saved_methods: SavedMethods
) -> list[PaymentMethodView]:
    return [
        PaymentMethodView(
            id=m.code,
            provider=gateway.provider,
            name=m.name,
            confirms_in=m.confirms_in,
            authorizes=m.authorizes,
            savable=m.savable and bool(saved_methods.provider),
        )
        for m in await gateway.methods()
    ]


@frozen(kw_only=True)
class GetPaymentSession(Query[PaymentSessionView]):
    """How the payment of a session's order stands, and what the shopper must do."""

    requires: ClassVar = OWNER
    session_id: PaymentSessionId


async def get_payment_session(
    query: GetPaymentSession,
    context: Context,
    *,
    payments: PaymentReader,
    secrets: Secrets,
) -> PaymentSessionView:
    fresh = context.just_written.take(query.session_id, SessionWithPayment)
    found = fresh or await payments.session(query.session_id)
    session, payment = found.session, found.payment
    check_owner(
        context.actor,
        found.owner_id,
        session.cart_id,
        secrets=secrets,
        otherwise=PaymentSessionNotFound,
        asked=f"payment session {session.id}",
    )
    attempt = payment.attempt if payment else None
    return PaymentSessionView(
        id=session.id,
        cart_id=session.cart_id,
        provider=session.provider,
        method=session.method,
        save=attempt.saves if attempt else session.saves,
        status=_how_far(found),
        order_id=found.order_id,
        next_action=attempt.next_action if attempt else None,
        client_secret=(attempt.client_secret or None) if attempt else None,
        failure_code=(attempt.failure_code or None) if attempt else None,
        created_at=session.created_at,
    )


def _how_far(found: SessionWithPayment) -> str:
    """Of an order that costs nothing, all that is due was taken as soon as it was placed."""
    if found.payment is not None:
        return str(found.payment.attempt.status)
    return "open" if found.order_id is None else str(AttemptStatus.CAPTURED)


@frozen(kw_only=True)
class GetMyPayments(Query[Page[MyPaymentView]]):
    """The payments of one's own orders with what went back, the latest order first."""

    requires: ClassVar = CUSTOMER
    page: PageRequest = PageRequest()


async def get_my_payments(query: GetMyPayments, context: Context, *, payments: PaymentReader) -> Page[MyPaymentView]:
    assert context.actor.user_id is not None, "the door lets only customers in"
    return await payments.of_owner(context.actor.user_id, query.page)


@frozen(kw_only=True)
class GetMyPayment(Query[MyPaymentView]):
    """One payment of an order of one's own."""

    requires: ClassVar = CUSTOMER
    payment_id: PaymentId


async def get_my_payment(
    query: GetMyPayment, context: Context, *, payments: PaymentReader, secrets: Secrets
) -> MyPaymentView:
    found = await payments.for_buyer(query.payment_id)
    check_owner(
        context.actor,
        found.owner_id,
        found.view.order_id,
        secrets=secrets,
        otherwise=PaymentNotFound,
        asked=f"payment {query.payment_id}",
    )
    return found.view


@frozen(kw_only=True)
class GetPayments(Query[Page[PaymentView]]):
    """All payments of the shop, for staff."""

    requires: ClassVar = "payments:read"
    which: PaymentFilter = PaymentFilter()
    page: PageRequest = PageRequest()


async def get_payments(query: GetPayments, context: Context, *, payments: PaymentReader) -> Page[PaymentView]:
    return await payments.all(query.which, query.page)


@frozen(kw_only=True)
class GetPayment(Query[PaymentView]):
    """One payment with what its provider said, for staff."""

    requires: ClassVar = "payments:read"
    payment_id: PaymentId


async def get_payment(query: GetPayment, context: Context, *, payments: PaymentReader) -> PaymentView:
    return await payments.one(query.payment_id)


@frozen(kw_only=True)
class GetUnfinishedPayments(Query[list[OrderId]]):
    """Orders whose payment stopped half-way and has not moved for a while, the oldest first."""

    requires: ClassVar = INTERNAL
    idle: timedelta = timedelta(minutes=1)
    limit: int = limited()


async def get_unfinished_payments(query: GetUnfinishedPayments, context: Context, *, uow: UnitOfWork) -> list[OrderId]:
    """Raises Invalid for a time to come, and for one longer than WINDOW_MAX."""
    if not timedelta(0) <= query.idle <= WINDOW_MAX:
        raise Invalid(f"A payment is idle for at most {WINDOW_MAX.days} days, and not since a time to come.")
    async with uow(context) as tx:
        return await tx.payments.unfinished(context.now - query.idle, context.now, query.limit)
