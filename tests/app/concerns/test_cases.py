"""What is remembered between check-ins: the cases in which a wrong all-clear was seen, each by its number."""

from datetime import timedelta

import pytest

from bot.app.alerts import help_requests, ownership, replies
from bot.app.alerts.messages import asked_at
from bot.app.alerts.naming import Found
from bot.app.alerts.raising import join
from bot.app.checkins import answering, opening
from bot.app.concerns.memory import open_after, remember
from bot.app.operations import sweeps
from bot.core.concern_values import Level
from bot.core.happenings import Answered
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import alerts, checkins, feel_worse
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEAST = {"change": "no", "falls": "no"}
"""The answer to a question that a case doesn't name, where it isn't "none"."""
BEN = 8


CALLS = {"call.soon", "call.urgent", "call.emergency"}


class Life:
    """One patient's check-ins, alerts and replies, day by day."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna

    def run(self, use_case, *args, **more):
        return transact(self.database, self.clinic, use_case, *args, **more)

    def at(self, day, hours=0.0):
        return AT + day * DAY + hours * HOUR

    def patient(self):
        return self.run(lambda s: s.patients.get(self.anna.id))

    def opened(self, day, form="quick"):
        due_at = self.at(day, 0.01)  # the fixture's check-in was due at `AT`
        return self.run(
            opening.open_checkin, self.patient(), form=form, kind="scheduled", due_at=due_at, at=self.at(day)
        )

    def tap(self, choice, at, *, kind="choose", caregiver=None):
        row = self.run(lambda s: s.checkins.open_of(self.anna.id))
        acting = self.patient().model_copy(update={"caregiver": caregiver})
        value = row.value
        tap = Action(kind=kind, subject=row.id, revision=value.revision, question=value.cursor or "", choice=choice)
        self.run(checkins.tapped, acting, tap, at=at)

    def cursor(self):
        row = self.run(lambda s: s.checkins.open_of(self.anna.id))
        return row.value.cursor if row is not None else None

    def check(self, day, form="quick", *, until=None, start=True, caregiver=None, **answers):
        """Answer a form on a day: what isn't named is answered with the least; return how it ended for the patient."""
        at, seen = self.at(day), len(self.database.outbox())
        if start:
            self.opened(day, form)
        for _ in range(40):
            row = self.run(lambda s: s.checkins.open_of(self.anna.id))
            if row is None or row.value.cursor in {None, until}:
                break
            if row.value.state == "paused":
                self.tap("", at, kind="go_on", caregiver=caregiver)
                continue
            question = self.clinic.protocol.questions[row.value.cursor]
            if question.id.startswith("known_"):
                answers.setdefault(question.id, "no")
            least = question.choices[0].id if question.scale else LEAST.get(question.id, "none")
            chosen = answers.get(question.id, least if question.choice(least) else question.choices[0].id)
            if question.kind == "single":
                self.tap(chosen, at, caregiver=caregiver)
                continue
            self.tap(f"+{chosen}", at, kind="toggle", caregiver=caregiver)
            if not question.choice(chosen).exclusive and self.cursor() == question.id:  # a tick may end the form
                self.tap("", at, kind="submit", caregiver=caregiver)
        rows = [q.row for q in self.database.outbox()[seen:]]
        # A former call screen whose line "Seen by your team" goes is no new one.
        shown = [row.screen.name for row in rows if row.mode == "new" or not row.slot.startswith("alert:")]
        return [name for name in shown if name.startswith(("done.", "call."))]

    def words(self):
        """The texts of the newest end screen."""
        screen = [q.row.screen for q in self.database.outbox() if q.row.screen.name.startswith("done.")][-1]
        return [line.values["what"].key if line.key == "done.open.item" else line.key for line in screen.lines]

    def alerts(self):
        return list(reversed(self.run(lambda s: s.alerts.of_patient(self.anna.id))))

    def reply(self, alert, word, day, hours=0.0, *, made=None, caregiver=None):
        """Reply on a message about the alert that was made at `made`; by default on one that was just made."""
        at = self.at(day, hours)
        acting = self.patient().model_copy(update={"caregiver": caregiver})
        self.run(replies.reply, acting, alert.id, word, asked_at(alert, made or at), at=at)

    def staff(self, alert, outcome, day, hours=0.0):
        for act, *more in ((ownership.note, outcome), (ownership.close,)):
            self.run(act, alert.id, *more, at=self.at(day, hours), by="lead-1")

    def helper(self):
        made = samples.full_caregiver(self.anna.id, chat_id=BEN).model_copy(update={"ended_at": None})
        return self.run(lambda s: s.caregivers.add(made))

    def run_prompts(self, at):
        self.run(sweeps.alert_clocks, at=at, limit=50)

    def run_hospital(self, at):
        self.run(sweeps.hospital_clocks, at=at, limit=50)

    def prompt(self, alert, day, hours):
        """Send the safety follow-up that is due; return the screen."""
        self.run_prompts(self.at(day, hours))
        slot = f"loopback:{alert.id}:"
        return [q.row.screen for q in self.database.outbox() if q.row.slot.startswith(slot)][-1]

    def press(self, screen, word, day, hours, caregiver=None):
        """Tap the button of a screen about an alert; return the screen that follows."""
        found = [b.action for row in screen.rows for b in row if b.action is not None and b.action.choice == word]
        acting = self.patient().model_copy(update={"caregiver": caregiver})
        self.run(alerts.tapped, acting, found[0], at=self.at(day, hours))
        return self.database.outbox()[-1].row.screen

    def state(self, symptom):
        row = self.run(lambda s: s.concerns.of_patient(self.anna.id))
        return row.value.concern(symptom).state.value


