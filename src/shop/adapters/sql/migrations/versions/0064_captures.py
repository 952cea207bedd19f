"""Who captures a payment, what people wish to be captured or let go of, and when an authorisation lapses."""

from alembic import op

from shop.adapters.sql.migrations.columns import moment

revision = "0064"
down_revision = "0063"

_CAPTURE = (
    "capture TEXT{collated} NOT NULL DEFAULT 'automatic'"
    " CONSTRAINT ck_payments_capture_known CHECK (capture IN ('automatic', 'manual'))"
)
_CAPTURE_DUE = (
    "capture_due_minor BIGINT"
    " CONSTRAINT ck_payments_capture_due_within_amount CHECK (capture_due_minor BETWEEN 1 AND amount_minor)"
)
_YES_OR_NO = "BOOLEAN NOT NULL DEFAULT false"


def upgrade() -> None:
    op.execute("ALTER TABLE payment_sessions ADD COLUMN authorizes BOOLEAN NOT NULL DEFAULT true")
    collated = ' COLLATE "C"' if op.get_context().dialect.name == "postgresql" else ""
    for column in (
        _CAPTURE.format(collated=collated),
        _CAPTURE_DUE,
        f"void_due {_YES_OR_NO}",
        f"expiry_told {_YES_OR_NO}",
    ):
        op.execute(f"ALTER TABLE payments ADD COLUMN {column}")
    op.add_column("payments", moment("authorization_expires_at", nullable=True))
    op.add_column("payment_attempts", moment("expires_at", nullable=True))


def downgrade() -> None:
    op.drop_column("payment_attempts", "expires_at")
    for column in ("authorization_expires_at", "expiry_told", "void_due", "capture_due_minor", "capture"):
        op.execute(f"ALTER TABLE payments DROP COLUMN {column}")
    op.execute("ALTER TABLE payment_sessions DROP COLUMN authorizes")
