"""Outcomes chosen in the console: each counts for what the page showed when it was made."""

import re
from datetime import timedelta

import pytest

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.concerns.memory import remember
from bot.core.concern_values import Level
from bot.core.happenings import Answered
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.fakes.work import work_on

MINUTE = timedelta(minutes=1)


@pytest.fixture
def find(house, anna):
    """Let the patient report a symptom, and raise or extend an alert about it."""

    def found(symptom, tier, at, alert=None):
        def work(stores):
            unit = work_on(stores, house.clinic, at)
            answered = Answered(symptom=symptom, level=Level(tier, 1), by="patient:P-0001", day=at.date())
            remember(unit, anna, (answered,))
            if alert is None:
                return raising.raise_alert(unit, anna, Found(tier, ("new.yes",), (symptom,))).id
            row = stores.alerts.get(alert)
            named = {"symptoms": (*row.symptoms, symptom), "named_at": at}
            return stores.alerts.save(row.model_copy(update=named)).id

        return house.run(work)

    return found


def state(house, anna, symptom):
    return house.run(lambda s: s.concerns.of_patient(anna.id)).value.concern(symptom).state.value


def page_time(page):
    return re.search(r'name="shown_at" value="([^"]+)"', page)[1]


@pytest.mark.parametrize("page", ["/console", "/console/patients/P-0001"])
def test_k43_outcome_counts_for_what_the_page_showed(house, anna, find, page):
    number = find("numbness", Tier.URGENT, AT)
    ann = house.signed_in(name="ann")
    house.clock.advance(MINUTE)
    shown_at = page_time(ann.get(page).text)
    find("breathing", Tier.EMERGENCY, AT + 2 * MINUTE, alert=number)
    house.clock.advance(2 * MINUTE)
    answer = ann.post(f"/console/alerts/{number}/finish", outcome="spoke_to_patient", shown_at=shown_at)
    assert answer.headers["location"].endswith("said=still_open")
    assert (state(house, anna, "numbness"), state(house, anna, "breathing")) == ("reached", "open")
    assert house.run(lambda s: s.alerts.get(number)).closed_at is None
    assert "stays open" in ann.get(answer.headers["location"]).text
    shown_at = page_time(ann.get(page).text)
    ann.post(f"/console/alerts/{number}/finish", outcome="spoke_to_patient", shown_at=shown_at)
    assert state(house, anna, "breathing") == "reached"
    assert house.run(lambda s: s.alerts.get(number)).closed_by == "ann"


@pytest.mark.parametrize("silly", ["", "yesterday", "2026-03-02T09:05:00", "9999-01-01T00:00:00+00:00"])
def test_page_without_a_time_counts_for_what_the_alert_began_with(house, anna, find, silly):
    number = find("numbness", Tier.URGENT, AT)
    find("breathing", Tier.EMERGENCY, AT + 2 * MINUTE, alert=number)
    house.clock.advance(3 * MINUTE)
    ann = house.signed_in(name="ann")
    ann.post(f"/console/alerts/{number}/note", outcome="spoke_to_patient", shown_at=silly)
    assert (state(house, anna, "numbness"), state(house, anna, "breathing")) == ("reached", "open")


def test_attempt_stays_open_and_says_when_to_call_again(house, anna, find):
    number = find("numbness", Tier.URGENT, AT)
    ann = house.signed_in(name="ann")
    answer = ann.post(f"/console/alerts/{number}/finish", outcome="not_reached", shown_at=AT.isoformat())
    assert answer.headers["location"].endswith("said=still_open")
    assert "Call again by" in ann.get("/console").text
    assert house.run(lambda s: s.alerts.get(number)).outcome == "not_reached"


@pytest.mark.parametrize(
    ("role", "outcome", "is_asked"),
    [("coordinator", "sent_to_ed", True), ("coordinator", "false_alarm", False), ("operator", "seen", False)],
)
def test_after_contact_staff_are_asked_which_signs_remain(house, anna, find, role, outcome, is_asked):
    number = find("bladder", Tier.EMERGENCY, AT)
    house.clock.advance(MINUTE)
    ann = house.signed_in(role, "ann")
    shown_at = page_time(ann.get("/console").text)
    answer = ann.post(f"/console/alerts/{number}/finish", outcome=outcome, shown_at=shown_at)
    page = ann.get(answer.headers["location"]).text
    assert ("Which signs remain?" in page) is is_asked
    assert ("/console/patients/P-0001#levels" in page) is is_asked


def test_question_which_signs_remain_names_only_a_study_code(house, anna):
    ann = house.signed_in("coordinator", "ann")
    for about in ("//evil.example", "<b>", ""):
        page = ann.get("/console", params={"said": "remain", "about": about}).text
        assert "Which signs remain?" not in page


def test_remark_is_kept_and_leaves_the_alert_open(house, anna, find):
    number = find("numbness", Tier.URGENT, AT)
    ann = house.signed_in(name="ann")
    answer = ann.post(f"/console/alerts/{number}/finish", outcome="drug_held", shown_at=AT.isoformat())
    assert answer.headers["location"].endswith("said=still_open")
    row = house.run(lambda s: s.alerts.get(number))
    assert (row.outcome, row.closed_at) == ("drug_held", None)


@pytest.mark.parametrize("action", ["note", "finish"])
def test_out_of_care_is_asked_again(house, anna, find, action):
    number = find("numbness", Tier.URGENT, AT)
    ann = house.signed_in("coordinator", "ann")
    asked = ann.post(f"/console/alerts/{number}/{action}", outcome="out_of_care", shown_at=AT.isoformat())
    assert (asked.status_code, "P-0001 left care for good" in asked.text) == (200, True)
    assert page_time(asked.text) == AT.isoformat()
    assert (state(house, anna, "numbness"), house.run(lambda s: s.patients.get(anna.id)).state) == ("open", "active")
    sure = {"outcome": "out_of_care", "shown_at": AT.isoformat(), "confirmed": "yes"}
    assert ann.post(f"/console/alerts/{number}/{action}", **sure).status_code == 303
    assert state(house, anna, "numbness") == "settled"
    assert house.run(lambda s: s.patients.get(anna.id)).state == "withdrawn"
    assert ann.post("/console/alerts/99/note", outcome="out_of_care").status_code == 409


@pytest.mark.parametrize("action", ["note", "finish"])
def test_no_action_asks_for_the_reason(house, anna, find, action):
    number = find("numbness", Tier.SOON, AT)
    ann = house.signed_in("coordinator", "ann")
    for reason in ({}, {"reason": "because"}):
        form = {"outcome": "no_action", "shown_at": AT.isoformat(), **reason}
        asked = ann.post(f"/console/alerts/{number}/{action}", **form)
        assert (asked.status_code, "Why does nobody have to contact the patient?" in asked.text) == (200, True)
        assert page_time(asked.text) == AT.isoformat()
        assert state(house, anna, "numbness") == "open"
    sure = {"outcome": "no_action", "shown_at": AT.isoformat(), "reason": "visit"}
    assert ann.post(f"/console/alerts/{number}/{action}", **sure).status_code == 303
    assert state(house, anna, "numbness") == "reached"
    assert "Reason: The patient has a visit soon" in ann.get("/console/patients/P-0001").text
