"""What can keep the embedded PostgreSQL from running, said to a person."""


class PostgresUnavailableError(Exception):
    """The database cannot run; the text says what is wrong, where, and what to change."""
