"""Counts what an upgrade to remembered concerns would do: whom it converts, and what their next check-ins would open.

Stores nothing. It assumes that each patient answers their next check-in as they answered the last one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.app.concerns.conversion import converted, sources_of
from bot.app.concerns.follow_up import local_day
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.concern_values import Rules
from bot.core.hearing import FormAnswers, Remembered
from bot.core.protocol import Tier
from bot.core.triage import History
from bot.core.weighing import weigh

_ALL_CHECKINS = 2**62


class UpgradePreview(NamedTuple):
    """How many patients would be converted, and the tiers of the alerts that their next check-ins would open."""

    patients: int
    alerts: Mapping[Tier, int]


def preview(work: Work, patients: Sequence[Patient]) -> UpgradePreview:
    """Return what converting these patients would do; those who were converted before don't count."""
    new = [patient for patient in patients if work.concerns.of_patient(patient.id) is None]
    tiers = [_raised_by_the_last_answers(work, patient) for patient in new if patient.state is PatientState.ACTIVE]
    return UpgradePreview(len(new), Counter(tier for tier in tiers if tier > Tier.ROUTINE))


def _raised_by_the_last_answers(work: Work, patient: Patient) -> Tier:
    protocol = work.clinic.protocol
    finished = work.answers.last_finished(patient.id, _ALL_CHECKINS)
    if not finished:
        return Tier.ROUTINE
    rules = Rules(protocol.symptoms, protocol.remembering)
    memory = converted(sources_of(work), patient, rules, work.at)
    form, answers = finished[0]
    compared = History(previous=answers, baseline=work.answers.baseline(patient.id))
    given = FormAnswers(form, answers, (), finished=True)
    day = local_day(patient, work.clinic, work.at)
    remembered = Remembered(memory, {}, opened_at=work.at, at=work.at, day=day, by=patient.giver)
    return weigh(given, compared, remembered, protocol).raised
