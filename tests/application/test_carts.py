"""Carts: opening, filling, describing and leaving them; and what a shopper sees."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from attrs import evolve

from shop.application.commands.carts import (
    AddToCart,
    ChangeCartItem,
    ChooseShipping,
    CurrencyNotSold,
    DescribeCart,
    ExceedsAvailable,
    ExpireCart,
    OpenCart,
    VariantUnavailable,
)
from shop.application.commands.catalog import ArchiveProduct, UpdateProduct, UpdateVariant
from shop.application.commands.inventory import AdjustStock
from shop.application.commands.store import ConfigureStore
from shop.application.messages import GUEST, Actor
from shop.application.queries.carts import GetCart, GetExpiredCarts, GetShippingOptions
from shop.domain.carts import CartClosed, CartItemNotFound, CartNotFound, CartStatus
from shop.domain.catalog import Price, ProductStatus, VariantNotFound
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import ApiKeyId, CartId, ProductId, VariantId
from shop.domain.kernel.money import AmountOutOfRange, Money
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod, ShippingUnavailable, WeightStep
from tests.shops import BERLIN, SETTINGS, STAFF, VIENNA, SmallShop, customer, eur


async def product_of(small: SmallShop, variant_id: VariantId) -> ProductId:
    async with small.storage.uow(small.context()) as tx:
        product = await tx.products.find_by_variant(variant_id)
    assert product is not None
    return product.id


class TestOpening:
    async def test_a_cart_is_open_empty_and_in_the_first_currency(self, small: SmallShop) -> None:
        cart = await small.shop.ask(GetCart(cart_id=await small.shop.execute(OpenCart(), actor=GUEST)))
        assert (cart.status, cart.currency, cart.items, cart.total, cart.version) == (
            CartStatus.OPEN,
            "EUR",
            [],
            eur(0),
            1,
        )
        assert cart.expires_at == small.clock.at + timedelta(days=30)

    async def test_another_currency_that_the_shop_sells_in(self, small: SmallShop) -> None:
        cart_id = await small.shop.execute(OpenCart(currency="USD"), actor=GUEST)
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).total == Money(0, "USD")

    async def test_a_currency_that_it_does_not_sell_in_lists_those_it_does(self, small: SmallShop) -> None:
        with pytest.raises(CurrencyNotSold) as caught:
            await small.shop.execute(OpenCart(currency="JPY"), actor=GUEST)
        assert "EUR, USD" in caught.value.hint

    async def test_a_customers_cart_is_theirs(self, small: SmallShop) -> None:
        cart_id = await small.shop.execute(OpenCart(), actor=customer(1))
        key = Actor(kind="api_key", id=ApiKeyId(UUID(int=1)))
        for other in (GUEST, customer(2), STAFF, key, small.guest(cart_id)):
            with pytest.raises(CartNotFound):
                await small.shop.ask(GetCart(cart_id=cart_id), actor=other)
        assert (await small.shop.ask(GetCart(cart_id=cart_id), actor=customer(1))).id == cart_id

    async def test_a_guests_cart_is_nobodys_without_its_token(self, small: SmallShop) -> None:
        cart_id = await small.shop.execute(OpenCart(), actor=GUEST)
        for other in (GUEST, customer(1), evolve(GUEST, token="guess"), small.guest(CartId(UUID(int=4)))):
            with pytest.raises(CartNotFound):
                await small.shop.ask(GetCart(cart_id=cart_id), actor=other)


class TestFilling:
    async def test_the_same_variant_again_joins_its_line(self, small: SmallShop) -> None:
        shirt = await small.product()
        cart_id = await small.cart((shirt, 1), (shirt, 2), ready=False)
        [item] = (await small.shop.ask(GetCart(cart_id=cart_id))).items
        assert (item.quantity, item.unit_price, item.subtotal) == (3, eur(1999), eur(5997))
        assert (item.title, item.sku, item.product_slug) == ("Linen Shirt", "LINEN-SHIRT", "linen-shirt")

    async def test_f02_more_than_there_is_counts_all_of_it(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        cart_id = await small.cart((shirt, 2), ready=False)
        with pytest.raises(ExceedsAvailable) as caught:
            await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=shirt, quantity=2))
        assert caught.value.flaws[0].meta == {"available": 3}
        assert "3" in caught.value.hint
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).items[0].quantity == 2

    async def test_what_nobody_could_add_up_is_not_put_into_it(self, small: SmallShop) -> None:
        gold = await small.product(price=10**9, tracked=False)
        cart_id = await small.cart((gold, 1), ready=False)
        owner = small.guest(cart_id)
        [item] = (await small.shop.ask(GetCart(cart_id=cart_id), actor=owner)).items
        with pytest.raises(AmountOutOfRange):
            await small.shop.execute(ChangeCartItem(cart_id=cart_id, item_id=item.id, quantity=9_999), actor=owner)
        with pytest.raises(AmountOutOfRange):
            await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=gold, quantity=9_998), actor=owner)
        cart = await small.shop.ask(GetCart(cart_id=cart_id), actor=owner)
        assert [(one.quantity, cart.total) for one in cart.items] == [(1, eur(10**9))]

    async def test_a_cart_that_became_too_dear_can_be_read_and_mended(self, small: SmallShop) -> None:
        gold, cup = await small.product(price=100, tracked=False), await small.product("cup", price=300)
        cart_id = await small.cart((gold, 9_000), (cup, 1), ready=False)
        owner = small.guest(cart_id)
        prices = (Price(amount=eur(10**9)),)
        product_id = await product_of(small, gold)
        await small.shop.execute(UpdateVariant(product_id=product_id, variant_id=gold, prices=prices), actor=STAFF)
        cart = await small.shop.ask(GetCart(cart_id=cart_id), actor=owner)
        assert "amount_out_of_range" in {problem.code for problem in cart.problems}
        assert cart.total == eur(300)
        await small.shop.execute(ChangeCartItem(cart_id=cart_id, item_id=cart.items[0].id, quantity=1), actor=owner)
        assert (await small.shop.ask(GetCart(cart_id=cart_id), actor=owner)).total == eur(10**9 + 300)

    async def test_nothing_is_left_at_all(self, small: SmallShop) -> None:
        shirt = await small.product(stock=0)
        with pytest.raises(ExceedsAvailable) as caught:
            await small.cart((shirt, 1), ready=False)
        assert caught.value.hint == "It is sold out."

    async def test_what_may_be_backordered_and_what_nobody_counts_can_be_had(self, small: SmallShop) -> None:
        poster = await small.product("poster", stock=0, backorder_limit=5)
        book = await small.product("book", tracked=False, stock=None)
        cart_id = await small.cart((poster, 5), (book, 9000))
        await small.place(cart_id)
        with pytest.raises(ExceedsAvailable):
            await small.cart((poster, 1), ready=False)

    async def test_an_unknown_variant(self, small: SmallShop) -> None:
        with pytest.raises(VariantNotFound):
            await small.cart((VariantId(UUID(int=3)), 1), ready=False)

    async def test_a_draft_is_not_for_sale_nor_is_what_has_no_price_here(self, small: SmallShop) -> None:
        shirt = await small.product()
        yen_cart = await small.shop.execute(OpenCart(currency="USD"))
        async with small.storage.uow(small.context()) as tx:
            product = await tx.products.find_by_variant(shirt)
            assert product is not None
            product.change_variant(shirt, small.clock.at, prices=product.variants[0].prices[:1])
            tx.products.save(product)
        with pytest.raises(VariantUnavailable):
            await small.shop.execute(AddToCart(cart_id=yen_cart, variant_id=shirt))
        await small.shop.execute(UpdateProduct(product_id=product.id, status=ProductStatus.DRAFT))
        with pytest.raises(VariantUnavailable):
            await small.cart((shirt, 1), ready=False)

    @pytest.mark.parametrize("quantity", [0, -1, 10_001])
    async def test_a_quantity_is_positive_and_bounded(self, small: SmallShop, quantity: int) -> None:
        shirt = await small.product(tracked=False, stock=None)
        with pytest.raises(Invalid):
            await small.cart((shirt, quantity), ready=False)

    async def test_lines_are_changed_and_removed(self, small: SmallShop) -> None:
        shirt = await small.product(stock=3)
        cart_id = await small.cart((shirt, 2), ready=False)
        [item] = (await small.shop.ask(GetCart(cart_id=cart_id))).items

        async def change(quantity: int) -> None:
            await small.shop.execute(ChangeCartItem(cart_id=cart_id, item_id=item.id, quantity=quantity))

        await change(3)
        with pytest.raises(ExceedsAvailable):
            await change(4)
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-2, reason="broken"))
        await change(2)  # fewer is always a step towards what can be had
        await change(0)
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).items == []
        with pytest.raises(CartItemNotFound):
            await change(0)
        with pytest.raises(CartItemNotFound):
            await change(1)

    async def test_a_cart_that_is_somebody_elses_cannot_be_filled(self, small: SmallShop) -> None:
        shirt = await small.product()
        cart_id = await small.shop.execute(OpenCart(), actor=customer(1))
        for command in (
            AddToCart(cart_id=cart_id, variant_id=shirt),
            DescribeCart(cart_id=cart_id, note="mine"),
            ChooseShipping(cart_id=cart_id, option_id="standard"),
        ):
            with pytest.raises(CartNotFound):
                await small.shop.execute(command, actor=customer(2))


class TestDescribing:
    async def test_parts_are_set_kept_and_taken_off(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        describe = DescribeCart(
            cart_id=cart_id,
            email=" ada@example.com ",
            shipping_address=BERLIN,
            billing_address=VIENNA,
            note="Ring",
            metadata={"a": "b"},
        )
        await small.shop.execute(describe)
        await small.shop.execute(DescribeCart(cart_id=cart_id, forget=frozenset({"billing_address"})))
        cart = await small.shop.ask(GetCart(cart_id=cart_id))
        assert (cart.email, cart.shipping_address, cart.billing_address, cart.note, cart.metadata) == (
            "ada@example.com",
            BERLIN,
            None,
            "Ring",
            {"a": "b"},
        )

    async def test_metadata_is_laid_over_what_is_there(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        for change in ({"a": "1", "b": "2"}, {"a": None, "c": "3", "never": None}, None):
            await small.shop.execute(DescribeCart(cart_id=cart_id, metadata=change, note="kept"))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).metadata == {"b": "2", "c": "3"}
        forget = DescribeCart(cart_id=cart_id, forget=frozenset({"metadata"}))
        await small.shop.execute(forget)
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).metadata == {}

    async def test_keys_that_come_at_the_same_time_are_all_there(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        changes = [DescribeCart(cart_id=cart_id, metadata={str(number): "x"}) for number in range(4)]
        await asyncio.gather(*(small.shop.execute(change) for change in changes))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).metadata == dict.fromkeys("0123", "x")

    async def test_all_keys_together_stay_within_bounds(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, metadata={str(n): "x" for n in range(50)}))
        with pytest.raises(Invalid):
            await small.shop.execute(DescribeCart(cart_id=cart_id, metadata={"one more": "x"}))
        await small.shop.execute(DescribeCart(cart_id=cart_id, metadata={"one more": "x", "0": None}))
        assert len((await small.shop.ask(GetCart(cart_id=cart_id))).metadata) == 50

    async def test_what_may_be_taken_off_are_addresses(self, small: SmallShop) -> None:
        cart_id = await small.cart(ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, email="a@b.example", forget=frozenset({"email"})))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).email == "a@b.example"

    @pytest.mark.parametrize(
        "wrong",
        [{"email": "nobody"}, {"note": "x" * 2001}, {"note": "a\x00"}, {"currency": "JPY"}, {"metadata": {"": "x"}}],
    )
    async def test_what_breaks_a_rule_changes_nothing(self, small: SmallShop, wrong: dict[str, object]) -> None:
        cart_id = await small.cart(ready=False)
        with pytest.raises(Invalid):
            await small.shop.execute(DescribeCart(cart_id=cart_id, **wrong))  # type: ignore[arg-type]
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).version == 1

    async def test_another_currency_prices_everything_anew(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        await small.shop.execute(DescribeCart(cart_id=cart_id, currency="USD"))
        cart = await small.shop.ask(GetCart(cart_id=cart_id))
        assert (cart.subtotal, cart.shipping_total) == (Money(2199, "USD"), Money(590, "USD"))

    async def test_tax_is_that_of_where_it_goes(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(price=11900), 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, billing_address=VIENNA))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).taxes[0].rate == "0.2"
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=BERLIN))
        [tax] = (await small.shop.ask(GetCart(cart_id=cart_id))).taxes
        assert (tax.rate, tax.net, tax.tax) == ("0.19", eur(10_000), eur(1900))

    async def test_regions_have_rates_of_their_own(self, small: SmallShop) -> None:
        rates = (*SETTINGS.taxes.rates, TaxRate(name="Local", country="DE", region="Berlin", rate=Decimal("0.5")))
        await small.shop.execute(ConfigureStore(taxes=TaxTable(rates=rates, prices_include_tax=False)))
        cart_id = await small.cart((await small.product(price=1000), 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=evolve(BERLIN, region="Berlin")))
        cart = await small.shop.ask(GetCart(cart_id=cart_id))
        assert (cart.total, cart.prices_include_tax) == (eur(1500), False)
        assert [(step.label, step.amount) for step in cart.explanation] == [
            ("1 × Linen Shirt", eur(1000)),
            ("Local 50 %", eur(500)),
        ]


class TestDelivery:
    async def test_options_are_those_that_go_there_the_cheapest_first(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1), ready=False)
        assert await small.shop.ask(GetShippingOptions(cart_id=cart_id)) == []
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=BERLIN))
        options = await small.shop.ask(GetShippingOptions(cart_id=cart_id))
        assert [(option.id, option.price) for option in options] == [("standard", eur(490)), ("express", eur(1290))]
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=VIENNA))
        assert [o.id for o in await small.shop.ask(GetShippingOptions(cart_id=cart_id))] == ["standard"]

    async def test_weight_counts_what_is_sent_only(self, small: SmallShop) -> None:
        by_weight = ShippingMethod(
            code="parcel",
            name="Parcel",
            by_weight=(WeightStep(up_to_grams=500, price=eur(300)), WeightStep(up_to_grams=1000, price=eur(600))),
        )
        await small.shop.execute(ConfigureStore(shipping_methods=(by_weight,)))
        book = await small.product("e-book", tracked=False, requires_shipping=False)
        shirt = await small.product()
        cart_id = await small.cart((book, 9), (shirt, 2), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=BERLIN))
        assert [o.price for o in await small.shop.ask(GetShippingOptions(cart_id=cart_id))] == [eur(300)]
        await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=shirt))
        assert [o.price for o in await small.shop.ask(GetShippingOptions(cart_id=cart_id))] == [eur(600)]
        await small.shop.execute(AddToCart(cart_id=cart_id, variant_id=shirt, quantity=2))
        assert await small.shop.ask(GetShippingOptions(cart_id=cart_id)) == []

    async def test_a_delivery_needs_an_address_and_has_to_be_offered(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1), ready=False)
        with pytest.raises(ShippingUnavailable, match="where the parcel goes"):
            await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=VIENNA))
        with pytest.raises(ShippingUnavailable, match="it has: standard"):
            await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="express"))
        await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))
        assert (await small.shop.ask(GetCart(cart_id=cart_id))).shipping_option_id == "standard"

    async def test_where_nothing_is_sent(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1), ready=False)
        await small.shop.execute(DescribeCart(cart_id=cart_id, shipping_address=evolve(BERLIN, country="FR")))
        [problem] = (await small.shop.ask(GetCart(cart_id=cart_id))).problems
        assert (problem.pointer, problem.code) == ("/shipping_address/country", "shipping_unavailable")
        with pytest.raises(ShippingUnavailable, match="it has: none"):
            await small.shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))


class TestProblems:
    async def test_a_cart_tells_what_stands_in_the_way(self, small: SmallShop) -> None:
        shirt, mug = await small.product(stock=5), await small.product("mug")
        cart_id = await small.cart((mug, 1), (shirt, 5))
        await small.shop.execute(AdjustStock(variant_id=shirt, delta=-3, reason="broken"))
        await small.shop.execute(ArchiveProduct(product_id=await product_of(small, mug)))
        cart = await small.shop.ask(GetCart(cart_id=cart_id))
        assert [(problem.pointer, problem.code) for problem in cart.problems] == [
            ("/items/0", "variant_unavailable"),
            ("/items/1", "insufficient_stock"),
        ]
        gone, short = cart.items
        assert (gone.title, gone.unit_price, gone.total) == ("Mug", None, None)
        assert short.total == eur(9995)

    async def test_an_option_that_is_no_longer_offered(self, small: SmallShop) -> None:
        cart_id = await small.cart((await small.product(), 1))
        await small.shop.execute(ConfigureStore(shipping_methods=SETTINGS.shipping_methods[1:]))
        cart = await small.shop.ask(GetCart(cart_id=cart_id))
        assert [problem.pointer for problem in cart.problems] == ["/shipping_option"]
        assert cart.shipping_total == eur(0)


class TestExpiry:
    async def test_carts_left_behind_are_closed(self, small: SmallShop) -> None:
        old = await small.cart(ready=False)
        small.clock.forward(timedelta(days=29))
        young = await small.cart(ready=False)
        await small.shop.execute(ExpireCart(cart_id=old))
        assert await small.shop.ask(GetExpiredCarts()) == []
        small.clock.forward(timedelta(days=1))
        assert await small.shop.ask(GetExpiredCarts()) == [old]
        for cart_id in (old, old, young):
            await small.shop.execute(ExpireCart(cart_id=cart_id))
        assert (await small.shop.ask(GetCart(cart_id=old))).status is CartStatus.EXPIRED
        assert (await small.shop.ask(GetCart(cart_id=young))).status is CartStatus.OPEN
        assert await small.shop.ask(GetExpiredCarts()) == []
        with pytest.raises(CartClosed):
            await small.shop.execute(DescribeCart(cart_id=old, note="too late"))

    async def test_an_unknown_cart(self, small: SmallShop) -> None:
        with pytest.raises(CartNotFound):
            await small.shop.execute(ExpireCart(cart_id=CartId(UUID(int=5))))
