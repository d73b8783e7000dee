"""Raises a patient's alert, or adds to the one that is open. Assesses no answers, and never closes an alert.

A patient has one alert that is not closed, so that one person of the team knows the whole.
"""

from datetime import timedelta

from bot.app.alerts.followers import notify_team, show_changed
from bot.app.alerts.naming import Found, ask, name, open_alert
from bot.app.alerts.writer import act_on, add
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.alert import Refused, Rise, first_prompt_at
from bot.core.changes import NEWS, Change, What
from bot.core.findings import NOT_NAMED
from bot.core.protocol import Tier
from bot.core.triage import Assessment

ONE_MESSAGE_FOR = timedelta(hours=1)
"""How long one message to the team is enough for what a form, or a request for help, adds to an alert."""
_PAIRS = {Tier.URGENT: "two_groups", Tier.EMERGENCY: "overlap"}
"""The rule names of an alert that findings of several check-ins raise together."""


def raise_alert(work: Work, patient: Patient, found: Found) -> AlertRow:
    """Notify the patient that they have to call now, and the team: in the alert that is open, or in a new one."""
    mine = open_alert(work, patient)
    alert = join(work, patient, mine, found, call_screen=True) if mine is not None else _new(work, patient, found)
    work.notices.call_now(patient, alert)
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
    _record_found(work, patient, alert, found, "alert_raised")
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
        work.notices.call_now(patient, mine)
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
    _record_found(work, patient, alert, found, "alert_joined", call_screen=call_screen)
    is_above = found.tier > alert.tier or (found.tier is Tier.EMERGENCY and alert.owner is not None)
    if found.is_new and (is_above or alert.is_agreed):
        changed = _without_owner(work, changed)
    elif alert.owner is not None or not is_lately:
        # Within a form that nobody has acknowledged yet, its first message to the team is enough.
        notify_team(work, patient, changed, "joined")
    # It may have forgotten whom it notified, but their messages must still be updated.
    show_changed(work, changed.model_copy(update={"notified": alert.notified}))
    return changed


def _without_owner(work: Work, alert: AlertRow) -> AlertRow:
    risen = act_on(work.alerts, alert, Rise(), work.at)
    return alert if isinstance(risen, Refused) else risen


def add_findings(work: Work, patient: Patient, alert: AlertRow, found: Found, changes: tuple[Change, ...]) -> None:
    """Add what a form found after its call screen: the name of the sign, or more than that, which the team must know.

    `changes`: what the answers changed in the patient's concerns.
    """
    news = [c for c in changes if c.what in NEWS and not c.is_for_team]
    is_name = any(c.symptom == NOT_NAMED and c.what is What.SETTLED for c in changes)
    signs = {s.id for s in work.clinic.protocol.symptoms.values() if s.names and is_name}
    tier = max((c.tier for c in news), default=Tier.ROUTINE)
    if any(c.symptom not in signs for c in news):
        join(work, patient, alert, found._replace(tier=tier))
        return
    named = name(work, alert, found._replace(tier=tier, is_new=bool(news)))
    if news or named.symptoms != alert.symptoms:
        ask(work, named, found.to_call_about or alert.call_tier)


def _record_found(work: Work, patient: Patient, alert: AlertRow, found: Found, action: str, **more: str | int) -> None:
    detail: dict[str, str | int | None] = {"alert": alert.id, "tier": found.tier.name, "checkin": found.checkin_id}
    work.acting(patient.actor).record(action, patient.code, **detail, **more)


def record(work: Work, patient: Patient, alert: AlertRow, action: str) -> None:
    """Add a line on an alert to the audit, by the patient or their caregiver."""
    work.acting(patient.actor).record(action, patient.code, alert=alert.id, tier=alert.tier.name)
