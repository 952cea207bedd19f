"""Roles: sets of scopes with a name. The built-in ones are the same in every shop and never change."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from attrs import define, field

from shop.domain.identity.permissions import EVERY_SCOPE, SCOPES, checked_scopes
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import Conflict, Flaw, Invalid, NotFound
from shop.domain.kernel.identifiers import RoleId
from shop.domain.kernel.texts import storable

NAME_LENGTH_MAX = 40
TITLE_LENGTH_MAX = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


class RoleNotFound(NotFound):
    title = "No such role"


class RoleNameTaken(Conflict):
    code = "role_name_taken"
    title = "Another role has this name"


class RoleBuiltIn(Conflict):
    """The roles that every shop has are what its documentation says they are."""

    code = "role_built_in"
    title = "A built-in role never changes"
    default_hint = "Make a role of your own with the scopes you need."


class RoleInUse(Conflict):
    code = "role_in_use"
    title = "Somebody still has this role"
    default_hint = "Take it from everybody first: PUT /api/admin/users/{id}/roles."


def _named(_instance: Any, _attribute: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            "A role's name is such as night_shift.",
            flaws=(Flaw("/name", "name_malformed", "2 to 40 small letters, digits and underscores"),),
        )


def _titled(_instance: Any, _attribute: Any, title: str) -> None:
    if not 1 <= len(title.strip()) <= len(title) <= TITLE_LENGTH_MAX or not storable(title):
        raise Invalid(
            f"A role's title has 1 to {TITLE_LENGTH_MAX} characters.",
            flaws=(Flaw("/title", "length", f"1 to {TITLE_LENGTH_MAX} characters"),),
        )


@define(eq=False, kw_only=True)
class Role(Aggregate):
    """What somebody who has it may do."""

    audited: ClassVar = ("name", "scopes")

    id: RoleId
    name: str = field(validator=_named)
    title: str = field(validator=_titled)
    scopes: frozenset[str] = field(converter=checked_scopes)
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def built_in(self) -> bool:
        return self.id in BUILT_IN

    def change(self, at: datetime, *, title: str | None = None, scopes: frozenset[str] | None = None) -> None:
        """Raises RoleBuiltIn, ScopeUnknown."""
        if self.built_in:
            raise RoleBuiltIn(f"“{self.name}” is the same in every shop.")
        self.title = self.title if title is None else title
        self.scopes = self.scopes if scopes is None else scopes
        self.updated_at = at


def _built_in(number: int, name: str, title: str, scopes: Iterable[str]) -> Role:
    # Ids of our own choosing, the same everywhere; no clock ever makes one of this time.
    return Role(id=RoleId(UUID(int=0x7 << 76 | 0b10 << 62 | number)), name=name, title=title, scopes=frozenset(scopes))


def _scopes(text: str) -> frozenset[str]:
    """`orders:*` is read and write."""
    found: set[str] = set()
    for word in text.split():
        resource, _, action = word.partition(":")
        found |= {f"{resource}:read", f"{resource}:write"} if action == "*" else {word}
    return frozenset(found)


OWNER = _built_in(1, "owner", "Owner", {EVERY_SCOPE})
ADMIN = _built_in(2, "admin", "Administrator", SCOPES)
DEVELOPER = _built_in(
    3,
    "developer",
    "Developer",
    _scopes("webhooks:* apikeys:* events:read system:* flags:*"),
)
ANALYST = _built_in(4, "analyst", "Analyst", _scopes("analytics:read orders:read payments:read"))
MERCHANDISER = _built_in(
    5,
    "merchandiser",
    "Merchandiser",
    _scopes("products:write promotions:* media:* reviews:* analytics:read"),
)
FULFILMENT = _built_in(6, "fulfilment", "Fulfilment", _scopes("orders:read fulfilment:write inventory:*"))
SUPPORT = _built_in(
    7,
    "support",
    "Support",
    _scopes("orders:* customers:* refunds:write reviews:*"),
)
BUILT_IN: Mapping[RoleId, Role] = {
    role.id: role for role in (OWNER, ADMIN, DEVELOPER, ANALYST, MERCHANDISER, FULFILMENT, SUPPORT)
}
