"""People made up for the sandbox: a patient some days into immunotherapy, a lead who is always on duty."""

from contextlib import suppress
from datetime import timedelta
from itertools import count

from bot.app.operations.installation import BOT_NAME
from bot.app.patients import registry
from bot.app.ports.errors import DuplicateError
from bot.app.team import members
from bot.app.work import Stores, Work

SINCE = timedelta(days=7)
"""A week into the drug: the first check-ins fall due within days."""


def patient(work: Work) -> dict[str, str]:
    """Add a made-up patient; return their code, what follows /start, and the link."""
    for number in count(1):
        code = f"P-{number:04d}"
        if work.patients.by_code(code) is None:
            with suppress(DuplicateError):  # another browser was quicker
                made, token = registry.add(work.acting("operator"), code=code, ici_start=(work.at - SINCE).date())
                return {"code": made.code, "start": token, "link": _link(work, token)}
    raise AssertionError("numbers don't end")


def lead(work: Work) -> dict[str, str]:
    """Add a made-up lead, who is told of alerts whenever no shift runs; return what `patient` returns."""
    for number in count(1):
        name = f"lead-{number}"
        if work.staff.by_name(name) is None:
            with suppress(DuplicateError):
                row, token = members.add(work.acting("sandbox"), name=name, role="lead", language=None)
                members.add_shift(work.acting("sandbox"), row.name, out_of_hours=True, rank=number)
                return {"code": row.name, "start": token, "link": _link(work, token)}
    raise AssertionError("numbers don't end")


def _link(stores: Stores, token: str) -> str:
    return f"https://t.me/{stores.settings.get(BOT_NAME)}?start={token}"
