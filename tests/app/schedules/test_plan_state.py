"""A page of a plan may be saved unless the plan itself was changed since it was opened."""

from datetime import date, time

import pytest

from bot.app.concerns.assessments import as_stored
from bot.app.ports.errors import RefusedError
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.core.plan_override import PlanOverride
from bot.core.schedule import Pause
from tests.fakes.work import AT, work_on


@pytest.fixture
def state_of(database, clinic):
    def find(patient):
        return database.run(lambda s: plan_edits.preview(work_on(s, clinic, AT), patient.code, PlanEdit())).plan_state

    return find


@pytest.mark.parametrize("change", [{"language": "es"}, {"timezone": "Asia/Tokyo"}, {"version": 7}])
def test_page_of_a_plan_outlives_what_is_no_plan(anna, state_of, change):
    plan_edits.check_unchanged(anna.model_copy(update=change), state_of(anna))


@pytest.mark.parametrize(
    "change",
    [
        {"regimen": "another"},
        {"plan": "another"},
        {"send_time": time(18)},
        {"plan_override": PlanOverride(weekdays=(0,))},
        {"pauses": (Pause(first=date(2026, 3, 9), last=date(2026, 3, 9)),)},
        {"periods": ()},
    ],
)
def test_page_of_a_plan_that_was_changed_is_refused(anna, state_of, change):
    with pytest.raises(RefusedError, match="the plan was changed after this page was opened"):
        plan_edits.check_unchanged(anna.model_copy(update=change), state_of(anna))


def test_patient_who_is_not_stored_is_taken_as_given(anna, database):
    given = anna.model_copy(update={"id": anna.id + 1})
    assert database.run(lambda stores: as_stored(stores, given)) is given
