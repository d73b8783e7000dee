"""Escalates an alert to the team, level by level, until it is acknowledged. `core/escalation.py` decides which is due.

Each person notified has one message per alert, which is edited in place when the alert changes.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from bot.app.alerts.writer import act_on, team_side
from bot.app.records.alerts import AlertRow
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.team import members
from bot.app.work import SYSTEM, Work
from bot.core.alert import Escalate, Refused, Release, ResumeEscalation, SkipNotified, StopEscalation, TeamState
from bot.core.escalation import AvailableTeam, EscalationLevel, UnacknowledgedAlert, escalate
from bot.core.rota import in_hours, next_shift_at, on_call

RESUME_WITHIN = timedelta(hours=72)
"""The longest escalation clock (SOON, operators): an older alert does not start to escalate when someone joins."""
MAX_ALERTS = 500
"""The most open alerts that are checked when someone joins, leaves or becomes unreachable."""


def team_clocks(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Escalate the alerts that are due and not acknowledged (a sweep); quiet hours never delay it."""
    found = work.alerts.escalations_due(work.at, limit, after)
    if not found:
        return SweepResult()
    results = [work.attempt(partial(step, work, alert)) for alert in found]
    return SweepResult.of(results, found[-1].next_escalation_at, found[-1].id)


def step(work: Work, alert: AlertRow) -> None:
    """Carry out the escalation steps of an alert that are due."""
    patient = work.patients.get(alert.patient_id, lock=True)
    now = work.alerts.get(alert.id)
    if patient is None or now is None:
        return
    present = {row.name: row for row in work.staff.all(lock=True) if row.can_be_notified}
    if team_side(now).state is not TeamState.OPEN or not present:
        # With nobody to notify, escalation stops until someone joins (`resume_open`).
        act_on(work.alerts, now, StopEscalation(), work.at)
        return
    waiting = UnacknowledgedAlert(
        tier=now.tier,
        since=now.clock_from or now.raised_at,
        done=now.escalation_level,
        notified=frozenset(now.notified),
    )
    found = escalate(waiting, available_team(work, present), work.clinic.protocol.clocks.ack[now.tier], work.at)
    new = [name for each in found.steps for name in each.notify]
    changed = act_on(
        work.alerts, now, Escalate(steps=len(found.steps), notify=tuple(new), next_at=found.next_at), work.at
    )
    if isinstance(changed, Refused):
        return
    for each in found.steps:
        _record(work, patient, changed, "alert_escalated", level=each.level.name, notified=", ".join(each.notify))
    for name in new:
        work.notices.alert_raised(patient, changed, present[name])
    for name in now.notified:
        # Others have been notified too: "Acknowledge by" in their message would be outdated.
        if name in present and found.steps:
            work.notices.alert_changed(patient, changed, present[name])


def available_team(work: Work, present: Iterable[str]) -> AvailableTeam:
    """Return who can be notified at `work.at`; `present` names the members whom a message reaches."""
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


def resume_open(work: Work) -> None:
    """Resume the escalation of recent alerts that nobody could be notified of, because someone has joined.

    Older alerts are in the menu and the digest only: nobody should receive a hundred messages in their first hour.
    """
    for alert in work.alerts.in_queue(MAX_ALERTS):
        unnotified = (
            alert.owner is None and alert.next_escalation_at is None and alert.escalation_level <= EscalationLevel.ROTA
        )
        if unnotified and not alert.is_agreed and work.at - (alert.clock_from or alert.raised_at) < RESUME_WITHIN:
            act_on(work.alerts, alert, ResumeEscalation(), work.at)


def remove(work: Work, name: str) -> Staff:
    """Remove a member; release the alerts they owned or were notified of, so that those escalate at once."""
    gone = members.mark_removed(work, name)
    reassign_alerts_of(work, name)
    return gone


def set_reachable(work: Work, person: Staff, *, reachable: bool) -> None:
    """Mark a member as reachable, or as unreachable (bot blocked, chat deleted), which releases their alerts."""
    if reachable == (person.unreachable_at is None):
        return
    work.staff.save(person.model_copy(update={"unreachable_at": None if reachable else work.at}))
    work.acting(SYSTEM).record("staff_reachable" if reachable else "staff_unreachable", person.name)
    if reachable:
        resume_open(work)
    else:
        reassign_alerts_of(work, person.name)


def reassign_alerts_of(work: Work, name: str) -> None:
    """Release the alerts that a member owns or was notified of, so that each escalates to the next person at once."""
    for found in work.alerts.in_queue(MAX_ALERTS):
        if name == found.owner or name in found.notified:
            patient = work.patients.get(found.patient_id, lock=True)
            # Read again under the lock: it may have been acknowledged, closed or escalated meanwhile.
            alert = work.alerts.get(found.id)
            if patient is not None and alert is not None:
                _reassign(work, patient, alert, name)


def _reassign(work: Work, patient: Patient, alert: AlertRow, name: str) -> None:
    act = Release(name=name) if alert.owner == name else SkipNotified(name=name)
    if not isinstance(act_on(work.alerts, alert, act, work.at), Refused):
        _record(work, patient, alert, "alert_reassigned", notified=name)


def _record(work: Work, patient: Patient, alert: AlertRow, action: str, **detail: str) -> None:
    work.acting(SYSTEM).record(action, patient.code, alert=alert.id, tier=alert.tier.name, **detail)