@pytest.fixture
def life(database, clinic, anna):
    life = Life(database, clinic, anna)
    life.run(lambda w: answering.close_as(w, anna, w.checkins.open_of(anna.id), answering.core.Replace()))
    return life


def test_k3_emergency_that_nobody_acts_on_never_ends_in_an_all_clear(life):
    shown = life.check(0, safety_now="yes", which_now="breathing")
    assert "call.emergency" in shown
    for day in (3, 4, 30, 200):
        assert life.check(day) == ["done.open"]
        assert life.words()[:3] == ["done.open.earlier", "symptom.breathing", "done.open.gone"]


def test_k4_soon_that_nobody_called_about_is_no_all_clear(life):
    assert "call.soon" in life.check(1, change="yes", autonomic="dizzy")
    assert life.check(2) == ["done.open"]
    assert "symptom.dizzy" in life.words()


@pytest.mark.parametrize("known", ["no", "yes_not_told"])
def test_k5_k6_trouble_from_the_first_baseline_stays_open(life, known):
    found = {"stairs": "cannot", "numbness": "medium"}
    shown = life.check(0, "baseline", **found, known_stairs=known, known_before=known)
    assert "call.urgent" in shown
    for day in (5, 12, 19):
        assert life.check(day, "full", **found)[-1] not in {"done.routine", "done.incomplete"}
    assert {life.state("stairs"), life.state("numbness")} == {"open"}


def test_k7_second_baseline_changes_no_reference_level(life):
    life.check(0, "baseline")
    life.check(2, numbness="medium")
    assert life.state("numbness") == "open"
    life.check(3, "baseline", numbness="medium", known_before="yes_known")
    assert life.state("numbness") == "open"
    assert life.check(4, numbness="medium")[-1] != "done.routine"


def test_k9_safety_screens_are_asked_again_before_the_form_ends(life):
    life.opened(0)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(0))
    assert life.cursor() == "numbness"
    life.tap("none", life.at(20))
    assert life.cursor() == "safety_now", "what was none twenty days ago says nothing about today"
    life.tap("none", life.at(20))
    assert life.cursor() == "safety_new"
    life.tap("none", life.at(20))
    assert life.cursor() is None
    assert life.words()[0] == "done.routine"


@pytest.mark.parametrize(("hours", "asked"), [(5, None), (7, "safety_now")])
def test_none_on_a_safety_screen_counts_for_six_hours(life, hours, asked):
    life.opened(0)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(0))
    life.tap("none", life.at(0, hours))
    assert life.cursor() == asked


def test_yes_on_a_safety_screen_never_expires(life):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    life.tap("+not_sure", life.at(9), kind="toggle")
    assert life.cursor() is None
    assert life.state("sign_not_named") == "open"


