"""What stays with the team when a patient leaves, pauses or gets a new phone: open concerns outlive all of it.

Ends and closes nothing. The patient's chat gets no prompts afterwards; the team is notified and its clocks go on.
"""

from collections.abc import Iterable

from bot.app.alerts.followers import notify_team
from bot.app.alerts.for_team import raise_for_team
from bot.app.alerts.writer import keep_team_side
from bot.app.concerns.conversion import named_by
from bot.app.concerns.memory import recall
from bot.app.records.alerts import ATTEMPT, AlertRow, AlertState
from bot.app.records.patients import Patient
from bot.app.work import Work

RULE = "left_while_open"
"""The rule name of an alert that is all that is kept of a patient whose data was deleted."""


def hand_to_team(work: Work, patient: Patient, why: str) -> AlertRow | None:
    """Notify the team of a patient who goes while something is OPEN; return the alert about it, None if nothing is.

    `why`: "left", "paused" or "new_phone". What no open alert names gets one, without a word to the patient. Of one who
    left, an alert without an outcome counts as well: the patient's own "yes" never stops the team's clock.
    """
    found = recall(work, patient).value.open
    alerts = _open_alerts(work, patient)
    if not found and (why != "left" or not _without_outcome(alerts)):
        return None
    named = {symptom for alert in alerts for symptom in named_by(work, alert)}
    left = [concern for concern in found if concern.symptom not in named]
    if left:
        tier = max(concern.tier for concern in left)
        raise_for_team(work, patient, RULE, tuple(concern.symptom for concern in left), tier)
        alerts = _open_alerts(work, patient)
    for alert in alerts:
        notify_team(work, patient, alert, why)
    return max(alerts, key=lambda alert: (alert.tier, -alert.id))


def keep_for_team(work: Work, patient: Patient) -> int | None:
    """Keep of a patient whose data is to be deleted one alert, without any answer; return its number, None if none.

    It has the code of the patient, the highest tier and "left while open" until staff record an outcome.
    """
    alerts = _open_alerts(work, patient)
    if not alerts or not outlives_data(work, patient):
        return None
    highest = max(alerts, key=lambda alert: (alert.tier, -alert.id))
    kept = AlertRow(
        id=highest.id,
        version=highest.version,
        patient_id=patient.id,
        checkin_id=None,
        tier=highest.tier,
        rules=(RULE,),
        state=AlertState.UNCONFIRMED,
        raised_at=highest.raised_at,
    )
    return keep_team_side(work.alerts, highest, kept).id


def outlives_data(work: Work, patient: Patient) -> bool:
    """Return whether the team still has to deal with something of the patient: OPEN, or an alert without an outcome."""
    return bool(recall(work, patient).value.open) or _without_outcome(_open_alerts(work, patient))


def _without_outcome(alerts: Iterable[AlertRow]) -> bool:
    return any(alert.outcome in {None, ATTEMPT} for alert in alerts)


def _open_alerts(work: Work, patient: Patient) -> list[AlertRow]:
    return [alert for alert in work.alerts.open_of(patient.id) if not alert.is_agreed]
