"""The check-in as a patient taps through it: the path of four taps, red flags, slips, silence, stale and doubled taps."""

from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st

from bot.content.loader import load_protocol
from bot.core import checkin as core
from bot.core.checkin import IgnoredReason, State
from bot.core.protocol import SKIP, FormStep, Tier, applicable
from bot.core.triage import History, assess
from tests.core.drawn import drawn

PROTOCOL = load_protocol()
NOTHING = History(previous={"numbness": ("none",)}, baseline={"numbness": ("none",)})
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Patient:
    """Taps on the current screen, and remembers all that happened."""

    def __init__(self, form="quick", answers=None, history=NOTHING, protocol=PROTOCOL):
        self.protocol = protocol
        self.history = history
        self.checkin = core.open_checkin(form, protocol, answers)
        self.events = []

    def send(self, received):
        step = core.step(self.checkin, received, self.protocol, self.history)
        self.checkin = step.checkin
        self.events += step.events
        return step.events

    def choose(self, *choices):
        for choice in choices:
            events = self.send(core.Choose(question=self.at, choice=choice, revision=self.checkin.revision))
        return events

    def tick(self, *choices, on=True):
        for choice in choices:
            events = self.send(core.Toggle(question=self.at, choice=choice, on=on, revision=self.checkin.revision))
        return events

    def submit(self):
        return self.send(core.Submit(question=self.at, revision=self.checkin.revision))

    def skip(self):
        return self.send(core.Skip(question=self.at, revision=self.checkin.revision))

    def back(self):
        return self.send(core.Back(question=self.at, revision=self.checkin.revision))

    def go_on(self):
        return self.send(core.Continue(revision=self.checkin.revision))

    def finish(self):
        return self.send(core.Finish(revision=self.checkin.revision))

    @property
    def at(self):
        return self.checkin.cursor

    @property
    def state(self):
        return self.checkin.state

    def of(self, kind):
        return [e for e in self.events if isinstance(e, kind)]


def only(events, kind):
    return [e for e in events if isinstance(e, kind)]


def ignored_as(events):
    (event,) = events
    return event.reason


# --- The usual path ---------------------------------------------------------------------------------------------------


def test_four_taps_when_nothing_changed():
    patient = Patient()
    assert core.taps_left(patient.checkin, PROTOCOL) == 4
    asked = []
    for choice in ("no", "none", "none", "none"):
        asked.append((patient.at, core.progress(patient.checkin, PROTOCOL)))
        patient.choose(choice)
    assert asked == [("change", (1, 4)), ("safety_now", (2, 4)), ("safety_new", (3, 4)), ("numbness", (4, 4))]
    assert (patient.state, patient.at) == (State.DONE, None)
    (finished,) = patient.of(core.Finished)
    assert (finished.assessment.tier, finished.assessment.complete) == (Tier.ROUTINE, True)
    assert not patient.of(core.RedFlag)
    assert core.progress(patient.checkin, PROTOCOL) == (4, 4)
    assert core.taps_left(patient.checkin, PROTOCOL) == 0


def test_something_worse_is_asked_more_about():
    patient = Patient()
    patient.choose("yes", "none", "none")
    assert patient.at == "autonomic"
    assert core.progress(patient.checkin, PROTOCOL) == (4, 5)


def test_numbness_is_asked_how_much_it_is_in_the_way_and_what_it_stops():
    patient = Patient()
    patient.choose("no", "none", "none", "mild")
    assert patient.at == "interference"
    patient.choose("very_much")
    assert patient.at == "selfcare"
    patient.choose("no")
    assert patient.state is State.DONE


def test_every_answer_is_an_event_of_its_own():
    patient = Patient()
    assert patient.choose("no") == (core.AnswerGiven(question="change", choices=("no",)),)


def test_rule_10_feeling_worse_opens_with_its_answer_known():
    patient = Patient(answers={"change": ("yes",)})
    assert patient.at == "safety_now"
    assert core.progress(patient.checkin, PROTOCOL) == (2, 5)
    assert core.taps_left(patient.checkin, PROTOCOL) == 4


def test_an_unknown_form_is_refused():
    with pytest.raises(KeyError):
        core.open_checkin("other", PROTOCOL)


