"""Exports: CSV table, FHIR R4 validated by its library, printable cards, calendar."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from fhir.resources.R4B import get_fhir_model_class
from icalendar import Calendar

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.checkins import answering
from bot.app.patients import history
from bot.app.records.alerts import AlertState
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.export import answers, cards, fhir, ical
from tests.app.conftest import AT, anna, choose, clinic, database
from tests.fakes.work import work_on

__all__ = ["anna", "choose", "clinic", "database"]
WORDS = {"question.change": "Is anything new or worse?", "choice.change.yes": "Yes, something"}


@pytest.fixture
def record(database, clinic, anna, choose):
    """An answered check-in with one changed answer, a closed alert and an open one."""
    for choice in ("no", "none", "none", "none"):
        choose(choice)

    def work(stores):
        row = stores.checkins.of_patient(anna.id)[0]
        first = raising.raise_alert(work_on(stores, clinic, AT), anna, Found(Tier.EMERGENCY, ("now.yes",)))
        closed = {"closed_at": AT, "closed_by": "ann", "owner": "ann", "outcome": "drug_held"} | {
            "state": AlertState.CLOSED
        }
        stores.alerts.save(first.model_copy(update=closed))
        answering.change(work_on(stores, clinic, AT + timedelta(hours=1)), anna, row, "numbness", ("mild",))
        return history.record_of(stores, stores.patients.get(anna.id))

    return database.run(work)


def test_csv_has_a_row_per_answer_with_superseded_ones(record):
    table = list(csv.DictReader(io.StringIO(answers.header() + "".join(answers.lines(record)))))
    said = [(row["question"], row["choices"], bool(row["superseded_at"]), row["given_by"]) for row in table]
    assert ("numbness", "none", True, "patient") in said
    assert ("numbness", "mild", False, "patient") in said
    assert {(row["code"], row["form"], row["state"], row["tier"]) for row in table} == {
        ("P-0001", "quick", "done", "SOON")
    }
    assert all(datetime.fromisoformat(row["given_at"]).tzinfo for row in table)


def test_csv_has_a_row_for_a_checkin_without_answers(database, clinic, anna):
    record = database.run(lambda s: history.record_of(s, s.patients.get(anna.id)))
    (row,) = csv.DictReader(io.StringIO(answers.header() + "".join(answers.lines(record))))
    assert (row["question"], row["state"], row["tier"]) == ("", "asking", "")


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-5", "@x", "\tx"])
def test_csv_cells_are_never_formulas(cell):
    assert answers._escape_formula(cell) == f"'{cell}"
    assert answers._escape_formula("P-0001") == "P-0001"


def test_codes_after_returns_codes_in_order_page_by_page(database, clinic, anna, monkeypatch):
    from bot.app.patients import registry  # noqa: PLC0415

    monkeypatch.setattr(history, "PAGE", 2)
    for code in ("P-0003", "P-0002", "P-0004"):
        database.run(
            lambda s, c=code: registry.add(work_on(s, clinic, AT, actor="operator"), code=c, ici_start=date(2026, 2, 1))
        )
    assert database.run(lambda s: history.codes_after(s, "")) == ["P-0001", "P-0002"]
    assert database.run(lambda s: history.codes_after(s, "P-0002")) == ["P-0003", "P-0004"]
    assert database.run(lambda s: history.codes_after(s, "P-0004")) == []


def test_fhir_resources_are_valid(record, clinic):
    resources = [*fhir.questionnaires(clinic.protocol, WORDS, AT), *fhir.of_patient(record, clinic.protocol, WORDS)]
    kinds = [each["resourceType"] for each in resources]
    assert set(kinds) == {
        "Questionnaire",
        "MedicationStatement",
        "QuestionnaireResponse",
        "Flag",
        "CommunicationRequest",
    }
    for each in resources:
        checked = get_fhir_model_class(each["resourceType"]).model_validate_json(fhir.line(each))
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", checked.id)
    assert len({(each["resourceType"], each["id"]) for each in resources}) == len(resources)


def test_fhir_contains_answers_alerts_and_outcomes(record, clinic):
    resources = list(fhir.of_patient(record, clinic.protocol, WORDS))
    response = next(each for each in resources if each["resourceType"] == "QuestionnaireResponse")
    assert response["status"] == "amended"
    said = {item["linkId"]: [a["valueCoding"]["code"] for a in item["answer"]] for item in response["item"]}
    assert (said["change"], said["numbness"]) == (["no"], ["mild"])
    assert response["extension"][0]["valueCode"] == "SOON"
    flags = {f["category"][0]["coding"][0]["code"]: f["status"] for f in resources if f["resourceType"] == "Flag"}
    assert flags == {"SOON": "active", "EMERGENCY": "inactive"}
    requests = [r for r in resources if r["resourceType"] == "CommunicationRequest"]
    assert {(r["priority"], r["status"]) for r in requests} == {("urgent", "active"), ("stat", "completed")}
    closed = next(r for r in requests if r["status"] == "completed")
    assert closed["recipient"][0]["identifier"]["value"] == "ann"
    assert {r["subject"]["identifier"]["value"] for r in resources} == {"P-0001"}


def _treated(database, clinic):
    """Stopped for a side effect before the check-in, restarted with another drug."""

    def work(stores):
        run = partial(plan_edits.apply, work_on(stores, clinic, AT, actor="ann"), "P-0001")
        run(PlanEdit(ici_stop=date(2026, 2, 20), stop_reason="side_effect", drug="nivolumab"))
        run(PlanEdit(ici_restart=AT.date(), drug="pembrolizumab"))
        return history.record_of(stores, stores.patients.by_code("P-0001"))

    return database.run(work)


def test_csv_names_the_treatment_period_of_each_check_in(database, clinic, anna):
    made = _treated(database, clinic)
    later = made.checkins[0].model_copy(
        update={"row": made.checkins[0].row.model_copy(update={"due_at": AT - timedelta(days=1)})}
    )
    made = made.model_copy(update={"checkins": (later, *made.checkins)})
    table = list(csv.DictReader(io.StringIO(answers.header() + "".join(answers.lines(made)))))
    names = ("treatment_period", "period_start", "period_stop", "stop_reason", "drug")
    assert [tuple(row[name] for name in names) for row in table] == [
        ("1", "2026-02-01", "2026-02-20", "side_effect", "nivolumab"),
        ("2", "2026-03-02", "", "", "pembrolizumab"),
    ]


def test_fhir_has_each_treatment_period(database, clinic, anna):
    found = fhir.of_patient(_treated(database, clinic), clinic.protocol, WORDS)
    first, second = (each for each in found if each["resourceType"] == "MedicationStatement")
    for each in (first, second):
        get_fhir_model_class("MedicationStatement").model_validate_json(fhir.line(each))
    assert (first["status"], first["effectivePeriod"]) == ("stopped", {"start": "2026-02-01", "end": "2026-02-20"})
    assert first["statusReason"][0]["coding"][0]["code"] == "side_effect"
    assert (second["status"], second["effectivePeriod"]) == ("active", {"start": "2026-03-02"})
    assert second["medicationCodeableConcept"] == {"text": "pembrolizumab"}
    assert first["id"] != second["id"]


def test_fhir_says_completed_of_a_planned_end(database, clinic, anna):
    def work(stores):
        edit = PlanEdit(ici_stop=AT.date(), stop_reason="planned_end")
        plan_edits.apply(work_on(stores, clinic, AT, actor="ann"), "P-0001", edit)
        return history.record_of(stores, stores.patients.by_code("P-0001"))

    statement, *_ = fhir.of_patient(database.run(work), clinic.protocol, WORDS)
    assert statement["status"] == "completed"
    assert statement["medicationCodeableConcept"] == {"text": "immune checkpoint inhibitor"}


def test_fhir_response_of_open_checkin_is_in_progress(database, clinic, anna, choose):
    choose("yes")
    record = database.run(lambda s: history.record_of(s, s.patients.get(anna.id)))
    _, response = fhir.of_patient(record, clinic.protocol, WORDS)
    assert (response["status"], response["item"][0]["answer"][0]["valueCoding"]["display"]) == (
        "in-progress",
        "Yes, something",
    )


def test_card_has_qr_code_and_no_external_resources():
    link = "https://t.me/some_bot?start=abc_DEF-123"
    page = cards.page([cards.Card("P-0001", link, "es", "Escanee <esto>"), cards.Card("P-0002", link, "en", "Scan")])
    assert page.count("<svg") == 2
    assert 'lang="es"' in page
    assert "Escanee &lt;esto&gt;" in page
    assert link in page
    assert not re.search(r"(?:src|href)=", page)
    ET.fromstring(cards.qr_svg(link))  # noqa: S314 - our own


def test_calendar_has_checkins_with_neutral_texts(database, clinic, anna):
    found = database.run(lambda s: plan_edits.preview(work_on(s, clinic, AT), "P-0001", PlanEdit()))
    events = Calendar.from_ical(ical.calendar_of("P-0001", found.messages, AT)).walk("VEVENT")
    wanted = [m.at for m in found.messages if m.kind == "check-in"]
    assert [event["dtstart"].dt for event in events] == wanted
    assert wanted
    assert {str(event["summary"]) for event in events} == {"Check-in"}
    assert len({str(event["uid"]) for event in events}) == len(wanted)
    assert events[0]["dtstart"].dt.tzinfo == UTC or events[0]["dtstart"].dt.utcoffset() == timedelta(0)


def test_calendar_omits_removed_checkins(database, clinic, anna):
    edit = PlanEdit(pause=Pause(first=AT.date(), last=AT.date() + timedelta(days=6)))
    found = database.run(lambda s: plan_edits.preview(work_on(s, clinic, AT), "P-0001", edit))
    assert any(m.mark == "gone" for m in found.messages)
    events = Calendar.from_ical(ical.calendar_of("P-0001", found.messages, AT)).walk("VEVENT")
    assert len(events) == len([m for m in found.messages if m.kind == "check-in" and m.mark != "gone"])
