"""S-35: somebody knows the password, and guesses at the six digits of the second step."""

import asyncio
from datetime import datetime, timedelta

import pyotp
import pytest

from shop.adapters.memory.people import MemorySignInAttempts
from shop.application.commands.identity.opening import SecondStepNeeded
from shop.application.commands.identity.second_factor import CompleteSecondStep, DisableTotp
from shop.application.commands.identity.sign_in import SignIn
from shop.application.messages import GUEST
from shop.domain.identity import KNOWN_FOR, SignInAttempt
from shop.domain.kernel.errors import ShopError
from shop.entrypoints.worker.schedule import FORGET_PEOPLE_AFTER, forget_people
from tests.entrypoints.http.accounts.people import PASSWORD, Person, Town

HOME, AWAY = "192.0.2.1", "198.51.100.7"


async def with_app(town: Town) -> tuple[Person, pyotp.TOTP]:
    ada = await town.person()
    app = pyotp.TOTP((await ada.client.post("/api/auth/mfa/totp")).json()["secret"])
    answer = await ada.client.post("/api/auth/mfa/totp/confirm", json={"code": app.at(town.site.small.clock.now())})
    assert answer.status_code == 200, answer.text
    town.site.small.clock.forward(timedelta(minutes=1))  # that code is used up
    return ada, app


async def first_step(town: Town, email: str, source: str, password: str = PASSWORD) -> str:
    """What came of it: the token of the second step, or the code of the refusal."""
    shop = town.site.small.shop
    try:
        step = await shop.execute(SignIn(email=email, password=password), context=shop.context(GUEST, source=source))
    except ShopError as refused:
        return refused.code
    assert isinstance(step, SecondStepNeeded)
    return step.token


async def second_step(town: Town, token: str, code: str, source: str) -> str:
    """What came of it: the code of the refusal, or nothing."""
    shop = town.site.small.shop
    try:
        await shop.execute(CompleteSecondStep(token=token, code=code), context=shop.context(GUEST, source=source))
    except ShopError as refused:
        return refused.code
    return ""


async def guess(town: Town, email: str, source: str) -> str:
    return await second_step(town, await first_step(town, email, source), "no code", source)


async def test_s35_codes_are_counted_over_networks_and_sign_ins(town: Town) -> None:
    ada, _ = await with_app(town)
    made = [await guess(town, ada.email, f"198.51.100.{number}") for number in range(50)]
    assert made == ["code_rejected"] * 4 + ["rate_limited"] * 46
    looked_at = 0
    for number in range(1_000):
        town.site.small.clock.forward(timedelta(seconds=86))
        looked_at += await guess(town, ada.email, f"198.51.{number % 200}.9") == "code_rejected"
    assert looked_at <= 110, "a day of guessing"


async def test_s35_guessing_elsewhere_keeps_nobody_out_of_where_they_came_in_before(town: Town) -> None:
    ada, app = await with_app(town)
    clock = town.site.small.clock
    assert await second_step(town, await first_step(town, ada.email, HOME), app.at(clock.now()), HOME) == ""
    for number in range(20):
        await guess(town, ada.email, f"198.51.100.{number}")
    clock.forward(timedelta(minutes=1))
    assert await second_step(town, await first_step(town, ada.email, AWAY), app.at(clock.now()), AWAY) == ""
    made = [await guess(town, ada.email, "198.51.100.3") for _ in range(2)]
    assert made == ["code_rejected", "rate_limited"], "her coming in gives nobody new tries"
    for _ in range(4):
        assert await guess(town, ada.email, HOME) == "code_rejected"
    assert await guess(town, ada.email, HOME) == "rate_limited", "where she came in before, there are no more tries"


async def test_s35_a_right_password_alone_forgives_no_wrong_ones(town: Town) -> None:
    ada, app = await with_app(town)
    for _ in range(3):
        assert await first_step(town, ada.email, AWAY, "wrong words") == "credentials_rejected"
    token = await first_step(town, ada.email, AWAY)
    assert await first_step(town, ada.email, AWAY, "wrong words") == "credentials_rejected"
    assert await first_step(town, ada.email, AWAY, "wrong words") == "rate_limited"
    assert await second_step(town, token, app.at(town.site.small.clock.now()), AWAY) == ""
    assert await first_step(town, ada.email, AWAY, "wrong words") == "credentials_rejected", "now she has come in"


