"""The front door: every command, query and reaction goes through here, whoever calls.

One place for permission, idempotency, another try after a collision, and the log line.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from shop.application.access import check_permission, check_policies
from shop.application.denials import Denials
from shop.application.fitting import check_types
from shop.application.messages import (
    SYSTEM,
    Actor,
    Command,
    Context,
    Idempotency,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    JustWritten,
    Query,
)
from shop.application.ports.outbox import Delivery
from shop.application.ports.unit_of_work import AnsweredAlready, StaleAggregate
from shop.application.wiring import Handler, Ports, command_handlers, query_handlers, reactions
from shop.domain.kernel.errors import NotFound, ShopError
from shop.domain.kernel.identifiers import Identifier, RequestId, parse_any

R = TypeVar("R")
TRIES_MAX = 8
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.002, 0.1
_log = logging.getLogger("shop")


class SubscriberUnknown(NotFound):
    """Nobody of this name reacts to events: it was removed while deliveries to it were under way."""

    title = "No such subscriber"


class Shop:
    """Everything the shop can do. One per process; made by the container or `shop.open_shop`.

    `source` is what the audit log calls this process where no caller is known, such as `cli`.
    """

    source = ""

    def __init__(self, ports: Ports, *, jitter: Callable[[], float] = random.random) -> None:
        self.ports = ports
        self.denials = Denials(ports.storage.audit, ports.ids)
        self._commands = command_handlers(ports)
        self._queries = query_handlers(ports)
        self._reactions = reactions(ports)
        check_policies([*self._commands, *self._queries])
        self._jitter = jitter

    def context(
        self,
        actor: Actor = SYSTEM,
        *,
        request_id: RequestId | None = None,
        idempotency: Idempotency | None = None,
        just_written: JustWritten | None = None,
        source: str = "",
    ) -> Context:
        """The circumstances of a message that comes in now; `just_written` is of those before it in one request,
        `source` the network that it comes from."""
        return Context(
            actor=actor,
            now=self.ports.clock.now(),
            request_id=request_id or self.ports.ids.new(RequestId),
            idempotency=idempotency,
            just_written=just_written or JustWritten(),
            source=source or self.source,
        )

    async def execute(self, command: Command[R], *, actor: Actor = SYSTEM, context: Context | None = None) -> R:
        """Does it. Raises what the use case raises, AuthenticationRequired, ScopeMissing, IdempotencyKeyReused.

        A collision with somebody else is tried again a few times; what is still colliding then is a Conflict.
        """
        context = context or self.context(actor)
        return cast(R, await self._pass(command, self._commands[type(command)], context))

    async def ask(self, query: Query[R], *, actor: Actor = SYSTEM, context: Context | None = None) -> R:
        """Answers it. Raises what the reader raises, AuthenticationRequired, ScopeMissing."""
        context = context or self.context(actor)
        try:
            check_permission(query.requires, context.actor)
            check_types(query)
            return cast(R, await self._queries[type(query)](query, context))
        except ShopError as error:
            self.denials.note(error, context, type(query).__name__)
            raise

    async def react(self, delivery: Delivery) -> None:
        """Lets a subscriber do what it does on an event. Raises SubscriberUnknown for one that is gone."""
        handler = self._reactions.get(delivery.subscriber)
        if handler is None:
            raise SubscriberUnknown(f"Nobody called {delivery.subscriber[:80]} reacts to events any more.")
        context = Context(
            actor=SYSTEM,
            now=self.ports.clock.now(),
            request_id=delivery.request_id,
            caused_by=delivery.event_id,
            source=self.source,
            action=delivery.subscriber,
        )
        await self._again_after_collision(handler, delivery.event, context)

    async def _pass(self, command: Command[Any], handler: Handler, context: Context) -> Any:
        started = time.perf_counter() if _log.isEnabledFor(logging.INFO) else 0.0
        outcome, action = "done", type(command).__name__
        context = context.doing(action)
        try:
            check_permission(command.requires, context.actor)
            check_types(command)
            key, principal = context.idempotency, context.actor.principal if context.idempotency else None
            if key is None or principal is None:
                return await self._again_after_collision(handler, command, context)
            return await self._once(handler, command, context, principal, key)
        except ShopError as error:
            outcome = error.code
            self.denials.note(error, context, action)
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            if started:
                _log.info(
                    "%s %s %.1f ms",
                    action,
                    outcome,
                    (time.perf_counter() - started) * 1000,
                    extra={"request_id": str(context.request_id), "actor": context.actor.kind},
                )

    async def _once(
        self, handler: Handler, command: Command[Any], context: Context, principal: str, key: Idempotency
    ) -> Any:
        """Carries the command out unless its key was answered before; of two at the same time one is answered."""
        if not command.one_write and (answer := await self._answered(principal, key)) is not None:
            return answer
        for _ in range(2):
            refusal: ShopError | None = None
            try:
                return await self._again_after_collision(handler, command, context)
            except AnsweredAlready:
                pass
            except ShopError as error:
                if not command.one_write:
                    raise
                refusal = error  # of something that was done already, perhaps
            if (answer := await self._answered(principal, key)) is not None:
                return answer
            if refusal is not None:
                raise refusal
        raise IdempotencyInProgress

    async def _answered(self, principal: str, key: Idempotency) -> Identifier | None:
        """What this key was answered before. Raises IdempotencyKeyReused where something else was asked under it."""
        answer = await self.ports.storage.answers.find(principal, key.route, key.key)
        if answer is None:
            return None
        if answer.fingerprint != key.fingerprint:
            raise IdempotencyKeyReused
        key.replayed = True
        return parse_any(answer.result)

    async def _again_after_collision(
        self, handler: Callable[[Any, Context], Awaitable[Any]], message: Any, context: Context
    ) -> Any:
        for attempt in range(1, TRIES_MAX):
            try:
                return await handler(message, context)
            except AnsweredAlready:
                raise
            except StaleAggregate:
                pause = min(PAUSE_SECONDS * 2**attempt, PAUSE_MAX_SECONDS)
            await asyncio.sleep(pause * (0.5 + self._jitter()))
        return await handler(message, context)
