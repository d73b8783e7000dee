"""One suite over the Store port: memory, SQLite and PostgreSQL must do the same."""
