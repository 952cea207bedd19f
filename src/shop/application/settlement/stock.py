"""The stock that is held for an order, as its payment decides about it."""

from collections.abc import Iterable

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.domain.inventory import LIVE, MovementKind, Reservation, ReservationState, StockMovement
from shop.domain.kernel.identifiers import MovementId, OrderId


@frozen
class StockOf:
    """The stock that is held for an order."""

    tx: Transaction
    order_id: OrderId
    context: Context
    ids: Ids
    held: tuple[Reservation, ...] | None = None

    async def allocate(self) -> None:
        """It is sold: the hold no longer runs out."""
        for reservation in await self._reservations():
            if reservation.state is ReservationState.HELD:
                self.tx.stock.settle(reservation, reservation.move_to(ReservationState.ALLOCATED))

    async def release(self) -> None:
        """It can be sold to somebody else."""
        for reservation in await self._reservations():
            if reservation.state not in LIVE:
                continue
            self.tx.stock.settle(reservation, reservation.move_to(ReservationState.RELEASED))
            self.tx.stock.move(
                StockMovement(
                    id=self.ids.new(MovementId),
                    variant_id=reservation.variant_id,
                    location_id=reservation.location_id,
                    reserved=-reservation.quantity,
                    kind=MovementKind.RELEASED,
                    source=self.order_id,
                    at=self.context.now,
                )
            )

    async def _reservations(self) -> Iterable[Reservation]:
        return self.held if self.held is not None else await self.tx.stock.reservations(self.order_id)
