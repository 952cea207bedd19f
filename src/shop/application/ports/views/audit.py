"""The audit log as staff see it."""

from datetime import datetime
from typing import Any, ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import AuditEntryId


@frozen(kw_only=True, slots=False)
class AuditChangeView:
    """One field of one thing, before and after."""

    subject_id: str
    field: str
    before: Any
    after: Any


@frozen(kw_only=True, slots=False)
class AuditEntryView:
    """Who changed what, or was refused what. `position` is its place in the chain, None until it is sealed."""

    object: ClassVar[str] = "audit_entry"
    id: AuditEntryId
    at: datetime
    actor: str
    actor_id: str | None
    source: str
    request_id: str
    action: str
    changes: list[AuditChangeView]
    position: int | None
