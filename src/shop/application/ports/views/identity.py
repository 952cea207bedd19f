"""People, roles, sessions and keys as they are shown: never a secret, a hash or a fingerprint."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.identity import ApiKey, DataExport, ExportStatus, KeyKind, SavedAddress, User, UserStatus
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import (
    AddressId,
    ApiKeyId,
    ExportId,
    InvitationId,
    PasskeyId,
    RoleId,
    SessionId,
    SigningKeyId,
    UserId,
)
from shop.domain.kernel.money import Money


@frozen(kw_only=True, slots=False)
class ApiKeyView:
    """A key without its secret. `old_until`: until when the secret before the last rotation opens it too.

    `created_by`: the person who made it; nothing of one that was made on the command line.
    """

    object: ClassVar[str] = "api_key"
    id: ApiKeyId
    name: str
    kind: KeyKind
    last4: str
    scopes: list[str]
    created_at: datetime
    created_by: UserId | None
    expires_at: datetime | None
    last_used_at: datetime | None
    old_until: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyView":
        return cls(
            id=key.id,
            name=key.name,
            kind=key.kind,
            last4=key.last4,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            old_until=key.old_until,
            revoked_at=key.revoked_at,
        )


@frozen(kw_only=True, slots=False)
class RoleView:
    """A set of scopes with a name."""

    object: ClassVar[str] = "role"
    id: RoleId
    name: str
    title: str
    scopes: list[str]
    built_in: bool
    version: int


@frozen(kw_only=True, slots=False)
class PasskeyView:
    """A passkey that opens one's account."""

    object: ClassVar[str] = "passkey"
    id: PasskeyId
    name: str
    created_at: datetime
    last_used_at: datetime | None


@frozen(kw_only=True, slots=False)
class MeView:
    """One's own profile."""

    object: ClassVar[str] = "user"
    id: UserId
    email: str
    email_verified: bool
    name: str
    phone: str
    locale: str
    roles: list[str]
    totp_enabled: bool
    recovery_codes_left: int
    passkeys: list[PasskeyView]
    sign_in_providers: list[str]
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int


@frozen(kw_only=True, slots=False)
class WhoView:
    """Who is asking. `second_factor_missing`: staff scopes wait until a second factor was shown."""

    object: ClassVar[str] = "who"
    kind: str
    id: str
    email: str
    email_verified: bool
    name: str
    roles: list[str]
    scopes: list[str]
    session_id: SessionId | None
    mfa: bool
    second_factor: bool
    second_factor_missing: bool


@frozen(kw_only=True, slots=False)
class SigningKeyView:
    """The public half of a key that access tokens are signed with, as JSON Web Key (RFC 8037)."""

    object: ClassVar[str] = "signing_key"
    id: SigningKeyId
    retired: bool
    jwk: Mapping[str, str]


@frozen(kw_only=True, slots=False)
class SavedAddressView:
    """An entry of one's address book."""

    object: ClassVar[str] = "address"
    id: AddressId
    address: Address
    default_shipping: bool
    default_billing: bool

    @classmethod
    def of(cls, saved: SavedAddress) -> "SavedAddressView":
        return cls(
            id=saved.id,
            address=saved.address,
            default_shipping=saved.default_shipping,
            default_billing=saved.default_billing,
        )


@frozen(kw_only=True, slots=False)
class PreferencesView:
    """What one agreed to, and what one is asked about."""

    object: ClassVar[str] = "preferences"
    consents: Mapping[str, bool]


@frozen(kw_only=True, slots=False)
class SessionView:
    """A device that is signed in. `source` is the network it was last seen in, `current` the one that asks."""

    object: ClassVar[str] = "session"
    id: SessionId
    browser: bool
    mfa: bool
    source: str
    user_agent: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@frozen(kw_only=True, slots=False)
class AdminUserView:
    """Somebody as staff see them. The sums are of confirmed orders, by currency."""

    object: ClassVar[str] = "user"
    id: UserId
    email: str
    email_verified: bool
    name: str
    phone: str
    locale: str
    status: UserStatus
    roles: list[str]
    second_factor: bool
    consents: list[str]
    tags: list[str]
    note: str
    orders: int
    spent: list[Money]
    last_order_at: datetime | None
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(
        cls, user: User, roles: list[str], *, orders: int, spent: list[Money], last_order_at: datetime | None
    ) -> "AdminUserView":
        return cls(
            id=user.id,
            email=user.email,
            email_verified=user.email_verified_at is not None,
            name=user.name,
            phone=user.phone,
            locale=user.locale,
            status=user.status,
            roles=roles,
            second_factor=user.second_factor,
            consents=sorted(user.consents),
            tags=list(user.tags),
            note=user.note,
            orders=orders,
            spent=spent,
            last_order_at=last_order_at,
            metadata=user.metadata,
            created_at=user.created_at,
            updated_at=user.updated_at,
            version=user.version,
        )


@frozen(kw_only=True, slots=False)
class InvitationView:
    """An offer to join the staff that is still open."""

    object: ClassVar[str] = "invitation"
    id: InvitationId
    email: str
    roles: list[str]
    created_at: datetime
    expires_at: datetime


@frozen(kw_only=True, slots=False)
class ExportView:
    """A person's own data on their way to that person. The file itself has an address of its own."""

    object: ClassVar[str] = "export"
    id: ExportId
    status: ExportStatus
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, export: DataExport) -> "ExportView":
        return cls(
            id=export.id,
            status=export.status,
            created_at=export.created_at,
            ready_at=export.ready_at,
            expires_at=export.expires_at,
        )
