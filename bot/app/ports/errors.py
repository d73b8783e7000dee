"""The errors that ports and use cases raise. Their messages are written for staff and operators."""

TRIES = 5
"""How often a transaction is run at most if a stale record or the database rolls it back."""


class StoreDownError(RuntimeError):
    """The database failed, not the request: try again.

    Nothing is stored. Only if the connection was lost during the commit itself is the outcome unknown.
    """


class DuplicateError(ValueError):
    """That study code is already in use: choose another one, or see `nervecheck patient show`."""


class StaleRecordError(LookupError):
    """The record was changed or deleted after it was read, so nothing is stored: run the transaction again.

    The database itself runs such a transaction again, up to `TRIES` times in all.
    """


class RefusedError(ValueError):
    """The request is refused; the message says why, and what to do instead."""


class NeedsContactError(RefusedError):
    """Nobody is known to have spoken with the patient: staff have to note an outcome with contact first."""
