"""Answers and alerts as FHIR R4 resources in NDJSON (one line of JSON each), the format of bulk exports.

A form is a Questionnaire, a check-in a QuestionnaireResponse, an alert a Flag with a CommunicationRequest to the team,
a treatment period a MedicationStatement. Patients are identified only by study code.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.app.patients.history import CheckInRecord, PatientRecord
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.patients import TreatmentPeriod
from bot.core.checkin import State
from bot.core.protocol import Form, Protocol, Question, Tier
from bot.core.screen import BULLET
from bot.core.treatment import StopReason

BASE = "urn:nervecheck"
"""Prefix of the systems of identifiers and codes; a clinic's server assigns its own."""
_PRIORITY = {Tier.EMERGENCY: "stat", Tier.URGENT: "asap", Tier.SOON: "urgent", Tier.ROUTINE: "routine"}


Resource = dict[str, Any]
PlainTexts = Mapping[str, str]
"""Catalog key -> plain text in one language."""


def line(resource: Resource) -> str:
    """Return a resource as one line of NDJSON."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n"


def questionnaires(protocol: Protocol, texts: PlainTexts, at: datetime) -> Iterator[Resource]:
    """Yield the forms of a protocol as Questionnaires."""
    for form in protocol.forms.values():
        yield {
            "resourceType": "Questionnaire",
            "id": _id("form", form.id),
            "url": _form_url(form.id),
            "version": protocol.version,
            "name": f"nervecheck_{form.id}",
            "title": f"nervecheck {protocol.name}: {form.id}",
            "status": "active",
            "date": _timestamp(at),
            "item": list(_items(protocol, form, texts)),
        }


def _items(protocol: Protocol, form: Form, texts: PlainTexts) -> Iterator[Resource]:
    for step in form.steps:
        question = protocol.questions[step.ask]
        key = step.text or f"question.{question.id}"
        yield {
            "linkId": question.id,
            "text": _question(question, key, texts),
            "type": "choice",
            "repeats": question.kind == "several",
            "answerOption": [{"valueCoding": _coding(question, c.id, texts)} for c in question.choices],
        }


def _question(question: Question, key: str, texts: PlainTexts) -> str:
    """Return a question as it is read; a safety screen with its signs and their rarer forms."""
    text = texts.get(key, question.id)
    if question.follows is not None:
        return text.replace("{what}", texts.get(f"symptom.{question.follows}", question.follows))
    if question.signs is None:
        return text
    lines = [BULLET + texts.get(f"sign.{question.id}.{line.id}", line.id) for line in question.signs.lines]
    return "\n".join([text, *lines, texts.get(f"fold.{question.id}", "")]).rstrip()


def _coding(question: Question, choice_id: str, texts: PlainTexts) -> Resource:
    choice = question.choice(choice_id)
    coding = {"system": f"{BASE}:question:{question.id}", "code": choice_id}
    if choice is not None:
        display = texts.get(choice.text or f"choice.{question.id}.{choice.id}", choice_id)
        coding["display"] = display.replace("{count}", str(len(question.signs.lines))) if question.signs else display
    return coding


def of_patient(patient: PatientRecord, protocol: Protocol, texts: PlainTexts) -> Iterator[Resource]:
    """Yield the treatment periods of one patient, the responses, then the flags and requests."""
    for number, period in enumerate(patient.patient.periods, start=1):
        yield _medication(patient.code, number, period)
    for record in patient.checkins:
        yield _response(patient.code, record, protocol, texts)
    for alert in patient.alerts:
        yield _flag(patient.code, alert)
        yield _request(patient.code, alert)


def _medication(code: str, number: int, period: TreatmentPeriod) -> Resource:
    resource: Resource = {
        "resourceType": "MedicationStatement",
        "id": _id("treatment", f"{code}-{number}"),
        "identifier": [{"system": f"{BASE}:treatment-period", "value": f"{code}-{number}"}],
        "status": _treatment_status(period),
        "medicationCodeableConcept": {"text": period.drug or "immune checkpoint inhibitor"},
        "subject": _subject(code),
        "effectivePeriod": {"start": str(period.start)} | ({"end": str(period.stop)} if period.stop else {}),
        "dateAsserted": _timestamp(period.recorded_at),
    }
    if period.stop is not None:
        reason = period.stop_reason or StopReason.UNKNOWN
        resource["statusReason"] = [{"coding": [{"system": f"{BASE}:stop-reason", "code": reason}]}]
    return resource


def _treatment_status(period: TreatmentPeriod) -> str:
    if period.stop is None:
        return "active"
    return "completed" if period.stop_reason is StopReason.PLANNED_END else "stopped"


def _response(code: str, record: CheckInRecord, protocol: Protocol, texts: PlainTexts) -> Resource:
    row = record.row
    current = [a for a in record.answers if a.superseded_at is None]
    is_done = row.value.state is State.DONE
    resource: Resource = {
        "resourceType": "QuestionnaireResponse",
        "id": _id("checkin", str(row.id)),
        "identifier": {"system": f"{BASE}:checkin", "value": str(row.id)},
        "questionnaire": f"{_form_url(row.value.form)}|{row.protocol_version}",
        "status": _status(record, is_done=is_done),
        "subject": _subject(code),
        "authored": _timestamp(max((a.given_at for a in record.answers), default=row.opened_at)),
    }
    items = [_answer_item(protocol, texts, a.question, a.choices) for a in current]
    if items:
        resource["item"] = items
    if record.assessment is not None:
        resource["extension"] = [
            {"url": f"{BASE}:tier", "valueCode": record.assessment.tier.name},
            {"url": f"{BASE}:protocol-hash", "valueString": record.assessment.protocol_hash},
        ]
    return resource


def _status(record: CheckInRecord, *, is_done: bool) -> str:
    if not is_done:
        return "in-progress" if record.row.closed_at is None else "stopped"
    return "amended" if any(a.superseded_at is not None for a in record.answers) else "completed"


def _answer_item(protocol: Protocol, texts: PlainTexts, question_id: str, choices: tuple[str, ...]) -> Resource:
    question = protocol.questions.get(question_id)
    system = f"{BASE}:question:{question_id}"
    codings = [
        _coding(question, choice, texts) if question is not None else {"system": system, "code": choice}
        for choice in choices
    ]
    return {"linkId": question_id, "answer": [{"valueCoding": coding} for coding in codings]}


def _flag(code: str, alert: AlertRow) -> Resource:
    period = {"start": _timestamp(alert.raised_at)} | (
        {"end": _timestamp(alert.closed_at)} if alert.closed_at is not None else {}
    )
    return {
        "resourceType": "Flag",
        "id": _id("alert", str(alert.id)),
        "identifier": [{"system": f"{BASE}:alert", "value": str(alert.id)}],
        "status": "inactive" if alert.state is AlertState.CLOSED else "active",
        "category": [{"coding": [{"system": f"{BASE}:tier", "code": alert.tier.name}]}],
        "code": {
            "coding": [{"system": f"{BASE}:rule", "code": rule} for rule in alert.rules],
            "text": ", ".join(alert.rules),
        },
        "subject": _subject(code),
        "period": period,
    }


def _request(code: str, alert: AlertRow) -> Resource:
    resource: Resource = {
        "resourceType": "CommunicationRequest",
        "id": _id("request", str(alert.id)),
        "identifier": [{"system": f"{BASE}:alert", "value": str(alert.id)}],
        "status": "completed" if alert.closed_at is not None else "active",
        "priority": _PRIORITY[alert.tier],
        "subject": _subject(code),
        "about": [{"reference": f"Flag/{_id('alert', str(alert.id))}"}],
        "authoredOn": _timestamp(alert.raised_at),
    }
    if alert.owner is not None:
        resource["recipient"] = [{"identifier": {"system": f"{BASE}:staff", "value": alert.owner}}]
    if alert.outcome is not None:
        resource["reasonCode"] = [{"coding": [{"system": f"{BASE}:outcome", "code": alert.outcome}]}]
    return resource


def _subject(code: str) -> Resource:
    return {"type": "Patient", "identifier": {"system": f"{BASE}:study-code", "value": code}}


def _form_url(form: str) -> str:
    return f"{BASE}:form:{form}"


def _id(kind: str, name: str) -> str:
    """Return an id valid in FHIR: at most 64 letters, digits, '-' and '.'."""
    return f"{kind}-{name}".replace("_", "-")[:64]


def _timestamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
