"""A shop inside your own program: nothing to start, nothing to configure. Run it: python examples/embed.py"""

import asyncio

import shop
from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.catalog import CreateProduct, NewVariant
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.payments import CreatePaymentSession, ProcessPayment
from shop.application.commands.store import ConfigureStore
from shop.application.queries.carts import GetCart
from shop.application.queries.catalog import GetProduct
from shop.application.queries.orders import GetOrder
from shop.domain.catalog import Price, ProductStatus
from shop.domain.kernel.address import Address
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.money import Money
from shop.domain.shipping import ShippingMethod
from shop.domain.store import Store

STANDARD = ShippingMethod(code="standard", name="Standard", flat=(Money(490, "EUR"),))
ADA = Address(name="Ada Byron", line1="Torstr. 1", postal_code="10119", city="Berlin", country="DE")


async def main() -> None:
    async with shop.open_shop() as my_shop:  # memory behind every port
        at_once = Store(capture=CapturePolicy.AUTOMATIC)  # else staff capture what was authorised
        await my_shop.execute(ConfigureStore(store=at_once, shipping_methods=(STANDARD,)))
        tee = NewVariant(sku="TEE-M", prices=(Price(amount=Money(2999, "EUR")),), stock=10)
        product_id = await my_shop.execute(
            CreateProduct(slug="classic-tee", title="Classic Tee", status=ProductStatus.ACTIVE, variants=(tee,))
        )
        product = await my_shop.ask(GetProduct(id_or_slug=product_id, expand=frozenset({"variants"})))
        assert product.variants is not None

        cart_id = await my_shop.execute(OpenCart())
        await my_shop.execute(AddToCart(cart_id=cart_id, variant_id=product.variants[0].id, quantity=2))
        await my_shop.execute(DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=ADA))
        await my_shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))
        session_id = await my_shop.execute(CreatePaymentSession(cart_id=cart_id, method="fake_card"))

        cart = await my_shop.ask(GetCart(cart_id=cart_id))
        order_id = await my_shop.execute(
            CreateOrder(cart_id=cart_id, cart_version=cart.version, payment_session_id=session_id)
        )
        await my_shop.execute(ProcessPayment(order_id=order_id))
        order = await my_shop.ask(GetOrder(order_id=order_id))
        print(order.number, order.status, order.payment_status, order.total)  # 1001 confirmed paid 64.88 EUR


if __name__ == "__main__":
    asyncio.run(main())
