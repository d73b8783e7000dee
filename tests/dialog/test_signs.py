"""Whatever tells when to call lists the signs of the safety screens, from the same list; protocol 2 has none to list."""

from dataclasses import replace

import pytest

from bot.app.records.alerts import AlertRow
from bot.core.protocol import Tier
from bot.dialog import call_replies, call_screens, call_soon, help_screens, learn, menus
from tests.app.conftest import AT
from tests.content.former import protocol_2
from tests.fakes.work import work_on

SCREENS = {Tier.EMERGENCY: "safety_now", Tier.URGENT: "safety_new"}


@pytest.fixture
def before(clinic):
    """The clinic with a protocol of the former version."""
    return replace(clinic, protocol=protocol_2())


def alert(tier, *rules):
    return AlertRow(id=1, patient_id=1, checkin_id=1, tier=tier, rules=rules, raised_at=AT)


def keys(lines):
    return [bullet.key for line in lines for bullet in line.bullets]


def signs(clinic, *tiers):
    questions = [clinic.protocol.questions[SCREENS[tier]] for tier in tiers]
    return [f"sign.{q.id}.{line.id}" for q in questions for line in q.signs.lines]


def test_need_help_now_lists_the_emergency_signs(clinic):
    screen = call_screens.call_screen(alert(Tier.URGENT, "asked_for_help"), clinic)
    assert keys(screen.lines) == signs(clinic, Tier.EMERGENCY)
    assert screen.lines[0].key == "call.help.team", "the number comes first"


def test_card_lists_the_emergency_signs_in_each_of_its_languages(clinic, anna):
    patient = anna.model_copy(update={"language": "ru"})
    screen = call_replies.card_screen(patient, clinic)
    assert keys(screen.lines) == 2 * signs(clinic, Tier.EMERGENCY)
    assert {line.language for line in screen.lines if line.bullets} == {clinic.languages[0], "ru"}


def test_learn_lists_the_signs_of_both_screens(clinic):
    (topic,) = (t for t in clinic.protocol.topics if t.signs)
    assert topic.id == "when_to_call"
    *screens, _rest = learn.topic_lines(clinic, topic)
    assert keys(screens) == signs(clinic, Tier.EMERGENCY, Tier.URGENT)
    assert [line.fold.key for line in screens] == ["fold.safety_now", "fold.safety_new"]


def test_learn_lists_what_is_worth_a_call_within_a_day(clinic):
    (topic,) = (t for t in clinic.protocol.topics if t.signs)
    *_screens, rest = learn.topic_lines(clinic, topic)
    assert keys([rest]) == [f"symptom.{s}" for s in ("dizzy", "bowel", "full", "headache", "effort")]


def test_learn_lists_a_sign_that_a_clinic_adds(clinic):
    protocol = clinic.protocol
    added = protocol.symptoms["dizzy"].model_copy(update={"id": "pale"})
    symptoms = {**protocol.symptoms, "pale": added}
    longer = replace(clinic, protocol=protocol.model_copy(update={"symptoms": symptoms}))
    (topic,) = (t for t in protocol.topics if t.signs)
    *_screens, rest = learn.topic_lines(longer, topic)
    assert "symptom.pale" in keys([rest])


def test_help_lists_the_signs_of_both_screens(database, clinic, anna):
    database.run(lambda stores: menus.help_(work_on(stores, clinic, AT), anna))
    (screen,) = (q.row.screen for q in database.outbox() if q.row.screen.name == "help")
    assert keys(screen.lines) == signs(clinic, Tier.EMERGENCY, Tier.URGENT)


def test_protocol_2_keeps_its_own_words(before, anna):
    assert keys(call_screens.call_screen(alert(Tier.URGENT, "asked_for_help"), before).lines) == []
    assert help_screens.help_lines(before)[0].key == "call.help"
    assert keys(call_replies.card_screen(anna, before).lines) == []
    (topic,) = (t for t in before.protocol.topics if t.id == "when_to_call")
    assert [line.key for line in learn.topic_lines(before, topic)] == ["learn.when_to_call.body"]
    assert list(learn.when_to_call(before)) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (("skipped.now",), ["call.soon.left_open"]),
        (("skipped.now", "skipped.new"), ["call.soon.left_open"]),
        (("autonomic.one", "skipped.new"), ["call.soon.why", "call.soon.left_open"]),
        (("autonomic.one",), ["call.soon.why"]),
        ((), ["call.soon.why"]),
    ],
)
def test_what_was_left_open_is_never_called_new_or_stronger(clinic, rules, said):
    assert [line.key for line in call_soon.soon_screen(alert(Tier.SOON, *rules), clinic).lines[1:]] == said
