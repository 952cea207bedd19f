"""What there is to be allowed: every scope, and when one covers another."""

from collections.abc import Iterable, Set

from shop.domain.kernel.errors import Invalid

EVERY_SCOPE = "*"
_RESOURCES = """
analytics apikeys audit customers events flags fulfilment giftcards inventory media orders payments products promotions
refunds reviews settings staff system webhooks
""".split()  # noqa: SIM905 - a list of words is easier to read
_ACTIONS = ("read", "write")
SCOPES = frozenset({f"{resource}:{action}" for resource in _RESOURCES for action in _ACTIONS} | {"customers:erase"})
"""Every scope that a message may require and a role or a key may hold."""


class ScopeUnknown(Invalid):
    code = "scope_unknown"
    title = "There is no such scope"
    default_hint = "A scope is such as orders:read; GET /api/admin/roles lists all of them."


def covers(held: Set[str], wanted: str) -> bool:
    """Whether these scopes allow this one. `orders:write` implies `orders:read`; `*` is every scope."""
    if EVERY_SCOPE in held or wanted in held:
        return True
    resource, _, action = wanted.partition(":")
    return action == "read" and f"{resource}:write" in held


def beyond(wanted: Iterable[str], held: Set[str]) -> list[str]:
    """What of these is not covered by what is held: nobody gives away what they do not have."""
    return sorted(scope for scope in wanted if not covers(held, scope))


def narrowed(scopes: Set[str], held: Set[str]) -> frozenset[str]:
    """What of these scopes is left for a program of somebody who holds those."""
    whole = {scope for scope in scopes if covers(held, scope)}
    return frozenset(whole | {own for own in held if covers(scopes, own) and not covers(whole, own)})


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes, if there are some and all of them exist. Raises ScopeUnknown."""
    found = frozenset(scopes)
    unknown = sorted(found - SCOPES - {EVERY_SCOPE})
    if unknown or not found:
        raise ScopeUnknown(f"Not a scope: {', '.join(scope[:60] for scope in unknown) or '(none given)'}.")
    return found
