"""The rows of a question: its answers, Back and Skip, Need help now, and when it can be postponed, where that is."""

from datetime import UTC, datetime

import pytest

from bot.app.records.checkins import CheckInRow
from bot.chat.screens import TextRenderer
from bot.content.texts import Texts
from bot.core import checkin as core
from bot.core.screen import Screen
from bot.dialog.checkin_screens import checkin_screen, reminder_screen
from tests.fakes.work import packaged_clinic
from tests.personas.labels import is_cut

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LANGUAGES = ("en", "es", "ru")
CLINIC = packaged_clinic()
TEXTS = TextRenderer(Texts.load(LANGUAGES))
STEPS = [(form, step.ask) for form, steps in CLINIC.protocol.forms.items() for step in steps.steps]


def row_at(form: str, question: str, *, revision: int = 1, kind: str = "scheduled", unanswered: int = 0) -> CheckInRow:
    protocol = CLINIC.protocol
    value = core.open_checkin(form, protocol)
    return CheckInRow(
        id=1,
        patient_id=1,
        kind=kind,
        due_at=START,
        opened_at=START,
        protocol_name=protocol.name,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
        value=value.model_copy(update={"revision": revision, "asked_revision": revision, "cursor": question}),
        unanswered=unanswered,
    )


def kinds(screen: Screen) -> list[list[str]]:
    return [[b.action.choice if b.action.kind == "later" else b.action.kind for b in row] for row in screen.rows]


def keys(screen: Screen) -> list[str]:
    return [line.key for line in screen.lines]


@pytest.mark.parametrize(("form", "question"), STEPS)
def test_p19_help_has_a_row_of_its_own_and_no_label_is_cut(form: str, question: str) -> None:
    screen = checkin_screen(row_at(form, question), CLINIC)
    assert kinds(screen)[-2:] == [["back", "skip"], ["help_now"]]
    assert all(len(row) == 1 for row in screen.rows[:-2])
    shown = [(TEXTS.plain(b.label, language), len(row)) for row in screen.rows for b in row for language in LANGUAGES]
    assert [label for label, in_row in shown if is_cut(label, in_row)] == []


def test_question_that_opens_can_be_postponed_below_its_buttons() -> None:
    screen = checkin_screen(row_at("quick", "change", revision=0), CLINIC)
    assert kinds(screen)[-3:] == [["back", "skip"], ["help_now"], ["hour", "evening", "tomorrow"]]


@pytest.mark.parametrize("build", [checkin_screen, reminder_screen])
def test_safety_screen_is_postponed_where_back_would_be(build) -> None:
    screen = build(row_at("full", "safety_now", revision=0), CLINIC)
    assert kinds(screen) == [["choose"]] * 3 + [["hour", "evening", "skip"], ["help_now"]]


def test_reminder_of_a_later_safety_screen_has_as_many_rows() -> None:
    asked, reminder = (build(row_at("full", "safety_new"), CLINIC) for build in (checkin_screen, reminder_screen))
    assert kinds(asked)[-2:] == [["back", "skip"], ["help_now"]]
    assert kinds(reminder)[-2:] == [["hour", "evening", "skip"], ["help_now"]]


@pytest.mark.parametrize("kind", ["baseline", "worse"])
def test_check_in_that_the_patient_opened_is_not_postponed(kind: str) -> None:
    screen = checkin_screen(row_at("full", "safety_now", revision=0, kind=kind), CLINIC)
    assert kinds(screen)[-2:] == [["back", "skip"], ["help_now"]]


@pytest.mark.parametrize(
    ("build", "revision", "unanswered", "first"),
    [
        (checkin_screen, 0, 0, "checkin.hello.scheduled"),
        (checkin_screen, 0, 4, "checkin.hello.silence"),
        (checkin_screen, 1, 4, "checkin.welcome"),
        (checkin_screen, 1, 0, "checkin.progress"),
        (reminder_screen, 1, 0, "reminder.open"),
    ],
)
def test_safety_screen_has_one_line_above_its_question(build, revision, unanswered, first) -> None:
    asked = row_at("full", "safety_now", revision=revision, unanswered=unanswered)
    assert keys(build(asked, CLINIC)) == [first, "question.signs_now", "question.signs_now.short"]


def test_other_question_says_how_far_it_is_below_the_greeting() -> None:
    assert keys(checkin_screen(row_at("quick", "change", revision=0), CLINIC))[:2] == [
        "checkin.hello.scheduled",
        "checkin.progress",
    ]
    assert keys(reminder_screen(row_at("quick", "numbness", revision=4), CLINIC))[:2] == [
        "reminder.open",
        "checkin.progress",
    ]
