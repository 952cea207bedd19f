"""bcrypt and Argon2id hold the promises of passwords, each with the other's old hashes, and so does what tests use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import bcrypt

from shop.adapters.contracts.passwords import PASSWORD, PasswordsContract, PasswordsUnderTest
from shop.adapters.passwords.argon2 import Argon2Hashes
from shop.adapters.passwords.bcrypt import BcryptHashes
from shop.adapters.passwords.hashing import HashedPasswords
from tests.people import PlainPasswords

# As other shops made it: 1000 iterations, the salt “salt”.
PBKDF2 = "pbkdf2_sha256$1000$salt$nNr3AKmYFOXvzxzP+2VlPwJFPcGKllppLaQIvsodtc4="
ARGON2 = Argon2Hashes(time_cost=1, memory_kibibytes=64)


def bare_bcrypt(cost: int = 4, prefix: bytes = b"2b") -> str:
    """As other shops made it: of the password itself."""
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost, prefix)).decode()


class TestBcryptPasswords(PasswordsContract):
    """bcrypt at its lowest cost but one, so that there is a lower one."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PasswordsUnderTest]:
        passwords = HashedPasswords(BcryptHashes(cost=5), [ARGON2])
        older = (
            bare_bcrypt(),
            bare_bcrypt(6),
            bare_bcrypt(4, b"2a"),
            BcryptHashes(cost=4).make(PASSWORD.encode()),
            ARGON2.make(PASSWORD.encode()),
            PBKDF2,
        )
        yield PasswordsUnderTest(passwords=passwords, older=older)
        await passwords.close()


class TestArgon2Passwords(PasswordsContract):
    """Argon2id with little memory."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PasswordsUnderTest]:
        passwords = HashedPasswords(Argon2Hashes(time_cost=2, memory_kibibytes=64), [BcryptHashes(cost=4)])
        older = (
            bare_bcrypt(),
            BcryptHashes(cost=4).make(PASSWORD.encode()),
            ARGON2.make(PASSWORD.encode()),
            PBKDF2,
        )
        yield PasswordsUnderTest(passwords=passwords, older=older)
        await passwords.close()


class TestPlainPasswords(PasswordsContract):
    """The passwords of the other tests: quick, without threads, and for nobody else."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PasswordsUnderTest]:
        yield PasswordsUnderTest(passwords=PlainPasswords())
