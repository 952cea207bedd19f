"""People: customers and staff are the same kind of thing; roles make the difference."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Self

from attrs import define, evolve, field

from shop.domain.identity.belongings import LinkedIdentity, SavedAddress, beside
from shop.domain.identity.events import (
    SecondStepGuessed,
    UserConsentChanged,
    UserErased,
    UserMfaDisabled,
    UserMfaEnabled,
    UserRegistered,
    UserRolesChanged,
    UserSuspended,
    UserUpdated,
    UserVerified,
)
from shop.domain.identity.factors import Passkey, PasskeyNotFound, TotpFactor
from shop.domain.identity.refusals import (
    AccountErased,
    AddressNotFound,
    EmailUnverified,
    LastWayIn,
)
from shop.domain.identity.roles import OWNER
from shop.domain.identity.texts import bounded, check_lines, tagged
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.cards import without_card_numbers
from shop.domain.kernel.email import checked_email, email_key
from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import AddressId, PasskeyId, RoleId, UserId
from shop.domain.kernel.metadata import checked_metadata

ADDRESSES_MAX, PASSKEYS_MAX, IDENTITIES_MAX = 50, 20, 10
CONSENTS = frozenset({"marketing_email", "marketing_sms", "order_updates_sms", "analytics"})
"""What a person may agree to. Mail about one's own orders and account needs no consent."""


class UserStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"


USER_ARROWS: Mapping[UserStatus, frozenset[UserStatus]] = {
    UserStatus.ACTIVE: frozenset({UserStatus.SUSPENDED, UserStatus.ERASED}),
    UserStatus.SUSPENDED: frozenset({UserStatus.ACTIVE, UserStatus.ERASED}),
    UserStatus.ERASED: frozenset(),
}