async def test_s35_wrong_passwords_keep_nobody_from_the_second_step(town: Town) -> None:
    ada, app = await with_app(town)
    token = await first_step(town, ada.email, AWAY)
    for number in range(120):
        await first_step(town, ada.email, f"198.51.100.{number}", "wrong words")
    assert await second_step(town, token, app.at(town.site.small.clock.now()), AWAY) == ""


async def test_s35_codes_at_the_same_moment_are_counted_one_by_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _ = await with_app(town)
    read = MemorySignInAttempts.latest

    async def latest(self: MemorySignInAttempts, account: bytes, since: datetime, limit: int) -> list[SignInAttempt]:
        found = await read(self, account, since, limit)
        await asyncio.sleep(0)  # as from a database: all of them have read before the first writes
        return found

    monkeypatch.setattr(MemorySignInAttempts, "latest", latest)
    tokens = [await first_step(town, ada.email, AWAY) for _ in range(12)]
    made = await asyncio.gather(*(second_step(town, token, "no code", AWAY) for token in tokens))
    assert made.count("code_rejected") <= 4


async def test_s35_a_stolen_session_cannot_guess_the_app_away(town: Town) -> None:
    ada, _ = await with_app(town)
    shop = town.site.small.shop
    actor = await shop.ports.authenticator.identify(ada.tokens["access_token"])
    made = []
    for _ in range(6):
        with pytest.raises(ShopError) as refused:
            await shop.execute(DisableTotp(code="no code"), context=shop.context(actor, source=AWAY))
        made.append(refused.value.code)
    assert made == ["code_rejected"] * 4 + ["rate_limited"] * 2


async def test_its_owner_hears_of_guesses_once_a_day(town: Town) -> None:
    ada, _ = await with_app(town)
    clock = town.site.small.clock
    for _ in range(4):
        await guess(town, ada.email, AWAY)
    assert await town.mails(ada.email, "second_step_guessed") == []
    for _ in range(3):
        clock.forward(timedelta(minutes=16))
        assert await guess(town, ada.email, AWAY) == "code_rejected"
    [mail] = await town.mails(ada.email, "second_step_guessed")
    assert "knows your password" in mail
    assert "/account/forgot" in mail
    clock.forward(timedelta(days=1))
    for _ in range(8):
        clock.forward(timedelta(minutes=16))
        await guess(town, ada.email, AWAY)
    assert len(await town.mails(ada.email, "second_step_guessed")) == 2


@pytest.mark.parametrize(("days", "outcome"), [(2, ""), (29, ""), (31, "rate_limited")])
async def test_s35_where_the_account_was_opened_is_known_for_a_month(town: Town, days: int, outcome: str) -> None:
    ada = await town.person()
    shop, clock = town.site.small.shop, town.site.small.clock

    async def sign_in(password: str, source: str) -> str:
        try:
            await shop.execute(SignIn(email=ada.email, password=password), context=shop.context(GUEST, source=source))
        except ShopError as refused:
            return refused.code
        return ""

    assert await sign_in(PASSWORD, HOME) == ""
    for _ in range(days):
        clock.forward(timedelta(days=1))
        await forget_people(shop)
    for number in range(110):
        await sign_in("wrong words", f"198.51.{number}.7")
    assert await sign_in(PASSWORD, HOME) == outcome


async def test_s35_codes_guessed_elsewhere_keep_nobody_out_of_home_a_day_later(town: Town) -> None:
    ada, app = await with_app(town)
    clock = town.site.small.clock
    assert await second_step(town, await first_step(town, ada.email, HOME), app.at(clock.now()), HOME) == ""
    clock.forward(timedelta(days=3))
    for number in range(20):
        await guess(town, ada.email, f"198.51.100.{number}")
    assert await second_step(town, await first_step(town, ada.email, HOME), app.at(clock.now()), HOME) == ""


def test_attempts_are_kept_as_long_as_they_make_a_network_known() -> None:
    assert FORGET_PEOPLE_AFTER >= KNOWN_FOR
