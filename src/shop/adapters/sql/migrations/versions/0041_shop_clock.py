"""How far the clock of a shop that is not in production is ahead."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer

revision = "0041"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "shop_clock",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("offset_microseconds", BigInteger, nullable=False),
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("offset_microseconds >= 0", name="never_behind"),
    )


def downgrade() -> None:
    op.drop_table("shop_clock")
