"""Who of the team is told of an alert, step by step until someone takes it up. Which step is due: core/escalation.py.

The messages hold code and tier only (see staff_screens.py); each person told has one message an alert, edited in place
as things go on.
"""

from collections.abc import Iterable
from datetime import timedelta

from bot.app.alerts.writer import act_on, team_side
from bot.app.records.alerts import AlertRow
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.team import members
from bot.app.work import Work
from bot.core.alert import Escalate, Refused, Release, ResumeEscalation, SkipNotified, StopEscalation, TeamState
from bot.core.escalation import AvailableTeam, EscalationLevel, UnacknowledgedAlert, escalate
from bot.core.rota import in_hours, next_shift_at, on_call

STILL_NEWS = timedelta(hours=72)
"""The longest of the team's clocks: the operator's of a SOON alert."""
ANYONE_OPEN = 500
"""Open alerts that someone who joins the team may set going at once."""


def step(work: Work, alert: AlertRow) -> None:
    """Do the steps of an alert's escalation that are due."""
    patient = work.patients.get(alert.patient_id, lock=True)
    now = work.alerts.get(alert.id)
    if patient is None or now is None:
        return
    present = {row.name: row for row in work.staff.all(lock=True) if row.can_be_notified}
    if team_side(now).state is not TeamState.OPEN or not present:
        # With nobody to tell it rests, and goes on when someone joins.
        act_on(work.alerts, now, StopEscalation(), work.at)
        return
    waiting = UnacknowledgedAlert(
        tier=now.tier,
        since=now.clock_from or now.raised_at,
        done=now.escalation_level,
        notified=frozenset(now.notified),
    )
    found = escalate(waiting, team_at(work, present), work.clinic.protocol.clocks.ack[now.tier], work.at)
    new = [name for each in found.steps for name in each.notify]
    changed = act_on(
        work.alerts, now, Escalate(steps=len(found.steps), notify=tuple(new), next_at=found.next_at), work.at
    )
    if isinstance(changed, Refused):
        return
    for each in found.steps:
        _audit(work, patient, changed, "alert_escalated", level=each.level.name, notified=", ".join(each.notify))
    for name in new:
        work.notices.alert_raised(patient, changed, present[name])
    for name in now.notified:
        # Whose it is now has changed: "yours until" would no longer be true.
        if name in present and found.steps:
            work.notices.alert_changed(patient, changed, present[name])


def team_at(work: Work, present: Iterable[str]) -> AvailableTeam:
    """Return who can be told at that moment; `present`: those whom a message reaches."""
    rota = members.rota_of(work)
    reached = set(present)
    rows = [row for row in work.staff.all() if row.name in reached]
    return AvailableTeam(
        on_call=tuple(name for name in on_call(rota, work.at) if name in reached),
        in_hours=bool(in_hours(rota, work.at)),
        opens_at=next_shift_at(rota, work.at),
        everyone=tuple(row.name for row in rows if row.role != "operator"),
        operators=tuple(row.name for row in rows if row.role == "operator"),
    )


def refresh(work: Work, alert: AlertRow, *, but: str | None = None) -> None:
    """Show an alert's new state to everyone who was told of it; `but`: whoever gets a message of their own."""
    patient = work.patients.get(alert.patient_id)
    if patient is None:
        return
    for name in (name for name in alert.notified if name != but):
        person = work.staff.by_name(name)
        if person is not None and person.can_be_notified:
            work.notices.alert_changed(patient, alert, person)


def resume_open(work: Work) -> None:
    """Someone joined: alerts of the last days that had nobody to be told go on where they were.

    Older ones stand in the menu and the morning's list: nobody's first hour should be a hundred messages.
    """
    for alert in work.alerts.in_queue(ANYONE_OPEN):
        unnotified = (
            alert.owner is None and alert.next_escalation_at is None and alert.escalation_level <= EscalationLevel.ROTA
        )
        if unnotified and not alert.is_agreed and work.at - (alert.clock_from or alert.raised_at) < STILL_NEWS:
            act_on(work.alerts, alert, ResumeEscalation(), work.at)


def remove(work: Work, name: str) -> Staff:
    """Take someone out of the team; what they had, or were told last, goes on to the others at once."""
    gone = members.remove(work, name)
    reassign_alerts_of(work, name)
    return gone


def set_reachable(work: Work, person: Staff, *, reachable: bool) -> None:
    """Mark one of the team as unreachable (blocked the bot, chat gone), or as back; what they had goes to others."""
    if reachable == (person.unreachable_at is None):
        return
    work.staff.save(person.model_copy(update={"unreachable_at": None if reachable else work.at}))
    work.acting("system").record("staff_reachable" if reachable else "staff_unreachable", person.name)
    if reachable:
        resume_open(work)
    else:
        reassign_alerts_of(work, person.name)


def reassign_alerts_of(work: Work, name: str) -> None:
    """Someone can't be told any more: alerts that were theirs to take go on to the next person at once."""
    for found in work.alerts.in_queue(ANYONE_OPEN):
        if name == found.owner or name in found.notified:
            patient = work.patients.get(found.patient_id, lock=True)
            # Read again behind the lock: it may just have been acknowledged, closed or shown to another.
            alert = work.alerts.get(found.id)
            if patient is not None and alert is not None:
                _reassign(work, patient, alert, name)


def _reassign(work: Work, patient: Patient, alert: AlertRow, name: str) -> None:
    act = Release(name=name) if alert.owner == name else SkipNotified(name=name)
    if not isinstance(act_on(work.alerts, alert, act, work.at), Refused):
        _audit(work, patient, alert, "alert_reassigned", notified=name)


def _audit(work: Work, patient: Patient, alert: AlertRow, action: str, **detail: str) -> None:
    facts = {"alert": alert.id, "tier": alert.tier.name, **detail}
    work.audit.add(Audit(at=work.at, actor="system", action=action, subject=patient.code, detail=facts))
