"""Payments that are authorised now and captured later: who says so, how much, and until when."""

from datetime import datetime

from attrs import evolve

from shop.adapters.contracts.samples import eur
from shop.adapters.contracts.storage.subject import Bench, StoragePromises, state
from shop.adapters.contracts.stories import alone
from shop.application.ports.paging import PageRequest
from shop.application.ports.readers import PaymentFilter, TimeRange
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, IntentState, Payment


class CapturePromises(StoragePromises):
    """More promises of `PaymentRepository` and `PaymentReader`."""

    @alone
    async def test_what_is_authorised_comes_back_with_its_end(self, bench: Bench) -> None:
        _, payment = await bench.paying(capture=CapturePolicy.MANUAL)
        _authorize(payment, "pi_1", bench.later(900))
        await bench.save(payment)
        async with bench.transaction() as tx:
            found = await tx.payments.get(payment.id)
        assert state(found) == state(payment)
        assert (found.capture, found.awaits_capture) == (CapturePolicy.MANUAL, True)
        assert found.authorization_expires_at == bench.later(900)
        view = await bench.readers.payments.one(payment.id)
        assert (view.capture, view.capture_due, view.void_due) == (CapturePolicy.MANUAL, None, False)
        assert view.authorization_expires_at == bench.later(900)
        found.request_capture(eur(2), bench.later(1))
        await bench.save(found)
        assert (await bench.readers.payments.one(payment.id)).capture_due == eur(2)

    @alone
    async def test_payments_are_found_by_when_they_lapse(self, bench: Bench) -> None:
        lapsing = []
        for number, seconds in enumerate((300, 600, 900)):
            _, payment = await bench.paying()
            _authorize(payment, f"pi_{number}", bench.later(seconds))
            await bench.save(payment)
            lapsing.append(payment)
        await bench.paying()
        taken = lapsing[0]
        taken.attempts = (evolve(taken.attempt, status=AttemptStatus.CAPTURED),)
        await bench.save(taken)
        for wanted, expected in (
            (TimeRange(lt=bench.later(600)), []),
            (TimeRange(lte=bench.later(600)), [lapsing[1]]),
            (TimeRange(gte=bench.later(600)), [lapsing[2], lapsing[1]]),
            (TimeRange(gt=bench.later(600), lt=bench.later(9000)), [lapsing[2]]),
        ):
            which = PaymentFilter(authorization_expires_at=wanted)
            page = await bench.readers.payments.all(which, PageRequest(total=True))
            assert {view.id for view in page.data} == {payment.id for payment in expected}
            assert page.total == len(expected)


def _authorize(payment: Payment, ref: str, until: datetime) -> None:
    zero = Money.zero(payment.amount.currency)
    status = AttemptStatus.AUTHORIZED
    news = IntentState(provider_ref=ref, status=status, amount=payment.amount, captured=zero, expires_at=until)
    payment.follow(news, payment.updated_at)
