"""Converts what was stored before concerns were remembered. Stores nothing, and decides nothing of its own.

What earlier versions stored happens again to an empty memory, in its order: the first baseline, agreed levels, and the
findings of alerts. An open alert is OPEN; one closed lately is REACHED if somebody was in contact with the patient, and
OPEN if nobody was.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.app.ports.alerts import AgreedLevelStore, AlertStore
from bot.app.ports.checkins import AnswerStore, CheckInStore
from bot.app.records.alerts import AgreedLevel, AlertRow
from bot.app.records.concerns import OpenConcern
from bot.app.records.patients import Patient, giver_of
from bot.app.work import Work
from bot.core.concern_values import Level, Rules
from bot.core.findings import HELP, NOT_NAMED, Finding, find
from bot.core.happenings import Agree, AlertClosed, Answered, BaselineFinished, Happening, KnownBefore, Outcome
from bot.core.hearing import BASELINE
from bot.core.memory import Memory, apply
from bot.core.protocol import Answers, Protocol, Tier
from bot.core.triage import History, assess

CLOSED_WITHIN = timedelta(days=28)
"""Alerts that were closed earlier are not converted: as long as a reached level is kept."""
ASKED_FOR_HELP = "asked_for_help"
"""The rule name of an alert raised by "Need help now"."""
CONTACT = frozenset({"spoke_to_patient", "sent_to_ed"})
"""Outcomes that say that somebody was in contact with the patient."""


class Sources(NamedTuple):
    """Where earlier versions stored what was found, and the protocol that it is read by."""

    answers: AnswerStore
    checkins: CheckInStore
    alerts: AlertStore
    agreed_levels: AgreedLevelStore
    protocol: Protocol
    timezone: str


def sources_of(work: Work) -> Sources:
    """Return the sources of a unit of work."""
    clinic = work.clinic
    return Sources(work.answers, work.checkins, work.alerts, work.agreed_levels, clinic.protocol, clinic.timezone)


def converted(sources: Sources, patient: Patient, rules: Rules, at: datetime) -> Memory:
    """Return the memory at a time that follows from what is stored of the patient."""
    memory = Memory()
    baseline = sources.answers.baseline(patient.id)
    # One that ends now is heard as what it is: who gave each answer is known.
    if baseline is not None and not _ends_now(sources, patient, at):
        known = [*_known(sources, baseline), BaselineFinished()]
        memory = apply(memory, known, rules, patient.created_at).memory
    for alert in reversed(sources.alerts.of_patient(patient.id)):
        memory = _with_alert(sources, patient, memory, alert, rules, at)
    for agreed in sources.agreed_levels.of_patient(patient.id):
        if agreed.ended_at is None and at < agreed.until:
            memory = apply(memory, _agreed(sources, agreed), rules, agreed.made_at).memory
    return memory


def _ends_now(sources: Sources, patient: Patient, at: datetime) -> bool:
    done = [row.closed_at for row in sources.checkins.of_patient(patient.id) if row.value.form == BASELINE]
    return not any(closed_at is not None and closed_at < at for closed_at in done)


def _known(sources: Sources, baseline: Answers) -> Iterator[Happening]:
    for finding in _findings(sources, baseline, BASELINE):
        if finding.was_known:
            yield KnownBefore(symptom=finding.symptom, level=finding.level, is_helper=False)


def _agreed(sources: Sources, agreed: AgreedLevel) -> Iterator[Happening]:
    symptom = sources.protocol.symptoms.get(agreed.question)
    question = sources.protocol.questions.get(agreed.question)
    step = question.step_of(agreed.level) if question is not None else None
    if symptom is not None and step is not None:
        level = Level(symptom.levels.get(agreed.level, Tier.ROUTINE), step)
        yield Agree(symptom=symptom.id, level=level, until=agreed.until)


def _with_alert(
    sources: Sources, patient: Patient, memory: Memory, alert: AlertRow, rules: Rules, at: datetime
) -> Memory:
    if alert.closed_at is not None and at - alert.closed_at > CLOSED_WITHIN:
        return memory
    findings = tuple(_of_alert(sources, alert))
    day = alert.raised_at.astimezone(ZoneInfo(patient.timezone or sources.timezone)).date()
    found = [Answered(symptom=f.symptom, level=f.level, by=giver_of(patient.code, None), day=day) for f in findings]
    memory = apply(memory, found, rules, alert.raised_at).memory
    if alert.closed_at is None:
        return memory
    symptoms = tuple(f.symptom for f in findings)
    if alert.outcome in CONTACT:
        contact = Outcome(kind="contact", symptoms=symptoms, shown_at=alert.closed_at)
        return apply(memory, (contact, AlertClosed()), rules, alert.closed_at).memory
    # Closed without contact: nobody is known to have spoken with the patient; "no action" is enough for SOON.
    no_action = Outcome(kind="no_action", symptoms=symptoms, shown_at=alert.closed_at)
    noted = (no_action,) if alert.outcome == "no_action" else ()
    return apply(memory, (*noted, AlertClosed()), rules, alert.closed_at).memory


def _of_alert(sources: Sources, alert: AlertRow) -> Iterator[Finding]:
    """Yield the findings of an alert: what the answers of its check-in say, where its rules are about that."""
    checkin = sources.checkins.get(alert.checkin_id) if alert.checkin_id is not None else None
    protocol = sources.protocol
    groups = {rule.group for rule in protocol.rules if rule.id in alert.rules}
    found = _findings(sources, checkin.value.answers, checkin.value.form) if checkin is not None else ()
    of_rules = [f for f in found if f.level.tier >= Tier.SOON and _group(f.symptom, protocol) in groups | {NOT_NAMED}]
    yield from of_rules or [Finding(symptom=_fallback(sources, alert), level=Level(alert.tier, 1))]


def _group(symptom: str, protocol: Protocol) -> str:
    known = protocol.symptoms.get(symptom)
    return known.group if known is not None else symptom


def named_by(work: Work, alert: AlertRow) -> tuple[str, ...]:
    """Return the symptoms that an alert names; those of its answers if it is older than concerns."""
    return alert.symptoms or tuple(finding.symptom for finding in _of_alert(sources_of(work), alert))


def alert_about(work: Work, patient: Patient, concerns: tuple[OpenConcern, ...]) -> AlertRow | None:
    """Return the newest alert that names one of these concerns, one that is not closed first; None if there is none.

    A closed one can be answered too: it may be from before an alert needed contact to be closed.
    """
    symptoms = {concern.symptom for concern in concerns}
    found = [alert for alert in work.alerts.of_patient(patient.id) if symptoms & set(named_by(work, alert))]
    return min(found, key=lambda alert: alert.closed_at is not None, default=None)


def _fallback(sources: Sources, alert: AlertRow) -> str:
    """Return the symptom of an alert whose answers can't be read any more, or that had none.

    A rule that the protocol no longer has counts for the group of the rules that are named alike: the id of a rule is
    no id of a symptom.
    """
    if ASKED_FOR_HELP in alert.rules:
        return HELP
    groups = [rule.group for rule in sources.protocol.rules if rule.id in alert.rules]
    kinds = {_kind(rule) for rule in alert.rules}
    alike = [rule.group for rule in sources.protocol.rules if _kind(rule.id) in kinds]
    return next(iter((*groups, *alike)), NOT_NAMED)


def _kind(rule: str) -> str:
    """Return the first part of a rule's id: "skipped" of "skipped.falls"."""
    return rule.partition(".")[0]


def _findings(sources: Sources, answers: Answers, form: str) -> tuple[Finding, ...]:
    protocol = sources.protocol
    assessment = assess(answers, History(), protocol, form=form, finished=True)
    return find(answers, assessment, protocol)
