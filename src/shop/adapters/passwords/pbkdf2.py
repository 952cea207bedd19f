"""PBKDF2 with SHA-256, as many older shops kept passwords: read, never made."""

import binascii
import hashlib
import hmac
import re
from base64 import b64decode

_HASH = re.compile(r"pbkdf2_sha256\$(\d{1,7})\$([^$]{1,64})\$([A-Za-z0-9+/]{43}=)", re.ASCII)
# What a hash from elsewhere may ask of the machine.
_ITERATIONS_MAX = 2_000_000


class Pbkdf2Hashes:
    """`pbkdf2_sha256$iterations$salt$hash`."""

    def reads(self, hashed: str) -> bool:
        found = _HASH.fullmatch(hashed)
        return found is not None and 1 <= int(found[1]) <= _ITERATIONS_MAX

    def is_current(self, hashed: str) -> bool:
        return False

    def matches(self, password: bytes, hashed: str) -> bool:
        _, iterations, salt, expected = hashed.split("$")
        found = hashlib.pbkdf2_hmac("sha256", password, salt.encode(), int(iterations))
        try:
            return hmac.compare_digest(found, b64decode(expected, validate=True))
        except binascii.Error:
            return False
