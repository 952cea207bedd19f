"""Exports: everything that the shop knows of a person, as a file for that person."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import ExportId, UserId

KEPT_FOR = timedelta(days=7)


class ExportNotFound(NotFound):
    title = "No such export"


class ExportStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"


@frozen(kw_only=True)
class _ExportEvent(Event):
    export_id: ExportId

    @property
    def subject(self) -> ExportId:
        return self.export_id


@frozen(kw_only=True)
class ExportRequested(_ExportEvent):
    """Somebody wants to know what the shop knows of them."""

    type: ClassVar[str] = "export.requested"


@frozen(kw_only=True)
class ExportReady(_ExportEvent):
    """The file can be fetched."""

    type: ClassVar[str] = "export.ready"


@define(eq=False, kw_only=True)
class DataExport(Aggregate):
    """A person's own data. The file is dropped after a week, or when the person is erased."""

    id: ExportId
    user_id: UserId
    status: ExportStatus = ExportStatus.PENDING
    document: bytes = field(default=b"", repr=False)
    created_at: datetime
    ready_at: datetime | None = None
    expires_at: datetime

    @classmethod
    def request(cls, *, id: ExportId, user_id: UserId, at: datetime) -> Self:
        export = cls(id=id, user_id=user_id, created_at=at, expires_at=at + KEPT_FOR)
        export._record(ExportRequested(at=at, export_id=id))
        return export

    def finish(self, document: bytes, at: datetime) -> None:
        """Twice is once."""
        if self.status is ExportStatus.PENDING:
            self.document, self.status, self.ready_at = document, ExportStatus.READY, at
            self._record(ExportReady(at=at, export_id=self.id))
