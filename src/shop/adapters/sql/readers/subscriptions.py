"""Questions about plans and subscriptions, answered from tables."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, null, select

from shop.adapters.sql.database import Database
from shop.adapters.sql.readers.paging import IdKey, Key, Kind, Listing, Window, merge, page_of, total_of, walk, window
from shop.adapters.sql.schema import plans, subscriptions
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.adapters.sql.subscriptions import plan_of, subscription_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import SubscriptionFilter
from shop.application.ports.views import PlanView, SubscriptionView
from shop.domain.kernel.identifiers import PlanId, SubscriptionId
from shop.domain.subscriptions import PlanNotFound, SubscriptionNotFound

_PLANS = Listing(
    keys={}, own=((Key("created_at", plans.c.created_at, Kind.MOMENT), True),), ids=(IdKey("id", plans.c.id),)
)
_LISTING = Listing(
    keys={},
    own=((Key("created_at", subscriptions.c.created_at, Kind.MOMENT), True),),
    ids=(IdKey("id", subscriptions.c.id),),
)
_COLUMNS = tuple(subscriptions.columns)
_PLAN = Statement(select(plans).where(plans.c.id == bindparam("plan_id")))
_ONE = Statement(select(subscriptions).where(subscriptions.c.id == bindparam("subscription_id")))


@lru_cache(maxsize=40)
def _plans_page(archived: bool, shape: Window) -> Statement:
    return Statement(walk(shape, tuple(plans.columns), [] if archived else [plans.c.archived_at.is_(null())]))


@lru_cache(maxsize=2)
def _plans_total(archived: bool) -> Statement:
    found = select(func.count()).select_from(plans)
    return Statement(found if archived else found.where(plans.c.archived_at.is_(null())))


@lru_cache(maxsize=200)
def _page(statuses: int, owner: bool, plan: bool, shape: Window) -> Statement:
    """One walk for each state that was asked for: there is an index for it; else one in all."""
    conditions = _conditions(owner, plan)
    if statuses and not owner and not plan:
        states = [subscriptions.c.status == bindparam(f"status_{n}", type_=word()) for n in range(statuses)]
        if len(states) == 1:
            return Statement(walk(shape, _COLUMNS, states))
        legs = [walk(shape, [subscriptions.c.id], [state]) for state in states]
        return Statement(merge(shape, _COLUMNS, subscriptions, legs))
    return Statement(walk(shape, _COLUMNS, [*conditions, *_any_status(statuses)]))


@lru_cache(maxsize=50)
def _total(statuses: int, owner: bool, plan: bool) -> Statement:
    conditions = [*_conditions(owner, plan), *_any_status(statuses)]
    return Statement(select(func.count()).select_from(subscriptions).where(*conditions))


def _conditions(owner: bool, plan: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if owner:
        conditions.append(subscriptions.c.owner_id == bindparam("owner_id"))
    if plan:
        conditions.append(subscriptions.c.plan_id == bindparam("plan_id"))
    return conditions


def _any_status(statuses: int) -> list[ColumnElement[bool]]:
    return [any_of(subscriptions.c.status, "statuses")] if statuses else []


class SqlSubscriptionReader:
    """Answers about plans and subscriptions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plans(self, page: PageRequest, *, archived: bool = False) -> Page[PlanView]:
        shape, mark = window(_PLANS, page)
        rows = await self._database.fetch(_plans_page(archived, shape), **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _plans_total(archived))
        data = [PlanView.of(plan_of(row)) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def plan(self, plan_id: PlanId) -> PlanView:
        row = await self._database.fetch_one(_PLAN, plan_id=plan_id.uuid)
        if row is None:
            raise PlanNotFound(f"There is no plan {plan_id}.")
        return PlanView.of(plan_of(row))

    async def all(self, which: SubscriptionFilter, page: PageRequest) -> Page[SubscriptionView]:
        shape, mark = window(_LISTING, page)
        values, asked = _values(which), (len(which.statuses), which.owner_id is not None, which.plan_id is not None)
        rows = await self._database.fetch(_page(*asked, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _total(*asked), **values)
        data = [SubscriptionView.of(subscription_of(row)) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def one(self, subscription_id: SubscriptionId) -> SubscriptionView:
        row = await self._database.fetch_one(_ONE, subscription_id=subscription_id.uuid)
        if row is None:
            raise SubscriptionNotFound(f"There is no subscription {subscription_id}.")
        return SubscriptionView.of(subscription_of(row))


def _values(which: SubscriptionFilter) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if which.statuses:
        statuses = sorted(which.statuses)
        values["statuses"] = statuses
        values |= {f"status_{n}": status for n, status in enumerate(statuses)}
    if which.owner_id is not None:
        values["owner_id"] = which.owner_id.uuid
    if which.plan_id is not None:
        values["plan_id"] = which.plan_id.uuid
    return values