# --- EMERGENCY --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["yes", "not_sure"])
@pytest.mark.parametrize("form", ["quick", "baseline"])
def test_rule_1_emergency_acts_at_the_tap_before_it_asks_which_sign(form, answer):
    patient = Patient(form)
    if form == "quick":
        patient.choose("no")
    stored, flag = patient.choose(answer)
    assert stored == core.AnswerGiven(question="safety_now", choices=(answer,))
    assert flag.assessment.tier is Tier.EMERGENCY
    assert not flag.assessment.complete
    assert (patient.state, patient.at, patient.checkin.raised) == (State.STOPPED, "which_now", Tier.EMERGENCY)
    assert core.progress(patient.checkin, PROTOCOL) == (1, 1)


def stopped():
    patient = Patient()
    patient.choose("no", "yes")
    return patient


def test_after_an_emergency_only_which_sign_is_asked_and_it_raises_no_second_alert():
    patient = stopped()
    patient.tick("breathing", "heart")
    patient.submit()
    assert patient.state is State.DONE
    assert len(patient.of(core.RedFlag)) == 1
    (finished,) = patient.of(core.Finished)
    assert finished.assessment.tier is Tier.EMERGENCY
    assert {"now.breathing", "now.heart"} <= set(finished.assessment.concerns)
    assert not finished.assessment.complete


def test_which_sign_may_be_skipped_and_the_emergency_stays():
    patient = stopped()
    patient.skip()
    assert patient.state is State.DONE
    assert patient.of(core.Finished)[0].assessment.tier is Tier.EMERGENCY


def test_back_does_not_lead_out_of_an_emergency():
    patient = stopped()
    assert ignored_as(patient.back()) is IgnoredReason.FIRST_QUESTION


def test_an_emergency_with_nothing_to_ask_after_it_is_done():
    steps = (FormStep(ask="safety_now"), FormStep(ask="numbness"))
    form = PROTOCOL.forms["quick"].model_copy(update={"steps": steps})
    patient = Patient(protocol=PROTOCOL.model_copy(update={"forms": {"quick": form}}))
    events = patient.choose("yes")
    assert [type(e) for e in events] == [core.AnswerGiven, core.RedFlag, core.Finished]
    assert (patient.state, patient.at) == (State.DONE, None)


# --- URGENT -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["yes", "not_sure"])
def test_rule_2_urgent_pauses_at_the_tap_and_the_rest_may_be_answered(answer):
    patient = Patient()
    patient.choose("no", "none")
    flag = patient.choose(answer)[1]
    assert flag.assessment.tier is Tier.URGENT
    assert (patient.state, patient.checkin.raised) == (State.PAUSED, Tier.URGENT)
    assert core.taps_left(patient.checkin, PROTOCOL) == 3
    patient.go_on()
    assert (patient.state, patient.at) == (State.ASKING, "which_new")


def paused():
    patient = Patient()
    patient.choose("no", "none", "yes")
    return patient


def test_rule_2_urgent_may_be_finished_at_once_and_is_then_incomplete():
    patient = paused()
    patient.finish()
    assert patient.state is State.DONE
    (finished,) = patient.of(core.Finished)
    assert (finished.assessment.tier, finished.assessment.complete) == (Tier.URGENT, False)


def test_urgent_raises_once():
    patient = paused()
    patient.go_on()
    patient.tick("eyes", "walking")
    patient.submit()
    patient.tick("none")
    patient.choose("strong")
    assert len(patient.of(core.RedFlag)) == 1


def test_an_emergency_after_urgent_raises_again():
    patient = paused()
    patient.go_on()
    patient.back()
    patient.back()
    assert patient.at == "safety_now"
    flag = patient.choose("yes")[1]
    assert flag.assessment.tier is Tier.EMERGENCY
    assert patient.state is State.STOPPED


def test_an_urgent_last_answer_finishes_too():
    patient = Patient(history=History())
    patient.choose("no", "none", "none", "mild", "very_much")
    events = patient.choose("yes")
    assert [type(e) for e in events] == [core.AnswerGiven, core.RedFlag, core.Finished]
    assert patient.state is State.DONE
    assert events[2].assessment.complete