def test_k11_two_ambers_meet_across_check_ins_once(life):
    life.check(0, "baseline")
    life.check(1, change="yes", autonomic="dizzy")
    shown = life.check(2, numbness="mild")
    assert "call.urgent" in shown
    assert [a.tier for a in life.alerts()] == [Tier.URGENT], "one alert, at the tier of both"
    assert "call.urgent" not in life.check(3, numbness="mild")


def test_someone_who_spoke_with_the_patient_ends_what_is_open(life):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.reply(alert, "called", 0, 1)
    assert life.check(1) == ["done.open"], "a call is not yet somebody who spoke"
    life.reply(alert, "reached", 1, 1)
    assert life.state("eyes") == "reached"
    assert life.check(2) == ["done.known"]


@pytest.mark.parametrize(("outcome", "state"), [("spoke_to_patient", "reached"), ("sent_to_ed", "reached")])
def test_staff_who_were_in_contact_end_what_is_open(life, outcome, state):
    life.check(0, safety_now="yes", which_now="heart")
    (alert,) = life.alerts()
    life.staff(alert, outcome, 0, 2)
    assert life.state("heart") == state
    assert life.check(1) == ["done.known"]


def test_k43_yes_counts_for_what_its_message_named(life):
    life.check(0, numbness="strong")
    numb = life.alerts()[0]
    life.check(1, safety_now="yes", which_now="breathing")
    life.reply(numb, "reached", 1, 1, made=life.at(0, 1))
    assert (life.state("numbness"), life.state("breathing")) == ("reached", "open")
    life.run(ownership.note, numb.id, "spoke_to_patient", at=life.at(1, 2), by="lead-1", shown_at=life.at(0, 2))
    assert life.state("breathing") == "open"
    assert life.check(2) == ["done.open"]


def test_k43_yes_on_an_old_prompt_leaves_what_the_alert_named_later(life):
    life.check(0, numbness="strong")
    (numb,) = life.alerts()
    old = life.prompt(numb, 0, 1)
    life.check(0.1, safety_now="yes", which_now="breathing")
    following = life.press(old, "reached", 0, 2.6)
    assert (life.state("numbness"), life.state("breathing")) == ("reached", "open")
    assert following.lines[0].key == "call.reply.rest", "it says what is still open"
    assert (life.alerts()[0].state, life.alerts()[0].last_reply) == ("open", None)
    new = life.prompt(numb, 0, 4)
    life.press(new, "reached", 0, 4.1)
    assert (life.state("breathing"), life.alerts()[0].state) == ("reached", "confirmed")


def test_button_from_before_messages_had_a_time_counts_from_when_the_alert_was_raised(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    (alert,) = life.alerts()
    life.check(0.1, safety_new="yes", which_new="eyes")
    life.reply(alert, "reached", 0, 3, made=alert.raised_at)
    assert (life.state("sign_not_named"), life.state("eyes")) == ("reached", "open")


@pytest.mark.parametrize(("micro", "state"), [(0, "open"), (1, "reached")])
def test_yes_is_about_its_message_to_the_microsecond(life, micro, state):
    """Double vision opens within the second in which the message was made: before it, or after it."""
    life.check(0, numbness="strong")
    opened, tick = life.at(0, 1), timedelta(microseconds=1)
    found = Answered(symptom="eyes", level=Level(Tier.URGENT, 1), by="patient:P-0001", day=opened.date(), is_named=True)
    (alert,) = life.alerts()
    life.run(remember, life.patient(), (found,), at=opened)
    life.run(join, life.patient(), alert, Found(Tier.URGENT, (), ("eyes",)), at=opened)
    life.reply(alert, "reached", 0, 2, made=opened - tick + micro * tick)
    assert (life.state("numbness"), life.state("eyes")) == ("reached", state)


def test_two_people_who_differ_count_as_not_yet(life):
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    asked = life.at(0, 1)
    life.reply(alert, "reached", 0, 1, made=asked)
    life.reply(alert, "not_yet", 0, 1.1, made=asked, caregiver=helper)
    assert life.state("face") == "open"
    life.reply(alert, "reached", 0, 1.2, made=asked)
    assert life.state("face") == "open", "until it is asked again"
    life.reply(alert, "reached", 0, 2.1, made=life.at(0, 2))
    assert life.state("face") == "reached"


@pytest.mark.parametrize("first", ["reached", "not_yet"])
def test_two_people_differ_on_one_message_in_any_order(life, first):
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    second = "reached" if first == "not_yet" else "not_yet"
    life.reply(alert, first, 0, 1.1, made=life.at(0, 1))
    life.reply(alert, second, 0, 1.2, made=life.at(0, 1), caregiver=helper)
    assert life.state("face") == "open"


def test_yes_on_the_reply_to_not_yet_is_no_new_question_to_the_other_person(life):
    """Both say "not yet" to one prompt; one of them then says "yes" below the reply: asked again, both may."""
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    asked = life.prompt(alert, 0, 1)
    again = life.press(asked, "not_yet", 0, 1.1)
    life.press(asked, "not_yet", 0, 1.2, caregiver=helper)
    life.press(again, "reached", 0, 1.3)
    assert life.state("face") == "open"
    life.press(life.prompt(alert, 0, 2), "reached", 0, 2.1)
    assert life.state("face") == "reached"


def test_yes_on_the_reply_to_ones_own_not_yet_counts(life):
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    again = life.press(life.prompt(alert, 0, 1), "not_yet", 0, 1.1)
    life.press(again, "reached", 0, 1.3)
    assert life.state("face") == "reached"


def test_not_yet_on_an_earlier_message_leaves_what_a_later_one_was_answered(life):
    helper = life.helper()
    life.check(0, safety_new="yes", which_new="face")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 2.1, made=life.at(0, 2))
    life.reply(alert, "not_yet", 0, 2.2, made=life.at(0, 1), caregiver=helper)
    assert life.state("face") == "reached"


