"""The first all-clear of each week says what is not asked about."""

import pytest

from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]


def says_scope(life, day, **answers):
    life.check(day, **answers)
    screen = [q.row.screen for q in life.database.outbox() if q.row.screen.name.startswith("done.")][-1]
    return screen.name, "done.scope" in [line.key for line in screen.lines]


def test_first_all_clear_of_a_week_says_what_is_not_asked_about(life):
    """The first day is a Monday."""
    assert says_scope(life, 0) == ("done.routine", True)
    assert says_scope(life, 3) == ("done.routine", False)
    assert says_scope(life, 6) == ("done.routine", False)
    assert says_scope(life, 7) == ("done.routine", True)


def test_what_is_no_all_clear_leaves_it_to_the_next(life):
    name, _ = says_scope(life, 0, numbness="mild")
    assert name != "done.routine"
    life.staff(life.alerts()[0], "false_alarm", 0, 1)
    assert says_scope(life, 1) == ("done.routine", True)


@pytest.mark.parametrize("day", [13.5, 14])
def test_week_is_that_of_the_patients_calendar(life, day):
    says_scope(life, 7.5)
    assert says_scope(life, day) == ("done.routine", day == 14)


def test_ends_that_name_what_was_found_leave_it_to_the_first_all_clear_of_the_week(life):
    life.check(0, safety_new="yes", which_new="eyes")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    for day in (1, 2):
        name, said = says_scope(life, day, still_eyes="gone")
        assert (name, said) == ("done.known", False), "somebody knows, so it is no all-clear"
    assert says_scope(life, 3, still_eyes="gone") == ("done.routine", True)
    assert says_scope(life, 5) == ("done.routine", False), "once a week"


def test_check_in_with_skips_leaves_it_to_the_first_all_clear_of_the_week(life):
    life.opened(0)
    life.tap("", life.at(0), kind="skip")
    assert says_scope(life, 0, start=False) == ("done.incomplete", False)
    assert says_scope(life, 2) == ("done.routine", True)
