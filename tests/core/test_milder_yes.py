""" "Yes" on the milder safety screen that nobody named is not settled by a name from the other screen."""

from tests.core.test_memory import BEN, DAY, EMERGENCY, MONDAY, URGENT, Course, Tier

UNNAMED = "sign_not_named"


def named_after(*milder, by="patient"):
    """Yes on the milder screen on these days, on the other one on day 5, and its sign is named a minute later."""
    course = Course()
    for day in milder:
        course.says(day, UNNAMED, URGENT, by=by, is_named=True)
    course.says(5, UNNAMED, EMERGENCY, is_named=True)
    return course.names(5.001, "breathing", EMERGENCY, said=5)


def test_milder_yes_stays_open_at_its_tier():
    course = named_after(0, 1)
    assert (course.state("breathing"), course.tier("breathing")) == ("open", Tier.EMERGENCY)
    assert (course.state(UNNAMED), course.tier(UNNAMED)) == ("open", Tier.URGENT)
    left = course.memory.concern(UNNAMED)
    assert (left.highest, left.level, left.opened_at) == (URGENT, URGENT, MONDAY + DAY)
    assert left.given == {"patient": (MONDAY, MONDAY + DAY)}
    assert left.givers == {"patient": MONDAY}


def test_milder_yes_of_another_person_is_theirs():
    assert set(named_after(0, by=BEN).memory.concern(UNNAMED).givers) == {BEN}


def test_without_a_milder_yes_the_name_settles_it():
    assert named_after().state(UNNAMED) == "settled"


def test_milder_yes_that_a_human_knows_is_not_left():
    course = Course().says(0, UNNAMED, URGENT, is_named=True).spoke(0.5, UNNAMED)
    course.says(5, UNNAMED, EMERGENCY, is_named=True).names(5.001, "breathing", EMERGENCY, said=5)
    assert course.state(UNNAMED) == "settled"


def test_name_after_an_earlier_yes_settles_all_of_it():
    course = Course().says(0, UNNAMED, URGENT, is_named=True).says(1, UNNAMED, EMERGENCY, is_named=True)
    assert course.names(5, "breathing", EMERGENCY).state(UNNAMED) == "settled"


def test_name_after_somebody_spoke_leaves_nothing_open():
    course = Course().says(0, UNNAMED, URGENT, is_named=True).says(5, UNNAMED, EMERGENCY, is_named=True)
    course.spoke(5.0005, UNNAMED).names(5.001, "breathing", EMERGENCY, said=5)
    assert (course.state(UNNAMED), course.state("breathing")) == ("settled", "reached")