def test_k33_mistake_stops_the_question_and_is_no_all_clear(life):
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    row = life.run(lambda s: s.checkins.open_of(life.anna.id))
    life.run(answering.claim_mistake, life.patient(), row.id, at=life.at(0, 0.1))
    life.check(0, start=False)
    assert life.state("sign_not_named") == "open"
    (alert,) = life.alerts()
    assert alert.closed_at is None
    assert life.check(2) == ["done.open"]
    assert "done.open.mistake" in life.words()


def test_help_that_was_asked_for_stays_open_until_someone_spoke(life):
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    assert life.check(5) == ["done.open"]
    assert "symptom.help" in life.words()
    life.reply(life.alerts()[0], "reached", 5, 1)
    assert life.check(6) == ["done.known"]


def test_history_says_who_changed_what_and_when(life):
    life.check(0, safety_now="yes", which_now="heart")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 2)
    changes = life.run(lambda s: s.concerns.changes(life.anna.id))
    assert [(c.symptom, c.what.value, c.actor, c.at) for c in changes if c.symptom == "heart"] == [
        ("heart", "reached", "lead-1", life.at(0, 2)),
        ("heart", "opened", "patient:P-0001", life.at(0)),
    ]


def test_call_screen_comes_even_if_remembering_fails(life, monkeypatch):
    """A fault in what is remembered is recorded, and the alert is complete without it."""

    def fails(*_args, **_more):
        raise LookupError("broken")

    monkeypatch.setattr("bot.app.checkins.answering.hear", fails)
    life.opened(0)
    life.tap("no", life.at(0))
    life.tap("yes", life.at(0))
    assert "call.emergency" in [q.row.screen.name for q in life.database.outbox()]
    (alert,) = life.alerts()
    assert (alert.tier, alert.symptoms) == (Tier.EMERGENCY, ())
    actions = [line.action for line in life.run(lambda s: s.audit.lines("P-0001"))]
    assert "concern_not_remembered" in actions


@pytest.mark.parametrize(("hours", "state"), [(13, "open"), (24, "settled")])
def test_mistake_settles_by_another_answer_on_another_day(life, hours, state):
    """It was said on Monday at 10:00 in Berlin; at 23:00 that is not another day yet."""
    life.check(0, numbness="strong")
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, life.patient(), row, "numbness", ("none",), at=life.at(0))
    assert life.state("numbness") == "open"
    life.check(hours / 24)
    assert life.state("numbness") == state


# -- ways to a wrong all-clear that a review found


def changed(life, question, *choices, day=0.0):
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(answering.change, life.patient(), row, question, choices, at=life.at(day))


