"""Raises a patient's alert, or adds to the one that is open. Assesses no answers, and never closes an alert.

A patient has one alert that is not closed, so that one person of the team knows the whole.
"""

from bot.app.alerts.followers import (
    ONE_MESSAGE_FOR,
    needs_owner_again,
    notify_person,
    notify_team,
    show_changed,
    show_seen,
    without_owner,
)
from bot.app.alerts.naming import Found, ask, name, open_alert
from bot.app.alerts.writer import add
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.changes import NEWS, Change, signs_named
from bot.core.protocol import Tier
from bot.core.safety_follow_up import first_prompt_at
from bot.core.triage import Assessment

_PAIRS = {Tier.URGENT: "two_groups", Tier.EMERGENCY: "overlap"}
"""The rule names of an alert that findings of several check-ins raise together."""


def raise_alert(work: Work, patient: Patient, found: Found) -> AlertRow:
    """Notify the patient that they have to call now, and the team: in the alert that is open, or in a new one."""
    mine = open_alert(work, patient)
    alert = join(work, patient, mine, found, call_screen=True) if mine is not None else _new(work, patient, found)
    work.notices.call_now(patient, alert.model_copy(update={"rules": found.rules, "symptoms": found.symptoms}))
    return alert


def _new(work: Work, patient: Patient, found: Found) -> AlertRow:
    alert = add(
        work.alerts,
        AlertRow(
            patient_id=patient.id,
            checkin_id=found.checkin_id,
            tier=found.tier,
            rules=found.rules,
            symptoms=found.symptoms,
            named_at=work.at,
            raised_at=work.at,
            caregiver_id=patient.caregiver.id if patient.caregiver is not None else None,
            next_patient_prompt_at=first_prompt_at(found.tier, work.clinic.protocol.clocks, work.at),
        ),
        work.at,
    )
    record(work, patient, alert, "alert_raised", checkin=found.checkin_id)
    return alert


def raise_for(
    work: Work,
    patient: Patient,
    row: CheckInRow,
    assessment: Assessment,
    *,
    raised: Tier,
    symptoms: tuple[str, ...],
    to_call_about: Tier | None,
    is_new: bool,
) -> None:
    """Raise the alert of an assessment.

    `raised`: the tier of what is new, which with earlier findings may need more than this form alone. `symptoms`: what
    it names; `to_call_about`: the tier of all that is open, if that is known. If nothing `is_new` since an open alert
    of that tier named all of it, show its call screen again.
    """
    mine = open_alert(work, patient)
    is_named = mine is not None and bool(symptoms) and set(symptoms) <= set(mine.symptoms)
    if mine is not None and is_named and not is_new and mine.state is AlertState.OPEN and mine.asks >= raised:
        tier = max(raised, to_call_about or mine.asks)
        shown = {"asked_tier": tier, "rules": assessment.concerns, "symptoms": symptoms}
        work.notices.call_now(patient, mine.model_copy(update=shown))
        return
    own = max((r.tier for r in assessment.reasons if r.rule in assessment.concerns), default=Tier.ROUTINE)
    pair = (_PAIRS[raised],) if raised > own and raised in _PAIRS else ()
    rules = (*assessment.concerns, *(rule for rule in pair if rule not in assessment.concerns))
    raise_alert(work, patient, Found(raised, rules, symptoms, row.id, to_call_about, is_new or not is_named))


def join(work: Work, patient: Patient, alert: AlertRow, found: Found, *, call_screen: bool = False) -> AlertRow:
    """Add what was found to an open alert, notify the team, and return the alert. `call_screen`: one is shown with it.

    If it is new, and an EMERGENCY or above the alert's tier, the alert has no owner any more and escalates again;
    otherwise the owner is notified, or, without one, everyone who was notified of the alert before.
    """
    is_same_form = found.checkin_id is not None and found.checkin_id == alert.checkin_id
    is_lately = is_same_form and work.at - (alert.named_at or alert.raised_at) < ONE_MESSAGE_FOR
    changed = name(work, alert, found)
    if found.asks_patient:
        changed = ask(work, changed, max(found.tier, found.to_call_about or alert.asks))
    if found.is_new:
        show_seen(work, patient, alert, is_seen=False)
    of_found = {"tier": found.tier.name, "checkin": found.checkin_id, "call_screen": call_screen}
    record(work, patient, alert, "alert_joined", **of_found)
    if found.is_new and needs_owner_again(work, alert, found.tier):
        changed = without_owner(work, changed)
        notify_person(work, patient, changed, alert.owner, "joined")
    elif alert.owner is not None or not is_lately:
        # Within a form that nobody has acknowledged yet, its first message to the team is enough.
        notify_team(work, patient, changed, "joined")
    show_changed(work, changed.model_copy(update={"notified": alert.notified}))
    return changed


def add_findings(work: Work, patient: Patient, alert: AlertRow, found: Found, changes: tuple[Change, ...]) -> None:
    """Add what a form found after its call screen: the name of the sign, or more than that, which the team must know.

    `changes`: what the answers changed in the patient's concerns.
    """
    news = [c for c in changes if c.what in NEWS and not c.is_for_team]
    signs = signs_named(changes, work.clinic.protocol)
    tier = max((c.tier for c in news), default=Tier.ROUTINE)
    if any(c.symptom not in signs for c in news):
        join(work, patient, alert, found._replace(tier=tier))
        return
    named = name(work, alert, found._replace(tier=tier, is_new=bool(news), checkin_id=None))
    if (news or named.symptoms != alert.symptoms) and found.to_call_about:
        ask(work, named, found.to_call_about)


def record(work: Work, patient: Patient, alert: AlertRow, action: str, **more: str | int | None) -> None:
    """Add a line on an alert to the audit, by the patient or their caregiver."""
    work.acting(patient.actor).record(action, patient.code, **{"alert": alert.id, "tier": alert.tier.name, **more})
