"""Decides whether the team knows a finding already, so that it needs no other alert. Raises none."""

from bot.app.concerns import agreed_levels
from bot.app.concerns.assessments import history
from bot.app.records.alerts import AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.work import Work
from bot.core.follow_up import FollowUp, has_news
from bot.core.protocol import Tier
from bot.core.triage import Assessment


def is_agreed(work: Work, row: CheckInRow, found: Assessment) -> bool:
    """Return whether the findings are within the patient's agreed levels."""
    compared = history(work, row)
    return agreed_levels.covers(work, row.patient_id, found, row.value.answers, compared, row.value.form)


def needs_no_alert(work: Work, before: FollowUp | None, row: CheckInRow, found: Assessment) -> bool:
    """Return whether a SOON finding needs no alert: an open alert has it, or it is within agreed levels."""
    return found.tier is Tier.SOON and (
        is_in_open_alert(work, before, row.patient_id, found) or is_agreed(work, row, found)
    )


def is_in_open_alert(work: Work, before: FollowUp | None, patient_id: int, found: Assessment) -> bool:
    """Return whether an alert that is not closed has these findings, unchanged since the follow-up `before`.

    The patient is still asked to call if they have not.
    """
    groups = {reason.group for reason in found.reasons if reason.tier >= Tier.SOON}
    if before is None or has_news(found, work.clinic.protocol) or not groups <= set(before.groups):
        return False
    return any(
        a.state is not AlertState.CLOSED and set(found.concerns) <= set(a.rules)
        for a in work.alerts.of_patient(patient_id)
    )
