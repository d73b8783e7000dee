"""What is remembered of symptoms between check-ins: cases by their number, and each rule by a sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.changes import What
from bot.core.concern import TRANSITIONS, Transition, UnlistedConcernStateError, change
from bot.core.concern_values import NONE, Above, Concern, ConcernState, Context, Level, Rules
from bot.core.happenings import (
    Agree,
    AlertClosed,
    Answered,
    AtHospital,
    BaselineFinished,
    ClockJumped,
    KnownBefore,
    Named,
    NotKnown,
    NotYet,
    Outcome,
    RejectReference,
    SetReference,
    Spoke,
    TeamKnows,
    TimePassed,
    TookBack,
)
from bot.core.memory import Memory, apply, can_note
from bot.core.protocol import Tier

PROTOCOL = load_protocol()
RULES = Rules(PROTOCOL.symptoms, PROTOCOL.remembering)
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MILD, MEDIUM, STRONG = Level(Tier.SOON, 1), Level(Tier.SOON, 2), Level(Tier.URGENT, 3)
SOON, URGENT, EMERGENCY = Level(Tier.SOON, 1), Level(Tier.URGENT, 1), Level(Tier.EMERGENCY, 1)
WORSE = Level(Tier.URGENT, 2)
ANNA, BEN = "patient", "helper"


class Course:
    """A memory that things happen to, at times that are given as days after Monday."""

    def __init__(self):
        self.memory = Memory()
        self.raised = Tier.ROUTINE
        self.changes = []

    def happen(self, day, *happenings):
        applied = apply(self.memory, happenings, RULES, MONDAY + day * DAY)
        self.memory, self.raised, self.changes = applied.memory, applied.raised, applied.changes
        return self

    def says(self, day, symptom, level, by=ANNA, **more):
        at = MONDAY + day * DAY
        return self.happen(day, Answered(symptom=symptom, level=level, by=by, day=at.date(), **more))

    def takes_back(self, day, symptom, level=NONE, by=ANNA, given=None):
        at = MONDAY + day * DAY
        since = MONDAY + (day if given is None else given) * DAY
        return self.happen(day, TookBack(symptom=symptom, level=level, by=by, given_at=since, day=at.date()))

    def names(self, day, symptom, level, by=ANNA, said=None):
        """A sign is named on a day; "yes" was said on the day `said`, by default the same."""
        at, yes_at = MONDAY + day * DAY, MONDAY + (day if said is None else said) * DAY
        made = {"symptom": symptom, "level": level, "by": by, "day": at.date(), "yes_at": yes_at}
        return self.happen(day, Named(instead_of="sign_not_named", **made))

    def spoke(self, day, *symptoms, by=ANNA, message=1, asked=None):
        asked_at = MONDAY + (day if asked is None else asked) * DAY
        return self.happen(day, Spoke(symptoms=symptoms, by=by, message=message, asked_at=asked_at))

    def not_yet(self, day, *symptoms, by=ANNA, message=1):
        return self.happen(day, NotYet(symptoms=symptoms, by=by, message=message))

    def staff(self, day, kind, *symptoms, shown=None):
        shown_at = MONDAY + (day if shown is None else shown) * DAY
        return self.happen(day, Outcome(kind=kind, symptoms=symptoms, shown_at=shown_at))

    def state(self, symptom):
        return self.memory.concern(symptom).state.value

    def tier(self, symptom):
        return self.memory.concern(symptom).tier

    def what(self):
        return {c.symptom: c.what for c in self.changes}


@pytest.fixture
def course():
    return Course()


# -- opening and reaching


def test_finding_opens_a_concern_at_its_tier(course):
    course.says(0, "numbness", MILD)
    assert (course.state("numbness"), course.tier("numbness"), course.raised) == ("open", Tier.SOON, Tier.SOON)
    assert [c.symptom for c in course.memory.open] == ["numbness"]


def test_nothing_found_opens_nothing(course):
    course.says(0, "numbness", NONE)
    assert (course.memory.open, course.raised, course.changes) == ((), Tier.ROUTINE, ())


def test_k17_unchanged_and_reached_raises_nothing(course):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness")
    for week in range(1, 11):
        course.says(7 * week, "numbness", MILD)
        assert (course.raised, course.state("numbness")) == (Tier.ROUTINE, "reached")


def test_unchanged_while_open_raises_nothing_new(course):
    course.says(0, "numbness", STRONG).says(1, "numbness", STRONG)
    assert (course.raised, course.state("numbness"), course.tier("numbness")) == (Tier.ROUTINE, "open", Tier.URGENT)


def test_worse_while_open_raises_again_and_keeps_the_highest_tier(course):
    course.says(0, "numbness", MILD).says(1, "numbness", STRONG)
    assert (course.raised, course.what()) == (Tier.URGENT, {"numbness": What.ROSE})
    course.says(2, "numbness", MILD)
    assert course.tier("numbness") is Tier.URGENT


def test_emergency_found_again_shows_the_screen_again(course):
    course.says(0, "breathing", EMERGENCY).says(0.5, "breathing", EMERGENCY, by=BEN)
    assert (course.raised, course.what()) == (Tier.EMERGENCY, {"breathing": What.FOUND_AGAIN})


def test_k28_the_same_after_contact_is_no_call_and_worse_is(course):
    course.says(0, "eyes", URGENT).staff(0.2, "contact", "eyes").says(1, "eyes", URGENT)
    assert course.raised is Tier.ROUTINE
    course.says(2, "eyes", WORSE)
    assert (course.raised, course.state("eyes")) == (Tier.URGENT, "open")


def test_k42_worse_again_after_contact_raises_again(course):
    course.says(0, "eyes", WORSE).staff(0.2, "contact", "eyes").says(1, "eyes", WORSE)
    assert (course.raised, course.what()) == (Tier.URGENT, {"eyes": What.REOPENED})


def test_k29_emergency_after_contact_is_an_emergency_again(course):
    course.says(0, "breathing", EMERGENCY).happen(0.1, AtHospital(by=ANNA))
    assert course.state("breathing") == "reached"
    course.says(9, "breathing", EMERGENCY)
    assert (course.raised, course.state("breathing")) == (Tier.EMERGENCY, "open")


def test_sign_named_again_on_the_safety_screen_opens_again(course):
    course.says(0, "eyes", URGENT).staff(0.2, "contact", "eyes").says(3, "eyes", URGENT, is_named=True)
    assert course.state("eyes") == "open"


def test_higher_than_the_reached_level_opens_again(course):
    course.says(0, "numbness", MILD).staff(0.2, "contact", "numbness").says(3, "numbness", MEDIUM)
    assert (course.state("numbness"), course.raised) == ("open", Tier.SOON)


def test_something_new_given_again_opens_again(course):
    course.says(0, "other", SOON).spoke(0.1, "other").says(2, "other", SOON)
    assert course.state("other") == "open"


def test_my_team_knows_reaches_soon_alone(course):
    course.says(0, "dizzy", SOON).says(0, "eyes", URGENT)
    course.happen(0.1, TeamKnows(symptoms=("dizzy", "eyes"), by=ANNA, asked_at=MONDAY + 0.1 * DAY))
    assert course.state("eyes") == "open"


def test_my_team_knows_reaches_a_soon_that_was_named(course):
    course.says(0, "dizzy", SOON)
    course.happen(0.1, TeamKnows(symptoms=("dizzy",), by=ANNA, asked_at=MONDAY - DAY))
    assert course.state("dizzy") == "open"
    course.happen(0.2, TeamKnows(symptoms=("dizzy",), by=ANNA, asked_at=MONDAY + 0.1 * DAY))
    assert course.state("dizzy") == "reached"


def test_k43_a_reply_or_outcome_leaves_open_what_rose_since(course):
    course.says(0, "numbness", MILD).says(1, "numbness", STRONG)
    course.spoke(1.1, "numbness", asked=0.5).staff(1.2, "contact", "numbness", shown=0.5)
    course.staff(1.2, "false_alarm", "numbness", shown=0.5)
    assert course.state("numbness") == "open"
    course.staff(1.3, "contact", "numbness")
    assert course.state("numbness") == "reached"


def test_what_got_worse_since_it_came_back_rose_since_an_older_message(course):
    worse = Level(Tier.EMERGENCY, 2)
    course.says(0, "breathing", worse).spoke(0.1, "breathing")
    course.says(1, "breathing", EMERGENCY).says(2, "breathing", worse)
    assert course.spoke(2.1, "breathing", asked=1.5).state("breathing") == "open"
    assert course.spoke(2.2, "breathing").state("breathing") == "reached"


def test_worse_is_news_though_a_human_knew_of_it_before_it_came_back(course):
    course.says(0, "eyes", WORSE).staff(0.1, "contact", "eyes").says(1, "eyes", URGENT, is_named=True)
    assert course.says(2, "eyes", WORSE).raised is Tier.URGENT


def test_two_people_who_differ_count_as_not_yet(course):
    course.says(0, "eyes", URGENT).spoke(0.1, "eyes", by=ANNA).not_yet(0.2, "eyes", by=BEN)
    assert course.state("eyes") == "open"
    course.spoke(0.3, "eyes", by=ANNA)
    assert course.state("eyes") == "open", "until it is asked again"
    course.spoke(0.4, "eyes", by=ANNA, message=2)
    assert course.state("eyes") == "reached"
    course.not_yet(0.5, "eyes", by=BEN, message=1)
    assert course.state("eyes") == "reached", "an earlier message"
    course.not_yet(0.6, "eyes", by=ANNA, message=3)
    assert course.state("eyes") == "open", "a later message"


def test_two_who_say_not_yet_then_one_says_yes(course):
    course.says(0, "eyes", URGENT).not_yet(0.1, "eyes", by=ANNA).not_yet(0.1, "eyes", by=BEN).spoke(
        0.2, "eyes", by=ANNA
    )
    assert course.state("eyes") == "open"


def test_who_says_not_yet_and_then_yes_is_believed(course):
    course.says(0, "eyes", URGENT).not_yet(0.1, "eyes", by=ANNA).spoke(0.2, "eyes", by=ANNA)
    assert course.state("eyes") == "reached"


# -- settling


def test_three_usual_days_settle_what_a_human_knows(course):
    course.says(0, "numbness", STRONG).staff(0.1, "contact", "numbness")
    for day in (1, 2):
        course.says(day, "numbness", NONE)
        assert course.state("numbness") == "reached"
    course.says(3, "numbness", NONE)
    assert (course.state("numbness"), course.what()) == ("settled", {"numbness": What.SETTLED})


def test_k35_three_days_within_48_hours_settle_nothing(course):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness")
    for hours in (38 - 1 / 6, 38 + 1 / 6, 60):  # 23:50, 00:10 and the next day
        course.says(hours / 24, "numbness", NONE)
    assert course.state("numbness") == "reached"


def test_an_answer_above_starts_the_count_again(course):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness")
    for day, level in ((1, NONE), (2, NONE), (2.2, MILD), (2.4, NONE), (3, NONE), (4, NONE)):
        course.says(day, "numbness", level)
    assert course.state("numbness") == "reached"
    course.says(5, "numbness", NONE)
    assert course.state("numbness") == "settled"


def test_soon_that_nobody_called_about_goes_away_in_seven_days(course):
    course.says(0, "dizzy", SOON)
    for day in range(1, 7):
        course.says(day, "dizzy", NONE)
        assert course.state("dizzy") == "open"
    course.says(7, "dizzy", NONE)
    assert (course.state("dizzy"), course.memory.concern("dizzy").ending.value) == ("settled", "went_away")


def test_k3_urgent_and_emergency_never_go_away_by_themselves(course):
    course.says(0, "numbness", STRONG)
    for day in range(1, 100):
        course.says(day, "numbness", NONE)
    assert course.state("numbness") == "open"


def test_clock_that_jumps_settles_nothing(course):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness")
    course.says(1, "numbness", NONE).says(2, "numbness", NONE).happen(2.1, ClockJumped()).says(30, "numbness", NONE)
    assert course.state("numbness") == "reached"
    course.says(20, "numbness", NONE)
    assert course.state("numbness") == "reached"


def test_left_open_ends_with_the_first_answer(course):
    course.says(0, "unanswered", SOON).says(1, "unanswered", NONE)
    assert course.state("unanswered") == "settled"
    course.says(2, "unanswered", SOON).spoke(2.1, "unanswered").says(3, "unanswered", NONE)
    assert course.state("unanswered") == "settled"


def test_k44_came_back_is_known_and_more_is_not(course):
    course.says(0, "numbness", STRONG).staff(0.1, "contact", "numbness")
    for day in (1, 2, 3):
        course.says(day, "numbness", NONE)
    course.says(10, "numbness", MILD)
    assert (course.state("numbness"), course.what(), course.raised) == ("reached", {"numbness": What.CAME_BACK}, 0)
    course.says(11, "numbness", STRONG)
    assert (course.raised, course.state("numbness")) == (Tier.URGENT, "open")


@pytest.mark.parametrize(("day", "state"), [(30, "reached"), (32, "open")])
def test_reached_level_is_kept_for_28_days(course, day, state):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness")
    for answered in (1, 2, 3):
        course.says(answered, "numbness", NONE)
    course.says(day, "numbness", MILD)
    assert course.state("numbness") == state


def test_false_alarm_leaves_no_reached_level(course):
    course.says(0, "numbness", MILD).staff(0.1, "false_alarm", "numbness").says(1, "numbness", MILD)
    assert (course.state("numbness"), course.raised) == ("open", Tier.SOON)


def test_out_of_care_settles(course):
    course.says(0, "eyes", URGENT).staff(0.1, "out_of_care", "eyes")
    assert course.state("eyes") == "settled"


def test_k36_no_action_is_for_soon_and_not_reached_is_nothing(course):
    course.says(0, "eyes", URGENT).says(0, "numbness", MILD)
    course.staff(0.1, "not_reached", "eyes", "numbness")
    assert (course.state("eyes"), course.state("numbness")) == ("open", "open")
    noted = Outcome(kind="no_action", symptoms=("eyes",), shown_at=MONDAY + DAY)
    assert not can_note(course.memory, noted)
    assert can_note(course.memory, noted.model_copy(update={"kind": "contact"}))
    course.happen(1, noted)
    assert course.state("eyes") == "open"
    alone = Course().says(0, "numbness", MILD)
    assert can_note(alone.memory, noted.model_copy(update={"symptoms": ("numbness",)}))
    assert alone.staff(0.1, "no_action", "numbness").state("numbness") == "reached"


# -- mistakes


def test_k33_everyone_who_gave_it_has_to_take_it_back(course):
    course.says(0, "breathing", EMERGENCY, by=BEN).takes_back(0.1, "breathing", by=ANNA)
    assert course.memory.concern("breathing").retracted_at is None, "another person's mistake is only logged"
    course.takes_back(0.2, "breathing", by=BEN, given=0)
    assert (course.state("breathing"), course.what()) == ("open", {"breathing": What.RETRACTED})
    for day in range(1, 30):
        course.says(day, "breathing", NONE)
    assert course.state("breathing") == "open", "an EMERGENCY is settled by staff"


def test_mistake_of_one_giver_leaves_that_of_the_other(course):
    course.says(0, "numbness", STRONG, by=BEN).says(0, "numbness", STRONG, by=ANNA).takes_back(0.1, "numbness", given=0)
    assert course.memory.concern("numbness").retracted_at is None
    course.takes_back(0.2, "numbness", MILD, by=BEN, given=0)
    assert course.memory.concern("numbness").retracted_at is None, "still there, by his own word"


def test_giver_who_says_it_is_there_after_all_has_not_taken_it_back(course):
    course.says(0, "numbness", STRONG, by=BEN).says(0, "numbness", STRONG, by=ANNA)
    course.takes_back(0.1, "numbness", MILD, by=BEN, given=0).takes_back(0.2, "numbness", given=0)
    assert course.memory.concern("numbness").retracted_at is None


@pytest.mark.parametrize(("day", "state"), [(0.3, "open"), (1, "settled")])
def test_mistake_settles_when_answered_so_on_another_day(course, day, state):
    course.says(0, "numbness", STRONG).takes_back(0.1, "numbness", given=0).says(day, "numbness", NONE)
    assert course.state("numbness") == state


def test_mistake_today_takes_nothing_of_yesterday_back(course):
    course.says(0, "numbness", STRONG).says(1, "numbness", STRONG).takes_back(1.1, "numbness", given=1)
    assert course.memory.concern("numbness").retracted_at is None


def test_a_new_answer_above_ends_the_mark(course):
    course.says(0, "numbness", STRONG).takes_back(0.1, "numbness", given=0).says(0.2, "numbness", STRONG)
    assert (course.memory.concern("numbness").retracted_at, course.raised) == (None, Tier.URGENT)


def test_asked_again_and_still_there_ends_the_mark(course):
    course.says(0, "numbness", STRONG).takes_back(0.1, "numbness", given=0).takes_back(0.2, "numbness", MILD)
    assert course.memory.concern("numbness").retracted_at is None


def test_mistake_back_to_the_reached_level_is_known_again(course):
    course.says(0, "numbness", MILD).staff(0.1, "contact", "numbness").says(1, "numbness", MEDIUM)
    assert course.state("numbness") == "open"
    course.takes_back(1.1, "numbness", MILD, given=1)
    assert course.state("numbness") == "reached"


def test_mistake_to_a_level_that_nobody_knows_changes_nothing(course):
    course.says(0, "numbness", STRONG).takes_back(0.1, "numbness", MILD, given=0)
    assert (course.state("numbness"), course.memory.concern("numbness").retracted_at) == ("open", None)


# -- signs that were not named


def test_named_sign_takes_the_state_of_what_was_not_named(course):
    course.says(0, "sign_not_named", EMERGENCY).names(0.01, "heart", EMERGENCY)
    assert (course.state("heart"), course.state("sign_not_named")) == ("open", "settled")
    other = Course().says(0, "sign_not_named", URGENT).spoke(0.1, "sign_not_named").names(0.2, "eyes", URGENT)
    assert (other.state("eyes"), other.state("sign_not_named")) == ("reached", "settled")


def test_urgent_sign_leaves_an_emergency_that_was_not_named(course):
    course.says(0, "sign_not_named", EMERGENCY).names(0.1, "eyes", URGENT)
    assert (course.state("sign_not_named"), course.state("eyes")) == ("open", "open")
    known = Course().says(0, "sign_not_named", EMERGENCY).staff(0.1, "contact", "sign_not_named")
    known.says(1, "sign_not_named", URGENT).names(1, "eyes", URGENT)
    assert (known.state("sign_not_named"), known.state("eyes")) == ("reached", "open")


def test_urgent_sign_leaves_an_emergency_that_was_left_unnamed_before(course):
    course.says(0, "sign_not_named", EMERGENCY).staff(0.1, "contact", "sign_not_named")
    course.says(1, "sign_not_named", EMERGENCY)
    course.says(2, "sign_not_named", URGENT).names(2, "eyes", URGENT)
    assert (course.state("sign_not_named"), course.state("eyes")) == ("open", "open")


def test_signs_that_are_named_together_replace_the_yes(course):
    course.says(0, "sign_not_named", URGENT)
    course.happen(0.1, *(_named(sign, 0.1, 0) for sign in ("vision", "urine")))
    assert {course.memory.concern(sign).opened_at for sign in ("vision", "urine")} == {MONDAY}, "naming is no news"
    known = Course().says(0, "sign_not_named", URGENT).staff(0.1, "contact", "sign_not_named")
    known.happen(0.2, *(_named(sign, 0.2, 0) for sign in ("vision", "urine")))
    assert {known.state(sign) for sign in ("vision", "urine")} == {"reached"}


def _named(sign, day, said):
    at = MONDAY + day * DAY
    made = {"symptom": sign, "level": URGENT, "by": ANNA, "day": at.date(), "yes_at": MONDAY + said * DAY}
    return Named(instead_of="sign_not_named", **made)


def test_all_answers_of_a_person_have_to_be_taken_back(course):
    """Yes in the morning and again in the evening: taking back one of them leaves the other."""
    course.says(0, "eyes", URGENT).says(0.4, "eyes", URGENT)
    course.takes_back(0.5, "eyes", given=0)
    assert course.memory.concern("eyes").retracted_at is None
    course.takes_back(0.6, "eyes", given=0.4)
    assert course.memory.concern("eyes").retracted_at is not None


def test_answer_that_replaces_one_of_the_same_check_in_is_taken_back_alone(course):
    course.says(0, "numbness", MEDIUM).says(0.1, "numbness", STRONG, replaces=MONDAY)
    course.takes_back(0.2, "numbness", given=0.1)
    assert course.memory.concern("numbness").retracted_at is not None


def test_known_before_that_is_taken_back_is_no_reference(course):
    course.happen(0, KnownBefore(symptom="numbness", level=MEDIUM, is_helper=False), BaselineFinished())
    course.happen(0.1, NotKnown(symptom="numbness")).says(0.1, "numbness", MEDIUM)
    assert (course.state("numbness"), course.raised) == ("open", Tier.SOON)


def test_sign_named_without_a_yes_before_opens_by_itself(course):
    course.names(0, "heart", EMERGENCY)
    assert course.state("heart") == "open"


def test_named_sign_is_more_than_what_is_accepted(course):
    course.happen(0, Agree(symptom="eyes", level=URGENT, until=MONDAY + 28 * DAY))
    course.says(1, "sign_not_named", URGENT).names(1, "eyes", URGENT)
    assert course.state("eyes") == "open"


# -- reference and agreed levels


def test_k19_known_level_that_dips_and_returns_raises_nothing(course):
    course.happen(0, KnownBefore(symptom="numbness", level=MILD, is_helper=False)).says(0, "numbness", MILD)
    for day, level in ((7, NONE), (14, MILD), (21, MILD)):
        course.says(day, "numbness", level)
        assert (course.raised, course.state("numbness")) == (Tier.ROUTINE, "none")
    course.says(28, "numbness", MEDIUM)
    assert course.raised is Tier.SOON


def test_k39_weeks_of_lower_answers_lower_the_reference(course):
    course.happen(0, SetReference(symptom="numbness", level=STRONG))
    for week in range(1, 7):
        course.says(7 * week, "numbness", NONE)
    course.says(49, "numbness", STRONG)
    assert course.raised is Tier.URGENT


def test_reference_is_lowered_to_the_highest_of_the_lower_answers(course):
    course.happen(0, SetReference(symptom="numbness", level=STRONG))
    for week, level in enumerate((NONE, MILD, NONE, NONE, NONE, NONE), start=1):
        course.says(7 * week, "numbness", level)
    course.says(49, "numbness", MILD)
    assert course.raised is Tier.ROUTINE
    course.says(50, "numbness", MEDIUM)
    assert course.raised is Tier.SOON


def test_five_lower_answers_lower_nothing(course):
    course.happen(0, SetReference(symptom="numbness", level=STRONG))
    for week in range(1, 6):
        course.says(7 * week, "numbness", NONE)
    assert course.says(49, "numbness", STRONG).raised is Tier.ROUTINE


def test_clock_that_jumps_lowers_no_reference(course):
    course.happen(0, SetReference(symptom="numbness", level=STRONG))
    for week in range(1, 6):
        course.says(7 * week, "numbness", NONE)
    course.happen(36, ClockJumped()).says(42, "numbness", NONE)
    assert course.says(49, "numbness", STRONG).raised is Tier.ROUTINE


def test_k18_agreed_level_raises_nothing_and_more_does(course):
    course.says(0, "numbness", STRONG).happen(0.1, Agree(symptom="numbness", level=STRONG, until=MONDAY + 28 * DAY))
    assert course.state("numbness") == "settled"
    assert course.says(7, "numbness", STRONG).raised is Tier.ROUTINE
    assert course.says(14, "numbness", Level(Tier.URGENT, 4)).raised is Tier.URGENT


def test_agreement_below_the_last_answer_settles_nothing(course):
    course.says(0, "numbness", STRONG).happen(0.1, Agree(symptom="numbness", level=MILD, until=MONDAY + 28 * DAY))
    assert course.state("numbness") == "open"


def test_k34_end_of_an_agreement_is_for_the_team(course):
    course.says(0, "numbness", STRONG).happen(0.1, Agree(symptom="numbness", level=STRONG, until=MONDAY + 28 * DAY))
    course.says(27, "numbness", STRONG).happen(28, TimePassed())
    assert (course.state("numbness"), course.tier("numbness"), course.raised) == ("open", Tier.SOON, Tier.ROUTINE)
    assert course.says(29, "numbness", STRONG).raised is Tier.ROUTINE, "until staff decide"
    assert course.says(30, "numbness", Level(Tier.URGENT, 4)).raised is Tier.URGENT


def test_end_of_an_agreement_below_the_reference_opens_nothing(course):
    course.says(0, "numbness", MILD).happen(0.1, Agree(symptom="numbness", level=MILD, until=MONDAY + 14 * DAY))
    course.says(13, "numbness", NONE).happen(14, TimePassed())
    assert course.memory.usual("numbness").agreed is None
    assert course.says(15, "numbness", MILD).raised is Tier.ROUTINE, "came back: it was reached"


def test_agreement_that_ends_while_a_human_knows_stays_known(course):
    course.says(0, "numbness", STRONG).staff(0.1, "contact", "numbness")
    course.happen(0.2, Agree(symptom="numbness", level=MILD, until=MONDAY + 7 * DAY)).happen(7, TimePassed())
    assert course.state("numbness") == "reached"
    assert course.says(8, "numbness", MILD).state("numbness") == "reached"


def test_k7_only_the_first_baseline_sets_a_reference(course):
    course.happen(0, BaselineFinished()).says(1, "numbness", MEDIUM)
    course.happen(2, KnownBefore(symptom="numbness", level=MEDIUM, is_helper=False))
    assert (course.state("numbness"), course.memory.usual("numbness").reference) == ("open", NONE)


@pytest.mark.parametrize(
    ("symptom", "level", "is_helper", "reference", "confirm"),
    [
        ("numbness", MEDIUM, False, MEDIUM, False),
        ("numbness", MEDIUM, True, MEDIUM, True),
        ("numbness", STRONG, False, STRONG, True),
        ("breathing", EMERGENCY, False, NONE, False),
        ("arms", Level(Tier.URGENT, 1), False, Level(Tier.URGENT, 1), True),
        ("arms", Level(Tier.URGENT, 2), False, NONE, False),
    ],
)
def test_the_patients_word_goes_so_far(course, symptom, level, is_helper, reference, confirm):
    course.happen(0, KnownBefore(symptom=symptom, level=level, is_helper=is_helper))
    accepted = course.memory.usual(symptom)
    assert (accepted.reference, accepted.confirm_until is not None) == (reference, confirm)


def test_reference_that_nobody_confirms_opens_for_the_team(course):
    course.happen(0, KnownBefore(symptom="numbness", level=STRONG, is_helper=False)).says(0, "numbness", STRONG)
    course.happen(6.9, TimePassed())
    assert course.state("numbness") == "none"
    course.happen(7, TimePassed())
    assert (course.state("numbness"), course.tier("numbness"), course.raised) == ("open", Tier.SOON, Tier.ROUTINE)
    course.happen(8, SetReference(symptom="numbness", level=STRONG))
    assert course.state("numbness") == "settled"


def test_reference_that_nobody_confirms_is_dropped_once_it_is_gone(course):
    """Nothing is there that staff would have to decide about, and what comes back counts at its own tier."""
    course.happen(0, KnownBefore(symptom="numbness", level=STRONG, is_helper=False)).says(0, "numbness", STRONG)
    course.says(3, "numbness", NONE).happen(7, TimePassed())
    assert (course.state("numbness"), course.memory.usual("numbness").reference) == ("none", NONE)
    assert course.memory.usual("numbness").confirm_until is None
    assert course.says(8, "numbness", STRONG).raised is Tier.URGENT


def test_rejected_reference_counts_the_next_answer_at_its_own_tier(course):
    course.happen(0, KnownBefore(symptom="numbness", level=STRONG, is_helper=False)).says(0, "numbness", STRONG)
    course.happen(1, RejectReference(symptom="numbness"))
    assert (course.state("numbness"), course.tier("numbness")) == ("open", Tier.SOON)
    assert course.says(2, "numbness", STRONG).raised is Tier.URGENT


def test_rejected_after_its_time_counts_the_next_answer_too(course):
    course.happen(0, KnownBefore(symptom="numbness", level=STRONG, is_helper=False)).happen(7, TimePassed())
    course.happen(8, RejectReference(symptom="numbness")).says(9, "numbness", STRONG)
    assert course.raised is Tier.URGENT


def test_rejecting_what_is_no_reference_changes_nothing(course):
    course.happen(0, RejectReference(symptom="numbness"))
    assert course.memory == Memory()


def test_law_11_yes_on_a_usual_emergency_sign_is_an_emergency(course):
    course.happen(0, Agree(symptom="bladder", level=EMERGENCY, until=MONDAY + 91 * DAY))
    assert course.says(1, "bladder", EMERGENCY, is_named=True).raised is Tier.EMERGENCY


# -- pairs


def test_k11_two_ambers_of_different_systems_make_urgent_once(course):
    course.says(0, "dizzy", SOON).says(1, "numbness", MILD)
    assert (course.raised, course.tier("dizzy"), course.tier("numbness")) == (Tier.URGENT, Tier.URGENT, Tier.URGENT)
    assert course.says(2, "numbness", MILD).raised is Tier.ROUTINE


def test_k32_a_third_amber_makes_no_second_urgent(course):
    course.says(0, "dizzy", SOON).says(0, "numbness", MILD).says(1, "headache", SOON)
    assert (course.tier("headache"), course.raised) == (Tier.SOON, Tier.SOON)


def test_two_autonomic_signs_pair_and_two_of_one_system_do_not(course):
    assert course.says(0, "dizzy", SOON).says(0, "bowel", SOON).raised is Tier.URGENT
    assert Course().says(0, "stairs", SOON).says(0, "chair", SOON).raised is Tier.SOON


def test_amber_that_a_human_knows_pairs_with_a_new_one_for_a_week(course):
    course.says(0, "dizzy", SOON).staff(0.1, "contact", "dizzy").happen(0.2, AlertClosed())
    assert course.says(6, "numbness", MILD).raised is Tier.URGENT
    assert course.tier("dizzy") is Tier.SOON, "what is OPEN takes the tier"
    later = Course().says(0, "dizzy", SOON).staff(0.1, "contact", "dizzy").happen(0.2, AlertClosed())
    assert later.says(8, "numbness", MILD).raised is Tier.SOON


def test_urgent_that_a_human_knows_makes_no_pair_with_an_amber(course):
    course.says(0, "numbness", STRONG).staff(0.1, "contact", "numbness").happen(0.2, AlertClosed())
    assert course.says(1, "dizzy", SOON).raised is Tier.SOON


def test_open_concern_keeps_its_alert(course):
    course.says(0, "dizzy", SOON).happen(0.1, AlertClosed())
    assert course.memory.concern("dizzy").in_alert


def test_something_new_and_a_question_left_open_pair_with_nothing(course):
    course.says(0, "other", SOON).says(0, "unanswered", SOON).says(0, "dizzy", SOON)
    assert course.raised is Tier.SOON


def test_k31_two_signs_of_the_overlap_list_make_an_emergency_once(course):
    course.says(0, "eyes", URGENT).staff(0.1, "contact", "eyes").says(2, "arms", Level(Tier.URGENT, 2))
    assert (course.raised, course.tier("arms"), course.tier("eyes")) == (Tier.EMERGENCY, Tier.EMERGENCY, Tier.URGENT)
    assert course.says(3, "arms", Level(Tier.URGENT, 2)).raised is Tier.ROUTINE


def test_overlap_raises_the_other_sign_too(course):
    course.says(0, "eyes", URGENT).says(1, "arms", Level(Tier.EMERGENCY, 3))
    assert (course.tier("eyes"), course.tier("arms")) == (Tier.EMERGENCY, Tier.EMERGENCY)


def test_overlap_after_a_week_is_none(course):
    course.says(0, "eyes", URGENT).staff(0.1, "contact", "eyes").says(8, "face", URGENT)
    assert course.raised is Tier.URGENT


def test_k30_weak_limbs_and_breath_on_effort_are_one_complaint(course):
    course.says(0, "numbness", STRONG).says(0, "falls", URGENT).says(0, "stairs", SOON).says(0, "effort", SOON)
    assert course.tier("effort") < Tier.EMERGENCY
    assert Course().says(0, "stairs", Level(Tier.URGENT, 2)).says(0, "effort", SOON).tier("effort") < Tier.EMERGENCY
    assert Course().says(0, "eyes", URGENT).says(0, "effort", SOON).tier("effort") is Tier.EMERGENCY


def test_head_and_jaw_are_one_sign(course):
    course.says(0, "head", Level(Tier.URGENT, 2)).says(0, "fading", URGENT)
    assert course.tier("fading") is Tier.URGENT


def test_pair_counts_again_after_one_was_settled(course):
    course.says(0, "dizzy", SOON).says(0, "numbness", MILD).staff(0.1, "false_alarm", "dizzy", "numbness")
    assert course.says(1, "dizzy", SOON).says(1, "numbness", MILD).raised is Tier.URGENT


# -- the table


def test_symptom_that_the_protocol_does_not_know_is_remembered(course):
    course.says(0, "of_another_protocol", URGENT)
    assert course.state("of_another_protocol") == "open"


def test_a_row_that_leads_elsewhere_is_an_error_unless_it_opens(monkeypatch):
    context = Context(RULES.symptom("eyes"), RULES.remembering, MONDAY)
    given = Above(level=URGENT, by=ANNA, day=MONDAY.date(), is_named=False)

    def row(state):
        return Transition(lambda concern, *_: concern.model_copy(update={"state": state}), frozenset())

    monkeypatch.setitem(TRANSITIONS, (ConcernState.NONE, Above), row(ConcernState.SETTLED))
    with pytest.raises(UnlistedConcernStateError, match="Above in none led to settled"):
        change(Concern(symptom="eyes"), given, context)
    monkeypatch.setitem(TRANSITIONS, (ConcernState.NONE, Above), row(ConcernState.OPEN))
    assert change(Concern(symptom="eyes"), given, context).state is ConcernState.OPEN


def test_sign_that_is_open_already_stays_as_it_is_when_it_is_named(course):
    course.says(0, "eyes", URGENT).says(1, "sign_not_named", URGENT).names(1.1, "eyes", URGENT, said=1)
    assert course.memory.concern("eyes").opened_at == MONDAY


def test_not_yet_on_an_older_message_does_not_replace_that_on_a_newer_one(course):
    course.says(0, "eyes", URGENT).not_yet(0.1, "eyes", by=BEN, message=2).not_yet(0.2, "eyes", by=ANNA, message=1)
    course.spoke(0.3, "eyes", by=ANNA, message=2, asked=0.3)
    assert course.state("eyes") == "open"
