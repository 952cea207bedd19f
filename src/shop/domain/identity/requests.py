"""Requests about an account that may or may not exist: kept first, answered alike, and looked into afterwards."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import define, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.email import checked_email, email_key
from shop.domain.kernel.identifiers import AccountRequestId, UserId


class RequestKind(StrEnum):
    REGISTER = "register"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a request
    MAGIC_LINK = "magic_link"
    CHANGE_EMAIL = "change_email"
    LOOK_UP_ORDER = "look_up_order"


@frozen(kw_only=True)
class AccountRequested(Event):
    """Somebody asked for something about an account. Who and what stands in the request, not here."""

    type: ClassVar[str] = "user.account_requested"
    request_id: AccountRequestId

    @property
    def subject(self) -> AccountRequestId:
        return self.request_id


@define(eq=False, kw_only=True)
class AccountRequest(Aggregate):
    """What a visitor asked for under an e-mail address.

    Writing it down takes the same time whether or not somebody has the address: only when it is looked into, which
    nobody waits for, does that make a difference. Then it is dropped.
    """

    id: AccountRequestId
    kind: RequestKind
    email: str
    user_id: UserId | None = None
    name: str = ""
    locale: str = ""
    password_hash: str = field(default="", repr=False)
    created_at: datetime

    @classmethod
    def make(cls, *, at: datetime, email: str, **attributes: Any) -> Self:
        """Raises Invalid when no mail could go there."""
        request = cls(email=checked_email(email), created_at=at, **attributes)
        request._record(AccountRequested(at=at, request_id=request.id))
        return request

    @property
    def email_key(self) -> str:
        return email_key(self.email)
