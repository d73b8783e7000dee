"""The base classes of all values."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of all values: immutable; ValidationError for an unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Versioned(Frozen):
    """A record that is saved as a whole. `version` counts the saves, so that an outdated copy can't be saved."""

    id: int = 0
    version: int = 0
