"""People who use a site: with an account, signed in, reading their mail."""

import re
from typing import Any

import httpx
from attrs import define

from shop.adapters.memory.notifications import MemoryNotifier
from shop.application.commands.identity.setup import OfferSetup
from tests.entrypoints.http.sites import OpenSite

PASSWORD = "four words of ada"
_TOKEN = re.compile(r"[?&]token=([^\s&]+)")


@define(eq=False)
class Person:
    """Somebody who is signed in."""

    client: httpx.AsyncClient
    tokens: dict[str, Any]
    email: str


@define(eq=False)
class Town:
    """A site with the people around it."""

    site: OpenSite

    @property
    def guest(self) -> httpx.AsyncClient:
        return self.site.guest

    async def settle(self) -> None:
        """Everything that somebody asked for is done, and all mail is there."""
        for _ in range(3):
            await self.site.small.deliver()

    async def mails(self, to: str, kind: str = "") -> list[str]:
        """What somebody was sent, the newest first."""
        await self.settle()
        notifier = self.site.small.shop.ports.notifier
        assert isinstance(notifier, MemoryNotifier)
        sent = [each.notification for each in await notifier.sent(100)]
        return [mail.text for mail in sent if mail.to == to and kind in ("", mail.kind)]

    async def token(self, to: str, kind: str) -> str:
        """The token in the newest mail of a kind."""
        found = _TOKEN.search((await self.mails(to, kind))[0])
        assert found is not None
        return found[1]

    async def register(self, email: str, password: str = PASSWORD) -> None:
        answer = await self.guest.post("/api/auth/register", json={"email": email, "password": password, "name": "A"})
        assert answer.status_code == 202, answer.text
        await self.settle()

    async def login(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.guest.post("/api/auth/login", json={"email": email, "password": password})

    async def person(self, email: str = "ada@example.com", *, verified: bool = True) -> Person:
        await self.register(email)
        if verified:
            token = await self.token(email, "verify_email")
            assert (await self.guest.post("/api/auth/email/verify", json={"token": token})).status_code == 204
        return self.signed_in(await self.login(email), email)

    def signed_in(self, answer: httpx.Response, email: str) -> Person:
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        assert tokens["object"] == "signed_in", tokens
        return Person(self.site.with_key(tokens["access_token"]), tokens, email)

    async def owner(self, email: str = "owner@example.com") -> Person:
        link = await self.site.small.shop.execute(OfferSetup())
        body = {"token": link.partition("token=")[2], "email": email, "password": PASSWORD, "name": "O"}
        answer = await self.guest.post("/api/auth/setup", json=body)
        assert answer.status_code == 201, answer.text
        return self.signed_in(await self.login(email), email)

    async def role(self, name: str) -> str:
        roles = (await self.site.staff.get("/api/admin/roles")).json()["data"]
        found: str = next(role["id"] for role in roles if role["name"] == name)
        return found

    async def staff(self, email: str, *roles: str) -> Person:
        """Somebody with these roles."""
        person = await self.person(email)
        user_id = person.tokens["user_id"]
        role_ids = [await self.role(name) for name in roles]
        answer = await self.site.staff.put(f"/api/admin/users/{user_id}/roles", json={"role_ids": role_ids})
        assert answer.status_code == 204, answer.text
        return self.signed_in(await self.login(email), email)
