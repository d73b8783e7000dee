"""Answers and alerts as FHIR R4 resources, a line of JSON each (NDJSON), as bulk exports are.

A form is a Questionnaire, a check-in a QuestionnaireResponse, an alert a Flag with a CommunicationRequest to the team.
Patients are named by study code alone; nothing says who they are.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.app.records import CheckInRecord, PatientRecord
from bot.app.store import AlertRow, AlertState
from bot.core.checkin import State
from bot.core.protocol import Form, Protocol, Question, Tier

BASE = "urn:nervecheck"
"""What identifiers and codes are of; a clinic's own server gives its own."""
_PRIORITY = {Tier.EMERGENCY: "stat", Tier.URGENT: "asap", Tier.SOON: "urgent", Tier.ROUTINE: "routine"}

Resource = dict[str, Any]
Words = Mapping[str, str]
"""Catalog key -> plain words in one language."""


def line(resource: Resource) -> str:
    """Return a resource as one line."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n"


def questionnaires(protocol: Protocol, words: Words, at: datetime) -> Iterator[Resource]:
    """Yield the forms of a protocol."""
    for form in protocol.forms.values():
        yield {
            "resourceType": "Questionnaire",
            "id": _id("form", form.id),
            "url": _form_url(form.id),
            "version": protocol.version,
            "name": f"nervecheck_{form.id}",
            "title": f"nervecheck {protocol.name}: {form.id}",
            "status": "active",
            "date": _at(at),
            "item": list(_items(protocol, form, words)),
        }


def _items(protocol: Protocol, form: Form, words: Words) -> Iterator[Resource]:
    for step in form.steps:
        question = protocol.questions[step.ask]
        key = step.text or f"question.{question.id}"
        yield {
            "linkId": question.id,
            "text": words.get(key, question.id),
            "type": "choice",
            "repeats": question.kind == "several",
            "answerOption": [{"valueCoding": _coding(question, c.id, words)} for c in question.choices],
        }


def _coding(question: Question, choice_id: str, words: Words) -> Resource:
    choice = question.choice(choice_id)
    coding = {"system": f"{BASE}:question:{question.id}", "code": choice_id}
    if choice is not None:
        coding["display"] = words.get(choice.text or f"choice.{question.id}.{choice.id}", choice_id)
    return coding


def of_patient(patient: PatientRecord, protocol: Protocol, words: Words) -> Iterator[Resource]:
    """Yield the responses, flags and requests of one patient, check-ins first."""
    for record in patient.checkins:
        yield _response(patient.code, record, protocol, words)
    for alert in patient.alerts:
        yield _flag(patient.code, alert)
        yield _request(patient.code, alert)


def _response(code: str, record: CheckInRecord, protocol: Protocol, words: Words) -> Resource:
    row = record.row
    current = [a for a in record.answers if a.superseded_at is None]
    done = row.value.state is State.DONE
    made: Resource = {
        "resourceType": "QuestionnaireResponse",
        "id": _id("checkin", str(row.id)),
        "identifier": {"system": f"{BASE}:checkin", "value": str(row.id)},
        "questionnaire": f"{_form_url(row.value.form)}|{row.protocol_version}",
        "status": _status(record, done=done),
        "subject": _subject(code),
        "authored": _at(max((a.given_at for a in record.answers), default=row.opened_at)),
    }
    items = [_answered(protocol, words, a.question, a.choices) for a in current]
    if items:
        made["item"] = items
    if record.assessment is not None:
        made["extension"] = [
            {"url": f"{BASE}:tier", "valueCode": record.assessment.tier.name},
            {"url": f"{BASE}:protocol-hash", "valueString": record.assessment.protocol_hash},
        ]
    return made


def _status(record: CheckInRecord, *, done: bool) -> str:
    if not done:
        return "in-progress" if record.row.closed_at is None else "stopped"
    return "amended" if any(a.superseded_at is not None for a in record.answers) else "completed"


def _answered(protocol: Protocol, words: Words, question_id: str, choices: tuple[str, ...]) -> Resource:
    question = protocol.questions.get(question_id)
    system = f"{BASE}:question:{question_id}"
    codings = [
        _coding(question, choice, words) if question is not None else {"system": system, "code": choice}
        for choice in choices
    ]
    return {"linkId": question_id, "answer": [{"valueCoding": coding} for coding in codings]}


def _flag(code: str, alert: AlertRow) -> Resource:
    period = {"start": _at(alert.raised_at)} | ({"end": _at(alert.closed_at)} if alert.closed_at is not None else {})
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
    made: Resource = {
        "resourceType": "CommunicationRequest",
        "id": _id("request", str(alert.id)),
        "identifier": [{"system": f"{BASE}:alert", "value": str(alert.id)}],
        "status": "completed" if alert.closed_at is not None else "active",
        "priority": _PRIORITY[alert.tier],
        "subject": _subject(code),
        "about": [{"reference": f"Flag/{_id('alert', str(alert.id))}"}],
        "authoredOn": _at(alert.raised_at),
    }
    if alert.taken_by is not None:
        made["recipient"] = [{"identifier": {"system": f"{BASE}:staff", "value": alert.taken_by}}]
    if alert.outcome is not None:
        made["reasonCode"] = [{"coding": [{"system": f"{BASE}:outcome", "code": alert.outcome}]}]
    return made


def _subject(code: str) -> Resource:
    return {"type": "Patient", "identifier": {"system": f"{BASE}:study-code", "value": code}}


def _form_url(form: str) -> str:
    return f"{BASE}:form:{form}"


def _id(kind: str, name: str) -> str:
    """An id as FHIR takes it: letters, digits, '-' and '.', up to 64."""
    return f"{kind}-{name}".replace("_", "-")[:64]


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
