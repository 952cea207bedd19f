"""Plans: offering what can be subscribed to, changing it for those who come, and offering it no more."""

import re
from typing import Any, ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.catalog import VariantNotFound
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import PlanId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import AfterDunning, Interval, Plan

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CODE_LENGTH_MAX = 100


@frozen(kw_only=True)
class CreatePlan(Command[PlanId]):
    """Offers a variant as something that comes again and again."""

    requires: ClassVar = "products:write"
    code: str
    name: str
    variant_id: VariantId
    interval: Interval
    prices: tuple[Money, ...]
    trial_days: int = 0
    after_dunning: AfterDunning = AfterDunning.CANCEL


async def create_plan(command: CreatePlan, context: Context, *, uow: UnitOfWork, ids: Ids) -> PlanId:
    if len(command.code) > CODE_LENGTH_MAX or not _CODE.fullmatch(command.code):
        detail = "A plan's code is lower-case words with hyphens, such as coffee-monthly."
        raise Invalid(detail, flaws=(Flaw("/code", "code_malformed", detail),))
    async with uow(context) as tx:
        if await tx.products.find_by_variant(command.variant_id) is None:
            raise VariantNotFound(f"There is no variant {command.variant_id}.")
        plan = Plan.offer(
            at=context.now,
            id=ids.new(PlanId),
            code=command.code,
            name=command.name,
            variant_id=command.variant_id,
            interval=command.interval,
            prices=command.prices,
            trial_days=command.trial_days,
            after_dunning=command.after_dunning,
        )
        tx.plans.save(plan)
        tx.answer(plan.id)
    return plan.id


@frozen(kw_only=True)
class UpdatePlan(Command[None]):
    """Changes the plan for those who subscribe from now on; None leaves a part as it is."""

    requires: ClassVar = "products:write"
    plan_id: PlanId
    name: str | None = None
    prices: tuple[Money, ...] | None = None
    trial_days: int | None = None
    after_dunning: AfterDunning | None = None
    expected_version: int | None = None


async def update_plan(command: UpdatePlan, context: Context, *, uow: UnitOfWork) -> None:
    asked: dict[str, Any] = {
        "name": command.name,
        "prices": command.prices,
        "trial_days": command.trial_days,
        "after_dunning": command.after_dunning,
    }
    async with uow(context) as tx:
        plan = await tx.plans.get(command.plan_id)
        check_version(plan.version, command.expected_version)
        plan.change(context.now, **{name: value for name, value in asked.items() if value is not None})
        tx.plans.save(plan)


@frozen(kw_only=True)
class ArchivePlan(Command[None]):
    """Offers it no more. Whoever subscribed keeps what they have. Archiving twice is once."""

    requires: ClassVar = "products:write"
    plan_id: PlanId
    expected_version: int | None = None


async def archive_plan(command: ArchivePlan, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        plan = await tx.plans.get(command.plan_id)
        check_version(plan.version, command.expected_version)
        if plan.active:
            plan.archive(context.now)
            tx.plans.save(plan)
