"""The participants of a run: people with a new invite, people who have been patients for days, a lead."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from bot.app.operations import demo
from bot.app.patients import registry
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import rescheduled
from bot.app.work import Stores
from bot.clock import Clock
from bot.core.checkin import CheckIn, State
from bot.db.opening import open_database
from bot.sandbox.state import Sandbox
from bot.wiring import App
from tests.chaos.robots import Robot
from tests.fakes.work import work_on

ZONES = ("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata")
DAYTIME = range(10, 19)
"""Local hours outside quiet hours."""
WISHES = (("help_now", "", ""), ("choose", "safety_now", "yes"), ("choose", "safety_new", "yes"))
"""Taps that every run must contain, whatever the random choices: one patient makes each of them."""
DEAF = 0.4
"""The share of patients who ignore a call screen until they are asked about it."""
SOON = timedelta(seconds=40)
"""Check-ins of today fall due within this time."""


@dataclass(frozen=True)
class Wanted:
    """How many there are to be, and how ill (the chance that an answer is anything but the mildest)."""

    new: int
    settled: int
    ill: float


def invited(ready: App, box: Sandbox, clock: Clock, rng: Random, wanted: Wanted) -> list[Robot]:
    """Add all of them to the database and to the sandbox; return their robots, the lead's last."""
    database = open_database(ready.database_url, ready.keyring)
    people, started = [], set()

    def add(stores: Stores) -> None:
        at = clock.now()
        for number in range(wanted.new + wanted.settled):
            code, since = f"P-{number:04d}", (at - timedelta(days=rng.randint(8, 40))).date()
            # Of two drugs: asked every day in these weeks.
            patient, token = registry.add(
                work_on(stores, ready.clinic, at, actor="operator"), code=code, ici_start=since, regimen="combination"
            )
            person = box.person(code, start=token, link=token, code=code)
            if number >= wanted.new:
                _settle(stores, ready.clinic, patient, person.id, at, asked_at=at + SOON * rng.random())
                box.chat(person).started = True
                started.add(person.id)
            people.append(person)
        lead = demo.add_lead(work_on(stores, ready.clinic, at))
        people.append(box.person("lead", start=lead["start"], link=lead["start"], code="lead"))

    try:
        database.run(add)
    finally:
        database.shut()
    key = ready.keyring.derive("buttons")
    made = [Robot(one, Random(rng.random()), key, ill=wanted.ill, started=one.id in started) for one in people]
    for robot in made[:-1]:
        robot.deaf = robot.rng.random() < DEAF
    for robot, wish in zip(reversed(made[:-1]), WISHES, strict=False):
        robot.wishes.append(wish)
        robot.deaf = True
    return made


def _settle(
    stores: Stores, clinic: Clinic, patient: Patient, chat_id: int, at: datetime, *, asked_at: datetime
) -> None:
    """Make of someone invited a patient who answered the first questions just before the run."""
    zone = next(name for name in ZONES if at.astimezone(ZoneInfo(name)).hour in DAYTIME)
    active = {"state": PatientState.ACTIVE, "chat_id": chat_id, "language": "en", "timezone": zone, "jitter": 0}
    asked = {"send_time": asked_at.astimezone(ZoneInfo(zone)).time().replace(microsecond=0)}
    stores.patients.save(rescheduled(patient.model_copy(update=active | asked), clinic, at))
    before, protocol = at - timedelta(seconds=1), clinic.protocol
    done = CheckInRow(
        patient_id=patient.id,
        kind="baseline",
        due_at=before,
        opened_at=before,
        closed_at=before,
        protocol_name=protocol.name,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
        value=CheckIn(form="baseline", state=State.DONE, revision=1, asked_revision=1, cursor=None, answers={}),
    )
    stores.checkins.add(done)
