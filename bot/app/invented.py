"""People made up for the sandbox: a patient some days into immunotherapy, a lead who is always on duty."""

from datetime import datetime, timedelta

from bot.app import patients, team
from bot.app.installation import BOT_NAME
from bot.app.ports import Clinic
from bot.app.store import Store

SINCE = timedelta(days=7)
"""A week into the drug: the first check-ins fall due within days."""


def patient(store: Store, clinic: Clinic, at: datetime) -> dict[str, str]:
    """Add a made-up patient; return their code, what follows /start, and the link."""
    number = 1
    while store.patient_by_code(f"P-{number:04d}") is not None:
        number += 1
    made, token = patients.add(store, clinic, code=f"P-{number:04d}", ici_start=(at - SINCE).date(), at=at)
    return {"code": made.code, "start": token, "link": _link(store, token)}


def lead(store: Store, clinic: Clinic, at: datetime) -> dict[str, str]:
    """Add a made-up lead, who is told of alerts whenever no shift runs; return what `patient` returns."""
    number = 1
    while store.staff_by_name(f"lead-{number}") is not None:
        number += 1
    row, token = team.add(store, clinic, name=f"lead-{number}", role="lead", language=None, by="sandbox", at=at)
    team.add_shift(store, row.name, out_of_hours=True, rank=number, by="sandbox", at=at)
    return {"code": row.name, "start": token, "link": _link(store, token)}


def _link(store: Store, token: str) -> str:
    return f"https://t.me/{store.setting(BOT_NAME)}?start={token}"
