"""The pages in Spanish and Russian: no phrase of the English catalog and no id of the protocol is left in them."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from bot.app.alerts import ownership, raising, replies
from bot.app.alerts.naming import Found
from bot.app.concerns import agreeing
from bot.app.patients import participation
from bot.app.records.alerts import Task
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.content.texts import Texts
from bot.core.protocol import Tier
from tests.app.conftest import AT

HOUR = timedelta(hours=1)
TEXTS = Texts.load(["es", "ru"])
LANGUAGES = ("es", "ru")
SHOWN = ("console.", "staff.", "short.", "choice.", "answers.", "trend.")
SHORTEST = 4
"""Letters of the shortest phrase that is looked for: shorter ones are words of other languages too."""
PAGES = {
    "queue": "/console",
    "patients": "/console/patients",
    "patient": "/console/patients/P-0001",
    "summary": "/console/patients/P-0001/summary",
    "team": "/console/team",
    "account": "/console/account",
}
ALERTS = {
    Tier.EMERGENCY: ("asked_for_help", "now.breathing", "limbs.arms_cannot"),
    Tier.URGENT: ("new.eyes", "sensory.composite", "two_groups", "autonomic.two", "strength.stairs_much"),
    Tier.SOON: ("change.worse", "skipped.now", "sensory.some"),
}


class Reader(HTMLParser):
    """Collects what people read or hear of a page: text, labels and captions, but no tooltip."""

    def __init__(self):
        super().__init__()
        self.read = []

    def handle_starttag(self, _tag, attrs):
        self.read += [value for name, value in attrs if name in {"aria-label", "data-label", "label"} and value]

    def handle_data(self, data):
        if data.strip():
            self.read.append(re.sub(r"\s+", " ", data.strip()))


def read(page):
    reader = Reader()
    reader.feed(page)
    return "\n".join(reader.read)


def contains(text, phrase):
    return re.search(rf"(?<![\w]){re.escape(phrase)}(?![\w])", text, re.IGNORECASE) is not None


def english(language):
    """Return the phrases of the English catalog that the language's own texts don't contain."""
    own = "\n".join(form for key in TEXTS.keys(language) for form in TEXTS.forms(language, key))
    phrases = {form.strip() for key in TEXTS.keys("en") if key.startswith(SHOWN) for form in TEXTS.forms("en", key)}
    phrases |= {part.strip(" .:,·≤()") for phrase in phrases for part in re.split(r"\{[a-z_]+\}", phrase)}
    return sorted(p for p in phrases if len(re.findall(r"[a-z]", p)) >= SHORTEST and not contains(own, p))


def ids(protocol, language):
    """Return the ids that only a program should read: of rules, questions, choices and plans."""
    own = "\n".join(form for key in TEXTS.keys(language) for form in TEXTS.forms(language, key))
    found = {rule.id for rule in protocol.rules} | set(protocol.questions) | set(protocol.plans)
    found |= {choice.id for question in protocol.questions.values() for choice in question.choices}
    return sorted(one for one in found if len(one) >= SHORTEST and not contains(own, one))


@pytest.fixture
def busy(house, anna, choose):
    """A clinic with something of each kind to show."""
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice)
    for tier, rules in ALERTS.items():
        number = house.act(raising.raise_alert, anna, Found(tier, rules), at=AT).id
        for word in ("not_yet", "cannot_reach", "cannot_call", "called", "mistake", "is_urgent", "remind"):
            house.act(replies.reply, anna, number, word, at=AT + HOUR)
    house.act(ownership.note, number, "drug_held", at=AT + HOUR)
    closed = house.act(raising.raise_alert, anna, Found(Tier.SOON, ("sensory.severe",)), at=AT)
    house.act(ownership.note, closed.id, "sent_to_ed", at=AT + HOUR)
    house.act(ownership.close, closed.id, at=AT + HOUR)
    house.act(agreeing.agree_level, "P-0001", "numbness", "medium", 7)
    house.act(plan_edits.apply, "P-0001", PlanEdit(regimen="combination", ici_stop=date(2026, 3, 1)))
    house.act(participation.pause, "P-0001", date(2026, 3, 4))
    house.act(participation.resume_for, "P-0001")
    task = Task(kind="not_delivered", patient_id=anna.id, subject="P-0001", raised_at=AT)
    house.run(lambda s: s.tasks.add(task))
    house.patient("P-0002")
    house.staff("ben", "coordinator")
    house.staff("cleo", "operator")
    return house


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_shows_no_english_phrase_and_no_id(busy, language, name):
    answer = busy.signed_in("lead", "ann", language).get(PAGES[name])
    assert answer.status_code == 200
    shown = read(answer.text)
    # Who recorded the first period is named so.
    assert [phrase for phrase in english(language) if contains(shown, phrase) and phrase != "operator"] == []
    assert [one for one in ids(busy.clinic.protocol, language) if contains(shown, one)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_english_phrases_are_found_in_an_english_page(busy, language):
    shown = read(busy.signed_in("lead", "ann", "en").get(PAGES["patient"]).text)
    assert len([phrase for phrase in english(language) if contains(shown, phrase)]) > 50


def test_reason_shows_the_sentence_and_keeps_the_code_as_tooltip(busy):
    page = busy.signed_in("lead", "ann", "es").get("/console/patients/P-0001").text
    assert '<span title="asked_for_help">pidió ayuda ahora</span>' in page
    assert '<span title="new.eyes">Qué otro síntoma: ' in page