def test_naming_an_urgent_sign_leaves_an_unnamed_emergency_open(life):
    life.check(0, safety_now="yes", which_now="not_sure")
    shown = life.check(1, safety_new="yes", which_new="eyes")
    assert {life.state("sign_not_named"), life.state("eyes")} == {"open"}
    assert [name for name in shown if name in CALLS] == ["call.emergency"], "by the highest that is open"
    life.reply(life.alerts()[-1], "reached", 1, 1, made=life.at(0, 2))
    assert (life.state("sign_not_named"), life.state("eyes")) == ("reached", "open")
    assert life.check(2) == ["done.open"]


def test_sign_added_by_a_changed_answer_has_a_call_screen_of_its_own(life):
    life.check(0, numbness="strong")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    seen = len(life.database.outbox())
    changed(life, "safety_new", "yes", day=0.1)
    changed(life, "which_new", "eyes", day=0.1)
    assert "call.urgent" in [q.row.screen.name for q in life.database.outbox()[seen:]]
    assert "eyes" in [a.symptoms for a in life.alerts() if a.closed_at is None][-1]
    assert life.check(1) == ["done.open"]


def test_known_before_that_is_taken_back_opens_the_concern(life):
    life.check(0, "baseline", stairs="cannot", known_stairs="yes_known")
    changed(life, "known_stairs", "no", day=0.1)
    assert life.state("stairs") == "open"
    assert life.check(2, "full", stairs="cannot")[-1] != "done.routine"


def test_alert_of_a_pair_names_both(life):
    life.check(0, "baseline")
    life.check(1, change="yes", autonomic="dizzy")
    life.check(2, numbness="mild")
    assert set(life.alerts()[-1].symptoms) == {"dizzy", "numbness"}
    for alert in reversed(life.alerts()):
        life.staff(alert, "spoke_to_patient", 2, 3)
    assert life.check(3) == ["done.known"]


def test_help_asked_for_again_after_someone_spoke_is_open_again(life):
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0))
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 0.2)
    life.run(help_requests.need_help, life.patient(), None, at=life.at(0, 0.5))
    assert [a.closed_at is None for a in life.alerts()] == [False, True]
    assert life.check(1) == ["done.open"]


def test_something_new_every_day_does_not_go_away(life):
    life.check(0, change="yes")
    for day in range(1, 9):
        life.check(day, change="yes", autonomic="dizzy")
    assert life.state("other") == "open"


def test_what_is_found_after_the_alert_was_closed_has_another_one(life):
    life.opened(0)
    for choice in ("no", "none", "yes"):
        life.tap(choice, life.at(0))
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 0.1)
    life.check(0, start=False, which_new="eyes", autonomic="dizzy", numbness="strong")
    assert len([a for a in life.alerts() if a.closed_at is None]) >= 1
    assert life.check(1) == ["done.open"]


def test_none_from_before_the_clock_was_corrected_is_asked_again(life):
    life.opened(0)
    for choice in ("no", "none", "none"):
        life.tap(choice, life.at(2))
    life.run(lambda s: s.checkins.save(s.checkins.open_of(life.anna.id).model_copy(update={"opened_at": life.at(-1)})))
    life.tap("none", life.at(0))
    assert life.cursor() == "safety_now"


@pytest.mark.parametrize("moved_on", ["answered", "finished", "replaced"])
@pytest.mark.parametrize(
    ("question", "choice", "call"),
    [
        ("safety_now", "yes", "call.emergency"),
        ("safety_now", "not_sure", "call.emergency"),
        ("safety_new", "yes", "call.urgent"),
    ],
)
def test_yes_on_an_old_safety_screen_acts_at_once(life, moved_on, question, choice, call):
    life.opened(0)
    old = life.run(lambda s: s.checkins.open_of(life.anna.id))
    if moved_on == "finished":
        life.check(0, start=False)
    else:
        for answer in ("no", "none", "none"):
            life.tap(answer, life.at(0))
    if moved_on == "replaced":
        life.opened(1)
    seen = len(life.database.outbox())
    tap = Action(kind="choose", subject=old.id, revision=1, question=question, choice=choice)
    for _ in range(2):
        life.run(checkins.tapped, life.patient(), tap, at=life.at(1))
    assert call in [q.row.screen.name for q in life.database.outbox()[seen:]]
    (alert,) = life.alerts()
    assert (alert.symptoms, life.state("sign_not_named")) == (("sign_not_named",), "open")
    assert life.check(3) == ["done.open"]


