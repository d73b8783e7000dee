"""What tests ask of the outbox and the product does not: how many messages there are; a server without limits."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select

from bot.app.records.messages import Lane, OutboxState
from bot.app.work import Stores
from bot.db.tables import outbox
from bot.delivery.lanes import RateLimits

_COUNTS = select(outbox.c.lane, outbox.c.state, func.count().label("rows")).group_by(outbox.c.lane, outbox.c.state)
UNLIMITED = RateLimits(
    interval=timedelta(0),
    bulk_interval=timedelta(0),
    private_interval=timedelta(0),
    edit_interval=timedelta(0),
    group_interval=timedelta(0),
)
"""The limits of a Bot API server without any, for tests with a clock that stops."""


def message_counts(stores: Stores) -> Mapping[tuple[Lane, OutboxState], int]:
    """Return the number of messages by lane and state."""
    rows = stores.outbox._all(_COUNTS)  # type: ignore[attr-defined]
    return {(Lane(row["lane"]), OutboxState(row["state"])): row["rows"] for row in rows}
