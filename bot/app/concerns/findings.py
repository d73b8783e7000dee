"""Findings raised as alerts, unless they are known or agreed."""

from bot.app.alerts import raising
from bot.app.concerns import agreed_levels
from bot.app.concerns.assessments import history
from bot.app.records.alerts import AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.follow_up import FollowUp, has_news
from bot.core.protocol import Tier
from bot.core.triage import Assessment


def raise_for(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Raise the alert of an assessment; lower ones of the same check-in stop asking the patient."""
    alert = raising.raise_alert(
        work,
        patient,
        tier=assessment.tier,
        rules=assessment.concerns,
        checkin_id=row.id,
        is_agreed=is_expected(work, row, assessment),
    )
    raising.hand_safety_follow_up_to(work, alert)


def is_expected(work: Work, row: CheckInRow, found: Assessment) -> bool:
    """Whether these findings are no more than what the team expects for a while."""
    compared = history(work, row)
    return agreed_levels.explains(work, row.patient_id, found, row.value.answers, compared, row.value.form)


def raises_nothing_new(work: Work, before: FollowUp | None, row: CheckInRow, found: Assessment) -> bool:
    """Whether a SOON finding needs no alert of its own: it stands in one that is open, or the team expects it."""
    return found.tier is Tier.SOON and (is_known(work, before, row.patient_id, found) or is_expected(work, row, found))


def is_known(work: Work, before: FollowUp | None, patient_id: int, found: Assessment) -> bool:
    """Whether these findings are those of a watch before, unchanged, and stand in an alert that staff still have.

    Then no second alert is raised for the same: the patient is asked to call all the same, if they have not.
    """
    groups = {reason.group for reason in found.reasons if reason.tier >= Tier.SOON}
    if before is None or has_news(found, work.clinic.protocol) or not groups <= set(before.groups):
        return False
    return any(
        a.state is not AlertState.CLOSED and set(found.concerns) <= set(a.rules)
        for a in work.alerts.of_patient(patient_id)
    )
