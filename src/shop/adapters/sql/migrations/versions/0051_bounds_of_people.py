"""What no session, export or key can be.

Only tables that no other points at: SQLite makes a table anew to add a rule, and what hangs on the old one would go.
"""

from alembic import op
from sqlalchemy import text as sql

revision = "0051"
down_revision = "0050"

RULES = (
    ("sessions", "lasts", "expires_at > created_at"),
    ("data_exports", "ready_says_when", "(status = 'ready') = (ready_at IS NOT NULL)"),
    ("signing_keys", "retired_says_until_when", "(retired_at IS NULL) = (gone_at IS NULL)"),
    ("api_keys", "old_says_until_when", "(old_fingerprint IS NULL) = (old_until IS NULL)"),
)


def upgrade() -> None:
    for table, name, rule in RULES:
        with op.batch_alter_table(table) as changing:
            changing.create_check_constraint(op.f(f"ck_{table}_{name}"), sql(rule))


def downgrade() -> None:
    for table, name, _ in reversed(RULES):
        with op.batch_alter_table(table) as changing:
            changing.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
