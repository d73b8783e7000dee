"""What each input changes of one concern, and that it changes nothing else of it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.concern import change
from bot.core.concern_values import (
    NONE,
    Above,
    Between,
    Combine,
    Concern,
    ConcernState,
    Contact,
    Context,
    Days,
    End,
    Ending,
    ForgetDays,
    Level,
    NeedsDecision,
    NoAction,
    NotReachedYet,
    SpokeWith,
    TakenBack,
    TeamInformed,
    Usual,
)
from bot.core.protocol import Symptom, Tier

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ANNA, BEN = "patient", "helper"
MILD, MEDIUM, STRONG = Level(Tier.SOON, 1), Level(Tier.SOON, 2), Level(Tier.URGENT, 3)
THERE, WORSE, GRAVE = Level(Tier.URGENT, 1), Level(Tier.URGENT, 2), Level(Tier.EMERGENCY, 1)
SCALE = Symptom(id="scale", group="sensory", is_sign=False)
WEAKNESS = Symptom(id="weakness", group="strength", is_sign=False, overlap="limbs", overlap_from=2)
SIGN = Symptom(id="sign", group="eyes", is_sign=True)
UNASKED = Symptom(id="unasked", group="change", is_sign=True, has_question=False)
LEFT_OPEN = Symptom(id="left_open", group="left_open", has_question=False, ends_when_answered=True)
REMEMBERING = load_protocol().remembering.model_copy(
    update={
        "reached_days": 2,
        "reached_span": DAY,
        "open_days": 3,
        "open_span": 2 * DAY,
        "keep_reached_level": 10 * DAY,
        "take_back_after": 12 * HOUR,
    }
)


def at(day):
    return MONDAY + day * DAY


def on(day) -> date:
    return at(day).date()


def changed(concern, given, day, symptom=SCALE):
    """Return the concern afterwards; each time of an answer is tested on its own."""
    return change(concern, given, Context(symptom, REMEMBERING, at(day))).model_copy(update={"given": {}})


def above(level, day, by=ANNA, *, is_named=False):
    return Above(level=level, by=by, day=on(day), is_named=is_named)


def usual(day, level=NONE):
    return Usual(level=level, day=on(day))


def days(number, first, last):
    return Days(days=number, first_at=at(first), last_at=at(last), last_day=on(last))


def taken_back(level, day, by=ANNA, given=0, *, is_usual=True):
    return TakenBack(level=level, by=by, given_at=at(given), day=on(day), is_usual=is_usual)


def opened(level=MILD, symptom=SCALE, day=0):
    return changed(Concern(symptom=symptom.id), above(level, day), day, symptom)


def reached(level=MILD, symptom=SCALE, day=0):
    return changed(opened(level, symptom, day), Contact(shown_at=at(day)), day + 0.5, symptom)


def settled(level=MILD, symptom=SCALE, ending=Ending.OUT_OF_CARE):
    return changed(reached(level, symptom), End(ending=ending, shown_at=at(1)), 1, symptom)


def but(concern, **values):
    return concern.model_copy(update=values)


# -- opening, rising, opening again


def test_above_opens_a_concern_with_all_that_is_known_of_it():
    assert opened(MEDIUM) == Concern(
        symptom="scale",
        state=ConcernState.OPEN,
        own_tier=Tier.SOON,
        level=MEDIUM,
        highest=MEDIUM,
        first_found_at=at(0),
        sign_found_at=at(0),
        opened_at=at(0),
        givers={ANNA: at(0)},
        in_alert=True,
        above_on=on(0),
        worsened_at=at(0),
        calm_on=on(0),
    )


def test_above_higher_while_open_raises_it_and_begins_calm_days_again():
    before = but(changed(opened(MILD), above(MILD, 1), 1), is_for_team=True, came_back=True, reached_by_message=4)
    assert before.calm_days == 1
    assert changed(before, above(STRONG, 2, BEN), 2) == but(
        before,
        own_tier=Tier.URGENT,
        level=STRONG,
        highest=STRONG,
        opened_at=at(2),
        givers={ANNA: at(0), BEN: at(2)},
        is_for_team=False,
        came_back=False,
        reached_by_message=None,
        above_on=on(2),
        worsened_at=at(2),
        calm_days=0,
        calm_on=on(2),
    )


def test_above_of_a_higher_tier_at_a_lower_level_raises_the_tier_and_keeps_the_highest_level():
    before = but(opened(Level(Tier.URGENT, 3)), own_tier=Tier.SOON)
    after = changed(before, above(THERE, 1), 1)
    assert (after.opened_at, after.own_tier, after.highest) == (at(1), Tier.URGENT, Level(Tier.URGENT, 3))


def test_above_no_higher_while_open_is_a_calm_day():
    before = but(opened(STRONG), usual=days(1, 0.5, 0.5))
    assert changed(before, above(STRONG, 1), 1) == but(
        before, level=STRONG, usual=None, above_on=on(1), calm_days=1, calm_on=on(1)
    )
    twice = changed(changed(before, above(STRONG, 1), 1), above(MILD, 1.2), 1.2)
    assert (twice.level, twice.highest, twice.calm_days) == (MILD, STRONG, 1), "one a day"
    assert changed(twice, above(MILD, 2), 2).calm_days == 2


@pytest.mark.parametrize(("symptom", "level"), [(SCALE, GRAVE), (SIGN, WORSE)])
def test_above_worse_or_an_emergency_again_while_open_is_no_calm_day(symptom, level):
    before = changed(opened(level, symptom), above(THERE, 1), 1, symptom)
    assert (before.opened_at, before.calm_days) == (at(0), 1)
    assert changed(before, above(level, 2), 2, symptom) == but(
        before, level=level, above_on=on(2), worsened_at=at(2), calm_days=0, calm_on=on(2)
    )


def test_above_the_second_step_of_a_scale_is_not_worse():
    before = opened(MEDIUM)
    assert changed(before, above(MEDIUM, 1), 1).worsened_at == at(0)


def test_above_while_taken_back_opens_it_again_at_any_level():
    before = but(opened(STRONG), retracted_at=at(0.2))
    after = changed(before, above(MILD, 0.5), 0.5)
    assert (after.retracted_at, after.opened_at, after.highest) == (None, at(0.5), STRONG)


def test_sign_of_the_overlap_list_is_found_from_its_step_on_and_keeps_its_time():
    first = opened(Level(Tier.SOON, 1), WEAKNESS)
    assert first.sign_found_at is None
    second = changed(first, above(WORSE, 1), 1, WEAKNESS)
    assert second.sign_found_at == at(1)
    assert changed(second, above(Level(Tier.URGENT, 3), 2), 2, WEAKNESS).sign_found_at == at(1)


def test_above_what_a_human_knows_opens_again_with_one_giver():
    before = reached(MILD)
    after = changed(before, above(STRONG, 2, BEN), 2)
    assert after == but(
        before,
        state=ConcernState.OPEN,
        own_tier=Tier.URGENT,
        level=STRONG,
        highest=STRONG,
        opened_at=at(2),
        givers={BEN: at(2)},
        by_staff=False,
        above_on=on(2),
        worsened_at=at(2),
        calm_on=on(2),
    )
    assert after.reached_level == MILD


@pytest.mark.parametrize("level", [MILD, MEDIUM])
def test_above_what_a_human_knows_at_most_is_a_calm_day(level):
    before = but(reached(MEDIUM), usual=days(1, 0.5, 0.5))
    assert changed(before, above(level, 1), 1) == but(
        before, level=level, usual=None, above_on=on(1), calm_days=1, calm_on=on(1)
    )


@pytest.mark.parametrize(
    ("symptom", "known", "given", "is_named", "state"),
    [
        (SIGN, THERE, THERE, False, "reached"),
        (SIGN, THERE, THERE, True, "open"),
        (SIGN, WORSE, WORSE, False, "open"),
        (SIGN, GRAVE, GRAVE, False, "open"),
        (SCALE, STRONG, THERE, False, "reached"),
        (UNASKED, THERE, THERE, False, "open"),
        (LEFT_OPEN, THERE, THERE, False, "reached"),
    ],
)
def test_above_opens_again_what_a_human_knows(symptom, known, given, is_named, state):
    before = reached(known, symptom)
    assert changed(before, above(given, 2, is_named=is_named), 2, symptom).state.value == state


def test_above_what_staff_ended_without_a_level_opens_again():
    assert changed(but(reached(MILD), reached_level=None), above(MILD, 1), 1).state is ConcernState.OPEN


def test_above_the_tier_it_has_opens_again_even_at_a_known_level():
    before = but(reached(MILD), reached_level=GRAVE)
    assert changed(before, above(THERE, 1), 1).state is ConcernState.OPEN
    assert changed(but(before, combined=Tier.URGENT), above(THERE, 1), 1).state is ConcernState.REACHED


# -- back from settled


def test_soon_up_to_the_reached_level_came_back_and_is_known():
    assert changed(settled(MEDIUM), above(MILD, 5), 5) == Concern(
        symptom="scale",
        state=ConcernState.REACHED,
        own_tier=Tier.SOON,
        level=MILD,
        highest=MILD,
        first_found_at=at(5),
        sign_found_at=at(5),
        givers={ANNA: at(5)},
        came_back=True,
        reached_level=MEDIUM,
        reached_at=at(5),
        above_on=on(5),
        worsened_at=at(5),
        calm_on=on(5),
    )
    assert changed(settled(MILD), above(MILD, 5), 5).came_back


@pytest.mark.parametrize(
    ("symptom", "known", "given", "is_named"),
    [
        (SCALE, MILD, MEDIUM, False),
        (SCALE, STRONG, THERE, False),
        (SCALE, MILD, MILD, True),
        (SIGN, Level(Tier.SOON, 2), Level(Tier.SOON, 2), False),
        (UNASKED, MILD, MILD, False),
    ],
)
def test_more_than_is_known_opens_a_new_concern(symptom, known, given, is_named):
    after = changed(settled(known, symptom), above(given, 5, is_named=is_named), 5, symptom)
    fresh = changed(Concern(symptom=symptom.id), above(given, 5, is_named=is_named), 5, symptom)
    assert after == but(fresh, reached_level=known)


def test_reached_level_is_forgotten_after_its_time():
    assert changed(settled(), above(MILD, 10.9), 10.9).reached_level == MILD
    after = changed(settled(), above(MILD, 11), 11)
    assert (after.state, after.reached_level) == (ConcernState.OPEN, None)


def test_reached_level_of_what_was_never_settled_is_not_kept():
    assert changed(Concern(symptom="scale", reached_level=MILD), above(MILD, 1), 1).reached_level is None


# -- answers that raise nothing


@pytest.mark.parametrize("before", [opened(STRONG), reached(STRONG)])
def test_between_ends_the_count_of_usual_days_and_is_a_calm_day(before):
    before = but(before, usual=days(1, 0.5, 0.5))
    assert changed(before, Between(level=MILD, day=on(1)), 1) == but(
        before, level=MILD, usual=None, above_on=on(1), calm_days=1, calm_on=on(1)
    )


@pytest.mark.parametrize("before", [opened(STRONG), reached(STRONG)])
def test_usual_counts_days_after_the_last_answer_above(before):
    same_day = changed(before, usual(0.3), 0.3)
    assert same_day == but(before, level=NONE)
    first = changed(before, usual(1, MILD), 1)
    assert first == but(before, level=MILD, usual=days(1, 1, 1), calm_days=1, calm_on=on(1))
    assert changed(first, usual(1.4), 1.4).usual == but(days(1, 1, 1), last_at=at(1.4))
    unknown = but(before, above_on=None)
    assert changed(unknown, usual(0.3), 0.3).usual == days(1, 0.3, 0.3)


def test_usual_days_start_again_when_the_clock_was_set_back():
    before = but(opened(STRONG), usual=days(2, 3, 4), above_on=None)
    assert changed(before, usual(3.9), 3.9).usual == days(1, 3.9, 3.9)
    assert changed(before, usual(4, NONE), 4).usual == days(2, 3, 4), "the same time again"
    later = change(before, usual(3), Context(SCALE, REMEMBERING, at(4.1)))
    assert later.usual == Days(days=1, first_at=at(4.1), last_at=at(4.1), last_day=on(3))


def test_usual_days_settle_what_a_human_knows():
    once = changed(reached(MILD), usual(1), 1)
    assert changed(once, usual(1.9), 1.9).state is ConcernState.REACHED, "two days, but no whole one between them"
    assert changed(once, usual(2), 2) == but(
        once,
        state=ConcernState.SETTLED,
        settled_at=at(2),
        ending=Ending.RECOVERED,
        givers={},
        usual=None,
        calm_days=2,
        calm_on=on(2),
    )


@pytest.mark.parametrize(("level", "state"), [(MILD, "settled"), (STRONG, "open"), (GRAVE, "open")])
def test_usual_days_settle_an_open_soon_alone(level, state):
    concern = opened(level)
    for day in (1, 2):
        concern = changed(concern, usual(day), day)
        assert concern.state is ConcernState.OPEN
    concern = changed(concern, usual(3), 3)
    assert concern.state.value == state
    assert concern.ending == (Ending.WENT_AWAY if state == "settled" else None)


def test_usual_days_settle_no_soon_that_a_pair_raised():
    concern = changed(opened(MILD), Combine(tier=Tier.URGENT), 0.1)
    for day in (1, 2, 3, 4):
        concern = changed(concern, usual(day), day)
    assert concern.state is ConcernState.OPEN


@pytest.mark.parametrize("before", [opened(THERE, LEFT_OPEN), reached(THERE, LEFT_OPEN)])
def test_question_left_open_ends_with_the_first_answer(before):
    after = changed(before, usual(0.1), 0.1, LEFT_OPEN)
    assert (after.state, after.ending, after.settled_at) == (ConcernState.SETTLED, Ending.ANSWERED, at(0.1))


# -- taking back


def test_taken_back_by_its_only_giver_is_marked():
    before = opened(STRONG)
    assert changed(before, taken_back(MILD, 1), 1) == but(
        before, givers={}, level=MILD, retracted_at=at(1), above_on=on(1)
    )


def test_taken_back_by_one_of_two_leaves_the_other():
    before = changed(opened(STRONG), above(STRONG, 0.1, BEN), 0.1)
    assert changed(before, taken_back(MILD, 0.2), 0.2) == but(before, givers={BEN: at(0.1)}, level=MILD)
    still = changed(before, taken_back(MEDIUM, 0.2, is_usual=False), 0.2)
    assert still == but(before, givers={BEN: at(0.1), ANNA: at(0.2)}, level=MEDIUM)


@pytest.mark.parametrize("by", [ANNA, BEN])
def test_taken_back_changes_nothing_of_what_was_given_before_or_by_another(by):
    before = opened(STRONG)
    assert changed(before, taken_back(NONE, 1, by, given=0.5), 1) == before


def test_taken_back_but_there_after_all_is_given_by_who_says_so():
    before = but(opened(STRONG), retracted_at=at(0.1), givers={}, usual=days(1, 0.2, 0.2))
    assert changed(before, taken_back(MILD, 0.3, is_usual=False), 0.3) == but(
        before, retracted_at=None, givers={ANNA: at(0.3)}, level=MILD, usual=None
    )
    both = changed(but(before, givers={BEN: at(0)}), taken_back(MILD, 0.3, is_usual=False), 0.3)
    assert both.givers == {BEN: at(0), ANNA: at(0.3)}


@pytest.mark.parametrize(
    ("known", "answered", "highest", "state"),
    [
        (MEDIUM, MEDIUM, STRONG, "reached"),
        (MILD, MEDIUM, STRONG, "open"),
        (STRONG, MILD, GRAVE, "open"),
        (GRAVE, GRAVE, THERE, "open"),
        (None, MILD, STRONG, "open"),
    ],
)
def test_taken_back_to_what_a_human_knows_is_known_again(known, answered, highest, state):
    before = but(opened(highest), reached_level=known)
    after = changed(before, taken_back(answered, 0.1, is_usual=False), 0.1)
    if state == "open":
        assert after == before
    else:
        assert after == but(before, givers={}, level=answered, state=ConcernState.REACHED)


@pytest.mark.parametrize(
    ("level", "day", "state"),
    [
        (STRONG, 0.55, "open"),
        (STRONG, 0.9, "open"),
        (STRONG, 1, "settled"),
        (STRONG, 2, "settled"),
        (GRAVE, 2, "open"),
    ],
)
def test_taken_back_ends_with_an_answer_on_a_later_day_and_not_before_its_time(level, day, state):
    concern = changed(opened(level), taken_back(NONE, 0.5), 0.5)
    concern = changed(concern, usual(day), day)
    assert concern.state.value == state
    assert concern.ending == (Ending.TAKEN_BACK if state == "settled" else None)


def test_taken_back_in_the_night_stays_open_all_that_day():
    concern = changed(opened(STRONG), taken_back(NONE, 0.6), 0.6)
    assert changed(concern, usual(1.2), 1.2).state is ConcernState.OPEN
    assert changed(concern, usual(2), 2).state is ConcernState.SETTLED


def test_taken_back_needs_a_day_to_be_later_than():
    concern = but(changed(opened(STRONG), taken_back(NONE, 0.1), 0.1), above_on=None)
    assert changed(concern, usual(3), 3).state is ConcernState.OPEN


# -- a human was reached, or not


def test_spoke_reaches_the_highest_level_and_remembers_its_message():
    before = but(opened(STRONG), level=MILD, retracted_at=at(0.1))
    assert changed(before, SpokeWith(by=ANNA, message=7, asked_at=at(0)), 0.5) == but(
        before,
        state=ConcernState.REACHED,
        reached_level=STRONG,
        reached_at=at(0.5),
        reached_by_message=7,
        retracted_at=None,
    )


def test_reached_level_never_falls():
    assert changed(but(opened(MILD), reached_level=STRONG), Contact(shown_at=at(1)), 1).reached_level == STRONG


@pytest.mark.parametrize(
    ("given", "by_staff"),
    [(TeamInformed(asked_at=at(0)), False), (Contact(shown_at=at(0)), True), (NoAction(shown_at=at(0)), True)],
)
def test_informed_or_read_reaches_a_soon(given, by_staff):
    before = but(opened(MILD), reached_by_message=3)
    values = {"reached_level": MILD, "reached_at": at(0.5), "reached_by_message": None, "by_staff": by_staff}
    assert changed(before, given, 0.5) == but(before, state=ConcernState.REACHED, **values)


@pytest.mark.parametrize(
    ("given", "reaches"),
    [(TeamInformed(asked_at=at(0)), False), (NoAction(shown_at=at(0)), False), (Contact(shown_at=at(0)), True)],
)
def test_more_than_soon_needs_contact(given, reaches):
    assert (changed(opened(THERE), given, 0.5).state is ConcernState.REACHED) is reaches


@pytest.mark.parametrize(
    "given",
    [
        SpokeWith(by=ANNA, message=1, asked_at=at(0)),
        TeamInformed(asked_at=at(0)),
        Contact(shown_at=at(0)),
        NoAction(shown_at=at(0)),
        End(ending=Ending.OUT_OF_CARE, shown_at=at(0)),
    ],
)
def test_what_opened_after_it_was_shown_stays_open(given):
    before = but(opened(MILD), opened_at=at(0) + timedelta(seconds=1))
    assert changed(before, given, 1) == before
    assert changed(but(before, opened_at=at(0)), given, 1).state is not ConcernState.OPEN
    assert changed(but(before, opened_at=None), given, 1).state is not ConcernState.OPEN


def test_contact_about_what_a_human_knows_is_about_its_highest_level_now():
    before = but(reached(MILD), highest=STRONG, opened_at=at(2))
    after = changed(before, Contact(shown_at=at(2)), 3)
    assert (after.reached_level, after.reached_at) == (STRONG, at(3))
    assert changed(before, Contact(shown_at=at(1)), 3) == before, "the page did not show what opened since"


@pytest.mark.parametrize(
    ("refused", "by", "message", "state"),
    [
        ((5, {BEN}), ANNA, 5, "open"),
        ((5, {ANNA, BEN}), ANNA, 5, "open"),
        ((5, {ANNA}), ANNA, 5, "reached"),
        ((5, {BEN}), ANNA, 6, "reached"),
        ((None, {BEN}), ANNA, None, "reached"),
    ],
)
def test_yes_counts_unless_another_said_not_yet_to_the_same_message(refused, by, message, state):
    before = but(opened(THERE), refused_message=refused[0], refused_by=frozenset(refused[1]))
    assert changed(before, SpokeWith(by=by, message=message, asked_at=at(0)), 1).state.value == state


def test_not_yet_is_remembered_by_message_and_person():
    once = changed(opened(THERE), NotReachedYet(by=ANNA, message=5), 1)
    assert once == but(opened(THERE), refused_message=5, refused_by=frozenset({ANNA}))
    both = changed(once, NotReachedYet(by=BEN, message=5), 1)
    assert both.refused_by == {ANNA, BEN}
    next_one = changed(both, NotReachedYet(by=BEN, message=6), 1)
    assert (next_one.refused_message, next_one.refused_by) == (6, {BEN})


@pytest.mark.parametrize("message", [5, 6])
def test_not_yet_after_yes_opens_it_again(message):
    yes = changed(opened(THERE), SpokeWith(by=ANNA, message=5, asked_at=at(0)), 1)
    before = but(yes, in_alert=False, retracted_at=at(1.5))
    assert changed(before, NotReachedYet(by=BEN, message=message), 2) == but(
        before,
        state=ConcernState.OPEN,
        opened_at=at(2),
        in_alert=True,
        retracted_at=None,
        refused_message=message,
        refused_by=frozenset({BEN}),
    )


def test_not_yet_to_an_earlier_message_or_after_staff_know_changes_nothing():
    yes = changed(opened(THERE), SpokeWith(by=ANNA, message=5, asked_at=at(0)), 1)
    assert changed(yes, NotReachedYet(by=BEN, message=4), 2) == yes
    known = reached(THERE)
    assert changed(known, NotReachedYet(by=BEN, message=9), 2) == known


# -- decisions of staff, pairs, the clock


@pytest.mark.parametrize("before", [opened(MILD), reached(MILD)])
@pytest.mark.parametrize(
    ("ending", "accepted", "known"),
    [
        (Ending.FALSE_ALARM, None, None),
        (Ending.NAMED, None, None),
        (Ending.ACCEPTED, MILD, MILD),
        (Ending.ACCEPTED, MEDIUM, MEDIUM),
        (Ending.OUT_OF_CARE, None, MILD),
    ],
)
def test_end_settles_and_leaves_what_is_known(before, ending, accepted, known):
    before = but(before, highest=STRONG, reached_level=MILD, usual=days(1, 0.6, 0.6))
    assert changed(before, End(ending=ending, accepted=accepted, shown_at=at(1)), 1) == but(
        before,
        state=ConcernState.SETTLED,
        settled_at=at(1),
        ending=ending,
        givers={},
        usual=None,
        reached_level=known,
    )


def test_accepted_by_staff_who_know_more_is_known_as_before():
    before = but(opened(MILD), reached_level=STRONG)
    assert changed(before, End(ending=Ending.ACCEPTED, accepted=MILD, shown_at=at(1)), 1).reached_level == STRONG


@pytest.mark.parametrize(
    ("before", "known"), [(Concern(symptom="scale", level=MEDIUM), None), (but(settled(MEDIUM), level=MEDIUM), MEDIUM)]
)
def test_decision_that_staff_have_to_make_opens_for_the_team_alone(before, known):
    assert changed(before, NeedsDecision(known=STRONG), 5) == Concern(
        symptom="scale",
        state=ConcernState.OPEN,
        own_tier=Tier.SOON,
        level=MEDIUM,
        highest=STRONG,
        first_found_at=at(5),
        opened_at=at(5),
        is_for_team=True,
        in_alert=True,
        reached_level=known,
        worsened_at=at(5),
    )


@pytest.mark.parametrize("before", [opened(MILD), reached(MILD)])
def test_decision_about_what_is_pending_changes_nothing(before):
    assert changed(before, NeedsDecision(known=STRONG), 5) == before


def test_pair_raises_the_tier_and_nothing_as_high():
    before = but(opened(MILD), in_alert=False)
    after = changed(before, Combine(tier=Tier.URGENT), 1)
    assert after == but(before, combined=Tier.URGENT, opened_at=at(1), in_alert=True)
    assert after.tier is Tier.URGENT
    assert changed(after, Combine(tier=Tier.URGENT), 2) == after
    assert changed(opened(GRAVE), Combine(tier=Tier.URGENT), 2) == opened(GRAVE)


@pytest.mark.parametrize("before", [opened(MILD), reached(MILD)])
def test_clock_that_was_set_forgets_days_alone(before):
    counted = but(before, usual=days(1, 1, 1), calm_days=2, calm_on=on(1))
    assert changed(counted, ForgetDays(), 3) == but(counted, usual=None, calm_days=0, calm_on=None)


@pytest.mark.parametrize(("state", "pending"), [("none", False), ("open", True), ("reached", True), ("settled", False)])
def test_pending_is_open_or_reached(state, pending):
    assert Concern(symptom="scale", state=state).is_pending is pending
