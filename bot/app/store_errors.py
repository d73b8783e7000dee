"""What a database answers with when it can't do as it is told."""


class StoreDownError(RuntimeError):
    """The database failed, not what was to be done in it: nothing is stored, and it can be tried again."""


class DuplicateError(ValueError):
    """That study code is already in use: choose another, or look it up with `nervecheck patient show`."""
