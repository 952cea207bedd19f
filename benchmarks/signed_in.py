"""What it costs to know who asks: the same questions by somebody who is signed in and by nobody in particular."""

from collections.abc import Iterator
from datetime import timedelta

from attrs import frozen

from benchmarks.load import request
from shop.application.commands.identity.opening import Device
from shop.application.commands.identity.staff import CreateUser
from shop.application.messages import SYSTEM
from shop.application.ports.tokens import AccessClaims
from shop.entrypoints.embed import open_shop
from shop.entrypoints.settings import Settings

TOKENS = 12_000
"""More than a server process remembers: asked in turn, none of them is ever known."""
LIFETIME = timedelta(minutes=50)


async def access_tokens(settings: Settings, count: int = TOKENS) -> list[str]:
    """So many access tokens of one person who is signed in."""
    async with open_shop(settings) as shop:
        ports, context = shop.ports, shop.context(SYSTEM)
        user_id = await shop.execute(CreateUser(email="ada@example.com"))
        async with ports.storage.uow(context) as tx:
            signed_in = await ports.doorkeeper.begin(tx, await tx.users.get(user_id), Device(), context, mfa=False)
        [key, *_] = await ports.storage.readers.people.signing_keys(context.now)
        claims = AccessClaims(
            user_id=user_id,
            session_id=signed_in.session_id,
            issued_at=context.now,
            expires_at=context.now + LIFETIME,
        )
        return [ports.access_tokens.issue(claims, key.id) for _ in range(count)]


@frozen
class Questions:
    """A question as nobody in particular asks it, as somebody whom the server knows already, and as one it does not."""

    anonymous: list[bytes]
    warm: list[bytes]
    cold: list[bytes]

    @classmethod
    def of(cls, paths: list[str], tokens: list[str]) -> "Questions":
        turns: Iterator[str] = (paths[number % len(paths)] for number in range(len(tokens)))
        return cls(
            anonymous=[request("GET", path) for path in paths],
            warm=[request("GET", path, _bearing(tokens[0])) for path in paths],
            cold=[request("GET", path, _bearing(token)) for path, token in zip(turns, tokens, strict=True)],
        )


def _bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
