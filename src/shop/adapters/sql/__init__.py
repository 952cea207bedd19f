"""Storage in PostgreSQL or SQLite: one schema and one set of statements for both."""
