"""What every adapter is opened with."""

from collections.abc import Mapping

from attrs import Factory, field, frozen

from shop.application.ports.clock import Clock, Ids
from shop.application.ports.storage import SubscribersByType


@frozen(kw_only=True)
class Options:
    """The shop's settings by the names of their environment variables, and what adapters share.

    An adapter's factory is `open_<adapter>(options)`: it reads its own variables, does no I/O yet, and says in
    plain words which variable is missing.
    """

    environment: Mapping[str, str] = field(repr=False)
    clock: Clock
    machine_clock: Clock = field(default=Factory(lambda options: options.clock, takes_self=True))
    """The real time, whatever the shop's clock says: for what others signed just now."""
    ids: Ids
    subscribers: SubscribersByType = field(factory=dict)

    def get(self, name: str, default: str = "") -> str:
        return self.environment.get(name) or default
