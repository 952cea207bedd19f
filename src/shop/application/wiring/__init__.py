"""Who handles what: the ports, and three literal tables."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from shop.application.commands import (
    audit,
    balance,
    captures,
    carts,
    catalog,
    categories,
    checkout,
    clock,
    imports,
    inventory,
    orders,
    payments,
    plans,
    reconciliation,
    refunds,
    saved_methods,
    store,
    subscriptions,
)
from shop.application.messages import Command, Query
from shop.application.ports.storage import SubscribersByType
from shop.application.queries import analytics as analytics_queries
from shop.application.queries import audit as audit_queries
from shop.application.queries import carts as cart_queries
from shop.application.queries import catalog as catalog_queries
from shop.application.queries import clock as clock_queries
from shop.application.queries import events as event_queries
from shop.application.queries import identity as identity_queries
from shop.application.queries import inventory as inventory_queries
from shop.application.queries import orders as order_queries
from shop.application.queries import payments as payment_queries
from shop.application.queries import payouts as payout_queries
from shop.application.queries import reconciliation as reconciliation_queries
from shop.application.queries import refunds as refund_queries
from shop.application.queries import saved_methods as saved_method_queries
from shop.application.queries import store as store_queries
from shop.application.queries import subscriptions as subscription_queries
from shop.application.reactions import catalog as catalog_reactions
from shop.application.reactions import identity as identity_reactions
from shop.application.reactions import payments as payment_reactions
from shop.application.wiring.accounts import account_commands, account_queries, people_commands
from shop.application.wiring.disputes import dispute_commands, dispute_queries
from shop.application.wiring.needs import Handler, Lifetimes, Ports
from shop.domain.catalog import CategoryChanged, ProductArchived, ProductCreated, ProductUpdated
from shop.domain.identity import (
    AccountRequested,
    ExportReady,
    ExportRequested,
    InvitationMade,
    SecondStepGuessed,
    SessionReused,
    UserErased,
    UserMfaDisabled,
    UserMfaEnabled,
    UserRegistered,
    UserUpdated,
    UserVerified,
)
from shop.domain.kernel.aggregates import Event
from shop.domain.orders import OrderCreated
from shop.domain.payments import PaymentProcessed, ProviderNewsReceived

__all__ = [
    "SUBSCRIBERS",
    "Handler",
    "Lifetimes",
    "Ports",
    "command_handlers",
    "query_handlers",
    "reactions",
    "subscribers",
]


def command_handlers(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    """Which use case carries out which command."""
    uow, ids, secrets = ports.storage.uow, ports.ids, ports.secrets
    readers, lifetimes, cashier = ports.storage.readers, ports.lifetimes, ports.cashier
    return {
        catalog.CreateProduct: partial(catalog.create_product, uow=uow, ids=ids, markup=ports.markup),
        catalog.UpdateProduct: partial(catalog.update_product, uow=uow, markup=ports.markup),
        catalog.ArchiveProduct: partial(catalog.archive_product, uow=uow),
        catalog.AddVariant: partial(catalog.add_variant, uow=uow, ids=ids),
        catalog.UpdateVariant: partial(catalog.update_variant, uow=uow, ids=ids),
        catalog.ArchiveVariant: partial(catalog.archive_variant, uow=uow),
        categories.CreateCategory: partial(categories.create_category, uow=uow, ids=ids, markup=ports.markup),
        categories.UpdateCategory: partial(categories.update_category, uow=uow, markup=ports.markup),
        categories.DeleteCategory: partial(categories.delete_category, uow=uow),
        imports.ImportProduct: partial(imports.import_product, uow=uow, ids=ids, markup=ports.markup),
        inventory.AdjustStock: partial(inventory.adjust_stock, uow=uow, ids=ids),
        inventory.CountStock: partial(inventory.count_stock, uow=uow, ids=ids),
        inventory.CreateLocation: partial(inventory.create_location, uow=uow, ids=ids),
        carts.OpenCart: partial(carts.open_cart, uow=uow, ids=ids, store=readers.store, lifetime=lifetimes.cart),
        carts.AddToCart: partial(carts.add_to_cart, uow=uow, ids=ids, secrets=secrets),
        carts.ChangeCartItem: partial(carts.change_cart_item, uow=uow, secrets=secrets),
        carts.DescribeCart: partial(carts.describe_cart, uow=uow, secrets=secrets, store=readers.store),
        carts.ChooseShipping: partial(carts.choose_shipping, uow=uow, secrets=secrets, store=readers.store),
        carts.OpenOwnCart: partial(carts.open_own_cart, uow=uow, ids=ids, store=readers.store, lifetime=lifetimes.cart),
        carts.ClaimCart: partial(carts.claim_cart, uow=uow, secrets=secrets),
        carts.ExpireCart: partial(carts.expire_cart, uow=uow),
        checkout.CreateOrder: partial(
            checkout.create_order,
            uow=uow,
            ids=ids,
            secrets=secrets,
            store=readers.store,
            hold=lifetimes.stock_hold,
            provider=ports.gateway.provider,
            sources=ports.tenders,
            billing=ports.billing,
        ),
        orders.CancelOrder: partial(orders.cancel_order, secrets=secrets, cashier=cashier),
        orders.CancelAnyOrder: partial(orders.cancel_any_order, cashier=cashier),
        orders.ExpireOrder: partial(orders.expire_order, cashier=cashier),
        **_payment_commands(ports),
        **_saved_method_commands(ports),
        **_refund_commands(ports),
        **dispute_commands(ports),
        **_subscription_commands(ports),
        **_comparing_commands(ports),
        clock.MoveClock: partial(clock.move_clock, clock=ports.movable_clock, offsets=ports.storage.clock),
        audit.SealAuditLog: partial(audit.seal_audit_log, trail=ports.storage.audit),
        store.ConfigureStore: partial(store.configure_store, uow=uow, gateway=ports.gateway),
        **account_commands(ports),
        **people_commands(ports),
    }


def _comparing_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    books, held = ports.storage.readers.reconciliation, ports.balance
    return {
        reconciliation.RepairFinding: partial(
            reconciliation.repair_finding, cashier=ports.cashier, records=ports.records, balance=held, books=books
        ),
        balance.BookBalance: partial(
            balance.book_balance, uow=ports.storage.uow, ids=ports.ids, balance=held, books=books
        ),
    }


def _payment_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    readers, cashier = ports.storage.readers, ports.cashier
    return {
        payments.CreatePaymentSession: partial(
            payments.create_payment_session,
            ids=ports.ids,
            secrets=ports.secrets,
            gateway=ports.gateway,
            cashier=cashier,
        ),
        payments.ProcessPayment: partial(payments.process_payment, cashier=cashier, store=readers.store),
        payments.ConfirmPayment: partial(
            payments.confirm_payment,
            secrets=ports.secrets,
            cashier=cashier,
            payments=readers.payments,
            store=readers.store,
        ),
        payments.ReceiveProviderNews: partial(
            payments.receive_provider_news, uow=ports.storage.uow, ids=ports.ids, gateway=ports.gateway
        ),
        payments.ApplyProviderNews: partial(payments.apply_provider_news, cashier=cashier, store=readers.store),
    }


def _saved_method_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    cashier, found = ports.cashier, ports.storage.readers.subscriptions
    return {
        saved_methods.BeginSavingMethod: partial(saved_methods.begin_saving_method, cashier=cashier),
        saved_methods.RemoveSavedMethod: partial(
            saved_methods.remove_saved_method, cashier=cashier, subscriptions=found
        ),
    }


def _refund_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    uow, store = ports.storage.uow, ports.storage.readers.store
    return {
        captures.CapturePayment: partial(captures.capture_payment, uow=uow),
        captures.VoidPayment: partial(captures.void_payment, uow=uow),
        refunds.RequestRefund: partial(refunds.request_refund, uow=uow, ids=ports.ids, store=store),
        refunds.ApproveRefund: partial(refunds.approve_refund, uow=uow),
        refunds.RefuseRefund: partial(refunds.refuse_refund, uow=uow),
    }


def _subscription_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    uow, ids, till = ports.storage.uow, ports.ids, ports.till
    return {
        plans.CreatePlan: partial(plans.create_plan, uow=uow, ids=ids),
        plans.UpdatePlan: partial(plans.update_plan, uow=uow),
        plans.ArchivePlan: partial(plans.archive_plan, uow=uow),
        subscriptions.Subscribe: partial(subscriptions.subscribe, till=till),
        subscriptions.CarryOnSubscription: partial(subscriptions.carry_on_subscription, till=till),
        subscriptions.RetrySubscription: partial(subscriptions.retry_subscription, till=till),
        subscriptions.ChangeSubscription: partial(subscriptions.change_subscription, till=till),
        subscriptions.PauseSubscription: partial(subscriptions.pause_subscription, till=till),
        subscriptions.ResumeSubscription: partial(subscriptions.resume_subscription, till=till),
        subscriptions.CancelSubscription: partial(subscriptions.cancel_subscription, till=till),
    }


def query_handlers(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    """Which reader answers which question."""
    readers, secrets, gateway, uow = ports.storage.readers, ports.secrets, ports.gateway, ports.storage.uow
    found, shop = readers.catalog, readers.store
    return {
        catalog_queries.GetProducts: partial(catalog_queries.get_products, catalog=found, store=shop),
        catalog_queries.GetProduct: partial(catalog_queries.get_product, catalog=found, store=shop),
        catalog_queries.GetAvailability: partial(catalog_queries.get_availability, catalog=found),
        catalog_queries.GetCategories: partial(catalog_queries.get_categories, catalog=found),
        catalog_queries.GetCategory: partial(catalog_queries.get_category, catalog=found),
        cart_queries.GetCart: partial(cart_queries.get_cart, carts=readers.carts, store=shop, secrets=secrets),
        cart_queries.GetShippingOptions: partial(
            cart_queries.get_shipping_options, carts=readers.carts, store=shop, secrets=secrets
        ),
        cart_queries.GetExpiredCarts: partial(cart_queries.get_expired_carts, carts=readers.carts),
        order_queries.GetOrder: partial(order_queries.get_order, orders=readers.orders, secrets=secrets),
        order_queries.GetUserOrders: partial(order_queries.get_user_orders, orders=readers.orders),
        order_queries.GetAllOrders: partial(order_queries.get_all_orders, orders=readers.orders),
        order_queries.GetAnyOrder: partial(order_queries.get_any_order, orders=readers.orders),
        order_queries.GetOverdueOrders: partial(order_queries.get_overdue_orders, uow=uow),
        payment_queries.GetPaymentMethods: partial(
            payment_queries.get_payment_methods, gateway=gateway, saved_methods=ports.saved_methods
        ),
        payment_queries.GetPaymentSession: partial(
            payment_queries.get_payment_session,
            payments=readers.payments,
            secrets=secrets,
        ),
        saved_method_queries.GetSavedMethods: partial(saved_method_queries.get_saved_methods, cashier=ports.cashier),
        payment_queries.GetMyPayments: partial(payment_queries.get_my_payments, payments=readers.payments),
        payment_queries.GetMyPayment: partial(
            payment_queries.get_my_payment, payments=readers.payments, secrets=secrets
        ),
        payment_queries.GetPayments: partial(payment_queries.get_payments, payments=readers.payments),
        payment_queries.GetPayment: partial(payment_queries.get_payment, payments=readers.payments),
        payment_queries.GetUnfinishedPayments: partial(payment_queries.get_unfinished_payments, uow=uow),
        refund_queries.GetRefunds: partial(refund_queries.get_refunds, payments=readers.payments),
        refund_queries.GetRefund: partial(refund_queries.get_refund, payments=readers.payments),
        **dispute_queries(ports),
        refund_queries.GetOrderBooks: partial(refund_queries.get_order_books, uow=uow),
        **_comparing_queries(ports),
        inventory_queries.GetStockLevels: partial(inventory_queries.get_stock_levels, inventory=readers.inventory),
        inventory_queries.GetStockMovements: partial(
            inventory_queries.get_stock_movements, inventory=readers.inventory
        ),
        inventory_queries.GetLocations: partial(inventory_queries.get_locations, inventory=readers.inventory),
        store_queries.GetStore: partial(store_queries.get_store, store=shop, gateway=gateway),
        store_queries.GetStoreSettings: partial(store_queries.get_store_settings, store=shop),
        **_subscription_queries(ports),
        clock_queries.GetClock: partial(clock_queries.get_clock, clock=ports.clock),
        event_queries.GetEvents: partial(event_queries.get_events, outbox=ports.storage.outbox),
        audit_queries.GetAuditLog: partial(audit_queries.get_audit_log, trail=ports.storage.audit),
        **account_queries(ports),
        identity_queries.GetApiKeys: partial(identity_queries.get_api_keys, api_keys=readers.api_keys),
    }


def _comparing_queries(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    readers = ports.storage.readers
    return {
        reconciliation_queries.Reconcile: partial(
            reconciliation_queries.reconcile,
            gateway=ports.cashier.gateway,
            records=ports.records,
            balance=ports.balance,
            books=readers.reconciliation,
            outbox=ports.storage.outbox,
        ),
        payout_queries.GetPayouts: partial(
            payout_queries.get_payouts, balance=ports.balance, books=readers.reconciliation
        ),
        analytics_queries.GetPaymentStatistics: partial(
            analytics_queries.get_payment_statistics, analytics=readers.analytics, store=readers.store
        ),
    }


def _subscription_queries(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    found, uow = ports.storage.readers.subscriptions, ports.storage.uow
    asked = subscription_queries
    return {
        asked.GetPlans: partial(asked.get_plans, subscriptions=found),
        asked.GetPlan: partial(asked.get_plan, subscriptions=found),
        asked.GetMySubscriptions: partial(asked.get_my_subscriptions, subscriptions=found),
        asked.GetMySubscription: partial(asked.get_my_subscription, subscriptions=found),
        asked.GetAllSubscriptions: partial(asked.get_all_subscriptions, subscriptions=found),
        asked.GetAnySubscription: partial(asked.get_any_subscription, subscriptions=found),
        asked.GetDueSubscriptions: partial(asked.get_due_subscriptions, uow=uow),
    }


# Who hears of what. The names are kept with deliveries that are under way: rename one only by adding the new name
# and keeping the old until its deliveries are done.
FORGET_ANSWERS: Final = "cache.forget_answers"
RESUME_PAYMENT: Final = "payments.resume"
CAPTURE: Final = "payments.capture"
LOOK_AT_NEWS: Final = "payments.look_at_news"
LOOK_INTO_REQUESTS: Final = "accounts.look_into_requests"
WELCOME: Final = "accounts.welcome"
INVITE: Final = "accounts.invite"
CLAIM_GUEST_ORDERS: Final = "accounts.claim_guest_orders"
MAKE_EXPORT: Final = "accounts.make_export"
TELL_OF_EXPORT: Final = "accounts.tell_of_export"
FORGET_BUYER: Final = "accounts.forget_buyer"
TELL_OF_CHANGE: Final = "accounts.tell_of_change"
TELL_OF_GUESSES: Final = "accounts.tell_of_guesses"
FORGET_SAVED_METHODS: Final = "payments.forget_saved_methods"

SUBSCRIBERS: Mapping[type[Event], tuple[str, ...]] = {
    ProductCreated: (FORGET_ANSWERS,),
    ProductUpdated: (FORGET_ANSWERS,),
    ProductArchived: (FORGET_ANSWERS,),
    CategoryChanged: (FORGET_ANSWERS,),
    OrderCreated: (RESUME_PAYMENT,),
    PaymentProcessed: (CAPTURE,),
    ProviderNewsReceived: (LOOK_AT_NEWS,),
    AccountRequested: (LOOK_INTO_REQUESTS,),
    UserRegistered: (WELCOME,),
    UserVerified: (CLAIM_GUEST_ORDERS,),
    InvitationMade: (INVITE,),
    ExportRequested: (MAKE_EXPORT,),
    ExportReady: (TELL_OF_EXPORT,),
    UserErased: (FORGET_BUYER, FORGET_SAVED_METHODS),
    UserUpdated: (TELL_OF_CHANGE,),
    UserMfaEnabled: (TELL_OF_CHANGE,),
    UserMfaDisabled: (TELL_OF_CHANGE,),
    SessionReused: (TELL_OF_CHANGE,),
    SecondStepGuessed: (TELL_OF_GUESSES,),
}


def subscribers() -> SubscribersByType:
    """The table as storage needs it: by the event's name on the wire."""
    return {event.type: names for event, names in SUBSCRIBERS.items()}


