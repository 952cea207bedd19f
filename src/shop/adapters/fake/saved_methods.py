"""Saved ways to pay at the fake provider: each behaves like the plain one that it was saved from."""

import json
from hashlib import sha256

from shop.adapters.fake import news
from shop.adapters.fake.acts import BEGINNINGS
from shop.adapters.fake.methods import METHODS
from shop.adapters.fake.payments import FakePaymentGateway
from shop.adapters.fake.wallet_books import (
    BookedCustomer,
    BookedMethod,
    BookedSetup,
    MemoryWalletBooks,
    WalletBooks,
    code_of,
    customer_ref,
    is_saved,
    owner_of,
)
from shop.application.ports.clock import Clock
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.options import Options
from shop.application.ports.payments import PaymentGateway, PaymentRefused
from shop.application.ports.saved_methods import CUSTOMER_GONE, MethodSetup, SetupStatus
from shop.domain.kernel.identifiers import WalletId
from shop.domain.payments import SAVED_MAX, AttemptStatus, PaymentMethodUnknown, SavedMethod, SavedMethodNotFound

_LAST4 = {"fake_card": "4242", "fake_card_declined": "0002", "fake_card_3ds": "3220"}
_SAVABLE = frozenset(method.code for method in METHODS if method.savable)


class FakeSavedMethods:
    """The customers of the fake provider. A card with a challenge is saved once the customer has passed it."""

    def __init__(self, books: WalletBooks, clock: Clock, provider: str = "fake") -> None:
        self.provider = provider
        self._books = books
        self._clock = clock

    def names(self, method: str) -> bool:
        return is_saved(method) and code_of(method) in BEGINNINGS

    async def open_customer(self, wallet_id: WalletId) -> str:
        forbid_inside_transaction("open_customer")
        ref = customer_ref(wallet_id)
        with self._books.writing():
            if self._books.get(ref) is None:
                self._books.put(BookedCustomer(ref=ref))
        return ref

    async def begin(self, customer_ref: str, method: str, key: str) -> MethodSetup:
        forbid_inside_transaction("begin")
        code = method or METHODS[0].code
        if code not in _SAVABLE:
            raise PaymentMethodUnknown(f"The fake provider cannot save “{method[:40]}”.")
        with self._books.writing():
            customer = self._known(customer_ref)
            setup = customer.setups.get(key)
            if setup is None:
                waits = BEGINNINGS[code][0] is AttemptStatus.REQUIRES_ACTION
                ref = f"seti_{customer_ref}_{len(customer.setups) + 1}"
                setup = customer.setups[key] = BookedSetup(ref=ref, code=code, done=not waits)
                self._finish(customer, setup)
        return self._setup_of(setup)

    async def saved(self, customer_ref: str) -> list[SavedMethod]:
        forbid_inside_transaction("saved")
        customer = self._books.get(customer_ref)
        methods = customer.methods if customer is not None else []
        return [_method_of(method) for method in reversed(methods)][:SAVED_MAX]

    async def detach(self, customer_ref: str, method_ref: str) -> None:
        forbid_inside_transaction("detach")
        with self._books.writing():
            customer = self._books.get(customer_ref)
            if customer is None or not customer.has(method_ref):
                raise SavedMethodNotFound("The fake provider has no such saved way to pay of this customer.")
            customer.methods = [method for method in customer.methods if method.ref != method_ref]
            self._books.put(customer, "payment_method.detached", method_ref)

    async def forget(self, customer_ref: str) -> None:
        forbid_inside_transaction("forget")
        with self._books.writing():
            customer = self._books.get(customer_ref)
            if customer is not None and not customer.gone:
                customer.gone, customer.methods, customer.setups = True, [], {}
                self._books.put(customer, CUSTOMER_GONE)

    def method_in(self, body: bytes) -> str:
        try:
            return str(json.loads(body)["data"]["object"]["method"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""

    async def close(self) -> None:
        self._books.close()

    # What the customer and the provider do without asking the shop.

    def take_news(self, limit: int = 1000) -> list[news.OutgoingNews]:
        """The messages that wait to be posted to the shop, oldest first; each is handed out once."""
        at = int(self._clock.now().timestamp())
        return [_message(number, about, kind, at) for number, about, kind in self._books.take_news(limit)]

    def customer_finishes(self, customer_ref: str, setup_ref: str) -> None:
        """The customer passes the challenge in the browser."""
        with self._books.writing():
            customer = self._known(customer_ref)
            for setup in customer.setups.values():
                if setup.ref == setup_ref and not setup.done:
                    setup.done = True
                    self._finish(customer, setup)

    def bank_renews(self, customer_ref: str, method_ref: str, year: int) -> None:
        """The bank sends the card anew, with another date."""
        with self._books.writing():
            customer = self._known(customer_ref)
            for method in customer.methods:
                if method.ref == method_ref:
                    method.expires_year = year
            self._books.put(customer, "payment_method.automatically_updated", method_ref)

    def _finish(self, customer: BookedCustomer, setup: BookedSetup) -> None:
        """Keeps the customer, and the way to pay once nothing is left to be done for it."""
        saved = customer.save(setup.code).ref if setup.done else ""
        self._books.put(customer, "payment_method.attached" if saved else "", saved)

    def _setup_of(self, setup: BookedSetup) -> MethodSetup:
        secret = f"{setup.ref}_secret_{sha256(setup.ref.encode()).hexdigest()[:24]}"
        return MethodSetup(
            provider=self.provider,
            provider_ref=setup.ref,
            status=SetupStatus.SUCCEEDED if setup.done else SetupStatus.REQUIRES_ACTION,
            client_secret="" if setup.done else secret,
        )

    def _known(self, customer_ref: str) -> BookedCustomer:
        customer = self._books.get(customer_ref)
        if customer is None or customer.gone:
            raise PaymentRefused("The fake provider has no such customer.")
        return customer


def open_fake_saved_methods(options: Options, gateway: PaymentGateway) -> FakeSavedMethods:
    """The customers of the fake provider: those that its gateway takes money from."""
    books = gateway.wallets if isinstance(gateway, FakePaymentGateway) else MemoryWalletBooks()
    return FakeSavedMethods(books, options.clock, gateway.provider)


def _method_of(method: BookedMethod) -> SavedMethod:
    return SavedMethod(
        ref=method.ref,
        kind="card",
        brand="visa",
        last4=_LAST4[method.code],
        expires_month=method.expires_month,
        expires_year=method.expires_year,
    )


def _message(number: int, about: str, kind: str, at: int) -> news.OutgoingNews:
    """`about` is a customer, or a way to pay of one."""
    if not is_saved(about):
        return news.of_saved_method(number, about, "", kind, at)
    return news.of_saved_method(number, owner_of(about), about, kind, at)
