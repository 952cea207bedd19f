"""What goes through the front door: commands and queries, with the context they come in."""

import hashlib
import re
from datetime import datetime
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from attrs import define, field, frozen

from shop.domain.identity import EVERY_SCOPE, covers
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import EventId, Identifier, RequestId, SessionId, UserId

R = TypeVar("R", covariant=True)
T = TypeVar("T")

# Besides scopes such as `orders:write`, a message may require one of these policies.
PUBLIC = "public"  # anybody
OWNER = "owner"  # whoever owns the thing or holds its token; the use case checks, and foreign things are not found
SIGNED_IN = "signed_in"  # anybody who is somebody: a person or a key
CUSTOMER = "customer"  # a person who signed in, for what is their own
PROVIDER = "provider"  # an outside system that signs what it sends; the use case checks the signature
INTERNAL = "internal"  # the shop itself: its worker, or a request carrying on what it began
POLICIES = frozenset({PUBLIC, OWNER, SIGNED_IN, CUSTOMER, PROVIDER, INTERNAL})

_KEY, _ROUTE = re.compile(r"[\x21-\x7e]{1,255}"), re.compile(r"[\x20-\x7e]{1,255}")


@frozen(kw_only=True)
class Actor:
    """Who asks. Guests have neither id nor scopes, but may hold tokens of their carts and orders.

    A person comes with the session they signed in by; `fresh_at` is when they last proved who they are, and `verified`
    says that their e-mail address is theirs. With `second_factor_missing` the scopes of their roles are withheld. A key
    acts for whoever made it (`made_by`), if a person did.
    """

    kind: str
    id: Identifier | None = None
    scopes: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)
    session_id: SessionId | None = None
    fresh_at: datetime | None = None
    verified: bool = False
    second_factor_missing: bool = False
    made_by: UserId | None = None

    def may(self, requirement: str) -> bool:
        """Whether the scopes cover this one. `orders:write` implies `orders:read`."""
        return covers(self.scopes, requirement)

    @property
    def user_id(self) -> UserId | None:
        return self.id if isinstance(self.id, UserId) else None

    @property
    def person(self) -> UserId | None:
        """Who stands behind it: the person who asks, or who made the key that asks."""
        return self.user_id or self.made_by

    @cached_property
    def principal(self) -> str | None:
        """Whose idempotency keys these are. None for a guest without a token: nobody could tell two of them apart."""
        if self.id is not None:
            return str(self.id)
        if self.token:
            return f"{self.kind}:{hashlib.sha256(self.token.encode(errors='surrogatepass')).hexdigest()[:32]}"
        return None if self.kind == GUEST.kind else self.kind


GUEST = Actor(kind="guest")
SYSTEM = Actor(kind="system", scopes=frozenset({EVERY_SCOPE}))


class KeyMalformed(Invalid):
    """No key that every storage could keep and look up."""

    code = "idempotency_key_malformed"
    title = "Not an Idempotency-Key"
    default_hint = "Send 1 to 255 visible ASCII characters, such as a UUID."


@define
class Idempotency:
    """The caller's key for a command that must happen once. `fingerprint` is a SHA-256 of what was asked.

    `replayed` turns true when the answer is an earlier one. Raises KeyMalformed.
    """

    route: str
    key: str
    fingerprint: bytes
    replayed: bool = False

    def __attrs_post_init__(self) -> None:
        if not _KEY.fullmatch(self.key) or not _ROUTE.fullmatch(self.route):
            raise KeyMalformed


class JustWritten:
    """What use cases have just written in the course of one request, by id: so that nobody has to read it again.

    Each thing is handed over once: whoever asks a second time, or tries again after a collision, reads.
    """

    __slots__ = ("_things",)

    def __init__(self) -> None:
        self._things: dict[Identifier, object] = {}

    def keep(self, identifier: Identifier, thing: object) -> None:
        """Only what is committed: what is read from here counts as stored."""
        self._things[identifier] = thing

    def take(self, identifier: Identifier, kind: type[T]) -> T | None:
        thing = self._things.pop(identifier, None)
        return thing if isinstance(thing, kind) else None


@frozen(kw_only=True)
class Context:
    """The circumstances of one message: who, when, in the course of what."""

    actor: Actor
    now: datetime
    request_id: RequestId
    caused_by: EventId | None = None
    source: str = ""
    """From which network; empty for what comes from inside."""
    action: str = ""
    """What is being done, by the name of its command or its subscriber: the front door fills it in."""
    idempotency: Idempotency | None = None
    just_written: JustWritten = field(factory=JustWritten, eq=False, repr=False)

    def doing(self, action: str) -> "Context":
        """The same circumstances, of this action."""
        return Context(
            actor=self.actor,
            now=self.now,
            request_id=self.request_id,
            caused_by=self.caused_by,
            source=self.source,
            action=action,
            idempotency=self.idempotency,
            just_written=self.just_written,
        )


class Command(Generic[R]):
    """Something to be done; R is what comes back. `requires` is a scope, or one of the policies.

    `one_write` says that all it does is in the one write that keeps the answer to its key: then nobody needs to look
    beforehand whether the key came before, for a second time would collide there and do nothing.
    """

    requires: ClassVar[str]
    one_write: ClassVar[bool] = False


class Query(Generic[R]):
    """Something to be known; R is the view that answers it."""

    requires: ClassVar[str]


class VersionDiffers(Conflict):
    """The thing has changed since the caller last saw it."""

    code = "version_mismatch"
    title = "It has changed meanwhile"
    default_hint = "Read it again, and repeat the change on what you find."


def check_version(version: int, expected: int | None) -> None:
    """Raises VersionDiffers when the caller expects another version than the thing is at."""
    if expected not in (None, version):
        raise VersionDiffers(f"It is at version {version}, not {expected}.")


class IdempotencyKeyReused(Invalid):
    """The key came before, with another request."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key belongs to another request"
    default_hint = "Use a new key for a new request; repeat a request with exactly the same body."


class IdempotencyInProgress(Conflict):
    """The first request with this key is still under way."""

    code = "idempotency_in_progress"
    title = "The first request with this Idempotency-Key is still under way"
    default_hint = "Wait a second and repeat it."
