"""Concerns and levels on a patient's page: what the team reads and decides there."""

from datetime import timedelta
from html import unescape

import pytest

from bot.app.concerns.memory import remember
from bot.core.concern_values import Level
from bot.core.happenings import Answered, KnownBefore
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.desk.test_outcomes import page_time
from tests.fakes.work import work_on

MINUTE = timedelta(minutes=1)
PAGE = "/console/patients/P-0001"


@pytest.fixture
def hear(house, anna):
    def heard(*happenings, at=AT):
        house.run(lambda s: remember(work_on(s, house.clinic, at), s.patients.get(anna.id), happenings))

    return heard


def answered(symptom, tier, step=1):
    return Answered(symptom=symptom, level=Level(tier, step), by="patient:P-0001", day=AT.date())


def concern(house, anna, symptom):
    return house.run(lambda s: s.concerns.of_patient(anna.id)).value.concern(symptom)


def usual(house, anna, symptom):
    return house.run(lambda s: s.concerns.of_patient(anna.id)).value.usual(symptom)


def decide(browser, action, **form):
    shown_at = page_time(browser.get(PAGE).text)
    return browser.post(f"{PAGE}/levels/{action}", **{"shown_at": shown_at, **form})


def test_section_says_what_is_open_in_words(house, anna, hear):
    hear(answered("eyes", Tier.URGENT), answered("numbness", Tier.SOON, 2))
    page = unescape(house.signed_in("coordinator").get(PAGE).text)
    assert "Concerns and levels" in page
    assert "nobody is known to have spoken with the patient" in page
    assert "Medium" in page
    assert house.signed_in("operator").get(PAGE).status_code == 403


def test_level_is_agreed_ended_and_set_as_usual(house, anna, hear):
    hear(answered("numbness", Tier.SOON, 2))
    house.clock.advance(MINUTE)
    ann = house.signed_in("coordinator", "ann")
    assert decide(ann, "agree", symptom="numbness:medium", days="28", reason="platinum").status_code == 303
    assert concern(house, anna, "numbness").state == "settled"
    assert "platinum" in ann.get(PAGE).text
    assert decide(ann, "end", symptom="numbness").status_code == 303
    assert "ended on" in ann.get(PAGE).text
    assert decide(ann, "confirm", symptom="numbness").status_code == 303
    assert usual(house, anna, "numbness").reference == Level(Tier.SOON, 2)
    assert decide(ann, "reference", symptom="numbness:none", reason="new").status_code == 303
    assert usual(house, anna, "numbness").reference == Level(Tier.ROUTINE, 0)


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("agree", {"symptom": "numbness:medium", "days": "28", "reason": " "}),
        ("agree", {"symptom": "numbness:medium", "days": "29", "reason": "x"}),
        ("agree", {"symptom": "numbness:medium", "days": "many", "reason": "x"}),
        ("agree", {"symptom": "", "days": "7", "reason": "x"}),
        ("agree", {"symptom": "breathing:there", "days": "7", "reason": "x"}),
        ("reference", {"symptom": "breathing:there", "reason": "x"}),
        ("watch", {"symptoms": "", "days": "7", "reason": "x"}),
        ("confirm", {"symptom": "numbness"}),
        ("accept", {"symptom": "bladder"}),
        ("explode", {}),
    ],
)
def test_decision_that_cannot_be_is_refused(house, anna, action, form):
    ann = house.signed_in("coordinator", "ann")
    before = house.run(lambda s: s.audit.lines(limit=500))
    assert decide(ann, action, **form).status_code in {409, 422}
    assert house.run(lambda s: s.audit.lines(limit=500)) == before


def test_usual_sign_is_accepted_by_a_second_member(house, anna):
    ann, ben = house.signed_in("lead", "ann"), house.signed_in("coordinator", "ben")
    made = {"symptom": "bladder:there", "days": "91", "reason": "since surgery", "decided_by": "Dr. Weiss"}
    assert decide(ann, "usual", **made).status_code == 303
    assert "A second coordinator or lead has to accept it" in ann.get(PAGE).text
    assert decide(ann, "accept", symptom="bladder").status_code == 409
    assert "Usual EMERGENCY sign recorded" in ben.get("/console").text
    assert "Dr. Weiss" in ben.get(PAGE).text
    assert decide(ben, "accept", symptom="bladder").status_code == 303
    assert usual(house, anna, "bladder").agreed == Level(Tier.EMERGENCY, 1)
    decide(ann, "usual", **made)
    assert decide(ann, "decline", symptom="bladder").status_code == 303


def test_k43_level_is_not_agreed_on_an_older_page(house, anna, hear):
    hear(answered("numbness", Tier.SOON, 1))
    house.clock.advance(MINUTE)
    ann = house.signed_in("coordinator", "ann")
    shown_at = page_time(ann.get(PAGE).text)
    hear(answered("numbness", Tier.URGENT, 3), at=AT + 2 * MINUTE)
    house.clock.advance(2 * MINUTE)
    form = {"symptom": "numbness:strong", "days": "7", "reason": "old"}
    for old in (shown_at, "", "tomorrow"):
        answer = ann.post(f"{PAGE}/levels/agree", shown_at=old, **form)
        assert (answer.status_code, "reported it again since" in unescape(answer.text)) == (409, True)
    assert concern(house, anna, "numbness").state == "open"
    assert decide(ann, "agree", **form).status_code == 303
    assert concern(house, anna, "numbness").state == "settled"


def test_named_level_is_confirmed_or_rejected(house, anna, hear):
    hear(
        KnownBefore(symptom="stairs", level=Level(Tier.URGENT, 2), is_helper=False),
        KnownBefore(symptom="buttons", level=Level(Tier.SOON, 1), is_helper=True),
    )
    house.clock.advance(MINUTE)
    ann = house.signed_in("coordinator", "ann")
    assert "named “" in ann.get(PAGE).text
    decide(ann, "confirm", symptom="stairs")
    decide(ann, "reject", symptom="buttons")
    assert (usual(house, anna, "stairs").reference.step, usual(house, anna, "buttons").reference.step) == (2, 0)
    assert concern(house, anna, "buttons").state == "open"
    assert "named “" not in ann.get(PAGE).text


def test_close_watch_and_baseline(house, anna):
    ann = house.signed_in("coordinator", "ann")
    assert decide(ann, "watch", symptoms="numbness,eyes", days="14", reason="taper").status_code == 303
    assert len(house.run(lambda s: s.close_watches.of_patient(anna.id))) == 2
    assert decide(ann, "unwatch", symptom="eyes").status_code == 303
    assert decide(ann, "unwatch", symptom="eyes").status_code == 409
    house.clock.advance(MINUTE)
    assert decide(ann, "baseline").status_code == 303
    assert house.run(lambda s: s.checkins.open_of(anna.id)).value.form == "baseline"


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_section_has_every_text_in_each_language(house, anna, hear, language):
    hear(
        answered("eyes", Tier.URGENT),
        KnownBefore(symptom="stairs", level=Level(Tier.URGENT, 2), is_helper=False),
    )
    ann = house.signed_in("lead", "ann", language)
    house.signed_in("lead", "ben")
    decide(ann, "usual", symptom="bladder:there", days="91", reason="old", decided_by="Dr. Weiss")
    decide(ann, "watch", symptoms="numbness", days="14", reason="taper")
    page = unescape(ann.get(PAGE).text)
    for key in ("console.", "symptom.", "staff."):
        assert f">{key}" not in page
        assert f" {key}" not in page
