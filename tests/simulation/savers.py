"""Customers who let their card be saved along with paying, or do not, and change their mind about that."""

from collections.abc import Sequence

from attrs import define, frozen

from shop.application.commands.carts import OpenCart
from shop.application.commands.payments import ConfirmPayment, CreatePaymentSession
from shop.application.messages import Actor
from shop.application.settlement import SavingDecided
from shop.domain.kernel.errors import ShopError, Unavailable
from shop.domain.kernel.identifiers import CartId, OrderId, PaymentSessionId
from tests.shops import customer
from tests.simulation.actors import METHODS, Shopper
from tests.simulation.consents import Consents
from tests.simulation.world import FIRST_SAVER

FIRST_CARDS = ("fake_card", "fake_card_declined", "fake_card_declined", "fake_card_3ds")
"""Most of them do not pay at once: then there is something to change one's mind about."""
TRIES_MAX = 5


@frozen
class Wish:
    """A payment session, and whether it saves the card."""

    session_id: PaymentSessionId
    save: bool


@define(eq=False)
class Saver(Shopper):
    """Pays with sessions of before and after the order alike: whose wish it is has to be seen where the card is used.

    They are one person with one tab: what a try came to is known before the next, or never.
    """

    number: int = 0
    _unsure: bool = False
    """Whether something got no answer, and may still happen."""

    async def _visit(self) -> None:
        self._unsure = False
        me = self._me
        cart_id = await self._insist("OpenCart", lambda shop: shop.execute(OpenCart(), actor=me))
        await self._fill(cart_id, me)
        first = await self._choose(cart_id, FIRST_CARDS)
        wishes = [await self._choose(cart_id) for _ in range(self.world.draw.randint(1, 2))]
        self._consents.says(cart_id, first.save)
        orders = await self._order(cart_id, me, first.session_id)
        if not orders:
            return
        for _ in range(self.world.draw.randint(0, TRIES_MAX)):
            await self.think()
            if self.chance(0.4):
                self._in_browser(orders[0], passes=self.chance(0.5))
            await self._take_back_what_was_refused(orders[0], cart_id)
            if self.chance(0.4):
                wishes += await self.all_at_once([self._choose(cart_id)])
            await self._confirm(cart_id, self.world.draw.choice([first, *wishes]))
        if self.chance(0.1):
            await self._call_off(orders[0])

    async def _choose(self, cart_id: CartId, cards: Sequence[str] = METHODS) -> Wish:
        wish = CreatePaymentSession(cart_id=cart_id, method=self.world.draw.choice(cards), save=self.chance(0.5))
        return Wish(await self.do(wish, self._me, self._key()), wish.save)

    async def _take_back_what_was_refused(self, order_id: OrderId, cart_id: CartId) -> None:
        if await self._was_refused(order_id) and not self._unsure:
            self._consents.withdraw(cart_id)

    async def _confirm(self, cart_id: CartId, wish: Wish) -> None:
        new = self._consents.says(cart_id, wish.save)
        try:
            await self.do(ConfirmPayment(session_id=wish.session_id), self._me)
        except ShopError as error:
            self.refused(error)
            if new and isinstance(error, SavingDecided):
                self._consents.withdraw(cart_id)

    def refused(self, error: ShopError) -> None:
        super().refused(error)
        self._unsure = self._unsure or isinstance(error, Unavailable)

    @property
    def _consents(self) -> Consents:
        return self.world.oracle.promises.consents

    @property
    def _me(self) -> Actor:
        return customer(FIRST_SAVER + self.number)

    def _holding(self, thing: CartId | OrderId) -> Actor:
        return self._me
