"""S-35: passwords are tried by the hundred thousand, from very many networks, at one account."""

from datetime import timedelta

import pytest

from shop.application.commands.identity.sign_in import SignIn
from shop.application.messages import GUEST
from shop.domain.kernel.errors import ShopError
from tests.entrypoints.http.accounts.people import PASSWORD, Town
from tests.scale import rounds

EMAIL = "ada@example.com"
NETWORKS, VISITS = 1_000, 10
IN_A_ROW = 100
"""After so many failures in a row strange networks get one try in a quarter of an hour (NIST SP 800-63B, 5.2.2)."""


async def _try(town: Town, password: str, source: str) -> str:
    """What came of it: the code of the refusal, or nothing."""
    shop = town.site.small.shop
    try:
        await shop.execute(SignIn(email=EMAIL, password=password), context=shop.context(GUEST, source=source))
    except ShopError as refused:
        return refused.code
    return ""


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_s35_a_hundred_thousand_guesses_get_nowhere_and_lock_nobody_out(town: Town) -> None:
    await town.register(EMAIL)
    clock, home = town.site.small.clock, "192.0.2.1"
    assert await _try(town, PASSWORD, home) == ""
    tries, looked_at, codes = rounds(2_000, in_full=100_000), 0, set()
    for number in range(tries):
        code = await _try(town, f"guess {number}", f"198.51.{number % NETWORKS // 250}.{number % 250}")
        codes.add(code)
        looked_at += code == "credentials_rejected"
        clock.forward(timedelta(seconds=1))
        if number % (tries // VISITS) == tries // VISITS - 1:
            assert await _try(town, PASSWORD, home) == "", "its owner comes in from where they came in before"
    assert codes == {"credentials_rejected", "rate_limited"}
    assert looked_at <= VISITS * (IN_A_ROW + 1) + tries / 900