def test_a_second_autonomic_sign_pauses_and_a_third_tick_on_its_heels_counts():
    patient = Patient()
    patient.choose("yes", "none", "none")
    revision = patient.checkin.revision
    for sign in ("dizzy", "bowel", "full"):
        patient.send(core.Toggle(question="autonomic", choice=sign, on=True, revision=revision))
    assert patient.state is State.PAUSED
    assert patient.checkin.answers["autonomic"] == ("dizzy", "bowel", "full")
    assert len(patient.of(core.RedFlag)) == 1
    assert core.taps_left(patient.checkin, PROTOCOL) == 2
    patient.go_on()
    assert (patient.state, patient.at) == (State.ASKING, "autonomic")
    patient.submit()
    assert patient.at == "numbness"


def test_each_screen_is_numbered_one_higher_than_the_one_before():
    patient = Patient()
    assert (patient.checkin.revision, patient.checkin.asked_revision) == (0, 0)
    numbers = []
    patient.choose("yes", "none", "none")
    numbers.append(patient.checkin.revision)
    for sign in ("dizzy", "full"):  # the second one raises a red flag
        patient.tick(sign)
        numbers.append(patient.checkin.revision)
    patient.go_on()
    numbers.append(patient.checkin.revision)
    assert numbers == [3, 4, 5, 6]


def test_a_slip_on_known_or_new_leads_back_to_that_question():
    patient = Patient("baseline", history=History())
    patient.choose("none", "none", "much")
    assert (patient.at, patient.of(core.RedFlag)) == ("known_stairs", [])
    patient.choose("no")
    assert patient.of(core.RedFlag)
    patient.send(core.Mistake())
    assert patient.at == "known_stairs"


def test_the_last_question_of_the_baseline_pauses_before_done():
    patient = Patient("baseline")
    patient.choose("none", "none", *["none"] * 6, "no", "none")
    patient.tick("dizzy", "full")
    assert (patient.state, patient.at) == (State.PAUSED, "autonomic")
    patient.finish()
    assert patient.of(core.Finished)[0].assessment.complete


def test_going_on_with_nothing_left_is_done():
    patient = paused()
    answers = {**patient.checkin.answers, "which_new": ("eyes",), "autonomic": ("none",), "numbness": ("none",)}
    patient.checkin = patient.checkin.model_copy(update={"answers": answers})
    patient.go_on()
    assert patient.state is State.DONE


@pytest.mark.parametrize("tap", [core.Continue, core.Finish])
def test_going_on_and_finishing_from_an_older_screen_are_stale(tap):
    patient = paused()
    assert ignored_as(patient.send(tap(revision=0))) is IgnoredReason.STALE
    assert patient.state is State.PAUSED


# --- "I tapped by mistake" --------------------------------------------------------------------------------------------


def test_rule_6_mistake_deletes_nothing_and_asks_again():
    patient = stopped()
    patient.tick("breathing")
    before = patient.checkin
    events = patient.send(core.Mistake())
    assert events == (core.MistakeClaimed(tier=Tier.EMERGENCY),)
    assert (patient.state, patient.at) == (State.ASKING, "safety_now")
    assert (patient.checkin.answers, patient.checkin.raised) == (before.answers, Tier.EMERGENCY)


def test_rule_6_after_a_mistake_the_same_answer_raises_again():
    patient = stopped()
    patient.send(core.Mistake())
    assert only(patient.choose("yes"), core.RedFlag)
    assert patient.state is State.STOPPED
    assert patient.at == "which_now"


def test_rule_6_after_a_mistake_another_red_flag_of_the_same_or_a_lower_tier_raises():
    patient = paused()
    patient.send(core.Mistake())
    assert patient.at == "safety_new"
    patient.choose("none")
    assert only(patient.choose("strong"), core.RedFlag)

    patient = stopped()
    patient.send(core.Mistake())
    patient.choose("none")
    assert only(patient.choose("yes"), core.RedFlag)
    assert patient.checkin.raised is Tier.EMERGENCY
    patient.go_on()
    patient.back()
    patient.back()
    assert patient.at == "safety_now"
    assert only(patient.choose("yes"), core.RedFlag)


