"""How much is measured, and how long."""

from attrs import frozen

from benchmarks.rounds import Pace


@frozen(kw_only=True)
class Effort:
    """Numbers and sizes of one run."""

    products: int = 10_000
    pace: Pace
    clients: int = 32
    buyers: int = 48
    connections: int = 16
    """To PostgreSQL, of each server process: with each commit waiting for the disk, many wait together."""
    orders: int
    """In one stretch without a server."""
    stretches: int = 8
    """Of orders without a server: short, and so the least steady of all that is measured."""
    over_http: int
    """Ready carts to be ordered over HTTP."""
    scale: tuple[int, int] = (1_000, 100_000)
    calls: int = 100
    """Of each question, in each round, of each size."""


FULL = Effort(pace=Pace(1.5, 3.0, 3), orders=400, over_http=12_000)
QUICK = Effort(pace=Pace(1.0, 1.0, 2), orders=200, over_http=4_000)
# Measures nothing, but goes every way once.
TINY = Effort(
    products=200,
    pace=Pace(0.1, 0.2, 1),
    clients=2,
    buyers=2,
    orders=8,
    stretches=1,
    over_http=1_500,
    scale=(100, 200),
    calls=3,
)