@define(eq=False, kw_only=True)
class User(Aggregate):
    """Somebody with an account.

    `stamp` counts the changes of what proves who they are: a mailed link made before the last one opens nothing.
    """

    audited: ClassVar = ("status", "role_ids", "stamp")

    id: UserId
    email: str
    email_verified_at: datetime | None = None
    name: str = field(default="", validator=bounded("name"))
    phone: str = field(default="", validator=bounded("phone"))
    locale: str = field(default="", validator=bounded("locale"))
    status: UserStatus = UserStatus.ACTIVE
    password_hash: str = field(default="", repr=False)
    role_ids: frozenset[RoleId] = frozenset()
    totp: TotpFactor | None = None
    recovery_codes: tuple[bytes, ...] = field(default=(), repr=False)
    passkeys: tuple[Passkey, ...] = ()
    identities: tuple[LinkedIdentity, ...] = ()
    addresses: tuple[SavedAddress, ...] = ()
    consents: frozenset[str] = frozenset()
    tags: tuple[str, ...] = field(default=(), converter=tagged)
    note: str = field(default="", converter=without_card_numbers, validator=bounded("note"))
    metadata: Mapping[str, str] = field(factory=dict, converter=checked_metadata)
    stamp: int = 0
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None = None

    @classmethod
    def register(cls, *, at: datetime, email: str, **attributes: Any) -> Self:
        """A new account. Raises Invalid."""
        check_lines(attributes)
        user = cls(email=checked_email(email), created_at=at, updated_at=at, **attributes)
        user._record(UserRegistered(at=at, user_id=user.id))
        return user

    @property
    def email_key(self) -> str:
        return email_key(self.email)

    @property
    def staff(self) -> bool:
        return bool(self.role_ids)

    @property
    def owner(self) -> bool:
        return OWNER.id in self.role_ids

    @property
    def second_factor(self) -> bool:
        """Whether a password alone does not open this account."""
        return bool(self.totp and self.totp.confirmed_at) or bool(self.passkeys)

    @property
    def binding(self) -> str:
        """What a mailed link is bound to, without saying it: no link opens once address, password or factor changed."""
        return sha256(f"{self.id} {self.stamp} {self.email_key}".encode()).hexdigest()

    def describe(self, at: datetime, **changes: Any) -> None:
        """Sets name, phone, locale, tags, note or metadata. Raises Invalid, AccountErased."""
        self.check_there()
        check_lines(changes)
        changed = tuple(sorted(name for name, value in changes.items() if getattr(self, name) != value))
        for name in changed:
            setattr(self, name, changes[name])
        if changed:
            self.updated_at = at
            self._record(UserUpdated(at=at, user_id=self.id, changed=changed))

    def prove(self, at: datetime, *, mine: bool = False) -> bool:
        """The address is theirs. Whether that is new; twice is once.

        Until now the account was nobody's: anybody can register any address, and wait with a password for its owner.
        So whatever opened it before opens it no more, and what it said of a person goes, which may be somebody else's.
        `mine`: who proves the address is who chose the password. That stays with what they said of themselves; what
        was added to it without the address does not.
        """
        self.check_there()
        if self.email_verified_at is not None:
            return False
        waited = bool(self.password_hash or self.passkeys or self.identities) and not mine
        self.totp, self.recovery_codes, self.passkeys, self.identities = None, (), (), ()
        if waited:
            self.consent(dict.fromkeys(self.consents, False), at)
            self.password_hash = self.name = self.phone = self.locale = ""
            self.addresses, self.metadata = (), {}
            self._record(UserUpdated(at=at, user_id=self.id, changed=("proofs",)))
        self.email_verified_at = at
        self._change_proof(at)
        self._record(UserVerified(at=at, user_id=self.id))
        return True

    def change_email(self, email: str, at: datetime) -> None:
        """Takes another address, which was proven just now (its owner opened a link that was mailed there)."""
        self.check_there()
        self.email = checked_email(email)
        self._change_proof(at)
        self._record(UserUpdated(at=at, user_id=self.id, changed=("email",)))
        if not self.prove(at, mine=True):
            self.email_verified_at = at
            self._record(UserVerified(at=at, user_id=self.id))

    def set_password(self, password_hash: str, at: datetime) -> None:
        """Links that were mailed before open nothing from now on."""
        self.check_there()
        self.password_hash = password_hash
        self._change_proof(at)
        self._record(UserUpdated(at=at, user_id=self.id, changed=("password",)))

    def rehash(self, password_hash: str) -> None:
        """The same password, kept in a better way."""
        self.password_hash = password_hash

    def set_roles(self, role_ids: frozenset[RoleId], at: datetime) -> None:
        self.check_there()
        if role_ids != self.role_ids:
            self.role_ids, self.updated_at = role_ids, at
            self._record(UserRolesChanged(at=at, user_id=self.id))

    def suspend(self, at: datetime) -> None:
        """Suspending twice is once. Raises AccountErased."""
        self.check_there()
        if self.status is UserStatus.ACTIVE:
            self.status, self.updated_at = UserStatus.SUSPENDED, at
            self._record(UserSuspended(at=at, user_id=self.id))

    def reactivate(self, at: datetime) -> None:
        self.check_there()
        if self.status is UserStatus.SUSPENDED:
            self.status, self.updated_at = UserStatus.ACTIVE, at
            self._record(UserUpdated(at=at, user_id=self.id, changed=("status",)))

    def consent(self, choices: Mapping[str, bool], at: datetime) -> None:
        """Agrees to some things and no longer to others. Raises Invalid for what nobody is asked."""
        self.check_there()
        if unknown := sorted(choices.keys() - CONSENTS):
            raise Invalid(f"Nobody is asked about: {', '.join(name[:40] for name in unknown)}.")
        for name, given in sorted(choices.items()):
            if given != (name in self.consents):
                self.consents = self.consents | {name} if given else self.consents - {name}
                self.updated_at = at
                self._record(UserConsentChanged(at=at, user_id=self.id, consent=name, given=given))

    def link(self, identity: LinkedIdentity, at: datetime) -> None:
        """Lets an account at a provider open this one. Raises Invalid for too many, EmailUnverified."""
        self.check_proved()
        if len(self.identities) >= IDENTITIES_MAX:
            raise Invalid(f"At most {IDENTITIES_MAX} accounts elsewhere open one here.")
        self.identities, self.updated_at = (*self.identities, identity), at
        self._record(UserUpdated(at=at, user_id=self.id, changed=("sign_in_providers",)))

    def unlink(self, provider: str, at: datetime) -> None:
        """That provider's account opens this one no more. Raises LastWayIn when nothing else would; twice is once."""
        left = tuple(identity for identity in self.identities if identity.provider != provider)
        if left == self.identities:
            return
        if not left and not self.password_hash and not self.passkeys:
            raise LastWayIn
        self.identities, self.updated_at = left, at
        self._record(UserUpdated(at=at, user_id=self.id, changed=("sign_in_providers",)))

    # The address book.

    def address(self, address_id: AddressId) -> SavedAddress:
        """Raises AddressNotFound."""
        for saved in self.addresses:
            if saved.id == address_id:
                return saved
        raise AddressNotFound(f"There is no address {address_id}.")

    def save_address(self, saved: SavedAddress, at: datetime) -> None:
        """Adds it, or replaces the one of this id; a new default takes the place of the old one. Raises Invalid."""
        self.check_there()
        if all(other.id != saved.id for other in self.addresses):
            if len(self.addresses) >= ADDRESSES_MAX:
                raise Invalid(f"An address book holds at most {ADDRESSES_MAX} addresses.")
            self.addresses = (*self.addresses, saved)
        self.addresses = tuple(saved if other.id == saved.id else beside(other, saved) for other in self.addresses)
        self.updated_at = at

    def remove_address(self, address_id: AddressId, at: datetime) -> None:
        """Raises AddressNotFound."""
        gone = self.address(address_id)
        self.addresses = tuple(saved for saved in self.addresses if saved is not gone)
        self.updated_at = at

    # Second factors.

    def begin_totp(self, factor: TotpFactor, at: datetime) -> None:
        """Another code generator, to be confirmed by a code. Raises EmailUnverified, Conflict while one is in use."""
        self.check_proved()
        if self.totp is not None and self.totp.confirmed_at is not None:
            raise Conflict("A code generator is in use already.", hint="Turn it off first: DELETE /api/auth/mfa/totp.")
        self.totp, self.updated_at = factor, at

    def confirm_totp(self, step: int, recovery_codes: tuple[bytes, ...], at: datetime) -> None:
        """The first code was right: from now on a password alone opens nothing."""
        self.check_proved()
        assert self.totp is not None
        self.totp = evolve(self.totp, confirmed_at=at, last_step=step)
        self.recovery_codes = recovery_codes
        self._change_proof(at)
        self._record(UserMfaEnabled(at=at, user_id=self.id))

    def use_totp(self, step: int) -> bool:
        """Whether a code of this step may still be used; from now on it may not, nor may an older one."""
        if self.totp is None or step <= self.totp.last_step:
            return False
        self.totp = evolve(self.totp, last_step=step)
        return True

    def use_recovery_code(self, fingerprint: bytes) -> bool:
        """Whether this is one of the codes that are left; from now on it is not."""
        if fingerprint not in self.recovery_codes:
            return False
        self.recovery_codes = tuple(code for code in self.recovery_codes if code != fingerprint)
        return True

    def set_recovery_codes(self, fingerprints: tuple[bytes, ...], at: datetime) -> None:
        self.recovery_codes, self.updated_at = fingerprints, at
        self._record(UserUpdated(at=at, user_id=self.id, changed=("recovery_codes",)))

    def disable_totp(self, at: datetime) -> None:
        self.totp = None
        if not self.passkeys:
            self.recovery_codes = ()
        self._change_proof(at)
        self._record(UserMfaDisabled(at=at, user_id=self.id))

    def add_passkey(self, passkey: Passkey, at: datetime) -> None:
        """Raises Invalid for too many or one that is there already, EmailUnverified."""
        self.check_proved()
        if len(self.passkeys) >= PASSKEYS_MAX:
            raise Invalid(f"At most {PASSKEYS_MAX} passkeys open one account.")
        if any(other.credential_id == passkey.credential_id for other in self.passkeys):
            raise Invalid("This passkey is there already.")
        self.passkeys = (*self.passkeys, passkey)
        self._change_proof(at)
        self._record(UserMfaEnabled(at=at, user_id=self.id))

    def passkey_of(self, credential_id: bytes) -> Passkey:
        """Raises PasskeyNotFound."""
        for passkey in self.passkeys:
            if passkey.credential_id == credential_id:
                return passkey
        raise PasskeyNotFound("There is no such passkey.")

    def use_passkey(self, credential_id: bytes, sign_count: int, at: datetime) -> None:
        used = evolve(self.passkey_of(credential_id), sign_count=sign_count, last_used_at=at)
        self.passkeys = tuple(used if p.credential_id == credential_id else p for p in self.passkeys)

    def remove_passkey(self, passkey_id: PasskeyId, at: datetime) -> None:
        """Raises PasskeyNotFound."""
        if all(passkey.id != passkey_id for passkey in self.passkeys):
            raise PasskeyNotFound(f"There is no passkey {passkey_id}.")
        self.passkeys = tuple(passkey for passkey in self.passkeys if passkey.id != passkey_id)
        if not self.second_factor:
            self.recovery_codes = ()
        self._change_proof(at)
        self._record(UserMfaDisabled(at=at, user_id=self.id))

    def second_step_guessed(self, at: datetime) -> None:
        """Somebody else knows the password, by all appearances: its owner has to hear of it."""
        self._record(SecondStepGuessed(at=at, user_id=self.id))

    def reset_second_factor(self, at: datetime) -> None:
        """Staff helped somebody who lost theirs: the password alone opens the account until there is a new one."""
        self.check_there()
        self.totp, self.passkeys, self.recovery_codes = None, (), ()
        self._change_proof(at)
        self._record(UserMfaDisabled(at=at, user_id=self.id))

    def erase(self, at: datetime) -> None:
        """Forgets everything but that there was somebody. Erasing twice is once."""
        if self.status is UserStatus.ERASED:
            return
        self.email = self.name = self.phone = self.locale = self.note = self.password_hash = ""
        self.email_verified_at = None
        self.role_ids, self.consents, self.tags, self.metadata = frozenset(), frozenset(), (), {}
        self.totp, self.recovery_codes, self.passkeys = None, (), ()
        self.identities, self.addresses = (), ()
        self.status, self.erased_at = UserStatus.ERASED, at
        self._change_proof(at)
        self._record(UserErased(at=at, user_id=self.id))

    def _change_proof(self, at: datetime) -> None:
        self.stamp += 1
        self.updated_at = at

    def check_there(self) -> None:
        """Raises AccountErased for somebody who was forgotten."""
        if self.status is UserStatus.ERASED:
            raise AccountErased

    def check_proved(self) -> None:
        """Raises EmailUnverified while the account is nobody's: what is added to it would wait for its owner."""
        self.check_there()
        if self.email_verified_at is None:
            raise EmailUnverified
