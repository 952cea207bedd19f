"""Messages whose parts are of their types and say nonsense are refused in the shop's own words."""

from datetime import timedelta

import pytest

from shop.application.commands.identity.me import AddAddress, UpdateAddress
from shop.application.commands.identity.registration import RequestMail
from shop.application.commands.identity.sign_in import SignIn, UseMagicLink
from shop.application.commands.identity.staff import CreateUser
from shop.application.messages import GUEST, Actor
from shop.application.ports.identity import CredentialsRejected
from shop.application.queries.identity import GetMyAddresses
from shop.application.queries.payments import GetUnfinishedPayments
from shop.domain.identity import RequestKind, TokenRejected
from shop.domain.kernel.errors import Invalid
from tests.shops import BERLIN, SmallShop


async def somebody(small: SmallShop) -> Actor:
    user_id = await small.shop.execute(CreateUser(email="ada@example.com"))
    return Actor(kind="user", id=user_id, verified=True, fresh_at=small.clock.now())


@pytest.mark.parametrize("kind", sorted({*RequestKind} - {RequestKind.RESET_PASSWORD, RequestKind.MAGIC_LINK}))
async def test_a_mail_is_asked_for_by_an_address_alone_where_that_is_enough(
    small: SmallShop, kind: RequestKind
) -> None:
    with pytest.raises(Invalid, match="reset_password or magic_link") as refused:
        await small.shop.execute(RequestMail(kind=kind, email="ada@example.com"), actor=GUEST)
    assert [(flaw.pointer, flaw.code) for flaw in refused.value.flaws] == [("/kind", "kind_unknown")]


async def test_what_is_no_part_of_an_address_changes_none(small: SmallShop) -> None:
    ada = await somebody(small)
    address_id = await small.shop.execute(AddAddress(address=BERLIN), actor=ada)
    with pytest.raises(Invalid) as refused:
        await small.shop.execute(
            UpdateAddress(address_id=address_id, changes={"street": "Ring 1", "city": "Wien"}), actor=ada
        )
    assert [(flaw.pointer, flaw.code) for flaw in refused.value.flaws] == [("/address/street", "field_unknown")]
    assert [saved.address for saved in await small.shop.ask(GetMyAddresses(), actor=ada)] == [BERLIN]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 10**5])
async def test_nobody_signs_in_by_what_is_no_text(small: SmallShop, text: str) -> None:
    with pytest.raises(CredentialsRejected):
        await small.shop.execute(SignIn(email=text, password=text), actor=GUEST)
    with pytest.raises(TokenRejected):
        await small.shop.execute(UseMagicLink(token=text), actor=GUEST)


@pytest.mark.parametrize("idle", [timedelta.min, timedelta(microseconds=-1), timedelta(days=401), timedelta.max])
async def test_no_payment_is_idle_for_longer_than_there_are_days(small: SmallShop, idle: timedelta) -> None:
    with pytest.raises(Invalid, match="idle for at most 400 days"):
        await small.shop.ask(GetUnfinishedPayments(idle=idle))
