"""What waits for the team beside alerts: listed, and ticked off when somebody has seen to it."""

from collections.abc import Sequence

from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import Task
from bot.app.records.operations import Audit
from bot.app.work import Stores, Work


def waiting(stores: Stores) -> Sequence[Task]:
    """Return what is open, oldest first."""
    return stores.tasks.open()


def close(work: Work, item_id: int) -> Task:
    """Tick one off; RefusedError when there is no open one of that number."""
    item = work.tasks.close(item_id, work.at)
    if item is None:
        raise RefusedError(f"there is nothing open with the number {item_id}: see `nervecheck task list`")
    detail = {"kind": item.kind}
    work.audit.add(Audit(at=work.at, actor=work.actor, action="task_closed", subject=item.subject, detail=detail))
    return item
