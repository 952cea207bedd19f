"""Entries of no order: what providers pay out, and what they take for the account as a whole."""

from alembic import op

from shop.adapters.sql.migrations.columns import partial_index
from shop.adapters.sql.migrations.ledger import change_kinds

revision = "0068"
down_revision = "0067"

KINDS_BEFORE = (
    "capture refund refund_reversal fee dispute dispute_reversal payout adjustment gift_card store_credit write_off"
)


def upgrade() -> None:
    change_kinds(f"{KINDS_BEFORE} payout_reversal", of_no_order=True)
    partial_index("ix_ledger_entries_movements", "ledger_entries", ["at", "id"], "kind <> 'capture'")


def downgrade() -> None:
    """Fails once the books hold a payout, as they do not forget: then restore a backup instead."""
    op.drop_index("ix_ledger_entries_movements", "ledger_entries")
    change_kinds(KINDS_BEFORE)
