"""What every keeper of saved ways to pay promises, as tests: subclass `SavedMethodsContract`, say how to open it.

    class TestMyProvider(SavedMethodsContract):
        @asynccontextmanager
        async def open_subject(self):
            ...
            yield SavedMethodsUnderTest(...)

pytest is all that is needed.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar
from uuid import uuid4

import pytest
from attrs import evolve, frozen

from shop.adapters.contracts.payments import MovableClock
from shop.adapters.contracts.stories import alone
from shop.application.ports.network import ProgrammingMistake, enter_transaction, leave_transaction
from shop.application.ports.payments import (
    METHOD_GONE,
    IntentRequest,
    KeyReused,
    PaymentGateway,
    PaymentRefused,
    ProviderNews,
)
from shop.application.ports.saved_methods import GONE, MethodSetup, SavedMethods, SetupStatus
from shop.domain.kernel.identifiers import AttemptId, OrderId, WalletId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, PaymentMethodUnknown, SavedMethod, SavedMethodNotFound


@frozen(kw_only=True)
class SavedMethodsUnderTest:
    """A keeper with all that a test needs around it.

    `gateway` takes the payments of the same provider. `method` and `declined_method` are codes of ways to pay that can
    be saved. `finish` does what the customer's browser does with a setup, if anything: it saves a good card, or one
    that will be declined.
    `pay` does what the shopper does to pay an intent that was made with `method`.
    `plain_declined` is a way to pay that needs no customer and is declined, with what the shopper does to be declined.
    `detached_news` is the provider's latest message that something was detached, as the gateway reads it.
    """

    saved_methods: SavedMethods
    gateway: PaymentGateway
    clock: MovableClock
    method: str
    declined_method: str
    finish: Callable[[MethodSetup, bool], None]
    pay: Callable[[IntentState], None]
    plain_declined: str
    decline: Callable[[str], None]
    detached_news: Callable[[], ProviderNews]

    async def customer(self) -> str:
        return await self.saved_methods.open_customer(WalletId(uuid4()))

    async def save(self, customer: str, *, declined: bool = False) -> SavedMethod:
        """One more saved way to pay of this customer."""
        code = self.declined_method if declined else self.method
        before = {one.ref for one in await self.saved_methods.saved(customer)}
        setup = await self.saved_methods.begin(customer, code, str(uuid4()))
        self.finish(setup, declined)
        [new] = [one for one in await self.saved_methods.saved(customer) if one.ref not in before]
        return new

    def request(self, method: str, customer: str, minor: int = 1999, *, save: bool = False) -> IntentRequest:
        return IntentRequest(
            attempt_id=AttemptId(uuid4()),
            order_id=OrderId(uuid4()),
            amount=Money(minor, "EUR"),
            method=method,
            customer_ref=customer,
            save=save,
        )


class SavedMethodsContract:
    """The promises of `shop.application.ports.saved_methods.SavedMethods`, and of gateways that are paid with these."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open_subject(self) -> AbstractAsyncContextManager[SavedMethodsUnderTest]:
        """A keeper at a provider that nobody else uses, closed at the end."""
        raise NotImplementedError

    @alone
    async def test_one_wallet_is_one_customer(self, subject: SavedMethodsUnderTest) -> None:
        wallet = WalletId(uuid4())
        first = await subject.saved_methods.open_customer(wallet)
        again = await asyncio.gather(*(subject.saved_methods.open_customer(wallet) for _ in range(2)))
        assert first
        assert set(again) == {first}
        assert await subject.customer() != first

    @alone
    async def test_what_was_saved_is_shown_and_never_more_of_it(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        assert await subject.saved_methods.saved(customer) == []
        one = await subject.save(customer)
        assert one.kind == "card"
        assert len(one.last4) == 4
        assert one.last4.isdigit()
        assert one.brand
        assert 1 <= one.expires_month <= 12
        assert one.expires_year > 2020
        assert subject.saved_methods.names(one.ref)
        other = await subject.save(customer)
        assert {saved.ref for saved in await subject.saved_methods.saved(customer)} == {one.ref, other.ref}

    @alone
    async def test_the_same_key_is_the_same_setup(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        first = await subject.saved_methods.begin(customer, subject.method, "key")
        assert await subject.saved_methods.begin(customer, subject.method, "key") == first
        assert (await subject.saved_methods.begin(customer, subject.method, "other")).provider_ref != first.provider_ref
        assert first.provider == subject.saved_methods.provider
        assert bool(first.client_secret) is (first.status is SetupStatus.REQUIRES_ACTION)
        assert not first.client_secret or first.client_secret not in repr(first)

    @alone
    async def test_the_kind_need_not_be_said_and_must_be_one(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        assert (await subject.saved_methods.begin(customer, "", "key")).provider_ref
        with pytest.raises(PaymentMethodUnknown):
            await subject.saved_methods.begin(customer, "no_such_thing", "other")

    @alone
    async def test_what_is_not_savable_is_not_saved(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        for method in await subject.gateway.methods():
            if not method.savable:
                with pytest.raises(PaymentMethodUnknown):
                    await subject.saved_methods.begin(customer, method.code, method.code)
        assert await subject.saved_methods.saved(customer) == []

    @alone
    async def test_only_what_is_saved_is_named_like_it(self, subject: SavedMethodsUnderTest) -> None:
        codes = [method.code for method in await subject.gateway.methods()]
        for name in (*codes, "", "subscription:sub_1:2026-01-01", "x" * 60):
            assert not subject.saved_methods.names(name)

    @alone
    async def test_nothing_is_seen_or_removed_through_another_customer(self, subject: SavedMethodsUnderTest) -> None:
        ada, bob = await subject.customer(), await subject.customer()
        hers = await subject.save(ada)
        assert await subject.saved_methods.saved(bob) == []
        with pytest.raises(SavedMethodNotFound):
            await subject.saved_methods.detach(bob, hers.ref)
        assert await subject.saved_methods.saved(ada) == [hers]

    @alone
    async def test_what_was_detached_is_gone(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        kept, dropped = await subject.save(customer), await subject.save(customer)
        await subject.saved_methods.detach(customer, dropped.ref)
        assert await subject.saved_methods.saved(customer) == [kept]
        with pytest.raises(SavedMethodNotFound):
            await subject.saved_methods.detach(customer, dropped.ref)
        news = subject.detached_news()
        assert (news.event_type in GONE, news.object_ref) == (True, customer)
        assert subject.saved_methods.method_in(news.body) == dropped.ref

    @alone
    async def test_a_message_that_makes_no_sense_speaks_of_nothing(self, subject: SavedMethodsUnderTest) -> None:
        for body in (b"", b"{}", b"[]", b"null", b'{"data":null}', b'{"data":{"object":[]}}', b"[" * 100_000):
            assert subject.saved_methods.method_in(body) == ""

    @alone
    async def test_a_customer_that_was_forgotten_has_nothing(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        await subject.save(customer)
        for _ in range(2):
            await subject.saved_methods.forget(customer)
            assert await subject.saved_methods.saved(customer) == []
        with pytest.raises((PaymentRefused, SavedMethodNotFound)):
            await subject.saved_methods.begin(customer, subject.method, "key")

    @alone
    async def test_it_pays_without_the_browser(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        request = subject.request((await subject.save(customer)).ref, customer)
        made = await subject.gateway.create_intent(request)
        assert made.status is AttemptStatus.AUTHORIZED
        assert await subject.gateway.create_intent(request) == made
        taken = await subject.gateway.capture(made.provider_ref, request.attempt_id)
        assert (taken.status, taken.captured) == (AttemptStatus.CAPTURED, request.amount)

    @alone
    async def test_a_card_is_saved_along_with_paying(self, subject: SavedMethodsUnderTest) -> None:
        customer, other = await subject.customer(), await subject.customer()
        request = subject.request(subject.method, customer, save=True)
        made = await subject.gateway.create_intent(request)
        subject.pay(made)
        state = await subject.gateway.fetch(made.provider_ref)
        assert state.status is AttemptStatus.AUTHORIZED
        [card] = await subject.saved_methods.saved(customer)
        assert state.method == card.ref
        assert subject.saved_methods.names(card.ref)
        assert (await subject.gateway.create_intent(request)).provider_ref == made.provider_ref
        taken = await subject.gateway.capture(made.provider_ref, request.attempt_id)
        assert (taken.method, taken.captured) == (card.ref, request.amount)
        assert await subject.saved_methods.saved(customer) == [card]
        assert await subject.saved_methods.saved(other) == []
        again = await subject.gateway.create_intent(subject.request(card.ref, customer))
        assert again.status is AttemptStatus.AUTHORIZED

    @alone
    async def test_nothing_is_saved_of_what_was_declined_or_where_nobody_wished_it(
        self, subject: SavedMethodsUnderTest
    ) -> None:
        customer = await subject.customer()
        declined = await subject.gateway.create_intent(subject.request(subject.plain_declined, customer, save=True))
        subject.decline(declined.provider_ref)
        assert not (await subject.gateway.fetch(declined.provider_ref)).method
        for request in (subject.request(subject.method, ""), subject.request(subject.method, "", save=True)):
            made = await subject.gateway.create_intent(request)
            subject.pay(made)
            state = await subject.gateway.fetch(made.provider_ref)
            assert (state.status, state.method) == (AttemptStatus.AUTHORIZED, "")
        assert await subject.saved_methods.saved(customer) == []

    @alone
    async def test_what_is_made_to_be_called_off_is_not_confirmed(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        card = await subject.save(customer)
        request = subject.request(card.ref, customer)
        made = await subject.gateway.create_intent(evolve(request, confirm=False))
        assert made.status is AttemptStatus.REQUIRES_ACTION
        assert (await subject.gateway.fetch(made.provider_ref)).status is AttemptStatus.REQUIRES_ACTION
        stopped = await subject.gateway.cancel(made.provider_ref, request.attempt_id)
        assert stopped.status is AttemptStatus.CANCELLED
        with pytest.raises(PaymentRefused):
            await subject.gateway.create_intent(request)

    @alone
    async def test_it_counts_for_the_key_as_the_same_request(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        card = await subject.save(customer)
        first, other = subject.request(card.ref, customer), subject.request(card.ref, customer)
        made = await subject.gateway.create_intent(first)
        found = await subject.gateway.create_intent(evolve(first, confirm=False))
        assert found.provider_ref == made.provider_ref
        unconfirmed = await subject.gateway.create_intent(evolve(other, confirm=False))
        paid = await subject.gateway.create_intent(other)
        assert (paid.provider_ref, paid.status) == (unconfirmed.provider_ref, AttemptStatus.AUTHORIZED)

    @alone
    async def test_it_is_made_without_its_customer_and_never_found_so(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        card = await subject.save(customer)
        known, new = subject.request(card.ref, customer), subject.request(card.ref, "")
        await subject.gateway.create_intent(known)
        with pytest.raises(KeyReused):
            await subject.gateway.create_intent(evolve(known, customer_ref="", confirm=False))
        made = await subject.gateway.create_intent(evolve(new, confirm=False))
        assert (await subject.gateway.cancel(made.provider_ref, new.attempt_id)).status is AttemptStatus.CANCELLED

    @alone
    async def test_a_decline_is_a_state(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        declined, good = await subject.save(customer, declined=True), await subject.save(customer)
        request = subject.request(declined.ref, customer)
        made = await subject.gateway.create_intent(request)
        assert (made.status, bool(made.failure_code), made.captured.minor) == (AttemptStatus.FAILED, True, 0)
        again = await subject.gateway.confirm(made.provider_ref, request.attempt_id, good.ref, customer)
        assert again.status is AttemptStatus.AUTHORIZED

    @alone
    async def test_nobody_pays_with_what_is_somebody_elses(self, subject: SavedMethodsUnderTest) -> None:
        ada, bob = await subject.customer(), await subject.customer()
        hers, his = await subject.save(ada), await subject.save(bob)
        request = subject.request(hers.ref, bob)
        made = await subject.gateway.create_intent(request)
        assert (made.status, made.failure_code) == (AttemptStatus.FAILED, METHOD_GONE)
        again = await subject.gateway.confirm(made.provider_ref, request.attempt_id, his.ref, bob)
        assert again.status is AttemptStatus.AUTHORIZED
        other = subject.request(his.ref, bob)
        declined = await subject.gateway.create_intent(evolve(other, method=hers.ref))
        refused = await subject.gateway.confirm(declined.provider_ref, other.attempt_id, hers.ref, bob)
        assert refused.status is AttemptStatus.FAILED

    @alone
    async def test_what_is_gone_takes_nothing(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        card = await subject.save(customer)
        await subject.saved_methods.detach(customer, card.ref)
        made = await subject.gateway.create_intent(subject.request(card.ref, customer))
        assert (made.status, made.failure_code, made.captured.minor) == (AttemptStatus.FAILED, METHOD_GONE, 0)

    @alone
    async def test_after_another_way_was_declined_it_pays_too(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        card = await subject.save(customer)
        request = subject.request(subject.plain_declined, "")
        made = await subject.gateway.create_intent(request)
        subject.decline(made.provider_ref)
        assert (await subject.gateway.fetch(made.provider_ref)).status is AttemptStatus.FAILED
        paid = await subject.gateway.confirm(made.provider_ref, request.attempt_id, card.ref, customer)
        assert (paid.status, paid.amount) == (AttemptStatus.AUTHORIZED, request.amount)

    @alone
    async def test_nobody_waits_for_it_inside_a_transaction(self, subject: SavedMethodsUnderTest) -> None:
        customer = await subject.customer()
        token = enter_transaction()
        try:
            for call in (
                subject.saved_methods.open_customer(WalletId(uuid4())),
                subject.saved_methods.begin(customer, subject.method, "k"),
                subject.saved_methods.saved(customer),
                subject.saved_methods.detach(customer, "pm_1"),
                subject.saved_methods.forget(customer),
            ):
                with pytest.raises(ProgrammingMistake):
                    await call
        finally:
            leave_transaction(token)
