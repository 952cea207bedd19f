"""Refusals leave a trace in the audit log: the first at once, equal ones of the same minute as a number.

So nobody fills the disk by being refused, and a refusal takes no longer than an answer that says “not found”: what
is noted is written beside the request, not before its answer.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import define

from shop.application.auditing import entry_of
from shop.application.messages import Context
from shop.application.ports.audit import AuditTrail, Change
from shop.application.ports.clock import Ids
from shop.domain.kernel.errors import ShopError

PER_MINUTE_MAX = 60
"""How many different refusals of one minute are written one by one: of people and keys, and as many of guests."""
REST = "further refusals"
_MINUTE = timedelta(minutes=1)
_log = logging.getLogger("shop")

Key = tuple[str, str, str, str, str]


@define
class _Counted:
    """Equal refusals since the one that was written."""

    context: Context
    change: Change
    action: str
    more: int = 0


class Denials:
    """What was refused in this process lately."""

    def __init__(self, trail: AuditTrail, ids: Ids) -> None:
        self._trail = trail
        self._ids = ids
        self._began: datetime | None = None
        self._counted: dict[bool, dict[Key, _Counted]] = {True: {}, False: {}}
        self._under_way: set[asyncio.Task[None]] = set()

    def note(self, error: ShopError, context: Context, action: str) -> None:
        """Notes a refusal; an error that is none is passed over. Nobody has to wait for it to be written."""
        if not error.denied:
            return
        if self._began is None or not self._began <= context.now < self._began + _MINUTE:
            self._tell_numbers()
            self._began = context.now
        actor = context.actor
        known = self._counted[actor.id is not None]
        key: Key = (actor.kind, str(actor.id or ""), context.source, action, error.code)
        if len(known) >= PER_MINUTE_MAX and key not in known:
            key, action = ("", "", "", REST, ""), REST
            context = Context(actor=type(actor)(kind=actor.kind), now=context.now, request_id=context.request_id)
        counted = known.get(key)
        if counted is not None:
            counted.more += 1
            return
        change = Change(subject=error.denied_thing or key[1], field="refused", before=None, after=error.code)
        known[key] = counted = _Counted(context, change, action)
        self._write(counted, counted.change)

    async def close(self) -> None:
        """Writes down what was only counted, and waits until everything is written."""
        self._tell_numbers()
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _tell_numbers(self) -> None:
        for counted in self._repeated():
            told = {"code": counted.change.after, "times_more": counted.more}
            subject = counted.change.subject
            self._write(counted, Change(subject=subject, field="refused", before=None, after=told))
        for known in self._counted.values():
            known.clear()

    def _repeated(self) -> Iterator[_Counted]:
        for known in self._counted.values():
            yield from (counted for counted in known.values() if counted.more)

    def _write(self, counted: _Counted, change: Change) -> None:
        task = asyncio.get_running_loop().create_task(self._written(counted, change))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _written(self, counted: _Counted, change: Change) -> None:
        try:
            await self._trail.note(entry_of(self._ids, counted.context, [change], action=counted.action))
        except ShopError as error:
            _log.warning("a refusal could not be noted: %s", error.detail)
        except Exception:
            _log.exception("a refusal could not be noted")
