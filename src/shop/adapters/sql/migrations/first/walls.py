"""What the tables cannot say by themselves: full text, books that balance, and history that stays as it was."""

from alembic import op

APPEND_ONLY = ("ledger_entries", "ledger_postings", "stock_movements")

_BOOKS_BALANCE = """
CREATE FUNCTION check_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE entry uuid;
BEGIN
    IF TG_TABLE_NAME = 'ledger_entries' THEN entry := NEW.id; ELSE entry := NEW.entry_id; END IF;
    IF NOT EXISTS (SELECT FROM ledger_postings WHERE entry_id = entry) OR EXISTS (
        SELECT FROM ledger_postings WHERE entry_id = entry GROUP BY currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'The postings of ledger entry % do not add up to nothing.', entry
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
_FORBID_CHANGE = """
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are never changed or deleted.', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$
"""


def postgres_up() -> None:
    """The words are ours already (see ports/search), so they are taken as they are, without PostgreSQL's parser."""
    op.execute(
        "ALTER TABLE products ADD COLUMN search_vector tsvector"
        " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search_text, ' '))) STORED"
    )
    op.execute("CREATE INDEX ix_products_search_vector ON products USING gin (search_vector)")
    for table, column, nothing in (
        ("products", "tags", "[]"),
        ("products", "metadata", "{}"),
        ("orders", "metadata", "{}"),
    ):
        op.execute(
            f"CREATE INDEX ix_{table}_{column} ON {table} USING gin ({column} jsonb_path_ops)"
            f" WHERE {column} <> '{nothing}'"
        )
    op.execute(_BOOKS_BALANCE)
    for table in ("ledger_entries", "ledger_postings"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balanced AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_balanced()"
        )
    op.execute(_FORBID_CHANGE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
        )


def postgres_down() -> None:
    """After the tables are gone, and their triggers with them."""
    op.execute("DROP FUNCTION check_entry_balanced()")
    op.execute("DROP FUNCTION forbid_change()")


def sqlite_up() -> None:
    """`product_rows` gives each product a number that stays, which is what the full text is kept by."""
    op.execute(
        "CREATE TABLE product_rows (id INTEGER PRIMARY KEY, product_id BLOB NOT NULL UNIQUE"
        " REFERENCES products (id) ON DELETE CASCADE)"
    )
    op.execute("CREATE VIRTUAL TABLE product_words USING fts5(words, content='', tokenize=ascii)")
    enter = (
        "INSERT INTO product_words (rowid, words)"
        " SELECT id, new.search_text FROM product_rows WHERE product_id = new.id;"
    )
    leave = (
        "INSERT INTO product_words (product_words, rowid, words)"
        " SELECT 'delete', id, old.search_text FROM product_rows WHERE product_id = old.id;"
    )
    number = "INSERT INTO product_rows (product_id) VALUES (new.id);"
    op.execute(f"CREATE TRIGGER products_words_enter AFTER INSERT ON products BEGIN {number} {enter} END")
    op.execute(
        "CREATE TRIGGER products_words_change AFTER UPDATE OF search_text ON products"
        f" WHEN old.search_text <> new.search_text BEGIN {leave} {enter} END"
    )
    op.execute(f"CREATE TRIGGER products_words_leave BEFORE DELETE ON products BEGIN {leave} END")
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN"
                f" SELECT RAISE(ABORT, 'Rows of {table} are never changed or deleted.'); END"
            )


def sqlite_down() -> None:
    """Before the products go."""
    op.execute("DROP TABLE product_words")
    op.execute("DROP TABLE product_rows")
