"""Tasks for the team other than alerts: listed, and closed when they are done. Opens none itself."""

from collections.abc import Sequence

from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import Task
from bot.app.work import Stores, Work


def open_tasks(stores: Stores) -> Sequence[Task]:
    """Return the open tasks, oldest first."""
    return stores.tasks.open()


def close(work: Work, task_id: int) -> Task:
    """Close a task and return it. Raise RefusedError if no open task has that number."""
    task = work.tasks.close(task_id, work.at)
    if task is None:
        raise RefusedError(f"there is no open task {task_id}: see `nervecheck task list`")
    work.record("task_closed", task.subject, kind=task.kind)
    return task
