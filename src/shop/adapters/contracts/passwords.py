"""What every keeper of passwords promises, as tests: subclass `PasswordsContract` and run pytest.

    class TestMyPasswords(PasswordsContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield PasswordsUnderTest(passwords=..., older=(...,))

pytest is all that is needed. Take cheap figures: what is proven here does not depend on how slow the hash is.
"""

import unicodedata
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.network import enter_transaction, leave_transaction
from shop.application.ports.passwords import PASSWORD_BYTES_MAX, Passwords, PasswordVerdict
from shop.domain.kernel.errors import Invalid

PASSWORD = "correct horse battery staple"  # noqa: S105 - everybody's example
_NO, _YES, _OLD = PasswordVerdict(False, False), PasswordVerdict(True, False), PasswordVerdict(True, True)


@frozen(kw_only=True)
class PasswordsUnderTest:
    """What hashes, and hashes of PASSWORD that it can read but would make otherwise today."""

    passwords: Passwords
    older: tuple[str, ...] = ()


class PasswordsContract:
    """The promises of `shop.application.ports.passwords.Passwords`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[PasswordsUnderTest]:
        """What is to be tested, closed at the end."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[PasswordsUnderTest]:
        return self.open()

    @alone
    async def test_a_password_opens_its_own_hash_only(self, subject: PasswordsUnderTest) -> None:
        passwords = subject.passwords
        hashed = await passwords.hash(PASSWORD)
        assert await passwords.verify(PASSWORD, hashed) == _YES
        for other in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "x" * 1000):
            assert await passwords.verify(other, hashed) == _NO

    @alone
    async def test_a_hash_shows_nothing_of_its_password(self, subject: PasswordsUnderTest) -> None:
        hashed = {await subject.passwords.hash(PASSWORD) for _ in range(3)}
        assert len(hashed) == 3
        assert not any("horse" in found for found in hashed)
        assert all(len(found) <= 200 for found in hashed)

    @alone
    async def test_s36_nothing_is_cut_off(self, subject: PasswordsUnderTest) -> None:
        passwords = subject.passwords
        for length in (64, 72, 73, 128, PASSWORD_BYTES_MAX):
            whole = ("0123456789abcdef" * 64)[: length - 1] + "Z"
            hashed = await passwords.hash(whole)
            assert await passwords.verify(whole, hashed) == _YES
            for other in (whole[:72], whole[:-1], whole[:-1] + "z"):
                assert (await passwords.verify(other, hashed)).matches == (other == whole)

    @alone
    async def test_s36_a_zero_byte_ends_nothing(self, subject: PasswordsUnderTest) -> None:
        hashed = await subject.passwords.hash("before\0behind")
        assert await subject.passwords.verify("before\0behind", hashed) == _YES
        assert await subject.passwords.verify("before", hashed) == _NO
        assert await subject.passwords.verify("before\0another", hashed) == _NO

    @alone
    async def test_s36_forms_of_a_letter_are_told_apart(self, subject: PasswordsUnderTest) -> None:
        """Which form is meant is for the shop's own rule to say, not for the hash."""
        composed = "schöne Grüße"
        hashed = await subject.passwords.hash(composed)
        assert await subject.passwords.verify(unicodedata.normalize("NFD", composed), hashed) == _NO
        assert (await subject.passwords.verify("\ud800" * 8, hashed)) == _NO

    @alone
    async def test_s36_a_thousand_bytes_and_no_more(self, subject: PasswordsUnderTest) -> None:
        passwords = subject.passwords
        hashed = await passwords.hash("ä" * 512)
        for long in ("ä" * 512 + "x", "x" * 1_000_000):
            with pytest.raises(Invalid):
                await passwords.hash(long)
            assert await passwords.verify(long, hashed) == _NO

    @alone
    async def test_nobody_has_no_hash(self, subject: PasswordsUnderTest) -> None:
        hashed = await subject.passwords.hash(PASSWORD)
        for none in ("", "x", "$", hashed[:-1], hashed + "x", hashed.replace("$", "£"), " " + hashed, "ä\0"):
            for password in ("", PASSWORD):
                assert await subject.passwords.verify(password, none) == _NO

    @alone
    async def test_s38_an_older_hash_opens_and_is_outdated(self, subject: PasswordsUnderTest) -> None:
        for older in subject.older:
            assert await subject.passwords.verify(PASSWORD, older) == _OLD
            assert await subject.passwords.verify(PASSWORD + "!", older) == _NO

    @alone
    async def test_it_is_not_done_inside_a_transaction(self, subject: PasswordsUnderTest) -> None:
        token = enter_transaction()
        try:
            with pytest.raises(RuntimeError, match="transaction"):
                await subject.passwords.hash(PASSWORD)
            with pytest.raises(RuntimeError, match="transaction"):
                await subject.passwords.verify(PASSWORD, "")
        finally:
            leave_transaction(token)
