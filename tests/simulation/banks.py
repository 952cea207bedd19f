"""What banks do in a run, and the person of the shop who deals with them; in some worlds only.

They draw from a source of their own: worlds without disputes go on as they always did.
"""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from attrs import define

from shop.application.commands.disputes import SubmitDisputeEvidence
from shop.application.commands.refunds import RequestRefund
from shop.application.ports.paging import PageRequest
from shop.application.ports.payments import EvidenceKind
from shop.application.ports.readers import DisputeFilter
from shop.application.queries.disputes import GetDisputes
from shop.application.queries.payments import GetPayments
from shop.domain.kernel.errors import ShopError
from shop.domain.payments import ANSWERABLE, INQUIRIES, AttemptStatus, DisputeStatus
from tests.shops import STAFF, eur
from tests.simulation.world import World

DAYS_MAX = 2.0
"""Well below the time in which a world must come to rest."""
_ENDS = (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.LOST, DisputeStatus.PREVENTED)


@define(eq=False)
class Bank:
    """Takes money back, asks about it, and decides after hours or days; now and then a loss is turned by an appeal."""

    world: World
    draw: random.Random

    def hears(self, ref: str, status: AttemptStatus) -> None:
        """An intent came into this state: perhaps its buyer goes to the bank."""
        chance = self.world.chances.disputes
        if chance and self.world.stormy and status is AttemptStatus.CAPTURED and self.draw.random() < chance:
            self.world.begin(self._quarrel(ref))

    async def _quarrel(self, ref: str) -> None:
        await asyncio.sleep(self.draw.choice((0.0, 1.0, 60.0, 1800.0)) * self.draw.random())
        begins = self.draw.choice((DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WARNING_NEEDS_RESPONSE))
        intent = self.world.books.intents[ref]
        if intent.quarrel or intent.status is not AttemptStatus.CAPTURED:
            return
        minor = intent.captured if self.draw.random() < 0.7 else max(1, intent.captured // 3)
        self._note(ref, f"opens {begins} about {minor}")
        self.world.provider.disputes_open(ref, begins, minor)
        await self._take_time()
        if begins in INQUIRIES:
            if self.draw.random() < 0.5:
                self._end(ref, DisputeStatus.WARNING_CLOSED)
                return
            self._note(ref, "escalates")
            self.world.provider.dispute_escalates(ref)
            await self._take_time()
        end = self.draw.choice(_ENDS)
        self._end(ref, end)
        if end is DisputeStatus.LOST and self.draw.random() < 0.3:
            await self._take_time()
            if not self.world.books.intents[ref].quarrel:
                self._end(ref, DisputeStatus.WON)

    def _end(self, ref: str, status: DisputeStatus) -> None:
        self._note(ref, f"decides: {status}")
        self.world.provider.dispute_ends(ref, status)

    async def _take_time(self) -> None:
        await asyncio.sleep(self.draw.choice((0.0, 30.0, 3600.0, DAYS_MAX * 86_400 / 3)) * self.draw.random())

    def _note(self, ref: str, what: str) -> None:
        self.world.tally["bank acts"] += 1
        self.world.note("bank", f"{what}: {ref}")


@define(eq=False)
class Treasurer:
    """Gives money back, disputed or not, and answers banks, each some times in a storm."""

    world: World
    draw: random.Random

    async def act(self) -> None:
        for number in range(self.draw.randint(2, 8)):
            await asyncio.sleep(self.draw.expovariate(1 / 40.0))
            act = self.draw.choice((self._give_back, self._give_back, self._answer))
            try:
                await act(f"treasurer {number}")
            except ShopError as error:
                self.world.tally[f"refused: {error.code}"] += 1

    async def _give_back(self, key: str) -> None:
        taken = await self.world.ask(
            "treasurer", "GetPayments", lambda shop: shop.ask(GetPayments(page=PageRequest(limit=20)), actor=STAFF)
        )
        payments = [payment for payment in taken.data if payment.captured]
        if not payments:
            return
        payment = self.draw.choice(payments)
        part = self.draw.random() < 0.5
        wish = RequestRefund(payment_id=payment.id, amount=eur(100) if part else None, full=not part)
        await self.world.ask("treasurer", "RequestRefund", lambda shop: shop.execute(wish, actor=STAFF))
        self.world.tally["RequestRefund"] += 1

    async def _answer(self, key: str) -> None:
        which = DisputeFilter(statuses=ANSWERABLE)
        found = await self.world.ask(
            "treasurer", "GetDisputes", lambda shop: shop.ask(GetDisputes(which=which), actor=STAFF)
        )
        if not found.data:
            return
        says = {EvidenceKind.UNCATEGORIZED_TEXT: key}
        answer = SubmitDisputeEvidence(dispute_id=self.draw.choice(found.data).id, evidence=says)
        await self.world.ask("treasurer", "SubmitDisputeEvidence", lambda shop: shop.execute(answer, actor=STAFF))
        self.world.tally["SubmitDisputeEvidence"] += 1


def acts_of_the_treasurer(world: World) -> list[Coroutine[Any, Any, None]]:
    """Nobody, in a world without disputes."""
    if not world.chances.disputes:
        return []
    return [Treasurer(world, random.Random(f"treasurer:{world.chances.seed}")).act()]
