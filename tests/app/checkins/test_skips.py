"""A question that is skipped in two check-ins in a row is a task for the team, never an alarm (case K23)."""

from datetime import timedelta

import pytest

from bot.app.checkins import answering, opening
from bot.core import checkin as core
from bot.core.protocol import SKIP
from tests.app.conftest import AT
from tests.fakes.work import work_on

CALM = {"safety_now": "none", "safety_new": "none", "change": "no", "falls": "no"}


class Ward:
    """A patient who answers a form a day; what isn't given here reports nothing."""

    def __init__(self, database, clinic, patient):
        self.database, self.clinic, self.patient, self.day = database, clinic, patient, 0

    def _work(self, stores):
        return work_on(stores, self.clinic, AT + timedelta(days=self.day))

    def check(self, form="quick", *, stops_at=None, **given):
        self.day += 1

        def run(stores):
            work = self._work(stores)
            patient = stores.patients.get(self.patient.id)
            row = opening.open_checkin(work, patient, form=form, kind="extra", due_at=work.at)
            while row.value.cursor is not None and row.value.cursor != stops_at:
                question, revision = row.value.cursor, row.value.revision
                choice = given.get(question, CALM.get(question, "none"))
                kind = self.clinic.protocol.questions[question].kind
                tap = core.Choose(question=question, choice=choice, revision=revision)
                if kind == "several":
                    tap = core.Toggle(question=question, choice=choice, on=True, revision=revision)
                if choice == SKIP:
                    tap = core.Skip(question=question, revision=revision)
                row = answering.answer(work, stores.patients.get(self.patient.id), row.id, tap)
            if stops_at is not None:
                answering.close_as(work, stores.patients.get(self.patient.id), row, core.Expire())

        self.database.run(run)

    @property
    def tasks(self):
        return [task.kind for task in self.database.run(lambda s: s.tasks.open(self.patient.id))]

    @property
    def alerts(self):
        return self.database.run(lambda s: s.alerts.of_patient(self.patient.id))


@pytest.fixture
def ward(database, clinic, anna):
    return Ward(database, clinic, anna)


@pytest.mark.parametrize("question", ["numbness", "change"])
def test_k23_skipped_twice_in_a_row_is_one_task(ward, question):
    ward.check(**{question: SKIP})
    assert ward.tasks == []
    for _ in range(2):
        ward.check(**{question: SKIP})
        assert ward.tasks == ["skipped_twice"]
    assert ward.alerts == []


def test_k23_skipping_stairs_each_week_is_no_task_and_no_alarm(ward):
    for _ in range(3):
        ward.check("full", stairs=SKIP)
    assert (ward.tasks, ward.alerts) == ([], [])


def test_skips_of_two_questions_are_not_two_in_a_row(ward):
    ward.check(numbness=SKIP)
    ward.check(change=SKIP)
    assert ward.tasks == []


def test_an_answer_between_two_skips_breaks_the_row(ward):
    ward.check(numbness=SKIP)
    ward.check()
    ward.check(numbness=SKIP)
    assert ward.tasks == []


def test_a_form_that_does_not_ask_breaks_no_row(ward):
    ward.check(change=SKIP)
    ward.check("full")
    ward.check(change=SKIP)
    assert ward.tasks == ["skipped_twice"]


def test_a_form_that_was_left_counts_too(ward):
    ward.check(change=SKIP)
    ward.check(change=SKIP, stops_at="safety_now")
    assert ward.tasks == ["skipped_twice"]


def test_the_task_closes_once_nothing_is_left_skipped(ward):
    for _ in range(2):
        ward.check(numbness=SKIP, change=SKIP)
    ward.check("full", stops_at="numbness")
    assert ward.tasks == ["skipped_twice"], "numbness was not asked"
    ward.check("full")
    assert ward.tasks == ["skipped_twice"], "anything new is still skipped"
    ward.check()
    assert ward.tasks == []
