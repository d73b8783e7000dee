"""What a database answers with when it can't do as it is told."""


class StoreDownError(RuntimeError):
    """The database failed, not what was to be done in it: try again.

    Nothing is stored; only where the connection was lost in the commit itself, nobody can know.
    """


class DuplicateError(ValueError):
    """That study code is already in use: choose another, or look it up with `nervecheck patient show`."""
