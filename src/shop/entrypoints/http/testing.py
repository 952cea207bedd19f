"""For trying out: what only a shop that is not in production has."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from msgspec import Meta

from shop.application.commands.clock import ClockNotMovable, read_duration
from shop.application.commands.simulation import SimulatePayment, SimulationNotOffered
from shop.application.messages import SYSTEM
from shop.application.ports.payments import PaymentRefused, Simulation
from shop.application.ports.views import AdvancedClockView, PaymentView
from shop.application.queries.clock import GetClock
from shop.application.queries.payments import GetPayment
from shop.domain.kernel.errors import Invalid, below
from shop.domain.kernel.identifiers import PaymentId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through

endpoints = Endpoints("test")


class ClockAdvance(Body):
    """How far: to a moment, or by a length of time; one of the two."""

    to: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[str, Meta(max_length=40, description="Such as P30D, PT12H or 30d")] | None = None


@endpoints.post(
    "/api/test/clock/advance",
    "test_clock_advance",
    Who.TEST,
    "Move the shop's clock ahead",
    scope="settings:write",
    body=ClockAdvance,
    example={"by": "P30D"},
    keys=Keys.NO,
    shows=Shows(view=AdvancedClockView),
    problems=(ClockNotMovable.code, "conflict"),
)
async def test_clock_advance(call: Call) -> Answer:
    """Moves the clock a day at a time and does what is due on each: holds run out, subscriptions renew.

    At most 400 days at once; it never moves back. All processes follow within two seconds.
    """
    body: ClockAdvance = call.body
    if (body.to is None) is (body.by is None):
        raise Invalid("Say either how far (`by`) or until when (`to`).")
    if body.to is not None:
        to = below("/to", partial(_in_utc, body.to))
    else:
        to = call.context.now + below("/by", lambda: read_duration(body.by or ""))
    events = await carried_through(call.site.advance(call.shop, to, actor=call.actor))
    clock = await call.ask(GetClock())
    return call.one(AdvancedClockView(now=clock.now, offset_seconds=clock.offset_seconds, events=events))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("It is further away than time reaches.") from None


class PaymentSimulation(Body):
    """What shopper, bank or provider do."""

    outcome: Simulation


@endpoints.post(
    "/api/test/payments/{id}/simulate",
    "test_payment_simulate",
    Who.TEST,
    "Play shopper and bank",
    scope="payments:write",
    body=PaymentSimulation,
    example={"outcome": "dispute"},
    keys=Keys.NO,
    shows=Shows(view=PaymentView),
    problems=("not_found", SimulationNotOffered.code, PaymentRefused.code, "payment_elsewhere", "conflict"),
)
async def test_payment_simulate(call: Call) -> Answer:
    """Makes it happen to a payment of the fake provider, and follows what comes of it at once.

    What the payment as it stands cannot come to is refused: a decline of what was taken, say.
    """
    body: PaymentSimulation = call.body
    command = SimulatePayment(payment_id=call.id(PaymentId), what=body.outcome)
    payment_id = await carried_through(call.execute(command))
    return call.one(await call.ask(GetPayment(payment_id=payment_id), actor=SYSTEM))
