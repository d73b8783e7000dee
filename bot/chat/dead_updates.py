"""Processes a dead update again, when an operator asks for it. Runs no transaction itself."""

import json

from telegram import Bot, Update

from bot.app.operations import dead_letters
from bot.app.ports.errors import RefusedError
from bot.app.work import Work
from bot.chat.handlers import Handlers

CLOSED_TOAST = "toast.closed"
"""The toast of a tap that changed nothing because its screen is closed."""
SCREEN_CLOSED = "comes too late, its screen is closed: ask them what they wanted to say"


def retry_dead_update(work: Work, handlers: Handlers, bot: Bot, number: int) -> None:
    """Process a dead update as if it came now, and record that it was retried.

    Raise RefusedError if it is outdated or no longer changes anything, and any other error if it fails again: the
    transaction is rolled back, so the update remains listed. Only the database knows which errors it runs again for, so
    `failed_again` makes the refusal, after the transaction.
    """
    found = dead_letters.update(work, number)
    route = handlers.route(Update.de_json(json.loads(found.raw), bot))
    outcome = route.handle(work) if route.handle is not None and route.outdated is None else None
    is_closed = outcome is not None and outcome.toast is not None and outcome.toast.key == CLOSED_TOAST
    if route.outdated is not None or is_closed:
        raise dead_letters.refusal(work, number, route.outdated or SCREEN_CLOSED)
    dead_letters.close_processed_update(work, number)


def failed_again(number: int, error: Exception) -> RefusedError:
    """Return the refusal for an update that failed again with this error."""
    return RefusedError(f"update-{number} failed again ({where(error)}): it remains listed")


def where(error: BaseException) -> str:
    """Return the class and place of an error without its message, which may contain what a patient sent."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("bot.") or not place:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}" if place else type(error).__name__