def test_rule_6_a_corrected_slip_leaves_the_sign_out_and_goes_on():
    patient = stopped()
    patient.tick("breathing")
    patient.send(core.Mistake())
    events = patient.choose("none")
    assert core.AnswerRemoved(question="which_now") in events
    patient.choose("none", "none")
    (finished,) = patient.of(core.Finished)
    assert finished.assessment.tier is Tier.ROUTINE
    assert patient.checkin.raised is Tier.EMERGENCY


def test_rule_6_ticks_that_raised_stay_red_when_they_are_only_confirmed():
    patient = Patient()
    patient.choose("yes", "none", "none")
    patient.tick("dizzy", "bowel")
    patient.send(core.Mistake())
    assert patient.at == "autonomic"
    assert only(patient.submit(), core.RedFlag)


def test_a_mistake_can_be_claimed_later_in_the_check_in():
    patient = paused()
    patient.go_on()
    patient.send(core.Mistake())
    assert patient.at == "safety_new"


def test_a_mistake_after_the_answer_was_taken_back_stays_where_it_is():
    patient = paused()
    patient.go_on()
    patient.back()
    patient.choose("none")
    assert patient.at == "numbness"
    assert patient.send(core.Mistake()) == (core.MistakeClaimed(tier=Tier.URGENT),)
    assert patient.at == "numbness"


def test_there_is_no_mistake_without_a_red_flag_nor_two_in_a_row():
    patient = Patient()
    assert ignored_as(patient.send(core.Mistake())) is IgnoredReason.NOT_NOW
    patient = stopped()
    patient.send(core.Mistake())
    assert ignored_as(patient.send(core.Mistake())) is IgnoredReason.NOT_NOW


# --- Silence ----------------------------------------------------------------------------------------------------------

ENDINGS = [(core.Expire(), State.EXPIRED), (core.Replace(), State.REPLACED)]


@pytest.mark.parametrize(("received", "state"), ENDINGS)
def test_rule_7_a_concerning_answer_before_the_silence_is_assessed(received, state):
    patient = Patient()
    patient.choose("yes")
    finished, closed = patient.send(received)
    assert (finished.assessment.tier, finished.assessment.complete) == (Tier.SOON, False)
    assert closed == core.Closed(state=state)
    assert (patient.state, patient.at) == (state, None)


@pytest.mark.parametrize(("received", "state"), ENDINGS)
@pytest.mark.parametrize("path", [paused, stopped], ids=["paused", "stopped"])
def test_rule_7_silence_after_a_red_flag_keeps_its_tier(received, state, path):
    patient = path()
    raised = patient.checkin.raised
    assert patient.send(received)[0].assessment.tier is raised


@pytest.mark.parametrize(("received", "state"), ENDINGS)
def test_silence_from_the_start_has_nothing_to_assess(received, state):
    assert Patient().send(received) == (core.Closed(state=state),)


def test_rule_7_ticks_are_stored_before_done_is_tapped():
    patient = Patient()
    patient.choose("yes", "none", "none")
    assert patient.tick("full") == (core.AnswerGiven(question="autonomic", choices=("full",)),)
    assert patient.send(core.Expire())[0].assessment.concerns == ("autonomic.one",)


# --- Several choices --------------------------------------------------------------------------------------------------


def asked_more():
    patient = Patient()
    patient.choose("yes", "none", "none")
    return patient


def test_done_with_nothing_ticked_is_ignored():
    patient = asked_more()
    assert ignored_as(patient.submit()) is IgnoredReason.NOTHING_CHOSEN


def test_an_exclusive_choice_submits_at_once_and_clears_the_others():
    patient = asked_more()
    patient.tick("dizzy")
    patient.tick("none")
    assert patient.checkin.answers["autonomic"] == ("none",)
    assert patient.at == "numbness"


def test_a_tick_clears_an_exclusive_choice_and_a_skip():
    for first in ("none", SKIP):
        patient = asked_more()
        patient.skip() if first == SKIP else patient.tick(first)
        patient.back()
        assert patient.at == "autonomic"
        patient.tick("full")
        assert patient.checkin.answers["autonomic"] == ("full",)


