"""Who handles what: the ports, and three literal tables."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from attrs import field, frozen

from shop.application.commands import (
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
    store,
    subscriptions,
)
from shop.application.commands.identity import (
    invitations,
    keys,
    me,
    registration,
    roles,
    second_factor,
    setup,
    sign_in,
    staff,
)
from shop.application.commands.identity import passkeys as passkeys_
from shop.application.commands.identity import passwords as passwords_
from shop.application.commands.identity.opening import AccountRules, Doorkeeper
from shop.application.limits import RateLimits
from shop.application.messages import Command, Context, Query
from shop.application.outages import CircuitBreaker, GuardedGateway
from shop.application.ports.cache import Cache, RateLimiter
from shop.application.ports.clock import Clock, Ids, MovableClock
from shop.application.ports.identity import Authenticator, Secrets
from shop.application.ports.markup import Markup
from shop.application.ports.notifications import Notifier
from shop.application.ports.passwords import Passwords
from shop.application.ports.payments import PaymentGateway
from shop.application.ports.records import ProviderRecords
from shop.application.ports.second_step import Passkeys, TotpCodes
from shop.application.ports.sign_in import SignInProvider
from shop.application.ports.storage import Storage, SubscribersByType
from shop.application.ports.subscriptions import NoBilling, SubscriptionBilling
from shop.application.ports.tokens import AccessTokens
from shop.application.queries import carts as cart_queries
from shop.application.queries import catalog as catalog_queries
from shop.application.queries import clock as clock_queries
from shop.application.queries import events as event_queries
from shop.application.queries import identity as identity_queries
from shop.application.queries import inventory as inventory_queries
from shop.application.queries import orders as order_queries
from shop.application.queries import payments as payment_queries
from shop.application.queries import store as store_queries
from shop.application.queries import subscriptions as subscription_queries
from shop.application.reactions import catalog as catalog_reactions
from shop.application.reactions import identity as identity_reactions
from shop.application.reactions import payments as payment_reactions
from shop.application.renewals import Till
from shop.application.settlement import Cashier
from shop.domain.carts import LIFETIME
from shop.domain.catalog import CategoryChanged, ProductArchived, ProductCreated, ProductUpdated
from shop.domain.identity import AccountRequested, InvitationMade, UserRegistered, UserVerified
from shop.domain.kernel.aggregates import Event
from shop.domain.orders import OrderCreated
from shop.domain.payments import PaymentProcessed, ProviderNewsReceived

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
    sign_in: Mapping[str, SignInProvider]
    notifier: Notifier
    lifetimes: Lifetimes = Lifetimes()
    limits: RateLimits = RateLimits()
    billing: SubscriptionBilling = field(factory=NoBilling)
    circuit: CircuitBreaker = field(factory=CircuitBreaker)
    accounts: AccountRules = AccountRules()

    @property
    def doorkeeper(self) -> Doorkeeper:
        return Doorkeeper(self.ids, self.secrets, self.access_tokens, self.storage.readers.people, self.accounts)

    @property
    def cashier(self) -> Cashier:
        gateway = GuardedGateway(self.gateway, self.circuit, self.clock)
        return Cashier(self.storage.uow, self.ids, gateway, self.billing)

    @property
    def records(self) -> ProviderRecords | None:
        """What the provider has on record, where it has lists of that."""
        return self.gateway if isinstance(self.gateway, ProviderRecords) else None

    @property
    def till(self) -> Till:
        return Till(self.cashier, self.storage.readers.store)

    @property
    def movable_clock(self) -> MovableClock | None:
        """The clock, where it is one that may be moved: never in production."""
        return self.clock if isinstance(self.clock, MovableClock) else None


def command_handlers(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    """Which use case carries out which command."""
    uow, ids, secrets, gateway = ports.storage.uow, ports.ids, ports.secrets, ports.gateway
    readers, lifetimes, cashier, till = ports.storage.readers, ports.lifetimes, ports.cashier, ports.till
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
            provider=gateway.provider,
        ),
        orders.CancelOrder: partial(orders.cancel_order, secrets=secrets, cashier=cashier),
        orders.CancelAnyOrder: partial(orders.cancel_any_order, cashier=cashier),
        orders.ExpireOrder: partial(orders.expire_order, cashier=cashier),
        payments.CreatePaymentSession: partial(
            payments.create_payment_session, uow=uow, ids=ids, secrets=secrets, gateway=gateway
        ),
        payments.ProcessPayment: partial(payments.process_payment, cashier=cashier),
        payments.ConfirmPayment: partial(
            payments.confirm_payment, secrets=secrets, cashier=cashier, payments=readers.payments
        ),
        payments.ReceiveProviderNews: partial(payments.receive_provider_news, uow=uow, ids=ids, gateway=gateway),
        payments.ApplyProviderNews: partial(payments.apply_provider_news, cashier=cashier, store=readers.store),
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
        clock.MoveClock: partial(clock.move_clock, clock=ports.movable_clock, offsets=ports.storage.clock),
        store.ConfigureStore: partial(store.configure_store, uow=uow),
        **_account_commands(ports),
    }


def _account_commands(ports: Ports) -> Mapping[type[Command[Any]], Handler]:
    uow, ids, secrets, passwords = ports.storage.uow, ports.ids, ports.secrets, ports.passwords
    readers, keeper, totp, passkeys = ports.storage.readers, ports.doorkeeper, ports.totp, ports.passkeys
    return {
        registration.RegisterUser: partial(registration.register_user, uow=uow, ids=ids, passwords=passwords),
        registration.RequestMail: partial(registration.request_mail, uow=uow, ids=ids),
        registration.ChangeEmail: partial(registration.change_email, uow=uow, ids=ids),
        registration.LookIntoRequest: partial(
            registration.look_into_request, uow=uow, ids=ids, doorkeeper=keeper, notifier=ports.notifier
        ),
        registration.SendVerification: partial(
            registration.send_verification, uow=uow, doorkeeper=keeper, notifier=ports.notifier
        ),
        registration.VerifyEmail: partial(registration.verify_email, uow=uow, doorkeeper=keeper),
        sign_in.SignIn: partial(sign_in.sign_in, uow=uow, passwords=passwords, doorkeeper=keeper),
        sign_in.UseMagicLink: partial(sign_in.use_magic_link, uow=uow, doorkeeper=keeper),
        sign_in.RefreshSession: partial(sign_in.refresh_session, uow=uow, doorkeeper=keeper),
        sign_in.SignOut: partial(sign_in.sign_out, uow=uow),
        sign_in.RevokeSession: partial(sign_in.revoke_session, uow=uow),
        sign_in.RevokeOtherSessions: partial(sign_in.revoke_other_sessions, uow=uow),
        passwords_.ResetPassword: partial(passwords_.reset_password, uow=uow, passwords=passwords, doorkeeper=keeper),
        passwords_.ChangePassword: partial(passwords_.change_password, uow=uow, passwords=passwords, doorkeeper=keeper),
        second_factor.EnrolTotp: partial(
            second_factor.enrol_totp, uow=uow, ids=ids, secrets=secrets, totp=totp, store=readers.store
        ),
        second_factor.ConfirmTotp: partial(second_factor.confirm_totp, uow=uow, secrets=secrets, totp=totp),
        second_factor.DisableTotp: partial(second_factor.disable_totp, uow=uow, totp=totp, doorkeeper=keeper),
        second_factor.RotateRecoveryCodes: partial(second_factor.rotate_recovery_codes, uow=uow, secrets=secrets),
        second_factor.CompleteSecondStep: partial(
            second_factor.complete_second_step, uow=uow, totp=totp, doorkeeper=keeper
        ),
        passkeys_.OfferPasskey: partial(passkeys_.offer_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.AddPasskey: partial(passkeys_.add_passkey, uow=uow, ids=ids, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.RemovePasskey: partial(passkeys_.remove_passkey, uow=uow),
        passkeys_.AskForPasskey: partial(passkeys_.ask_for_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper),
        passkeys_.SignInWithPasskey: partial(
            passkeys_.sign_in_with_passkey, uow=uow, passkeys=passkeys, doorkeeper=keeper
        ),
        me.UpdateMe: partial(me.update_me, uow=uow),
        me.UpdatePreferences: partial(me.update_preferences, uow=uow),
        me.AddAddress: partial(me.add_address, uow=uow, ids=ids),
        me.UpdateAddress: partial(me.update_address, uow=uow),
        me.RemoveAddress: partial(me.remove_address, uow=uow),
        staff.CreateUser: partial(staff.create_user, uow=uow, ids=ids),
        staff.UpdateUser: partial(staff.update_user, uow=uow),
        staff.SetUserRoles: partial(staff.set_user_roles, uow=uow),
        staff.ResetSecondFactor: partial(staff.reset_second_factor, uow=uow),
        roles.CreateRole: partial(roles.create_role, uow=uow, ids=ids),
        roles.UpdateRole: partial(roles.update_role, uow=uow),
        roles.DeleteRole: partial(roles.delete_role, uow=uow),
        invitations.InviteStaff: partial(invitations.invite_staff, uow=uow, ids=ids),
        invitations.RevokeInvitation: partial(invitations.revoke_invitation, uow=uow),
        invitations.AcceptInvitation: partial(
            invitations.accept_invitation, ids=ids, uow=uow, passwords=passwords, doorkeeper=keeper
        ),
        keys.CreateApiKey: partial(keys.create_api_key, uow=uow, ids=ids, secrets=secrets),
        keys.RotateApiKey: partial(keys.rotate_api_key, uow=uow, secrets=secrets),
        keys.RevokeApiKey: partial(keys.revoke_api_key, uow=uow),
        keys.RotateSigningKeys: partial(
            keys.rotate_signing_keys, uow=uow, ids=ids, people=readers.people, rules=ports.accounts
        ),
        setup.OfferSetup: partial(setup.offer_setup, uow=uow, doorkeeper=keeper),
        setup.CompleteSetup: partial(setup.complete_setup, ids=ids, uow=uow, passwords=passwords, doorkeeper=keeper),
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
        payment_queries.GetPaymentMethods: partial(payment_queries.get_payment_methods, gateway=gateway),
        payment_queries.GetPaymentSession: partial(
            payment_queries.get_payment_session,
            payments=readers.payments,
            secrets=secrets,
        ),
        payment_queries.GetPayments: partial(payment_queries.get_payments, payments=readers.payments),
        payment_queries.GetPayment: partial(payment_queries.get_payment, payments=readers.payments),
        payment_queries.GetUnfinishedPayments: partial(payment_queries.get_unfinished_payments, uow=uow),
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
        **_account_queries(ports),
        identity_queries.GetApiKeys: partial(identity_queries.get_api_keys, api_keys=readers.api_keys),
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


def _account_queries(ports: Ports) -> Mapping[type[Query[Any]], Handler]:
    people = ports.storage.readers.people
    return {
        identity_queries.GetWho: partial(identity_queries.get_who, people=people),
        identity_queries.GetMe: partial(identity_queries.get_me, people=people),
        identity_queries.GetMyAddresses: partial(identity_queries.get_my_addresses, people=people),
        identity_queries.GetMyPreferences: partial(identity_queries.get_my_preferences, people=people),
        identity_queries.GetMySessions: partial(identity_queries.get_my_sessions, people=people),
        identity_queries.GetUsers: partial(identity_queries.get_users, people=people),
        identity_queries.GetUser: partial(identity_queries.get_user, people=people),
        identity_queries.GetRoles: partial(identity_queries.get_roles, people=people),
        identity_queries.GetInvitations: partial(identity_queries.get_invitations, people=people),
        identity_queries.GetSetupStatus: partial(identity_queries.get_setup_status, people=people),
        identity_queries.GetSigningKeys: partial(
            identity_queries.get_signing_keys, people=people, access_tokens=ports.access_tokens
        ),
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
}


def subscribers() -> SubscribersByType:
    """The table as storage needs it: by the event's name on the wire."""
    return {event.type: names for event, names in SUBSCRIBERS.items()}


def reactions(ports: Ports) -> Mapping[str, Handler]:
    """What each subscriber does with an event."""
    cashier, uow = ports.cashier, ports.storage.uow
    keeper, notifier = ports.doorkeeper, ports.notifier
    return {
        LOOK_INTO_REQUESTS: partial(
            identity_reactions.look_into_requests, uow=uow, ids=ports.ids, doorkeeper=keeper, notifier=notifier
        ),
        WELCOME: partial(identity_reactions.welcome, uow=uow, doorkeeper=keeper, notifier=notifier),
        INVITE: partial(identity_reactions.invite, uow=uow, doorkeeper=keeper, notifier=notifier),
        CLAIM_GUEST_ORDERS: partial(identity_reactions.claim_guest_orders, uow=uow),
        FORGET_ANSWERS: partial(catalog_reactions.forget_answers, cache=ports.cache),
        RESUME_PAYMENT: partial(payment_reactions.resume_new_payment, cashier=cashier),
        CAPTURE: partial(payment_reactions.capture_authorized, cashier=cashier),
        LOOK_AT_NEWS: partial(payment_reactions.look_at_news, cashier=cashier, store=ports.storage.readers.store),
    }
