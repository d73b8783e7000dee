"""Counts what an upgrade to remembered concerns would do: whom it converts, and what their next check-ins would open.

Stores nothing. It assumes that each patient answers their next check-in as they answered the last one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.app.concerns.conversion import Sources, converted
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.concern import Rules
from bot.core.findings import find
from bot.core.happenings import Answered
from bot.core.memory import apply
from bot.core.protocol import Tier
from bot.core.triage import History, assess

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
    sources = Sources(work.answers, work.checkins, work.alerts, work.agreed_levels, protocol, work.clinic.timezone)
    memory = converted(sources, patient, rules, work.at)
    form, answers = finished[0]
    compared = History(previous=answers, baseline=work.answers.baseline(patient.id))
    assessment = assess(answers, compared, protocol, form=form, finished=True)
    day = work.at.date()
    given = [
        Answered(symptom=f.symptom, level=f.level, by=patient.actor, day=day, is_named=f.is_named)
        for f in find(answers, assessment, protocol)
    ]
    return apply(memory, given, rules, work.at).raised
