"""The passwords of a shop: one kind of hash is made, every known kind is read."""

import logging
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Protocol

from shop.adapters.passwords.pbkdf2 import Pbkdf2Hashes
from shop.adapters.passwords.pool import WorkPool
from shop.application.ports.network import forbid_inside_transaction
from shop.application.ports.passwords import PASSWORD_BYTES_MAX, PasswordVerdict
from shop.domain.kernel.errors import Flaw, Invalid

_log = logging.getLogger("shop.passwords")


class Hashes(Protocol):
    """A kind of hash that can be read. All of this is slow, and done in the pool's threads."""

    def reads(self, hashed: str) -> bool:
        """Whether this is a whole hash of this kind, and one that can be worked on in a reasonable time."""

    def is_current(self, hashed: str) -> bool:
        """Whether it is as good as one made today."""

    def matches(self, password: bytes, hashed: str) -> bool:
        """Whether it was made of this password."""


class NewHashes(Hashes, Protocol):
    """A kind of hash that is made today."""

    nobodys: str
    """A hash that is as much work as a real one, and of no password."""

    def make(self, password: bytes) -> str:
        """A new hash of it."""


class HashedPasswords:
    """Makes hashes of one kind, and reads those of the others too, so that a shop can change over at each sign-in."""

    def __init__(self, new: NewHashes, others: Sequence[Hashes] = (), pool: WorkPool | None = None) -> None:
        self._new = new
        self._kinds: tuple[Hashes, ...] = (new, *others, Pbkdf2Hashes())
        self._pool = pool or WorkPool()

    async def hash(self, password: str) -> str:
        forbid_inside_transaction("Passwords.hash")
        secret = _bytes(password)
        if len(secret) > PASSWORD_BYTES_MAX:
            flaw = Flaw("/password", "password_too_long", f"At most {PASSWORD_BYTES_MAX} bytes.")
            raise Invalid("The password is too long.", flaws=(flaw,))
        return await self._pool.run(partial(self._new.make, secret))

    async def verify(self, password: str, hashed: str) -> PasswordVerdict:
        forbid_inside_transaction("Passwords.verify")
        secret = _bytes(password)
        if len(secret) > PASSWORD_BYTES_MAX:
            return PasswordVerdict(matches=False, outdated=False)
        return await self._pool.run(partial(self._verify, secret, hashed))

    async def close(self) -> None:
        self._pool.close()

    def _verify(self, secret: bytes, hashed: str) -> PasswordVerdict:
        kind = next((kind for kind in self._kinds if kind.reads(hashed)), None)
        if kind is None:
            if hashed:
                _log.error("A password hash cannot be read: of an unknown kind, or its library is not installed.")
            self._new.matches(secret, self._new.nobodys)
            return PasswordVerdict(matches=False, outdated=False)
        matches = kind.matches(secret, hashed)
        current = kind is self._new and kind.is_current(hashed)
        return PasswordVerdict(matches=matches, outdated=matches and not current)


def _bytes(password: str) -> bytes:
    # A lone surrogate is nothing to type, but no reason to fall over either.
    return password.encode(errors="surrogatepass")


def installed(module: str, name: str) -> list[Hashes]:
    """Another kind of hash, where its library is there."""
    try:
        return [getattr(import_module(f"shop.adapters.passwords.{module}"), name)()]
    except ModuleNotFoundError:
        return []
