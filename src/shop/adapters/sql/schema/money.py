"""Tables of payments, of what providers said, and of the books.

That the postings of an entry add up to nothing is checked by PostgreSQL when a transaction ends (a deferred
trigger); SQLite has no such thing, and relies on the domain. In both, what is booked is never changed or deleted.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from shop.adapters.sql.schema.columns import amounts, document, ident, metadata, moment, one_of, text, within
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.money import AMOUNT_MAX
from shop.domain.ledger import EntryKind
from shop.domain.payments import AttemptStatus, DisputeStatus, InboxState, RefundReason, RefundStatus

payment_sessions = Table(
    "payment_sessions",
    metadata,
    ident("id", primary_key=True),
    ident("cart_id", ForeignKey("carts.id"), index=True),
    text("provider"),
    text("method"),
    moment("created_at"),
    Column("version", Integer, nullable=False),
    Column("authorizes", Boolean(create_constraint=False), nullable=False),
    Column("saves", Boolean(create_constraint=False), nullable=False),
)

# `status` is that of the latest attempt, and `failure_code` the last decline there was, kept beside it so that payments
# can be found and sorted by them. What a
# provider took may be in another currency than what was asked for; then people look at it.
payments = Table(
    "payments",
    metadata,
    ident("id", primary_key=True),
    ident("order_id", ForeignKey("orders.id"), index=True),
    text("provider"),
    text("status"),
    text("failure_code"),
    text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    text("captured_currency"),
    Column("captured_minor", BigInteger, nullable=False),
    text("refunded_currency"),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("processed", Boolean(create_constraint=False), nullable=False),
    Column("refund_due", Boolean(create_constraint=False), nullable=False),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False),
    Column("refund_reserved_minor", BigInteger, nullable=False),
    Column("looks", Integer, nullable=False),
    moment("look_at", nullable=True),
    text("capture"),
    Column("capture_due_minor", BigInteger, nullable=True),
    Column("void_due", Boolean(create_constraint=False), nullable=False),
    Column("expiry_told", Boolean(create_constraint=False), nullable=False),
    moment("authorization_expires_at", nullable=True),
    Column("disputed", Boolean(create_constraint=False), nullable=False),
    one_of("status", AttemptStatus),
    one_of("capture", CapturePolicy),
    CheckConstraint("capture_due_minor BETWEEN 1 AND amount_minor", name="capture_due_within_amount"),
    *amounts("amount_minor", "captured_minor", "refunded_minor", "refund_reserved_minor"),
    CheckConstraint("refunded_minor <= captured_minor", name="refunded_within_captured"),
    CheckConstraint("refund_reserved_minor <= captured_minor", name="refund_reserved_within_captured"),
)
Index("ix_payments_created_at", payments.c.created_at, payments.c.id)
Index("ix_payments_status_created_at", payments.c.status, payments.c.created_at, payments.c.id)
Index(
    "ix_payments_failure_code",
    payments.c.failure_code,
    payments.c.created_at,
    payments.c.id,
    postgresql_where=sql("failure_code <> ''"),
    sqlite_where=sql("failure_code <> ''"),
)
Index(
    "ix_payments_authorized",
    payments.c.created_at,
    payments.c.id,
    postgresql_where=sql("authorization_expires_at IS NOT NULL"),
    sqlite_where=sql("authorization_expires_at IS NOT NULL"),
)
Index("ix_payments_amount", payments.c.amount_minor, payments.c.id)
Index(
    "ix_payments_unfinished",
    payments.c.updated_at,
    payments.c.id,
    postgresql_where=sql("status IN ('new', 'processing', 'authorized') OR refund_due OR disputed"),
    sqlite_where=sql("status IN ('new', 'processing', 'authorized') OR refund_due OR disputed"),
)

payment_attempts = Table(
    "payment_attempts",
    metadata,
    ident("id", primary_key=True),
    ident("payment_id", ForeignKey("payments.id", ondelete="CASCADE")),
    ident("order_id"),
    Column("position", Integer, nullable=False),
    text("provider"),
    text("method"),
    text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    text("status"),
    text("provider_ref"),
    text("failure_code"),
    document("next_action", nullable=True),
    text("client_secret"),
    moment("created_at"),
    moment("updated_at"),
    moment("expires_at", nullable=True),
    text("brand"),
    # The codes of the cards that were declined in it, in order, as a list.
    document("declines"),
    Column("saves", Boolean(create_constraint=False), nullable=False),
    one_of("status", AttemptStatus),
    *amounts("amount_minor"),
)
Index("ix_payment_attempts_payment_id", payment_attempts.c.payment_id, payment_attempts.c.position)
Index(
    "uq_payment_attempts_live",
    payment_attempts.c.order_id,
    unique=True,
    postgresql_where=sql("status <> 'cancelled'"),
    sqlite_where=sql("status <> 'cancelled'"),
)
Index(
    "uq_payment_attempts_provider_ref",
    payment_attempts.c.provider,
    payment_attempts.c.provider_ref,
    unique=True,
    postgresql_where=sql("provider_ref <> ''"),
    sqlite_where=sql("provider_ref <> ''"),
)

refunds = Table(
    "refunds",
    metadata,
    ident("id", primary_key=True),
    ident("payment_id", ForeignKey("payments.id")),
    ident("order_id", ForeignKey("orders.id"), index=True),
    text("provider"),
    text("provider_ref"),
    text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    text("reason"),
    text("note"),
    document("lines"),
    Column("shipping_minor", BigInteger, nullable=True),
    Column("restock", Boolean(create_constraint=False), nullable=False),
    Column("applied", Boolean(create_constraint=False), nullable=False),
    text("status"),
    text("requested_by"),
    text("approved_by"),
    text("failure_code"),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False),
    document("tenders", nullable=True),
    one_of("reason", RefundReason),
    one_of("status", RefundStatus),
    within("amount_minor", 1, AMOUNT_MAX),
)
Index("ix_refunds_payment_id", refunds.c.payment_id, refunds.c.created_at, refunds.c.id)
Index("ix_refunds_created_at", refunds.c.created_at, refunds.c.id)
Index("ix_refunds_status_created_at", refunds.c.status, refunds.c.created_at, refunds.c.id)
Index(
    "uq_refunds_provider_ref",
    refunds.c.provider,
    refunds.c.provider_ref,
    unique=True,
    postgresql_where=sql("provider_ref <> ''"),
    sqlite_where=sql("provider_ref <> ''"),
)

disputes = Table(
    "disputes",
    metadata,
    ident("id", primary_key=True),
    ident("payment_id", ForeignKey("payments.id")),
    ident("order_id", ForeignKey("orders.id"), index=True),
    text("provider"),
    text("provider_ref"),
    text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    text("reason"),
    text("status"),
    moment("due_at", nullable=True),
    document("moves"),
    document("written_off"),
    text("evidence_key"),
    text("evidence_by"),
    moment("evidence_at", nullable=True),
    moment("opened_at"),
    moment("created_at"),
    moment("updated_at"),
    Column("version", Integer, nullable=False),
    one_of("status", DisputeStatus),
    *amounts("amount_minor"),
)
Index("ix_disputes_payment_id", disputes.c.payment_id, disputes.c.created_at, disputes.c.id)
Index("ix_disputes_created_at", disputes.c.created_at, disputes.c.id)
Index("ix_disputes_status_created_at", disputes.c.status, disputes.c.created_at, disputes.c.id)
Index("ix_disputes_due_at", disputes.c.due_at)
Index("uq_disputes_provider_ref", disputes.c.provider, disputes.c.provider_ref, unique=True)

inbox = Table(
    "inbox",
    metadata,
    ident("id", primary_key=True),
    text("provider"),
    text("event_ref"),
    text("event_type"),
    text("object_ref"),
    Column("body", LargeBinary, nullable=False),
    text("state"),
    moment("received_at"),
    moment("settled_at", nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("provider", "event_ref"),
    one_of("state", InboxState),
)
Index("ix_inbox_object_ref", inbox.c.object_ref, inbox.c.provider, inbox.c.received_at)
Index("ix_inbox_event_ref", inbox.c.event_ref)
Index("ix_inbox_event_type", inbox.c.event_type, inbox.c.received_at, inbox.c.id)
Index("ix_inbox_received_at", inbox.c.received_at, inbox.c.id)
Index("ix_inbox_state_received_at", inbox.c.state, inbox.c.received_at, inbox.c.id)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    # Entries are read in the order in which they were booked.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    ident("id"),
    moment("at"),
    text("kind"),
    # Of no order: what a provider pays out, or takes for the account as a whole.
    ident("order_id", ForeignKey("orders.id"), index=True, nullable=True),
    ident("payment_id", ForeignKey("payments.id"), index=True, nullable=True),
    text("provider"),
    text("provider_ref"),
    UniqueConstraint("id"),
    UniqueConstraint("provider", "provider_ref", "kind"),
    one_of("kind", EntryKind),
)
# What is booked at every checkout is left out: nobody looks for captures by their time.
Index(
    "ix_ledger_entries_movements",
    ledger_entries.c.at,
    ledger_entries.c.id,
    postgresql_where=sql("kind <> 'capture'"),
    sqlite_where=sql("kind <> 'capture'"),
)

ledger_postings = Table(
    "ledger_postings",
    metadata,
    ident("entry_id", ForeignKey("ledger_entries.id")),
    Column("position", Integer, nullable=False),
    text("account"),
    text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("entry_id", "position"),
    *amounts("amount_minor", negative=True),
)
Index("ix_ledger_postings_account", ledger_postings.c.account, ledger_postings.c.currency)
