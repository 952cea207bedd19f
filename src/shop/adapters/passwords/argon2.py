"""Argon2id: it takes memory besides time, which makes guessing on graphics cards dear."""

import re
from base64 import b64encode

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

from shop.adapters.passwords.hashing import HashedPasswords, installed
from shop.application.ports.options import Options

TIME_COST, MEMORY_KIBIBYTES, LANES = 3, 64 * 1024, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,86}", re.ASCII
)
# What a hash from elsewhere may ask of the machine.
_MEMORY_MAX_KIBIBYTES, _TIME_MAX, _LANES_MAX = 256 * 1024, 16, 8


class Argon2Hashes:
    """`$argon2id$v=19$m=65536,t=3,p=1$…`."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kibibytes: int = MEMORY_KIBIBYTES) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost,
            memory_cost=memory_kibibytes,
            parallelism=LANES,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _HASH_BYTES))
        self.nobodys = f"$argon2id$v=19$m={memory_kibibytes},t={time_cost},p={LANES}${salt}${digest}"

    def make(self, password: bytes) -> str:
        return self._hasher.hash(password)

    def reads(self, hashed: str) -> bool:
        found = _HASH.fullmatch(hashed)
        if found is None:
            return False
        memory, time, lanes = (int(number) for number in found.groups())
        return memory <= _MEMORY_MAX_KIBIBYTES and time <= _TIME_MAX and lanes <= _LANES_MAX

    def is_current(self, hashed: str) -> bool:
        return not self._hasher.check_needs_rehash(hashed)

    def matches(self, password: bytes, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerificationError:
            return False


def open_argon2_passwords(_options: Options) -> HashedPasswords:
    """Has nothing to be set. Old bcrypt hashes are read where bcrypt is installed."""
    return HashedPasswords(Argon2Hashes(), installed("bcrypt", "BcryptHashes"))