def test_an_exclusive_choice_can_be_unticked():
    patient = asked_more()
    patient.tick("none")
    patient.back()
    assert patient.tick("none", on=False) == (core.AnswerRemoved(question="autonomic"),)


def test_ticks_are_kept_in_the_order_of_the_question():
    patient = stopped()
    patient.tick("heart", "breathing")
    assert patient.checkin.answers["which_now"] == ("breathing", "heart")


def test_the_last_tick_taken_back_leaves_no_answer():
    patient = asked_more()
    patient.tick("full")
    assert patient.tick("full", on=False) == (core.AnswerRemoved(question="autonomic"),)
    assert "autonomic" not in patient.checkin.answers
    assert ignored_as(patient.submit()) is IgnoredReason.NOTHING_CHOSEN


# --- Doubled, stale and foreign taps ----------------------------------------------------------------------------------


def test_a_doubled_choice_is_stale():
    patient = Patient()
    revision = patient.checkin.revision
    patient.choose("no")
    before = patient.checkin
    again = core.Choose(question="change", choice="yes", revision=revision)
    assert patient.send(again) == (core.Ignored(reason=IgnoredReason.STALE, input="Choose", state=State.ASKING),)
    assert patient.checkin == before


def test_a_doubled_tick_changes_nothing_and_quick_ticks_are_not_lost():
    patient = stopped()
    revision = patient.checkin.revision
    for choice in ("mind", "head", "mind"):
        patient.send(core.Toggle(question="which_now", choice=choice, on=True, revision=revision))
    assert patient.checkin.answers["which_now"] == ("mind", "head")
    assert not patient.of(core.Ignored)
    assert patient.send(core.Toggle(question="which_now", choice="mind", on=True, revision=revision)) == ()


@pytest.mark.parametrize("kind", [core.Choose, core.Toggle, core.Submit, core.Skip, core.Back])
@pytest.mark.parametrize(("question", "late"), [("change", 0), ("numbness", 0), ("safety_now", 1), ("safety_now", -1)])
def test_taps_on_another_question_or_another_time_are_stale(kind, question, late):
    patient = Patient()
    patient.choose("no")
    fields = {
        "question": question,
        "revision": patient.checkin.revision + late,
        "choice": "none",
        "on": True,
        "then": "",
    }
    tap = kind(**{name: fields[name] for name in kind.model_fields})
    before = patient.checkin
    assert ignored_as(patient.send(tap)) is IgnoredReason.STALE
    assert patient.checkin == before


def test_choices_that_are_not_there_are_refused():
    patient = Patient()
    assert ignored_as(patient.choose("maybe")) is IgnoredReason.UNKNOWN_CHOICE
    assert ignored_as(patient.tick("no")) is IgnoredReason.UNKNOWN_CHOICE
    assert ignored_as(patient.submit()) is IgnoredReason.UNKNOWN_CHOICE
    patient = asked_more()
    assert ignored_as(patient.choose("full")) is IgnoredReason.UNKNOWN_CHOICE
    assert ignored_as(patient.tick("sleepy")) is IgnoredReason.UNKNOWN_CHOICE


def test_what_a_state_does_not_take_is_ignored_with_its_name():
    patient = paused()
    event = patient.submit()[0]
    assert event == core.Ignored(reason=IgnoredReason.NOT_NOW, input="Submit", state=State.PAUSED)


INPUTS = [
    core.Choose(question="change", choice="no", revision=0),
    core.Toggle(question="change", choice="no", on=True, revision=0),
    core.Submit(question="change", revision=0),
    core.Skip(question="change", revision=0),
    core.Back(question="change", revision=0),
    core.Continue(revision=0),
    core.Finish(revision=0),
    core.Mistake(),
    core.Expire(),
    core.Replace(),
]


@pytest.mark.parametrize("state", [State.DONE, State.EXPIRED, State.REPLACED])
@pytest.mark.parametrize("received", INPUTS, ids=lambda i: type(i).__name__)
def test_final_states_take_nothing(state, received):
    checkin = core.open_checkin("quick", PROTOCOL).model_copy(update={"state": state})
    step = core.step(checkin, received, PROTOCOL, NOTHING)
    assert step.checkin == checkin
    assert step.events == (core.Ignored(reason=IgnoredReason.NOT_NOW, input=type(received).__name__, state=state),)


