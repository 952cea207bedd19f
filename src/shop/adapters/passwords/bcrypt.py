"""bcrypt over a pre-hash, since bcrypt itself reads no more than 72 bytes of a password."""

import hmac
import re
from base64 import b64encode
from typing import Final

import bcrypt

from shop.adapters.passwords.hashing import HashedPasswords, installed
from shop.application.ports.options import Options

COST = 12
COST_MIN, COST_MAX = 4, 16
# In front of our own hashes. Without it a hash is somebody else's, of the bare password.
MARK: Final = "bcrypt-hmac-sha256"
_HASH = re.compile(r"(bcrypt-hmac-sha256)?\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_BARE_BYTES_MAX = 72
# It separates these hashes from everybody else's: a list of stolen SHA-256 hashes cannot be tried against them. It is
# no secret and never changes; the shop's secret key has no part in this, so a new one locks nobody out.
_SEPARATION = b"hexshop: a password before bcrypt, 1"
_NOBODY = "." * 53


class BcryptHashes:
    """`bcrypt-hmac-sha256$2b$12$…`."""

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost
        self.nobodys = f"{MARK}$2b${cost:02}${_NOBODY}"

    def make(self, password: bytes) -> str:
        return MARK + bcrypt.hashpw(_before(password), bcrypt.gensalt(self._cost)).decode()

    def reads(self, hashed: str) -> bool:
        found = _HASH.fullmatch(hashed)
        return found is not None and COST_MIN <= int(found[2]) <= COST_MAX

    def is_current(self, hashed: str) -> bool:
        return hashed.startswith(MARK) and _cost_of(hashed) >= self._cost

    def matches(self, password: bytes, hashed: str) -> bool:
        matches = _matches(password, hashed)
        # Each cost is twice the work of the one below: these together bring it to what a new hash takes, so that time
        # does not tell whose hash is an old one.
        for cost in range(_cost_of(hashed), self._cost):
            _matches(password, f"{MARK}$2b${cost:02}${_NOBODY}")
        return matches


def _matches(password: bytes, hashed: str) -> bool:
    bare = hashed.removeprefix(MARK)
    if hashed.startswith(MARK):
        return bcrypt.checkpw(_before(password), bare.encode())
    if len(password) > _BARE_BYTES_MAX or b"\0" in password:
        # Whoever made this hash cut the password there: another one with the same beginning must not open it.
        bcrypt.checkpw(_before(password), bare.encode())
        return False
    return bcrypt.checkpw(password, bare.encode())


def _before(password: bytes) -> bytes:
    """44 characters that differ whenever passwords do, and hold no zero byte, at which bcrypt would stop."""
    return b64encode(hmac.digest(_SEPARATION, password, "sha256"))


def _cost_of(hashed: str) -> int:
    return int(hashed.removeprefix(MARK)[4:6])


def open_bcrypt_passwords(options: Options) -> HashedPasswords:
    """Reads SHOP_BCRYPT_COST. Old Argon2id hashes are read where argon2-cffi is installed."""
    cost = int(options.get("SHOP_BCRYPT_COST", str(COST)))
    return HashedPasswords(BcryptHashes(cost), installed("argon2", "Argon2Hashes"))
