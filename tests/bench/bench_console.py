"""Measures the server time of the console's pages with 10,000 patients: `python -m tests.bench.bench_console`.

The benchmark fills a clinic's SQLite database on this machine and requests each page in turn, through the whole
application but without a network.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from bot.app.records.alerts import Task
from bot.app.records.operations import Audit
from bot.app.records.team import Session
from bot.config import Settings
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.db import tables as t
from bot.db.stores.alerts import ALERT, TASK
from bot.db.stores.checkins import ANSWER, ASSESSMENT, CHECKIN, VALUE
from bot.db.stores.operations import AUDIT
from bot.db.stores.patients import PATIENT
from bot.db.stores.treatment import repeated
from bot.desk.sign_in import COOKIE
from bot.wiring import build
from tests.contract.samples import active, alert, answer, assessment, checkin
from tests.desk.conftest import AT, House
from tests.fakes.databases import KEYRING, sqlite_database

PATIENTS = 10_000
CHECKINS_EACH = 30
OPEN_ALERTS = 100
ROUNDS = 20
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PAGES = {
    "alerts": "/console",
    "queue alone": "/console/alerts/queue",
    "patients": "/console/patients",
    "patients, search": "/console/patients?code=P05",
    "patients, early": "/console/patients?phase=early",
    "patients, urgent": "/console/patients?tier=URGENT",
    "patients, silent": "/console/patients?silence=silent",
    "patients, page 2": "/console/patients?after=P00050",
    "one patient": "/console/patients/P00001",
    "visit summary": "/console/patients/P00001/summary",
    "schedules": "/console/schedules",
    "rota": "/console/rota",
    "team": "/console/team",
    "content": "/console/content",
    "reports": "/console/reports",
    "audit": "/console/audit",
    "audit of one": "/console/audit?subject=P00001",
    "account": "/console/account",
}


@dataclass(frozen=True)
class Took:
    """The server time for one page in milliseconds: median and maximum."""

    page: str
    median: float
    longest: float


def _values(shape, record):
    return shape.values(record, KEYRING)


def fill(database, patients, checkins_each):
    """Add patients in all phases, with check-ins, answers, assessments, alerts (few of them open) and a long audit."""
    with database.engine.begin() as connection:
        people = range(1, patients + 1)
        rows = [active(f"P{n:05}", AT + n * HOUR, ici_start=(AT - (n % 500) * DAY).date()) for n in people]
        connection.execute(t.patient.insert(), [_values(PATIENT, row) | repeated(row) for row in rows])
        for back in range(checkins_each):
            at = AT - back * 3 * DAY - HOUR
            made = [checkin(n, at, state=State.DONE, opened_at=at, closed_at=at + HOUR) for n in people]
            values = [_values(CHECKIN, row) | VALUE.values(row.value, KEYRING) for row in made]
            connection.execute(t.checkin.insert(), values)
        # Answers only of patients whose page is requested; the others' answers are read by no page.
        for n in range(1, checkins_each + 1):
            number = (n - 1) * patients + 1
            given = [answer(number, 1, q, "mild", at=AT) for q in ("change", "numbness", "interference")]
            connection.execute(t.answer.insert(), [_values(ANSWER, row) for row in given])
            connection.execute(t.assessment.insert(), [_values(ASSESSMENT, assessment(number, 1))])
        few = [alert(n, tier=Tier(1 + n % 3), raised_at=AT - HOUR) for n in range(1, OPEN_ALERTS + 1)]
        past = [alert(n, raised_at=AT - 9 * DAY, closed_at=AT, closed_by="ann") for n in people]
        connection.execute(t.alert.insert(), [_values(ALERT, row) for row in (*past, *few)])
        items = [Task(kind="not_heard_from", patient_id=n, subject=f"P{n:05}", raised_at=AT) for n in range(200, 260)]
        connection.execute(t.task.insert(), [_values(TASK, row) for row in items])
        lines = [Audit(at=AT, actor="ann", action="alert_closed", subject=f"P{n:05}") for n in people]
        connection.execute(t.audit.insert(), [_values(AUDIT, row) for row in lines])


async def measure(*, patients=PATIENTS, checkins_each=CHECKINS_EACH, rounds=ROUNDS):
    """Return the server time of each page."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite_database(Path(folder) / "bench.db")
        try:
            fill(database, patients, checkins_each)
            ready = build(Settings.load({}, sandbox=True).for_sandbox(), sandbox=True)
            house = House(database, ready)
            return await _ask(house, rounds)
        finally:
            house.loop.close()
            database.shut()


async def _ask(house, rounds):
    person = house.staff("ann", "lead")
    house.staff("ben", "coordinator")
    token = house.clinic.new_token()
    session = Session(staff_id=person.id, token_hash=house.clinic.hash_token(token), began_at=AT, seen_at=AT)
    house.run(lambda s: s.sessions.add(session))
    transport = httpx.ASGITransport(app=house.app)
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="http://console", cookies={COOKIE: token}) as client:
        for name, path in PAGES.items():
            took = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                answered = await client.get(path)
                took.append(1000 * (time.perf_counter() - began))
                if answered.status_code != 200:
                    raise AssertionError(f"{path}: {answered.status_code}")
            found.append(Took(name, statistics.median(took[1:]), max(took[1:])))
    return found


def main():
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else PATIENTS
    print(f"{patients} patients, {CHECKINS_EACH} check-ins each, {OPEN_ALERTS} open alerts; milliseconds of the server")  # noqa: T201
    for took in asyncio.run(measure(patients=patients)):
        print(f"{took.page:<20} median {took.median:6.1f}   longest {took.longest:6.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
