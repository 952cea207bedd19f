"""S-72: one mailbox is not filled from many networks, and nobody learns by that who has an account."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shop.application.commands.identity.registration import ChangeEmail
from shop.entrypoints.settings import Settings
from tests.entrypoints.http.accounts.people import PASSWORD, Town
from tests.entrypoints.http.sites import open_site

STRICT = Settings(rate_limit_recovery="3/60", rate_limit_register="3/60", proxies=1)
ASKED = 12
EMAIL = "ada@example.com"


@pytest.fixture
async def strict() -> AsyncIterator[Town]:
    """A town whose limits are those of production, and that sees from which network somebody comes."""
    async with open_site(STRICT) as site:
        yield Town(site)


async def ask(town: Town, way: str, email: str = EMAIL, **more: str) -> set[tuple[int, str]]:
    """The answers to the same request from many networks."""
    found = set()
    for number in range(ASKED):
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        answer = await town.guest.post(f"/api/auth/{way}", json={"email": email, **more}, headers=headers)
        found.add((answer.status_code, answer.text))
    return found


@pytest.mark.parametrize(
    ("way", "kind"),
    [("magic-link", "magic_link"), ("password/forgot", "reset_password"), ("register", "account_exists")],
)
async def test_s72_links_are_counted_by_account_over_all_networks(strict: Town, way: str, kind: str) -> None:
    await strict.register(EMAIL)
    strict.site.small.clock.forward(timedelta(minutes=2))
    more = {"password": PASSWORD} if way == "register" else {}
    answers = await ask(strict, way, **more)
    assert len(await strict.mails(EMAIL, kind)) == 3
    [(status, _)] = answers
    assert status == 202
    assert answers == await ask(strict, way, "nobody@example.com", **more), "it is the same for everybody"
    strict.site.small.clock.forward(timedelta(minutes=2))
    await ask(strict, way, EMAIL.upper(), **more)
    assert len(await strict.mails(EMAIL, kind)) == 6


async def test_s72_one_kind_of_mail_does_not_use_up_the_others(strict: Town) -> None:
    await strict.register(EMAIL)
    await ask(strict, "magic-link")
    await ask(strict, "password/forgot")
    newest = await strict.token(EMAIL, "reset_password")
    body = {"token": newest, "password": "other words of ada"}
    assert (await strict.guest.post("/api/auth/password/reset", json=body)).status_code == 204


async def test_s72_a_new_address_is_not_filled_by_those_who_ask_for_it(strict: Town) -> None:
    await strict.register("bob@example.com")
    shop, emails = strict.site.small.shop, [f"p{number}@example.com" for number in range(5)]
    for email in emails:
        strict.site.small.clock.forward(timedelta(minutes=1))
        await strict.register(email)
    for email in emails:
        person = strict.signed_in(await strict.login(email), email)
        actor = await shop.ports.authenticator.identify(person.tokens["access_token"])
        await shop.execute(ChangeEmail(email="bob@example.com"), actor=actor)
    assert len(await strict.mails("bob@example.com", "address_taken")) == 3
