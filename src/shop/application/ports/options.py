"""What every adapter is opened with."""

from collections.abc import Mapping

from attrs import field, frozen

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
    ids: Ids
    subscribers: SubscribersByType = field(factory=dict)

    def get(self, name: str, default: str = "") -> str:
        return self.environment.get(name) or default
