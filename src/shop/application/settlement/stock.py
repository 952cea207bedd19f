"""The stock that is held for an order, as its payment decides about it."""

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.domain.inventory import (
    LIVE,
    InsufficientStock,
    MovementKind,
    Reservation,
    ReservationState,
    StockMovement,
    allocate,
    demand_of,
)
from shop.domain.kernel.identifiers import Identifier, MovementId, OrderId, ReservationId


@frozen
class StockOf:
    """The stock that is held for an order."""

    tx: Transaction
    order_id: OrderId
    context: Context
    ids: Ids
    held: tuple[Reservation, ...] | None = None

    async def allocate(self) -> bool:
        """It is sold: the hold no longer runs out. What was let go of while the bank decided is taken anew.

        False, and nothing changes, where less of that is left by now than was ordered.
        """
        reservations = await self._reservations()
        if reservations and all(reservation.state is ReservationState.RELEASED for reservation in reservations):
            return await self._take_anew(reservations)
        for reservation in reservations:
            if reservation.state is ReservationState.HELD:
                self.tx.stock.settle(reservation, reservation.move_to(ReservationState.ALLOCATED))
        return True

    async def hold_until(self, until: datetime) -> None:
        """It stays held for longer."""
        for reservation in await self._reservations():
            if reservation.state is ReservationState.HELD:
                self.tx.stock.settle(reservation, reservation.extend_to(until))

    async def release(self) -> None:
        """It can be sold to somebody else."""
        reservations = await self._reservations()
        anew = any(reservation.state is ReservationState.RELEASED for reservation in reservations)
        for reservation in reservations:
            if reservation.state in LIVE:
                self.tx.stock.settle(reservation, reservation.move_to(ReservationState.RELEASED))
                self._move(MovementKind.RELEASED, reservation, reservation.id if anew else self.order_id)

    async def _take_anew(self, released: Sequence[Reservation]) -> bool:
        demand = demand_of((reservation.variant_id, reservation.quantity) for reservation in released)
        try:
            allocations = allocate(demand, await self.tx.stock.levels(demand))
        except InsufficientStock:
            return False
        for allocation in allocations:
            reservation = Reservation(
                id=self.ids.new(ReservationId),
                order_id=self.order_id,
                variant_id=allocation.variant_id,
                location_id=allocation.location_id,
                quantity=allocation.quantity,
                state=ReservationState.ALLOCATED,
            )
            self.tx.stock.hold(reservation)
            self._move(MovementKind.RESERVED, reservation, reservation.id)
        return True

    def _move(self, kind: MovementKind, reservation: Reservation, source: Identifier) -> None:
        """The order moves a level once in each direction; what it takes anew is moved by the reservation's own name."""
        self.tx.stock.move(
            StockMovement(
                id=self.ids.new(MovementId),
                variant_id=reservation.variant_id,
                location_id=reservation.location_id,
                reserved=reservation.quantity if kind is MovementKind.RESERVED else -reservation.quantity,
                kind=kind,
                source=source,
                at=self.context.now,
            )
        )

    async def _reservations(self) -> Sequence[Reservation]:
        return self.held if self.held is not None else await self.tx.stock.reservations(self.order_id)
