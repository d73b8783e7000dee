"""What a database answers with when it can't do as it is told."""

TRIES = 5
"""How often in all a transaction is run that a stale record undoes, or the database for the sake of others."""


class StoreDownError(RuntimeError):
    """The database failed, not what was to be done in it: try again.

    Nothing is stored; only where the connection was lost in the commit itself, nobody can know.
    """


class DuplicateError(ValueError):
    """That study code is already in use: choose another, or look it up with `nervecheck patient show`."""


class StaleRecordError(LookupError):
    """The record was changed or deleted since it was read: nothing is stored, run the transaction again.

    The database runs a transaction that raises it again by itself, a few times (`TRIES`).
    """


class RefusedError(ValueError):
    """What was asked can't be done; the message says what, and what to do instead."""
