"""How long a subscription waits, and for what."""

from datetime import timedelta

DUNNING = tuple(timedelta(days=days) for days in (1, 3, 5, 7))
"""How long after each failed try the next one comes; after the last of them it has been tried often enough."""
INCOMPLETE_FOR = timedelta(hours=23)
"""How long the first payment may take until nobody waits for it any more."""
LOOK_AGAIN = timedelta(minutes=10)
WAIT_FOR_GOODS = timedelta(days=1)
HOLD = sum(DUNNING, timedelta(days=2))
"""How long a renewal holds its stock: until its last try is over."""
