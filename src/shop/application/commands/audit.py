"""Sealing the audit log."""

from typing import ClassVar

from attrs import frozen

from shop.application.auditing import seal_some
from shop.application.messages import Command, Context
from shop.application.ports.audit import AuditTrail


@frozen(kw_only=True)
class SealAuditLog(Command[int]):
    """Seals a batch of entries: how many. With `everything` it looks further back than any transaction lasts."""

    requires: ClassVar = "audit:write"
    everything: bool = False


async def seal_audit_log(command: SealAuditLog, context: Context, *, trail: AuditTrail) -> int:
    return await seal_some(trail, everything=command.everything)