def test_none_on_an_old_safety_screen_changes_nothing(life):
    life.check(0)
    old = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    tap = Action(kind="choose", subject=old.id, revision=1, question="safety_now", choice="none")
    life.run(checkins.tapped, life.patient(), tap, at=life.at(1))
    assert life.alerts() == []


def test_need_help_now_acts_on_any_screen_however_old(life):
    life.check(0)
    old = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    life.run(checkins.tapped, life.patient(), Action(kind="help_now", subject=old.id, revision=1), at=life.at(30))
    (alert,) = life.alerts()
    assert (alert.rules, alert.tier) == (("asked_for_help",), Tier.URGENT)


@pytest.mark.parametrize("is_closed", [False, True])
def test_not_yet_after_yes_gives_the_alert_back_to_the_team(life, is_closed):
    life.check(0, safety_new="yes", which_new="eyes")
    (alert,) = life.alerts()
    life.reply(alert, "reached", 0, 1)
    if is_closed:
        life.staff(alert, "drug_held", 0, 1.2)
    life.reply(alert, "not_yet", 0, 1.5)
    (now,) = life.alerts()
    assert (life.state("eyes"), now.closed_at) == ("open", None)
    life.staff(alert, "spoke_to_patient", 0, 3)
    assert life.state("eyes") == "reached"


def test_i_feel_worse_starts_at_the_first_screen_unless_it_just_did(life):
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5))
    first = life.run(lambda s: s.checkins.open_of(life.anna.id))
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5, 0.1))
    assert life.run(lambda s: s.checkins.open_of(life.anna.id)).id == first.id
    life.run(feel_worse.feel_worse, life.patient(), at=life.at(0.5, 0.2))
    again = life.run(lambda s: s.checkins.open_of(life.anna.id))
    assert (again.id != first.id, again.value.cursor) == (True, "safety_now")


@pytest.mark.parametrize("dealt_with", ["spoke", "closed"])
def test_yes_on_an_old_screen_after_someone_spoke_has_an_alert_that_staff_can_end(life, dealt_with):
    life.check(0, safety_new="yes", which_new="not_sure")
    old = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    (first,) = life.alerts()
    if dealt_with == "spoke":
        life.reply(first, "reached", 0, 1)
    else:
        life.staff(first, "spoke_to_patient", 0, 1)
    tap = Action(kind="choose", subject=old.id, revision=1, question="safety_new", choice="yes")
    seen = len(life.database.outbox())
    life.run(checkins.tapped, life.patient(), tap, at=life.at(1))
    assert "call.urgent" in [q.row.screen.name for q in life.database.outbox()[seen:]]
    assert life.check(2) == ["done.open"]
    life.staff(life.alerts()[-1], "spoke_to_patient", 2, 1)
    assert life.check(3) == ["done.known"]


def test_yes_on_an_old_screen_is_never_without_a_call_screen(life):
    """The concern is open, and the alert that named it was closed by an earlier version."""
    life.check(0, safety_new="yes", which_new="not_sure")
    old = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    (first,) = life.alerts()
    closed = {"closed_at": life.at(0, 1), "closed_by": "lead-1", "outcome": "not_reached"}
    life.run(lambda s: s.alerts.save(s.alerts.get(first.id).model_copy(update=closed)))
    tap = Action(kind="choose", subject=old.id, revision=1, question="safety_new", choice="not_sure")
    seen = len(life.database.outbox())
    life.run(checkins.tapped, life.patient(), tap, at=life.at(1))
    assert "call.urgent" in [q.row.screen.name for q in life.database.outbox()[seen:]]


def test_answer_that_was_changed_to_a_milder_one_is_still_there(life):
    life.check(0, numbness="strong")
    changed(life, "numbness", "mild", day=0.1)
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    (concern,) = life.run(open_after, life.patient(), row, at=life.at(0.2))
    assert (concern.symptom, concern.today) == ("numbness", "there")
    changed(life, "numbness", "none", day=0.3)
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    (concern,) = life.run(open_after, life.patient(), row, at=life.at(0.4))
    assert concern.today == "gone"
