"""Collects what is stored about a patient, in their words: answers, calls, levels, treatment, plan, consent, settings.

It has no number of a row, nobody's name, and nothing of a helper but that they answered. It makes no file.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.app.concerns import symptom_levels
from bot.app.concerns.memory import recall
from bot.app.patients.history import CheckInRecord, record_of
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import AnswerRow
from bot.app.records.messages import Outbox
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.app.schedules.plans import OPEN_ENDED
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.concern_values import ConcernState
from bot.core.own_data import DataEntry, DataFact, DataPart, OwnData, Value
from bot.core.protocol import SKIP, Question
from bot.core.screen import Text
from bot.dialog.answers import answer_text
from bot.dialog.widgets import choice_text, date_text, numbers, question_text, short_text, symptom_text

_FORMS = frozenset({"quick", "full", "baseline"})
_STATES = {State.DONE: "done", State.EXPIRED: "unfinished", State.REPLACED: "unfinished"}
_MOST_LINES = 100_000
"""More lines of the audit than one patient can have."""
_TAPS: Mapping[str, str] = {
    "patient_called": "button.called",
    "patient_reached": "button.yes",
    "patient_at_hospital": "button.at_hospital",
    "patient_not_yet": "button.not_yet",
    "patient_cannot_reach": "button.cannot_reach",
    "patient_cannot_call": "button.cannot_call",
    "patient_mistake": "button.was_mistake",
    "patient_mistake_of_other": "button.was_mistake",
    "patient_is_urgent": "button.this_is_urgent",
    "patient_can_wait": "button.can_wait",
    "patient_remind": "button.remind_call",
    "patient_team_knows": "button.team_knows",
}
"""The buttons that the audit records, by its actions."""


def collect(work: Work, row: Outbox) -> OwnData:
    """Return the data of the patient whose chat asked for it. Raise RefusedError if it is not surely theirs."""
    patient = work.patients.get(row.patient_id) if row.patient_id is not None else None
    if patient is None or patient.chat_id != row.chat_id or patient.history_from is not None:
        raise RefusedError("the chat that asked for the data is no patient's any more, or a phone nobody confirmed")
    return own_data(work, patient)


def own_data(work: Work, patient: Patient) -> OwnData:
    """Return everything about a patient, the newest first within each part."""
    record = record_of(work, patient)
    parts = (
        _part("check_ins", (_checkin(work, patient, one) for one in reversed(record.checkins))),
        _part("calls", _calls(work, patient, record.alerts)),
        _part("open", _concerns(work, patient)),
        _part("levels", _levels(work, patient)),
        _part("treatment", _treatment(patient)),
        _part("plan", (_plan(work, patient),)),
        _part("consent", _consents(work, patient)),
        _part("settings", (_settings(work, patient),)),
        _part("questions", _questions(work, record.checkins)),
    )
    intro = (
        Text(key="own.numbers", values=numbers(work.clinic)),
        Text(key="own.made", values={"at": _time(work, patient, work.at), "code": patient.code}),
        Text(key="own.keep_safe"),
    )
    return OwnData(
        made_at=work.at, title=Text(key="own.title"), nothing=Text(key="own.nothing"), intro=intro, parts=parts
    )


def _part(name: str, entries: Iterator[DataEntry] | tuple[DataEntry, ...]) -> DataPart:
    return DataPart(id=name, title=Text(key=f"own.part.{name}"), entries=tuple(entries))


def _fact(name: str, words: Text, value: Value) -> DataFact:
    return DataFact(id=name, name=Text(key=f"own.{name}"), words=words, value=value)


def _raw(text: str) -> Text:
    return Text(key="raw", values={"text": text})


def _time(work: Work, patient: Patient, at: datetime) -> Text:
    local = at.astimezone(ZoneInfo(patient.timezone or work.clinic.timezone))
    return Text(key="own.at", values={"date": date_text(local.date()), "time": f"{local:%H:%M}"})


def _time_fact(work: Work, patient: Patient, name: str, at: datetime | None) -> Iterator[DataFact]:
    if at is not None:
        yield _fact(name, _time(work, patient, at), at.isoformat(timespec="seconds"))


# -- check-ins


def _checkin(work: Work, patient: Patient, record: CheckInRecord) -> DataEntry:
    row = record.row
    form = row.value.form if row.value.form in _FORMS else "other"
    title = Text(
        key="own.checkin", values={"at": _time(work, patient, row.opened_at), "form": Text(key=f"own.form.{form}")}
    )
    state = _STATES.get(row.value.state, "open")
    facts = (_fact("state", Text(key=f"own.state.{state}"), state), *(_answer(work, one) for one in record.answers))
    return DataEntry(facts=facts, title=title, kind=row.value.form, at=row.opened_at)


def _answer(work: Work, row: AnswerRow) -> DataFact:
    question = work.clinic.protocol.questions.get(row.question)
    words = _answer_words(question, row.choices)
    if row.caregiver_id is not None:
        words = Text(key="own.by_helper", values={"answer": words})
    if row.superseded_at is not None:
        words = Text(key="own.changed_later", values={"answer": words})
    name = short_text(question) if question is not None else _raw(_plain(row.question))
    return DataFact(id=row.question, name=name, words=words, value=row.choices, at=row.given_at)


def _answer_words(question: Question | None, choices: tuple[str, ...]) -> Text:
    known = question is not None and all(choice == SKIP or question.choice(choice) for choice in choices)
    # An earlier protocol asked it: its texts may be gone.
    return answer_text(question, choices) if question is not None and known else _raw(", ".join(map(_plain, choices)))


def _plain(identifier: str) -> str:
    return identifier.replace("_", " ")


def _questions(work: Work, records: tuple[CheckInRecord, ...]) -> Iterator[DataEntry]:
    """Yield each question that was asked, in the words of the forms that asked it, with its choices."""
    protocol = work.clinic.protocol
    asked = dict.fromkeys(answer.question for record in records for answer in record.answers)
    names = dict.fromkeys(record.row.value.form for record in records)
    steps = [step for name in names if name in protocol.forms for step in protocol.forms[name].steps]
    for question in (protocol.questions.get(name) for name in asked):
        if question is not None:
            words = dict.fromkeys(step.text for step in steps if step.ask == question.id) or (None,)
            facts = (
                *(_fact("question", question_text(work.clinic, question, key), question.id) for key in words),
                *(DataFact(id=c.id, name=_raw("•"), words=choice_text(question, c.id)) for c in question.choices),
            )
            yield DataEntry(facts=facts, title=short_text(question), kind=question.id)


# -- calls


def _calls(work: Work, patient: Patient, alerts: tuple[AlertRow, ...]) -> Iterator[DataEntry]:
    lines = [line for line in work.audit.lines(patient.code, limit=_MOST_LINES) if line.action in _TAPS]
    for alert in reversed(alerts):
        symptoms = tuple(symptom for symptom in alert.symptoms if symptom in work.clinic.protocol.symptoms)
        facts = [_fact("tier", Text(key=f"own.tier.{alert.tier.name.lower()}"), alert.tier.name)]
        facts += [_fact("about", symptom_text(work.clinic, symptom), symptom) for symptom in symptoms]
        mine = (line for line in reversed(lines) if line.detail.get("alert") == alert.id)
        facts += [_tap(work, patient, line) for line in mine]
        yield DataEntry(facts=tuple(facts), title=_time(work, patient, alert.raised_at), at=alert.raised_at)


def _tap(work: Work, patient: Patient, line: Audit) -> DataFact:
    """Return what was tapped below a call screen, and when; of a helper only that it was one."""
    values = {"at": _time(work, patient, line.at), "button": Text(key=_TAPS[line.action])}
    who = "helper_tapped" if line.actor.startswith("caregiver:") else "tapped"
    words = Text(key="own.tap", values=values)
    return _fact(who, words, f"{line.action.removeprefix('patient_')} {line.at.isoformat(timespec='seconds')}")


# -- what is remembered, levels


def _concerns(work: Work, patient: Patient) -> Iterator[DataEntry]:
    for symptom, concern in sorted(recall(work, patient).value.concerns.items()):
        if concern.state is not ConcernState.NONE:
            name = symptom_text(work.clinic, symptom)
            words = Text(key=f"own.concern.{concern.state}")
            facts = (
                DataFact(id=symptom, name=name, words=words, value=str(concern.state)),
                *_time_fact(work, patient, "since", concern.first_found_at),
            )
            yield DataEntry(facts=facts, kind=symptom, at=concern.first_found_at)


def _levels(work: Work, patient: Patient) -> Iterator[DataEntry]:
    """Yield what is accepted as usual now, and each decision of the team, without names and reasons."""
    for symptom, usual in sorted(recall(work, patient).value.accepted.items()):
        reference = symptom_levels.word_of(work.clinic, symptom, usual.reference)
        if reference is not None:
            yield _level(work, symptom, "usual", reference)
    for decision in work.levels.of_patient(patient.id):
        entry = _level(work, decision.symptom, f"decision.{decision.kind}", decision.level)
        more = (
            *_time_fact(work, patient, "on", decision.made_at),
            *_time_fact(work, patient, "until", decision.until),
        )
        yield entry.model_copy(update={"facts": (*entry.facts, *more), "at": decision.made_at})


def _level(work: Work, symptom: str, what: str, level: str | None) -> DataEntry:
    words = Text(key=f"own.{what}", values={"level": _level_words(work, symptom, level)})
    fact = DataFact(id=symptom, name=symptom_text(work.clinic, symptom), words=words, value=level)
    return DataEntry(facts=(fact,), kind=what.removeprefix("decision."))


def _level_words(work: Work, symptom: str, level: str | None) -> Text:
    known = work.clinic.protocol.symptoms.get(symptom)
    question = work.clinic.protocol.questions.get(known.question) if known is not None and known.question else None
    if question is not None and level is not None and question.choice(level) is not None:
        return choice_text(question, level)
    return Text(key="own.there") if level in {symptom_levels.THERE, symptom_levels.WORSE} else Text(key="own.none")


# -- treatment, plan, consent, settings


def _treatment(patient: Patient) -> Iterator[DataEntry]:
    for period in patient.treatment.periods:
        facts = [_fact("start", date_text(period.start), str(period.start))]
        if period.stop is not None:
            facts.append(_fact("stop", date_text(period.stop), str(period.stop)))
        if period.reason is not None:
            facts.append(_fact("stop_reason", Text(key=f"own.stop_reason.{period.reason}"), str(period.reason)))
        if period.drug is not None:
            facts.append(_fact("drug", _raw(period.drug), period.drug))
        facts.append(_fact("regimen", Text(key=f"card.regimen.{patient.regimen}"), patient.regimen))
        yield DataEntry(facts=tuple(facts))


def _plan(work: Work, patient: Patient) -> DataEntry:
    own = patient.plan_override
    facts = [
        _fact("taking_part", Text(key=f"own.taking_part.{patient.state}"), str(patient.state)),
        _fact("plan", _raw(_plain(patient.plan)), patient.plan),
        *_time_fact(work, patient, "next", patient.next_due_at),
    ]
    for pause in patient.pauses:
        last = Text(key="own.open_ended") if pause.last == OPEN_ENDED else date_text(pause.last)
        words = Text(key="own.from_to", values={"first": date_text(pause.first), "last": last})
        facts.append(_fact("pause", words, (str(pause.first), str(pause.last))))
    facts += [
        _fact("rhythm", Text(key="own.every", values={"n": each.every}), (str(each.first_day), str(each.last_day)))
        for each in own.rhythms
    ]
    facts += [_fact("weekday", Text(key=f"weekday.{day + 1}"), day + 1) for day in own.weekdays]
    facts += [_fact("extra", date_text(each.day), str(each.day)) for each in own.extras]
    return DataEntry(facts=tuple(facts))


def _consents(work: Work, patient: Patient) -> Iterator[DataEntry]:
    for consent in work.consents.of_patient(patient.id):
        facts = (
            _fact("version", _raw(consent.version), consent.version),
            *_time_fact(work, patient, "given", consent.given_at),
            *_time_fact(work, patient, "withdrawn", consent.withdrawn_at),
        )
        yield DataEntry(facts=facts, at=consent.given_at)


def _settings(work: Work, patient: Patient) -> DataEntry:
    zone = patient.timezone or work.clinic.timezone
    quiet = {"first": f"{patient.quiet_from:%H:%M}", "last": f"{patient.quiet_to:%H:%M}"}
    helper = next((c for c in work.caregivers.of_patient(patient.id) if c.state == "active"), None)
    facts = (
        _fact("language", Text(key=f"language.{patient.language}"), patient.language),
        _fact("zone", _raw(_plain(zone.rsplit("/", 1)[-1])), zone),
        _fact("send_time", _raw(f"{patient.send_time:%H:%M}"), f"{patient.send_time:%H:%M}"),
        _fact("quiet", Text(key="own.from_to", values=dict(quiet)), tuple(quiet.values())),
        *_time_fact(work, patient, "helper_since", helper.agreed_at if helper is not None else None),
    )
    return DataEntry(facts=facts)
