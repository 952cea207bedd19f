"""Secret keys, and the shop's own settings."""

from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from shop.application.access import ScopesBeyondOwn
from shop.application.commands.identity.keys import CreateApiKey, RevokeApiKey
from shop.application.commands.store import ConfigureStore
from shop.application.messages import GUEST, Actor, VersionDiffers
from shop.application.queries.identity import GetApiKeys
from shop.application.queries.store import GetStore, GetStoreSettings
from shop.domain.identity import ApiKeyNotFound
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId
from shop.domain.pricing.taxes import TaxTable
from shop.domain.shipping import WeightStep
from tests.shops import SETTINGS, STAFF, SmallShop, eur

STANDARD, VAT = SETTINGS.shipping_methods[0], SETTINGS.taxes.rates[0]
CLERK = Actor(kind="api_key", id=ApiKeyId(UUID(int=5)), scopes=frozenset({"apikeys:write", "orders:write"}))


class TestKeys:
    async def test_a_key_is_shown_once_and_kept_as_a_fingerprint(self, small: SmallShop) -> None:
        made = await small.shop.execute(
            CreateApiKey(name="ERP", scopes=frozenset({"orders:read", "inventory:write"})), actor=STAFF
        )
        assert made.secret not in repr(made)
        found = await small.storage.readers.api_keys.find(small.secrets.fingerprint(made.secret))
        assert found is not None
        kept = found.key
        assert (kept.id, kept.name, kept.last4) == (made.id, "ERP", made.secret[-4:])
        assert kept.scopes == {"orders:read", "inventory:write"}
        [view] = await small.shop.ask(GetApiKeys(), actor=STAFF)
        assert (view.id, view.revoked_at) == (made.id, None)

    async def test_nobody_gives_away_more_than_they_have(self, small: SmallShop) -> None:
        await small.shop.execute(CreateApiKey(name="Reader", scopes=frozenset({"orders:read"})), actor=CLERK)
        for beyond in ("*", "products:read", "customers:erase"):
            with pytest.raises(ScopesBeyondOwn, match=beyond.replace("*", r"\*")):
                await small.shop.execute(
                    CreateApiKey(name="Thief", scopes=frozenset({"orders:read", beyond})), actor=CLERK
                )

    @pytest.mark.parametrize(
        ("name", "scopes"),
        [("", {"*"}), (" ", {"*"}), ("x" * 101, {"*"}), ("x", set()), ("x", {"orders"}), ("x", {"orders:own"})],
    )
    async def test_a_key_has_a_name_and_scopes(self, small: SmallShop, name: str, scopes: set[str]) -> None:
        with pytest.raises(Invalid):
            await small.shop.execute(CreateApiKey(name=name, scopes=frozenset(scopes)), actor=STAFF)
        assert await small.shop.ask(GetApiKeys(), actor=STAFF) == []

    async def test_a_key_is_revoked_once_and_for_all(self, small: SmallShop) -> None:
        made = await small.shop.execute(CreateApiKey(name="ERP", scopes=frozenset({"*"})), actor=STAFF)
        revoke = RevokeApiKey(key_id=made.id)
        await small.shop.execute(revoke, actor=STAFF)
        revoked_at = small.clock.at
        small.clock.at = revoked_at.replace(hour=23)
        await small.shop.execute(revoke, actor=STAFF)
        [view] = await small.shop.ask(GetApiKeys(), actor=STAFF)
        assert view.revoked_at == revoked_at
        with pytest.raises(ApiKeyNotFound):
            await small.shop.execute(RevokeApiKey(key_id=ApiKeyId(UUID(int=1))), actor=STAFF)


class TestStore:
    async def test_everybody_may_know_what_a_storefront_needs(self, small: SmallShop) -> None:
        view = await small.shop.ask(GetStore(), actor=GUEST)
        assert (view.currency, view.currencies, view.ships_to) == ("EUR", ("EUR", "USD"), ("DE", "AT", "CH"))
        assert (view.payment_provider, view.prices_include_tax) == ("fake", True)

    async def test_parts_are_replaced_and_the_rest_is_kept(self, small: SmallShop) -> None:
        await small.shop.execute(ConfigureStore(store=evolve(SETTINGS.store, name="Big")), actor=STAFF)
        await small.shop.execute(ConfigureStore(taxes=TaxTable(), shipping_methods=()), actor=STAFF)
        settings = await small.shop.ask(GetStoreSettings(), actor=STAFF)
        assert (settings.store.name, settings.taxes, settings.shipping_methods) == ("Big", TaxTable(), ())
        assert settings.version == 3

    async def test_a_change_may_insist_on_what_it_saw(self, small: SmallShop) -> None:
        await small.shop.execute(ConfigureStore(taxes=TaxTable(), expected_version=1), actor=STAFF)
        with pytest.raises(VersionDiffers):
            await small.shop.execute(ConfigureStore(taxes=SETTINGS.taxes, expected_version=1), actor=STAFF)


@pytest.mark.parametrize(
    "wrong",
    [
        {"store": evolve(SETTINGS.store, name="")},
        {"store": evolve(SETTINGS.store, name="  ")},
        {"store": evolve(SETTINGS.store, currencies=("EUR", "EUR"))},
        {"taxes": TaxTable(rates=(evolve(VAT, name=""),))},
        {"taxes": TaxTable(rates=(evolve(VAT, name="x" * 201),))},
        {"taxes": TaxTable(rates=(evolve(VAT, tax_class=""),))},
        {"taxes": TaxTable(rates=(evolve(VAT, region="BE"), evolve(VAT, region="de-be")))},
        {"shipping_methods": (STANDARD, evolve(STANDARD, name="Another"))},
        {"shipping_methods": (evolve(STANDARD, code=""),)},
        {"shipping_methods": (evolve(STANDARD, name="a\nb"),)},
        {"shipping_methods": (evolve(STANDARD, tax_class=" "),)},
        {"shipping_methods": (evolve(STANDARD, flat=(eur(1), eur(2))),)},
        {"shipping_methods": (evolve(STANDARD, flat=(), by_weight=(WeightStep(up_to_grams=-5, price=eur(1)),)),)},
        {"shipping_methods": (evolve(STANDARD, flat=(), by_weight=2 * (WeightStep(up_to_grams=9, price=eur(1)),)),)},
        {"shipping_methods": tuple(evolve(STANDARD, countries=frozenset(some)) for some in (("DE", "AT"), ("AT",)))},
    ],
)
async def test_settings_that_make_no_sense_are_refused(small: SmallShop, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await small.shop.execute(ConfigureStore(**wrong), actor=STAFF)


async def test_one_code_may_name_the_deliveries_of_different_countries(small: SmallShop) -> None:
    methods = tuple(evolve(STANDARD, countries=frozenset({country})) for country in ("DE", "AT"))
    await small.shop.execute(ConfigureStore(shipping_methods=methods), actor=STAFF)
