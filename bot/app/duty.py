"""Who of the team is told of an alert, step by step until someone takes it up. Which step is due: core/escalation.py.

The messages hold code and tier only (see staff_screens.py); each person told has one message an alert, edited in place
as things go on.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.app import team
from bot.app.ports import Clinic
from bot.app.staff_screens import alert_screen, notice_screen
from bot.app.store import AlertRow, Audit, Lane, Outbox, Patient, Store
from bot.app.team_store import Staff
from bot.core.escalation import Stage, Team, Waiting, escalate
from bot.core.rota import in_hours, next_shift_at, on_duty
from bot.core.screen import Screen

STILL_NEWS = timedelta(hours=72)
"""The longest of the team's clocks: the operator's of a SOON alert."""
ANYONE_OPEN = 500
"""Open alerts that someone who joins the team may set going at once."""


def step(store: Store, clinic: Clinic, alert: AlertRow, at: datetime) -> None:
    """Do the steps of an alert's escalation that are due."""
    patient = store.patient(alert.patient_id, lock=True)
    now = store.alert(alert.id)
    if patient is None or now is None:
        return
    present = {row.name: row for row in store.staff(lock=True) if row.can_be_told}
    if now.taken_by is not None or now.closed_at is not None or not present:
        # With nobody to tell it rests, and goes on when someone joins.
        store.save_alert(now.model_copy(update={"staff_step_at": None}))
        return
    waiting = Waiting(tier=now.tier, since=now.clock_from or now.raised_at, done=now.stages, told=frozenset(now.told))
    found = escalate(waiting, team_at(store, clinic, present, at), clinic.protocol.clocks.ack[now.tier], at)
    new = [name for each in found.steps for name in each.tell]
    changed = now.model_copy(
        update={
            "stages": now.stages + len(found.steps),
            "told": (*now.told, *new),
            "staff_step_at": found.next_at,
            "work_revision": now.work_revision + 1,
        }
    )
    changed = store.save_alert(changed)
    for each in found.steps:
        _audit(store, patient, changed, "alert_escalated", at, stage=each.stage.name, told=", ".join(each.tell))
    for name in new:
        show(store, clinic, patient, changed, present[name], at, edit=False)
    for name in now.told:
        # Whose it is now has changed: "yours until" would no longer be true.
        if name in present and found.steps:
            show(store, clinic, patient, changed, present[name], at)


def team_at(store: Store, clinic: Clinic, present: Iterable[str], at: datetime) -> Team:
    """Return who can be told at that moment; `present`: those whom a message reaches."""
    rota = team.rota_of(store, clinic, at)
    reached = set(present)
    rows = [row for row in store.staff() if row.name in reached]
    return Team(
        on_duty=tuple(name for name in on_duty(rota, at) if name in reached),
        in_hours=bool(in_hours(rota, at)),
        opens_at=next_shift_at(rota, at),
        everyone=tuple(row.name for row in rows if row.role != "operator"),
        operators=tuple(row.name for row in rows if row.role == "operator"),
    )


def refresh(store: Store, clinic: Clinic, alert: AlertRow, at: datetime, *, but: str | None = None) -> None:
    """Show an alert's new state to everyone who was told of it; `but`: whoever gets a message of their own."""
    patient = store.patient(alert.patient_id)
    if patient is None:
        return
    for name in (name for name in alert.told if name != but):
        person = store.staff_by_name(name)
        if person is not None and person.can_be_told:
            show(store, clinic, patient, alert, person, at)


def show(
    store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, person: Staff, at: datetime, *, edit: bool = True
) -> None:
    """Send someone an alert as it stands; an edit of its message, or a new one, so that the phone sounds."""
    screen = alert_screen(store, clinic, patient, alert, person, at)
    say(store, person, screen, at, slot=f"staff-alert:{alert.id}", edit=edit, revision=alert.work_revision)


def say(
    store: Store,
    person: Staff,
    screen: Screen,
    at: datetime,
    *,
    slot: str,
    edit: bool = False,
    revision: int = 0,
    lane: Lane = Lane.REMINDER,
) -> None:
    """Queue a screen for someone of the team; who has no chat gets nothing."""
    if person.chat_id is None or person.state != "active":
        return
    store.enqueue(
        Outbox(
            patient_id=None,
            chat_id=person.chat_id,
            language=person.language,
            lane=lane,
            slot=slot,
            mode="edit" if edit else "new",
            revision=revision,
            screen=screen,
            created_at=at,
            not_before=at,
        )
    )


def notice(store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, key: str, at: datetime) -> None:
    """Tell whoever has the alert, or else all who were told of it, what the patient has just said about the call."""
    names = (alert.taken_by,) if alert.taken_by is not None else alert.told
    for name in names:
        person = store.staff_by_name(name)
        if person is not None and person.can_be_told:
            say(store, person, notice_screen(clinic, patient, alert, key), at, slot=f"staff-notice:{alert.id}")


def resume_open(store: Store, at: datetime) -> None:
    """Someone joined: alerts of the last days that had nobody to be told go on where they were.

    Older ones stand in the menu and the morning's list: nobody's first hour should be a hundred messages.
    """
    for alert in store.alerts_in_queue(ANYONE_OPEN):
        untold = alert.taken_by is None and alert.staff_step_at is None and alert.stages <= Stage.ROTA
        if untold and not alert.expected and at - (alert.clock_from or alert.raised_at) < STILL_NEWS:
            store.save_alert(alert.model_copy(update={"staff_step_at": at}))


def remove(store: Store, name: str, by: str, at: datetime) -> Staff:
    """Take someone out of the team; what they had, or were told last, goes on to the others at once."""
    gone = team.remove(store, name, by, at)
    passed_over(store, name, at)
    return gone


def passed_over(store: Store, name: str, at: datetime) -> None:
    """Someone can't be told any more: alerts that were theirs to take go on to the next person at once."""
    for found in store.alerts_in_queue(ANYONE_OPEN):
        if name == found.taken_by or name in found.told:
            patient = store.patient(found.patient_id, lock=True)
            # Read again behind the lock: it may just have been taken up, closed or told to another.
            alert = store.alert(found.id)
            if patient is not None and alert is not None and alert.closed_at is None:
                _pass_over(store, patient, alert, name, at)


def _pass_over(store: Store, patient: Patient, alert: AlertRow, name: str, at: datetime) -> None:
    if alert.taken_by == name:
        freed: dict[str, object] = {
            "taken_by": None,
            "taken_at": None,
            "clock_from": at,
            "stages": 0,
            "staff_step_at": at,
        }
        told = tuple(other for other in alert.told if other != name)
        freed |= {"told": told, "work_revision": alert.work_revision + 1}
        store.save_alert(alert.model_copy(update=freed))
        _audit(store, patient, alert, "alert_passed_over", at, told=name)
    elif alert.taken_by is None and alert.told and alert.told[-1] == name and alert.staff_step_at is not None:
        _escalate_now(store, patient, alert, at)


def _escalate_now(store: Store, patient: Patient, alert: AlertRow, at: datetime) -> None:
    """The newest told can't be reached: the step they were told by is done again, with someone else."""
    store.save_alert(alert.model_copy(update={"stages": max(0, alert.stages - 1), "staff_step_at": at}))
    _audit(store, patient, alert, "alert_passed_over", at, told=alert.told[-1])


def _audit(store: Store, patient: Patient, alert: AlertRow, action: str, at: datetime, **detail: str) -> None:
    facts = {"alert": alert.id, "tier": alert.tier.name, **detail}
    store.audit(Audit(at=at, actor="system", action=action, subject=patient.code, detail=facts))
