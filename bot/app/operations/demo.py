"""Demo data for the sandbox: sample patients, and leads who are always on call. Never used on a clinic's database."""

from contextlib import suppress
from datetime import timedelta
from itertools import count

from bot.app.operations.installation import BOT_NAME
from bot.app.patients import registry
from bot.app.ports.errors import DuplicateError
from bot.app.team import members
from bot.app.work import Stores, Work

TREATED_FOR = timedelta(days=7)
"""How long a sample patient has been treated: their first check-ins fall due within days."""


def add_patient(work: Work) -> dict[str, str]:
    """Add a sample patient; return their code, the token that follows /start, and the link."""
    for number in count(1):
        code = f"P-{number:04d}"
        if work.patients.by_code(code) is None:
            with suppress(DuplicateError):  # another browser has just added it
                made, token = registry.add(work.acting("operator"), code=code, ici_start=(work.at - TREATED_FOR).date())
                return {"code": made.code, "start": token, "link": _link(work, token)}
    raise AssertionError("unreachable: count() does not end")


def add_lead(work: Work) -> dict[str, str]:
    """Add a sample lead, on call whenever no shift runs; return what `add_patient` returns."""
    for number in count(1):
        name = f"lead-{number}"
        if work.staff.by_name(name) is None:
            with suppress(DuplicateError):
                row, token = members.add(work.acting("sandbox"), name=name, role="lead", language=None)
                members.add_shift(work.acting("sandbox"), row.name, out_of_hours=True, rank=number)
                return {"code": row.name, "start": token, "link": _link(work, token)}
    raise AssertionError("unreachable: count() does not end")


def _link(stores: Stores, token: str) -> str:
    return f"https://t.me/{stores.settings.get(BOT_NAME)}?start={token}"
