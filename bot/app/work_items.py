"""What waits for the team beside alerts: listed, and ticked off when somebody has seen to it."""

from collections.abc import Sequence
from datetime import datetime

from bot.app.lookup import RefusedError
from bot.app.store import Audit, Store, WorkItem


def waiting(store: Store) -> Sequence[WorkItem]:
    """Return what is open, oldest first."""
    return store.work_items()


def close(store: Store, item_id: int, by: str, at: datetime) -> WorkItem:
    """Tick one off; RefusedError when there is no open one of that number."""
    item = store.close_work_item(item_id, at)
    if item is None:
        raise RefusedError(f"there is nothing open with the number {item_id}: see `nervecheck work list`")
    detail = {"kind": item.kind}
    store.audit(Audit(at=at, actor=by, action="work_item_closed", subject=item.subject, detail=detail))
    return item
