"""Plans: what can be subscribed to, and how staff offer it."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shop.application.commands.plans import CODE_LENGTH_MAX, ArchivePlan, CreatePlan, UpdatePlan
from shop.application.ports.views import PlanView
from shop.application.queries.subscriptions import GetPlan, GetPlans
from shop.domain.kernel.errors import below
from shop.domain.kernel.identifiers import PlanId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import AfterDunning, Interval, IntervalUnit
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, IdText, MoneyBody, given, identifier
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import fields, page_request, paging
from shop.entrypoints.representation import Plain

endpoints = Endpoints("plans")
WRITE = "products:write"

PlanName = Annotated[str, Meta(min_length=1, max_length=200)]
PlanPrices = Annotated[list[MoneyBody], Meta(min_length=1, max_length=50)]
TrialDays = Annotated[int, Meta(ge=0, le=730)]


class NewPlan(Body):
    """A variant that is to come again and again, at a price for each unit and period."""

    code: Annotated[str, Meta(min_length=1, max_length=CODE_LENGTH_MAX, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: PlanName
    variant_id: IdText
    interval: IntervalUnit
    prices: PlanPrices
    interval_count: Annotated[int, Meta(ge=1, le=366)] = 1
    trial_days: TrialDays = 0
    after_dunning: AfterDunning = AfterDunning.CANCEL


class PlanChange(Body):
    """What is to be changed for those who subscribe from now on: a merge patch. New prices replace all."""

    name: PlanName | UnsetType = UNSET
    prices: PlanPrices | UnsetType = UNSET
    trial_days: TrialDays | UnsetType = UNSET
    after_dunning: AfterDunning | UnsetType = UNSET


def _prices(prices: list[MoneyBody]) -> tuple[Money, ...]:
    return tuple(below(f"/prices/{i}", price.money) for i, price in enumerate(prices))


async def _current(call: Call) -> Plain:
    return call.representation.plain(await call.ask(GetPlan(plan_id=call.id(PlanId))))


@endpoints.get(
    "/api/plans",
    "plan_list",
    Who.PUBLIC,
    "What can be subscribed to",
    query=(fields(PlanView), *paging()),
    shows=Shows(view=PlanView, many=True),
)
async def plan_list(call: Call) -> Answer:
    """Plans that are offered, the newest first."""
    return call.page(await call.ask(GetPlans(page=page_request(call.query))))


@endpoints.get(
    "/api/plans/{id}",
    "plan_get",
    Who.PUBLIC,
    "One plan",
    query=(fields(PlanView),),
    shows=Shows(view=PlanView),
    conditional=True,
    problems=("not_found",),
)
async def plan_get(call: Call) -> Answer:
    """One plan. One that is archived only those see who look after products."""
    return call.one(await call.ask(GetPlan(plan_id=call.id(PlanId))))


@endpoints.post(
    "/api/plans",
    "plan_create",
    Who.STAFF,
    "Offer a plan",
    scope=WRITE,
    body=NewPlan,
    example={
        "code": "coffee-monthly",
        "name": "Coffee every month",
        "variant_id": "var_01jd8zc5w0e7ktmj9c2q8k4h1n",
        "interval": "month",
        "prices": [{"amount": 1500, "currency": "EUR"}],
        "trial_days": 14,
    },
    status=201,
    shows=Shows(view=PlanView),
    problems=("not_found", "plan_code_taken", "amount_out_of_range", "currency_unknown", "conflict"),
)
async def plan_create(call: Call) -> Answer:
    """Offers a variant as something that comes again and again."""
    body: NewPlan = call.body
    command = CreatePlan(
        code=body.code,
        name=body.name,
        variant_id=identifier(VariantId, body.variant_id, "/variant_id"),
        interval=Interval(body.interval, body.interval_count),
        prices=_prices(body.prices),
        trial_days=body.trial_days,
        after_dunning=body.after_dunning,
    )
    plan_id = await call.execute(command)
    return call.one(await call.ask(GetPlan(plan_id=plan_id)), location=f"/api/plans/{plan_id}")


@endpoints.patch(
    "/api/plans/{id}",
    "plan_update",
    Who.STAFF,
    "Change a plan",
    scope=WRITE,
    body=PlanChange,
    example={"prices": [{"amount": 1700, "currency": "EUR"}]},
    if_match=True,
    current=_current,
    shows=Shows(view=PlanView),
    problems=("not_found", "amount_out_of_range", "currency_unknown", "conflict"),
)
async def plan_update(call: Call) -> Answer:
    """Changes a plan for those who subscribe from now on; who subscribed keeps price and interval."""
    body: PlanChange = call.body
    changes = given(body, "name", "trial_days", "after_dunning")
    if body.prices is not UNSET:
        changes["prices"] = _prices(body.prices)
    plan_id = call.id(PlanId)
    await call.execute(UpdatePlan(plan_id=plan_id, expected_version=call.expected_version(), **changes))
    return call.one(await call.ask(GetPlan(plan_id=plan_id)))


@endpoints.delete(
    "/api/plans/{id}",
    "plan_archive",
    Who.STAFF,
    "Offer a plan no more",
    scope=WRITE,
    if_match=True,
    current=_current,
    problems=("not_found", "conflict"),
)
async def plan_archive(call: Call) -> Answer:
    """Takes the plan off offer. Whoever subscribed keeps what they have."""
    await call.execute(ArchivePlan(plan_id=call.id(PlanId), expected_version=call.expected_version()))
    return call.nothing()