def reactions(ports: Ports) -> Mapping[str, Handler]:
    """What each subscriber does with an event."""
    cashier, uow = ports.cashier, ports.storage.uow
    keeper, notifier, readers = ports.doorkeeper, ports.notifier, ports.storage.readers
    return {
        LOOK_INTO_REQUESTS: partial(
            identity_reactions.look_into_requests, uow=uow, ids=ports.ids, doorkeeper=keeper, notifier=notifier
        ),
        WELCOME: partial(identity_reactions.welcome, uow=uow, doorkeeper=keeper, notifier=notifier),
        INVITE: partial(identity_reactions.invite, uow=uow, doorkeeper=keeper, notifier=notifier),
        MAKE_EXPORT: partial(identity_reactions.make_export, uow=uow, readers=readers, cashier=cashier),
        TELL_OF_EXPORT: partial(identity_reactions.tell_of_export, uow=uow, doorkeeper=keeper, notifier=notifier),
        FORGET_BUYER: partial(identity_reactions.forget_buyer, uow=uow, readers=readers),
        FORGET_SAVED_METHODS: partial(identity_reactions.forget_saved_methods, cashier=cashier),
        TELL_OF_CHANGE: partial(identity_reactions.tell_of_change, uow=uow, doorkeeper=keeper, notifier=notifier),
        TELL_OF_GUESSES: partial(identity_reactions.tell_of_guesses, uow=uow, doorkeeper=keeper, notifier=notifier),
        CLAIM_GUEST_ORDERS: partial(identity_reactions.claim_guest_orders, uow=uow),
        FORGET_ANSWERS: partial(catalog_reactions.forget_answers, cache=ports.cache),
        RESUME_PAYMENT: partial(payment_reactions.resume_new_payment, cashier=cashier, store=readers.store),
        CAPTURE: partial(payment_reactions.capture_authorized, cashier=cashier, store=readers.store),
        LOOK_AT_NEWS: partial(payment_reactions.look_at_news, cashier=cashier, store=readers.store),
    }
