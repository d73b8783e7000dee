"""What a patient gets of their own data: whole, in words of each language, without numbers of rows and names."""

import json
import re
from datetime import date, timedelta

import pytest

from bot.app.alerts.writer import add
from bot.app.patients import participation
from bot.app.records.alerts import AlertRow
from bot.app.records.levels import LevelDecision
from bot.app.records.patients import PatientState
from bot.chat.screens import TextRenderer
from bot.content.texts import Texts
from bot.core.plan_override import ExtraCheckIn, PlanOverride, Rhythm
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.core.treatment import StopReason
from bot.dialog import conversation
from bot.dialog.own_data import own_data
from bot.export import own_data as files
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import runner, treated, work_on

LANGUAGES = ("en", "es", "ru")
RENDERER = TextRenderer(Texts.load(LANGUAGES))


def collected(database, clinic, anna):
    return database.run(lambda s: own_data(work_on(s, clinic, AT), s.patients.get(anna.id)))


def made(data, language="en"):
    """The page and the JSON of the data."""

    def say(text):
        return RENDERER.plain(text, language)

    return files.page(data, say, language), json.loads(files.as_json(data, say, language))


@pytest.fixture
def lived(database, clinic, anna, choose):
    """A patient with something of everything."""
    for choice in ("yes", "none"):
        choose(choice)
    run = runner(database, clinic)

    def fill(stores):
        for tier in Tier:
            add(stores.alerts, AlertRow(patient_id=anna.id, checkin_id=None, tier=tier, rules=(), raised_at=AT), AT)
        for kind in ("agreed", "ended", "reference", "confirmed", "rejected", "proposed"):
            for symptom, level in (("numbness", "mild"), ("breathing", "there"), ("gone_by_now", None)):
                stores.levels.add(
                    LevelDecision(
                        patient_id=anna.id,
                        kind=kind,
                        symptom=symptom,
                        level=level,
                        until=AT,
                        reason="Mrs Roe said so",
                        decided_by="Dr Roe",
                        made_by="lena",
                        made_at=AT,
                    )
                )
        stores.consents.add(samples.consent(anna.id))
        patient = treated(
            stores,
            stores.patients.get(anna.id),
            stop=date(2026, 2, 20),
            stop_reason=StopReason.OTHER,
            drug="ipilimumab",
        )
        own = PlanOverride(
            rhythms=(Rhythm(first_day=0, last_day=9, every=2),),
            weekdays=(0, 6),
            extras=(ExtraCheckIn(day=date(2026, 3, 9)),),
        )
        stores.patients.save(patient.model_copy(update={"plan_override": own}))
        row = stores.checkins.open_of(anna.id)
        stores.answers.record(samples.answer(row.id, anna.id, "asked_by_an_earlier_protocol", "quite_a_lot"))

    database.run(fill)
    run(participation.pause, anna.code, None, at=AT)
    return anna


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [*PatientState])
def test_everything_has_words_in_each_language(database, clinic, lived, language, state):
    changed = {"state": state, "language": language}
    database.run(lambda s: s.patients.save(s.patients.get(lived.id).model_copy(update=changed)))
    page, data = made(collected(database, clinic, lived), language)
    for part, entries in data.items():
        assert entries, part
    for names in ("Roe", "lena", "own."):
        assert names not in page
        assert names not in json.dumps(data, ensure_ascii=False)
    assert "quite a lot" in page, "an answer to a question that the protocol no longer has"
    assert "<script" not in page
    assert "http:" not in page.replace("http-equiv", "")


def test_all_answers_are_in_it_with_their_times(database, clinic, lived):
    _, data = made(collected(database, clinic, lived))
    given = [
        (fact["id"], fact["value"], fact["at"])
        for entry in data["check_ins"]
        for fact in entry["facts"]
        if fact["id"] != "state"
    ]
    stored = database.run(
        lambda s: [a for row in s.checkins.of_patient(lived.id) for a in s.answers.of_checkin(row.id)]
    )
    assert given == [(a.question, list(a.choices), a.given_at.isoformat(timespec="seconds")) for a in stored]
    assert len(given) == 3


def test_questions_are_in_the_words_in_which_they_were_asked(database, clinic, anna, choose):
    """The same question has other words in another form: a baseline asks about the last seven days."""
    choose("no")
    choose("none")
    page, data = made(collected(database, clinic, anna))
    (screen,) = [entry for entry in data["questions"] if entry["kind"] == "safety_now"]
    asked = [fact["words"] for fact in screen["facts"] if fact["id"] == "question"]
    assert len(asked) == 1
    assert asked[0].startswith("Any of these, now or at any time since your last check-in?")
    assert "Climbing stairs, or getting up" not in page


def test_each_button_of_a_call_screen_is_in_it(database, clinic, anna, choose):
    choose("no")
    choose("yes")
    run = runner(database, clinic)
    (alert,) = database.run(lambda s: s.alerts.of_patient(anna.id))
    words = (
        "called",
        "not_yet",
        "cannot_reach",
        "cannot_call",
        "is_urgent",
        "can_wait",
        "remind",
        "mistake",
        "reached",
    )
    for minute, word in enumerate(words):
        tap = Action(kind="alert", subject=alert.id, choice=word)
        run(conversation.tap, 7, tap, at=AT + timedelta(minutes=minute))
    _, data = made(collected(database, clinic, anna))
    (call,) = data["calls"]
    tapped = [fact["value"].split()[0] for fact in call["facts"] if fact["id"] == "tapped"]
    assert tapped == list(words)


def test_words_of_people_can_not_become_markup(database, clinic, anna):
    database.run(lambda s: treated(s, s.patients.get(anna.id), drug="<b>x</b> & y"))
    page, data = made(collected(database, clinic, anna))
    assert "&lt;b&gt;x&lt;/b&gt; &amp; y" in page
    assert "<b>x" not in page
    assert any(fact["value"] == "<b>x</b> & y" for entry in data["treatment"] for fact in entry["facts"])


def test_nothing_of_another_patient_is_in_it(database, clinic, anna, choose):
    choose("no")
    database.run(lambda s: s.patients.add(samples.patient("P-0002", chat_id=70)))
    page, data = made(collected(database, clinic, anna))
    assert "P-0002" not in page
    assert not re.search(r"P-0002|\b70\b", json.dumps(data))
