"""Indexes for what people look for: payments whose authorisation ends soon, and messages by what they are about."""

from alembic import op

from shop.adapters.sql.migrations.columns import partial_index

revision = "0072"
down_revision = "0069"


def upgrade() -> None:
    partial_index("ix_payments_authorized", "payments", ["created_at", "id"], "authorization_expires_at IS NOT NULL")
    # With the object's name first, the same index answers with and without the provider.
    op.create_index("ix_inbox_object_ref", "inbox", ["object_ref", "provider", "received_at"])
    op.drop_index("ix_inbox_object", "inbox")
    op.create_index("ix_inbox_event_ref", "inbox", ["event_ref"])
    op.create_index("ix_inbox_event_type", "inbox", ["event_type", "received_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_inbox_event_type", "inbox")
    op.drop_index("ix_inbox_event_ref", "inbox")
    op.create_index("ix_inbox_object", "inbox", ["provider", "object_ref", "received_at"])
    op.drop_index("ix_inbox_object_ref", "inbox")
    op.drop_index("ix_payments_authorized", "payments")
