"""What leaves the program: a table of answers, FHIR R4 that its own library takes, cards to scan, a calendar."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta

import pytest
from fhir.resources.R4B import get_fhir_model_class
from icalendar import Calendar

from bot.app import alerts, changes, plan_edits, records
from bot.app.plan_edits import PlanEdit
from bot.app.store import AlertState
from bot.core.protocol import Tier
from bot.export import answers, cards, fhir, ical
from tests.app.conftest import AT, anna, choose, clinic, database

__all__ = ["anna", "choose", "clinic", "database"]
WORDS = {"question.change": "Is anything new or worse?", "choice.change.yes": "Yes, something"}


@pytest.fixture
def record(database, clinic, anna, choose):
    """A check-in that was answered, with one answer changed, and an alert that was closed beside one that is open."""
    for choice in ("no", "none", "none", "none"):
        choose(choice)

    def work(store):
        row = store.checkins(anna.id)[0]
        changes.change(store, clinic, anna, row, "numbness", ("mild",), AT + timedelta(hours=1))
        made = {"checkin_id": None, "at": AT}
        first = alerts.raise_alert(store, clinic, anna, tier=Tier.EMERGENCY, rules=("now.yes",), **made)
        closed = {"closed_at": AT, "closed_by": "ann", "taken_by": "ann", "outcome": "drug_held"} | {
            "state": AlertState.CLOSED
        }
        store.save_alert(first.model_copy(update=closed))
        return records.record_of(store, store.patient(anna.id))

    return database.run(work)


def test_every_answer_has_a_line_changed_ones_too(record):
    table = list(csv.DictReader(io.StringIO(answers.header() + "".join(answers.lines(record)))))
    said = [(row["question"], row["choices"], bool(row["superseded_at"]), row["given_by"]) for row in table]
    assert ("numbness", "none", True, "patient") in said
    assert ("numbness", "mild", False, "patient") in said
    assert {(row["code"], row["form"], row["state"], row["tier"]) for row in table} == {
        ("P-0001", "quick", "done", "SOON")
    }
    assert all(datetime.fromisoformat(row["given_at"]).tzinfo for row in table)


def test_a_check_in_nobody_answered_has_a_line_too(database, clinic, anna):
    record = database.run(lambda s: records.record_of(s, s.patient(anna.id)))
    (row,) = csv.DictReader(io.StringIO(answers.header() + "".join(answers.lines(record))))
    assert (row["question"], row["state"], row["tier"]) == ("", "asking", "")


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-5", "@x", "\tx"])
def test_no_cell_is_a_formula(cell):
    assert answers._harmless(cell) == f"'{cell}"
    assert answers._harmless("P-0001") == "P-0001"


def test_all_codes_come_in_order_a_page_at_a_time(database, clinic, anna, monkeypatch):
    from bot.app import patients  # noqa: PLC0415

    monkeypatch.setattr(records, "PAGE", 2)
    for code in ("P-0003", "P-0002", "P-0004"):
        database.run(lambda s, c=code: patients.add(s, clinic, code=c, ici_start=date(2026, 2, 1), at=AT))
    assert database.run(lambda s: list(records.all_codes(s))) == ["P-0001", "P-0002", "P-0003", "P-0004"]


def test_fhir_is_taken_by_its_own_library(record, clinic):
    made = [*fhir.questionnaires(clinic.protocol, WORDS, AT), *fhir.of_patient(record, clinic.protocol, WORDS)]
    kinds = [each["resourceType"] for each in made]
    assert set(kinds) == {"Questionnaire", "QuestionnaireResponse", "Flag", "CommunicationRequest"}
    for each in made:
        checked = get_fhir_model_class(each["resourceType"]).model_validate_json(fhir.line(each))
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", checked.id)
    assert len({(each["resourceType"], each["id"]) for each in made}) == len(made)


def test_fhir_says_what_was_answered_and_what_became_of_it(record, clinic):
    made = list(fhir.of_patient(record, clinic.protocol, WORDS))
    response = next(each for each in made if each["resourceType"] == "QuestionnaireResponse")
    assert response["status"] == "amended"
    said = {item["linkId"]: [a["valueCoding"]["code"] for a in item["answer"]] for item in response["item"]}
    assert (said["change"], said["numbness"]) == (["no"], ["mild"])
    assert response["extension"][0]["valueCode"] == "SOON"
    flags = {f["category"][0]["coding"][0]["code"]: f["status"] for f in made if f["resourceType"] == "Flag"}
    assert flags == {"SOON": "active", "EMERGENCY": "inactive"}
    requests = [r for r in made if r["resourceType"] == "CommunicationRequest"]
    assert {(r["priority"], r["status"]) for r in requests} == {("urgent", "active"), ("stat", "completed")}
    closed = next(r for r in requests if r["status"] == "completed")
    assert closed["recipient"][0]["identifier"]["value"] == "ann"
    assert {r["subject"]["identifier"]["value"] for r in made} == {"P-0001"}


def test_an_open_check_in_is_in_progress(database, clinic, anna, choose):
    choose("yes")
    record = database.run(lambda s: records.record_of(s, s.patient(anna.id)))
    (made,) = fhir.of_patient(record, clinic.protocol, WORDS)
    assert (made["status"], made["item"][0]["answer"][0]["valueCoding"]["display"]) == ("in-progress", "Yes, something")


def test_a_card_holds_the_link_to_scan_and_nothing_of_the_network():
    link = "https://t.me/some_bot?start=abc_DEF-123"
    page = cards.page([cards.Card("P-0001", link, "es", "Escanee <esto>"), cards.Card("P-0002", link, "en", "Scan")])
    assert page.count("<svg") == 2
    assert 'lang="es"' in page
    assert "Escanee &lt;esto&gt;" in page
    assert link in page
    assert not re.search(r"(?:src|href)=", page)
    ET.fromstring(cards.qr_svg(link))  # noqa: S314 - our own


def test_a_calendar_has_the_check_ins_and_says_nothing_on_a_lock_screen(database, clinic, anna):
    found = database.run(lambda s: plan_edits.preview(s, clinic, "P-0001", PlanEdit(), AT))
    events = Calendar.from_ical(ical.calendar_of("P-0001", found.messages, AT)).walk("VEVENT")
    wanted = [m.at for m in found.messages if m.kind == "check-in"]
    assert [event["dtstart"].dt for event in events] == wanted
    assert wanted
    assert {str(event["summary"]) for event in events} == {"Check-in"}
    assert len({str(event["uid"]) for event in events}) == len(wanted)
    assert events[0]["dtstart"].dt.tzinfo == UTC or events[0]["dtstart"].dt.utcoffset() == timedelta(0)


def test_what_is_taken_away_is_not_in_the_calendar(database, clinic, anna):
    edit = PlanEdit(ici_stop=AT.date())
    found = database.run(lambda s: plan_edits.preview(s, clinic, "P-0001", edit, AT))
    assert any(m.mark == "gone" for m in found.messages)
    events = Calendar.from_ical(ical.calendar_of("P-0001", found.messages, AT)).walk("VEVENT")
    assert len(events) == len([m for m in found.messages if m.kind == "check-in" and m.mark != "gone"])
