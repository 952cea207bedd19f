"""Tables of people: accounts, roles, sessions, and the small things that prove who somebody is.

A user's row holds all of the user; `user_roles` and `user_keys` are what it is found and counted by.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from shop.adapters.sql.schema.columns import document, ident, metadata, moment, one_of, text, within
from shop.domain.identity import ExportStatus, RequestKind, TokenPurpose, UserStatus

users = Table(
    "users",
    metadata,
    ident("id", primary_key=True),
    text("email"),
    text("email_key", nullable=True),  # NULL once erased, so that nobody is kept from the address
    moment("email_verified_at", nullable=True),
    text("name"),
    text("phone"),
    text("locale"),
    text("status"),
    Column("password_hash", Text, nullable=False),
    document("role_ids"),
    document("totp", nullable=True),
    document("recovery_codes"),
    document("passkeys"),
    document("identities"),
    document("addresses"),
    document("consents"),
    document("tags"),
    Column("note", Text, nullable=False),
    document("metadata"),
    Column("stamp", Integer, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    moment("erased_at", nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("email_key"),
    one_of("status", UserStatus),
)
Index("ix_users_created_at", users.c.created_at, users.c.id)
Index("ix_users_name", users.c.name, users.c.id)

user_roles = Table(
    "user_roles",
    metadata,
    ident("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    ident("role_id", index=True),
    PrimaryKeyConstraint("user_id", "role_id"),
)

# `kind` is identity (`provider subject`) or passkey (the id of the credential): each opens one account.
user_keys = Table(
    "user_keys",
    metadata,
    text("kind"),
    text("value"),
    ident("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    PrimaryKeyConstraint("kind", "value"),
)

roles = Table(
    "roles",
    metadata,
    ident("id", primary_key=True),
    text("name"),
    text("title"),
    document("scopes"),
    moment("created_at", nullable=True),
    moment("updated_at", nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("name"),
)

sessions = Table(
    "sessions",
    metadata,
    ident("id", primary_key=True),
    ident("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("browser", Boolean(create_constraint=False), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    document("spent"),
    Column("mfa", Boolean(create_constraint=False), nullable=False),
    text("source"),
    Column("user_agent", Text, nullable=False),
    moment("created_at"),
    moment("fresh_at"),
    moment("last_seen_at"),
    moment("expires_at"),
    moment("revoked_at", nullable=True),
    Column("version", Integer, nullable=False),
    CheckConstraint("expires_at > created_at", name="lasts"),
)
Index("ix_sessions_expires_at", sessions.c.expires_at)

one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    ident("id", primary_key=True),
    text("purpose"),
    Column("fingerprint", LargeBinary, nullable=False),
    ident("user_id", nullable=True),
    text("binding"),
    text("data"),
    Column("tries", Integer, nullable=False),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("fingerprint"),
    one_of("purpose", TokenPurpose),
    within("tries", 0, 5),
)
Index("ix_one_time_tokens_expires_at", one_time_tokens.c.expires_at)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    ident("id", primary_key=True),
    Column("account", LargeBinary, nullable=False),
    text("source"),
    moment("at"),
    Column("succeeded", Boolean(create_constraint=False), nullable=False),
)
Index("ix_sign_in_attempts_account", sign_in_attempts.c.account, sign_in_attempts.c.at)
Index("ix_sign_in_attempts_at", sign_in_attempts.c.at)

account_requests = Table(
    "account_requests",
    metadata,
    ident("id", primary_key=True),
    text("kind"),
    text("email"),
    ident("user_id", nullable=True),
    text("name"),
    text("locale"),
    Column("password_hash", Text, nullable=False),
    moment("created_at"),
    Column("version", Integer, nullable=False),
    one_of("kind", RequestKind),
)

invitations = Table(
    "invitations",
    metadata,
    ident("id", primary_key=True),
    text("email"),
    document("role_ids"),
    ident("invited_by", nullable=True),
    Column("fingerprint", LargeBinary, nullable=False),
    moment("created_at"),
    moment("expires_at"),
    moment("accepted_at", nullable=True),
    moment("revoked_at", nullable=True),
    Column("version", Integer, nullable=False),
)
Index("ix_invitations_created_at", invitations.c.created_at, invitations.c.id)

data_exports = Table(
    "data_exports",
    metadata,
    ident("id", primary_key=True),
    ident("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    text("status"),
    Column("document", LargeBinary, nullable=False),
    moment("created_at"),
    moment("ready_at", nullable=True),
    moment("expires_at"),
    Column("version", Integer, nullable=False),
    one_of("status", ExportStatus),
    CheckConstraint("(status = 'ready') = (ready_at IS NOT NULL)", name="ready_says_when"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    ident("id", primary_key=True),
    moment("created_at"),
    moment("retired_at", nullable=True),
    moment("gone_at", nullable=True),
    Column("version", Integer, nullable=False),
    CheckConstraint("(retired_at IS NULL) = (gone_at IS NULL)", name="retired_says_until_when"),
)
