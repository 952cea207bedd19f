"""Under which names the shop answers: a request for another was sent to fool somebody, or to the wrong machine."""

import re
from collections.abc import Iterable

REMEMBERED_MAX = 100
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Names that no public address can have (RFC 6761), so no stranger's page can be at one.
_LOCAL_ENDS = (".test", ".localhost")
_HOST = re.compile(rb"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Hosts:
    """Exact names. Outside production also this machine's own, and those that only a tester can have."""

    def __init__(self, names: Iterable[str], *, local: bool) -> None:
        self._names = frozenset(name.lower() for name in names) | (LOOPBACK if local else frozenset())
        self._local = local
        # As they are written in headers, so that the usual ones cost one look.
        self._known: set[bytes] = set()

    def knows(self, host: bytes) -> bool:
        """Whether this Host header names the shop, whatever its port and its case."""
        if host in self._known:
            return True
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].decode().lower().strip("[]").removesuffix(".")
        if name not in self._names and not (self._local and name.endswith(_LOCAL_ENDS)):
            return False
        if len(self._known) < REMEMBERED_MAX:
            self._known.add(host)
        return True
