"""Who may: scopes and policies, and whose it is. What is not the caller's does not exist for them."""

from collections.abc import Iterable
from typing import Any

from shop.application.messages import CUSTOMER, INTERNAL, POLICIES, SIGNED_IN, SYSTEM, Actor, Command, Query
from shop.application.ports.identity import AuthenticationRequired, Secrets
from shop.application.ports.network import ProgrammingMistake
from shop.domain.identity import SCOPES
from shop.domain.kernel.errors import Forbidden, NotFound
from shop.domain.kernel.identifiers import CartId, OrderId, UserId


class PolicyMissing(ProgrammingMistake):
    """Something can be asked for, and nobody has said who may: the shop does not start like this."""


class ScopeMissing(Forbidden):
    """The caller is known, and does not have the scope that this needs."""

    title = "Not allowed"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"This needs the scope {scope}.",
            hint=f"Mint a key that has it: shop keys create --scopes {scope}",
        )
        self.required_scope = scope


def check_policies(messages: Iterable[type[Command[Any]] | type[Query[Any]]]) -> None:
    """Raises PolicyMissing for a message that requires nothing, or something that nobody can have."""
    for message in messages:
        requires = getattr(message, "requires", None)
        if requires not in POLICIES and requires not in SCOPES:
            raise PolicyMissing(f"{message.__name__} requires {requires!r}, which is neither a policy nor a scope.")


class ScopesBeyondOwn(ScopeMissing):
    """Nobody gives away what they do not have."""

    title = "Nobody gives away what they do not have"

    def __init__(self, scopes: list[str]) -> None:
        super().__init__(scopes[0])
        self.detail = f"You do not have: {', '.join(scopes)}."


def check_permission(requires: str, actor: Actor) -> None:
    """Raises AuthenticationRequired for a guest, ScopeMissing for somebody known, who may not do this."""
    if requires == INTERNAL:
        allowed = actor.kind == SYSTEM.kind
    elif requires == CUSTOMER:
        allowed = actor.user_id is not None
    elif requires == SIGNED_IN:
        allowed = actor.id is not None
    elif requires in POLICIES:
        allowed = True
    else:
        allowed = actor.may(requires)
    if allowed:
        return
    if requires == CUSTOMER:
        raise AuthenticationRequired(
            "This is somebody's own.", hint="Sign in with POST /api/auth/login, and send the access token as Bearer."
        )
    if actor.id is None:
        raise AuthenticationRequired
    raise ScopeMissing(requires)


def check_owner(
    actor: Actor,
    owner_id: UserId | None,
    thing: CartId | OrderId,
    *,
    secrets: Secrets,
    otherwise: type[NotFound],
    asked: str = "",
) -> None:
    """Lets the owner and the shop itself pass, and the bearer of the token of a guest's thing. Raises `otherwise`.

    A thing without an owner is nobody's: only its token opens it. Once it has one, the token opens it no more: it may
    be left in a browser that others use, or have been handed on. `asked` is what was asked for, where that is
    something else that belongs to the thing: the refusal says no more than if it were not there.
    """
    if actor.kind == SYSTEM.kind or (owner_id is not None and actor.user_id == owner_id):
        return
    if owner_id is None and actor.token and secrets.is_guest_token(actor.token, thing):
        return
    refusal = otherwise(f"There is no {asked or f'{thing.prefix} {thing}'}.")
    refusal.denied, refusal.denied_thing = True, str(thing)
    raise refusal
