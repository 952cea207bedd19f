"""People: accounts, roles, sessions, and what proves who somebody is; keys that expire and can be rotated."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from shop.adapters.sql.migrations.columns import document, ident, known, moment, text, within

revision = "0050"
down_revision = "0042"


def upgrade() -> None:
    for create in TABLES:
        create()
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(text("kind", server_default=sql("'secret'")))
        keys.add_column(moment("expires_at", nullable=True))
        keys.add_column(moment("last_used_at", nullable=True))
        keys.add_column(Column("old_fingerprint", LargeBinary, nullable=True))
        keys.add_column(moment("old_until", nullable=True))
        keys.create_unique_constraint("uq_api_keys_old_fingerprint", ["old_fingerprint"])
        keys.create_check_constraint(op.f("ck_api_keys_kind_known"), sql("kind IN ('secret', 'publishable')"))
    with op.batch_alter_table("api_keys") as keys:
        keys.alter_column("kind", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as keys:
        keys.drop_constraint(op.f("ck_api_keys_kind_known"), type_="check")
        keys.drop_constraint("uq_api_keys_old_fingerprint", type_="unique")
        for name in ("kind", "expires_at", "last_used_at", "old_fingerprint", "old_until"):
            keys.drop_column(name)
    for create in reversed(TABLES):
        op.drop_table(create.__name__.removeprefix("_"))


def _users() -> None:
    op.create_table(
        "users",
        ident("id", primary_key=True),
        text("email"),
        text("email_key", nullable=True),
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
        known("status", "active suspended erased"),
    )
    op.create_index("ix_users_created_at", "users", ["created_at", "id"])
    op.create_index("ix_users_name", "users", ["name", "id"])


def _user_roles() -> None:
    op.create_table(
        "user_roles",
        ident("user_id", ForeignKey("users.id", ondelete="CASCADE")),
        ident("role_id"),
        PrimaryKeyConstraint("user_id", "role_id"),
    )
    op.create_index("ix_user_roles_role_id", "user_roles", ["role_id"])


def _user_keys() -> None:
    op.create_table(
        "user_keys",
        text("kind"),
        text("value"),
        ident("user_id", ForeignKey("users.id", ondelete="CASCADE")),
        PrimaryKeyConstraint("kind", "value"),
    )
    op.create_index("ix_user_keys_user_id", "user_keys", ["user_id"])


def _roles() -> None:
    op.create_table(
        "roles",
        ident("id", primary_key=True),
        text("name"),
        text("title"),
        document("scopes"),
        moment("created_at", nullable=True),
        moment("updated_at", nullable=True),
        Column("version", Integer, nullable=False),
        UniqueConstraint("name"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        ident("id", primary_key=True),
        ident("user_id", ForeignKey("users.id", ondelete="CASCADE")),
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
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _one_time_tokens() -> None:
    op.create_table(
        "one_time_tokens",
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
        known(
            "purpose", "verify_email change_email reset_password magic_link second_step passkey sign_in_elsewhere setup"
        ),
        within("tries", 0, 5),
    )
    op.create_index("ix_one_time_tokens_expires_at", "one_time_tokens", ["expires_at"])


def _sign_in_attempts() -> None:
    op.create_table(
        "sign_in_attempts",
        ident("id", primary_key=True),
        Column("account", LargeBinary, nullable=False),
        text("source"),
        moment("at"),
        Column("succeeded", Boolean(create_constraint=False), nullable=False),
    )
    op.create_index("ix_sign_in_attempts_account", "sign_in_attempts", ["account", "at"])
    op.create_index("ix_sign_in_attempts_at", "sign_in_attempts", ["at"])


def _account_requests() -> None:
    op.create_table(
        "account_requests",
        ident("id", primary_key=True),
        text("kind"),
        text("email"),
        ident("user_id", nullable=True),
        text("name"),
        text("locale"),
        Column("password_hash", Text, nullable=False),
        moment("created_at"),
        Column("version", Integer, nullable=False),
        known("kind", "register reset_password magic_link change_email look_up_order"),
    )


def _invitations() -> None:
    op.create_table(
        "invitations",
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
    op.create_index("ix_invitations_created_at", "invitations", ["created_at", "id"])


def _data_exports() -> None:
    op.create_table(
        "data_exports",
        ident("id", primary_key=True),
        ident("user_id", ForeignKey("users.id", ondelete="CASCADE")),
        text("status"),
        Column("document", LargeBinary, nullable=False),
        moment("created_at"),
        moment("ready_at", nullable=True),
        moment("expires_at"),
        Column("version", Integer, nullable=False),
        known("status", "pending ready"),
    )
    op.create_index("ix_data_exports_user_id", "data_exports", ["user_id"])


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        ident("id", primary_key=True),
        moment("created_at"),
        moment("retired_at", nullable=True),
        moment("gone_at", nullable=True),
        Column("version", Integer, nullable=False),
    )


TABLES = (
    _users,
    _user_roles,
    _user_keys,
    _roles,
    _sessions,
    _one_time_tokens,
    _sign_in_attempts,
    _account_requests,
    _invitations,
    _data_exports,
    _signing_keys,
)
