"""Whose it is: the check behind the policy `owner`. What is not the caller's does not exist for them."""

from shop.application.messages import SYSTEM, Actor
from shop.application.ports.identity import Secrets
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import CartId, OrderId, UserId


def check_owner(
    actor: Actor,
    owner_id: UserId | None,
    thing: CartId | OrderId,
    *,
    secrets: Secrets,
    otherwise: type[NotFound],
) -> None:
    """Lets the owner, the bearer of the thing's token and the shop itself pass. Raises `otherwise` for the rest.

    A thing without an owner is nobody's: only its token opens it.
    """
    if actor.kind == SYSTEM.kind or (owner_id is not None and actor.user_id == owner_id):
        return
    if actor.token and secrets.is_guest_token(actor.token, thing):
        return
    raise otherwise(f"There is no {thing.prefix} {thing}.")