# --- Back and Skip ----------------------------------------------------------------------------------------------------


def test_back_keeps_the_answers_and_the_next_tap_replaces_one():
    patient = Patient()
    patient.choose("no", "none")
    patient.back()
    patient.back()
    assert patient.at == "change"
    assert patient.checkin.answers == {"change": ("no",), "safety_now": ("none",)}
    assert core.taps_left(patient.checkin, PROTOCOL) == 3
    patient.choose("yes")
    assert patient.at == "safety_new"
    assert patient.checkin.answers["change"] == ("yes",)


def test_there_is_nothing_before_the_first_question():
    assert ignored_as(Patient().back()) is IgnoredReason.FIRST_QUESTION


def test_answers_that_no_longer_apply_are_forgotten():
    patient = asked_more()
    patient.tick("none")
    for _ in range(4):
        patient.back()
    events = patient.choose("no")
    assert core.AnswerRemoved(question="autonomic") in events
    assert patient.at == "numbness"


def test_skip_is_an_answer():
    patient = Patient()
    assert patient.skip() == (core.AnswerGiven(question="change", choices=(SKIP,)),)
    assert patient.at == "safety_now"


def test_a_check_in_whose_protocol_lost_the_question_ignores_taps_on_it():
    patient = Patient()
    patient.checkin = patient.checkin.model_copy(update={"cursor": "hearing"})
    assert ignored_as(patient.choose("no")) is IgnoredReason.STALE
    safe = patient.checkin.model_copy(update={"cursor": "selfcare"})  # asked, but not on this path
    back = core.Back(question="selfcare", revision=0)
    assert core.step(safe, back, PROTOCOL, NOTHING).events[0].reason is IgnoredReason.FIRST_QUESTION


# --- Properties -------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 9)


def tap_from(patient, kind, which, late):
    question = PROTOCOL.questions.get(patient.at or "change")
    choice = question.choices[which % len(question.choices)].id
    revision = max(0, patient.checkin.revision - late)
    return {
        0: core.Choose(question=question.id, choice=choice, revision=revision),
        1: core.Choose(question=question.id, choice=choice, revision=revision),
        2: core.Toggle(question=question.id, choice=choice, on=True, revision=revision),
        3: core.Toggle(question=question.id, choice=choice, on=which % 2 == 0, revision=revision),
        4: core.Submit(question=question.id, revision=revision),
        5: core.Skip(question=question.id, revision=revision),
        6: core.Back(question=question.id, revision=revision),
        7: core.Continue(revision=revision),
        8: core.Finish(revision=revision),
        9: core.Mistake(),
    }[kind]


@drawn(
    form=st.sampled_from(["quick", "baseline"]),
    taps=st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 2)), max_size=30),
    some=6,
)
def test_random_taps_never_get_stuck_and_raise_exactly_when_the_tier_rises(form, taps):
    patient = Patient(form, history=History())
    for kind, which, late in taps:
        before = patient.checkin
        received = tap_from(patient, kind, which, late)
        events = patient.send(received)
        after = patient.checkin
        flags = only(events, core.RedFlag)
        if only(events, core.Ignored) or (not events and after == before):
            assert after == before
            continue
        tier = assess(after.answers, History(), PROTOCOL, form=form, finished=False).tier
        judged = only(events, core.AnswerGiven) or only(events, core.AnswerRemoved) or isinstance(received, core.Submit)
        assert bool(flags) == bool(judged and tier >= Tier.URGENT and tier > before.acted_on)
        assert after.raised >= before.raised
        asked = {s.ask for s in applicable(PROTOCOL.forms[form], after.answers)}
        assert set(after.answers) <= asked
        assert (after.cursor is None) == (after.state is State.DONE)
        assert after.revision > before.revision
    for _ in range(20):
        if patient.state is State.DONE:
            break
        patient.go_on() if patient.state is State.PAUSED else patient.skip()
    assert patient.state is State.DONE
    assert len(patient.of(core.Finished)) == 1
