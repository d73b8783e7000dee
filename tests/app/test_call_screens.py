"""Call screens and what follows them: who sees them, what a reply changes, when the team is notified."""

from datetime import timedelta

import pytest

from bot.app.alerts import help_requests, ownership, raising, replies
from bot.app.alerts.naming import Found
from bot.app.checkins import answering, opening
from bot.app.operations import sweeps
from bot.app.records.alerts import AlertState
from bot.app.records.checkins import TipShown
from bot.app.records.messages import Lane
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEN = 8


class Phone:
    """The patient's chat, and what staff and sweeps do to their alerts."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna

    def run(self, use_case, *args, **more):
        return transact(self.database, self.clinic, use_case, *args, **more)

    def caregiver(self):
        helper = samples.full_caregiver(self.anna.id, chat_id=BEN).model_copy(update={"ended_at": None})
        return self.run(lambda s: s.caregivers.add(helper))

    def raised(self, tier=Tier.URGENT, at=AT, rules=("new.yes",), checkin_id=None, **more):
        found = self.run(raising.raise_alert, self.anna, Found(tier, rules, checkin_id=checkin_id), at=at)
        return self.save(found, **more)

    def save(self, alert, **changes):
        if not changes:
            return alert
        return self.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update=changes)))

    def alert(self, alert):
        return self.run(lambda s: s.alerts.get(alert.id))

    def alerts(self):
        return self.run(lambda s: s.alerts.of_patient(self.anna.id))

    def reply(self, alert, word, at):
        return self.run(replies.reply, self.anna, alert.id, word, at=at)

    def sweep(self, at):
        self.run(sweeps.alert_clocks, at=at, limit=50)

    def screens(self, chat, since=0):
        return [(q.row.screen.name, q.row.lane) for q in self.database.outbox()[since:] if q.row.chat_id == chat]

    def another(self):
        """Open a second check-in; return its number."""
        return self.run(opening.open_checkin, self.anna, form="quick", kind="extra", due_at=AT + MINUTE).id

    def ended(self):
        """The screen that the open check-in's message shows at the end."""
        return next(q.row.screen.name for q in self.database.outbox() if q.row.slot.startswith("checkin:"))

    def audited(self):
        lines = reversed(self.run(lambda s: s.audit.lines(self.anna.code)))
        return [(line.actor, line.action, dict(line.detail)) for line in lines]


@pytest.fixture
def phone(database, clinic, anna):
    return Phone(database, clinic, anna)


# -- everyone who answers sees them


CALLS = [
    (Tier.EMERGENCY, [("call.emergency", Lane.RED_FLAG)]),
    (Tier.URGENT, [("call.urgent", Lane.RED_FLAG)]),
    (Tier.SOON, [("call.soon", Lane.REPLY)]),
]


@pytest.mark.parametrize(("tier", "screens"), CALLS)
def test_call_screen_reaches_patient_and_caregiver_alike(database, phone, anna, tier, screens):
    phone.caregiver()
    seen = len(database.outbox())
    phone.raised(tier)
    assert phone.screens(anna.chat_id, seen) == screens
    assert phone.screens(BEN, seen) == screens


@pytest.mark.parametrize("by", ["patient", "caregiver"])
def test_call_screen_reaches_patient_and_caregiver_for_either_tap(database, clinic, phone, anna, by):
    acting = anna if by == "patient" else anna.model_copy(update={"caregiver": phone.caregiver()})
    if by == "patient":
        phone.caregiver()
    row = phone.run(lambda s: s.checkins.open_of(anna.id))
    for question, choice in (("change", "no"), ("safety_now", "yes")):
        row = phone.run(lambda s: s.checkins.open_of(anna.id))
        tap = Action(kind="choose", subject=row.id, revision=row.value.revision, question=question, choice=choice)
        seen = len(database.outbox())
        phone.run(checkins.tapped, acting, tap)
    for chat in (anna.chat_id, BEN):
        assert ("call.emergency", Lane.RED_FLAG) in phone.screens(chat, seen)
    (alert,) = phone.alerts()
    assert (alert.caregiver_id is None) is (by == "patient")
    assert alert.checkin_id == row.id


def test_safety_follow_up_reaches_patient_and_caregiver(database, phone, anna):
    phone.caregiver()
    phone.raised(Tier.EMERGENCY)
    seen = len(database.outbox())
    phone.sweep(AT + 15 * MINUTE)
    assert phone.screens(anna.chat_id, seen) == phone.screens(BEN, seen) == [("loopback.ask", Lane.RED_FLAG)]


# -- safety follow-ups


def test_safety_follow_ups_are_counted_then_the_alert_is_unconfirmed(database, phone):
    found = phone.raised(Tier.URGENT)
    counts = []
    for hours in range(1, 6):
        phone.sweep(AT + hours * HOUR)
        now = phone.alert(found)
        counts.append((now.safety_follow_ups, now.state, now.next_patient_prompt_at))
    opened, given_up = AlertState.OPEN, (3, AlertState.UNCONFIRMED, None)
    assert counts == [
        (1, opened, AT + 2 * HOUR),
        (2, opened, AT + 3 * HOUR),
        (3, opened, AT + 4 * HOUR),
        given_up,
        given_up,
    ]
    line = {"alert": found.id, "tier": "URGENT"}
    assert phone.audited()[-4:] == [
        ("patient:P-0001", "safety_follow_up_sent", line),
        ("patient:P-0001", "safety_follow_up_sent", line),
        ("patient:P-0001", "safety_follow_up_sent", line),
        ("patient:P-0001", "alert_unconfirmed", line),
    ]


@pytest.mark.parametrize(
    ("word", "state"),
    [("called", AlertState.OPEN), ("reached", AlertState.CONFIRMED), ("not_yet", AlertState.OPEN)],
)
def test_reply_is_stored_and_reached_ends_the_questions(phone, word, state):
    found = phone.raised()
    assert phone.reply(found, word, AT + MINUTE).state is AlertState.OPEN, "as it was before"
    now = phone.alert(found)
    assert (now.last_reply, now.replied_at, now.state) == (word, AT + MINUTE, state)
    asked_next = {"called": AT + HOUR + MINUTE, "not_yet": AT + HOUR, "reached": None}
    assert now.next_patient_prompt_at == asked_next[word]
    assert phone.audited()[-1] == ("patient:P-0001", f"patient_{word}", {"alert": found.id, "tier": "URGENT"})


def test_unreached_after_a_call_opens_the_alert_and_asks_again(phone):
    found = phone.raised()
    phone.reply(found, "reached", AT + MINUTE)
    phone.reply(found, "cannot_reach", AT + 2 * MINUTE)
    now = phone.alert(found)
    assert now.state is AlertState.OPEN
    assert now.next_patient_prompt_at == AT + HOUR + 2 * MINUTE


@pytest.mark.parametrize("word", ["called", "not_yet", "cannot_reach"])
def test_reply_leaves_an_alert_closed_that_staff_closed(phone, word):
    found = phone.raised()
    phone.run(ownership.note, found.id, "spoke_to_patient", at=AT, by="lead-1")
    phone.run(ownership.close, found.id, at=AT, by="lead-1")
    phone.reply(found, word, AT + MINUTE)
    now = phone.alert(found)
    assert (now.state, now.last_reply, now.next_patient_prompt_at) == (AlertState.CLOSED, word, None)


def test_reply_leaves_an_unconfirmed_alert_unconfirmed_unless_reached(phone):
    found = phone.raised(state=AlertState.UNCONFIRMED, next_patient_prompt_at=None)
    phone.reply(found, "not_yet", AT + MINUTE)
    assert (phone.alert(found).state, phone.alert(found).next_patient_prompt_at) == (AlertState.UNCONFIRMED, None)
    phone.reply(found, "reached", AT + 2 * MINUTE)
    assert phone.alert(found).state is AlertState.CONFIRMED


def test_reply_remind_asks_in_two_hours(phone):
    found = phone.raised(Tier.SOON)
    phone.reply(found, "remind", AT + MINUTE)
    assert phone.alert(found).next_patient_prompt_at == AT + MINUTE + 2 * HOUR


@pytest.mark.parametrize("word", ["is_urgent", "can_wait"])
def test_reply_declares_how_urgent_it_is(phone, word):
    found = phone.raised(Tier.SOON)
    phone.reply(found, word, AT + MINUTE)
    assert (phone.alert(found).declared, phone.alert(found).last_reply) == (word, None)


def test_reply_mistake_keeps_the_first_time(phone):
    found = phone.raised()
    phone.reply(found, "mistake", AT + MINUTE)
    phone.reply(found, "mistake", AT + 2 * MINUTE)
    now = phone.alert(found)
    assert (now.mistake_at, now.state, now.next_patient_prompt_at) == (AT + MINUTE, AlertState.OPEN, AT + HOUR)


def test_reply_that_is_none_changes_and_records_nothing(phone):
    found = phone.raised()
    before = phone.audited()
    assert phone.reply(found, "hello", AT + MINUTE) is None
    assert (phone.alert(found), phone.audited()) == (found, before)


# -- whom a reply is passed on to


@pytest.fixture
def staff(phone):
    for number, name in enumerate(("ann", "ben", "cleo"), start=100):
        row = samples.staff(name, state="active", chat_id=number)
        phone.run(lambda s, r=row: s.staff.add(r))
    return {"ann": 100, "ben": 101, "cleo": 102}


@pytest.mark.parametrize("word", ["cannot_reach", "cannot_call"])
def test_reply_that_needs_help_goes_to_the_owner_alone(database, phone, staff, word):
    found = phone.raised(owner="ben", acknowledged_at=AT, notified=("ann", "ben"))
    seen = len(database.outbox())
    phone.reply(found, word, AT + MINUTE)
    assert [phone.screens(chat, seen) for chat in staff.values()] == [[], [("staff.notice", Lane.REMINDER)], []]


def test_reply_without_an_owner_goes_to_all_who_were_notified(database, phone, staff):
    found = phone.raised(notified=("ann", "gone", "cleo"))
    seen = len(database.outbox())
    phone.reply(found, "cannot_reach", AT + MINUTE)
    notice = [("staff.notice", Lane.REMINDER)]
    assert [phone.screens(chat, seen) for chat in staff.values()] == [notice, [], notice]


def test_silence_to_the_end_is_passed_on_once(database, phone, staff):
    phone.raised(owner="ben", acknowledged_at=AT, notified=("ben",), safety_follow_ups=3)
    seen = len(database.outbox())
    phone.sweep(AT + HOUR)
    assert phone.screens(staff["ben"], seen) == [("staff.notice", Lane.REMINDER)]
    phone.sweep(AT + 2 * HOUR)
    assert len(phone.screens(staff["ben"], seen)) == 1


# -- what is found while an alert is open


def test_help_now_within_an_hour_shows_the_call_screen_and_then_notifies_the_team_again(database, phone, anna, staff):
    checkin = phone.another()
    phone.run(help_requests.need_help, anna, checkin, at=AT)
    phone.save(phone.alerts()[0], notified=("ann",))
    for at, notices in ((AT, 0), (AT + 59 * MINUTE, 0), (AT + 60 * MINUTE, 1)):
        seen = len(database.outbox())
        phone.run(help_requests.need_help, anna, checkin, at=at)
        assert ("call.help", Lane.RED_FLAG) in phone.screens(anna.chat_id, seen)
        assert phone.screens(staff["ann"], seen).count(("staff.notice", Lane.REMINDER)) == notices
    (alert,) = phone.alerts()
    assert (alert.tier, alert.rules, alert.raised_at) == (Tier.URGENT, ("asked_for_help",), AT)
    assert alert.checkin_id == checkin


def test_help_now_joins_the_alert_that_is_open(phone, anna):
    phone.raised()
    phone.run(help_requests.need_help, anna, None, at=AT + MINUTE)
    assert [a.rules for a in phone.alerts()] == [("new.yes", "asked_for_help")]


def test_check_in_ends_without_all_clear_while_a_red_flag_is_pending(phone, choose):
    found = phone.raised(Tier.URGENT)
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    assert phone.ended() == "done.open"
    assert phone.alert(found).state is AlertState.OPEN


def test_check_in_after_a_confirmed_call_ends_with_a_tip(phone, anna, choose):
    phone.reply(phone.raised(Tier.URGENT), "reached", AT)
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    assert phone.ended() == "done.known", "it is asked about until it has passed"
    (shown,) = phone.run(lambda s: s.tips.of_patient(anna.id))
    assert (shown.shown_at, shown.rating) == (AT, None)


def test_which_sign_is_added_to_the_alert_of_the_first_tap(phone, choose):
    choose("no")
    choose("yes")
    (alert,) = phone.alerts()
    assert alert.rules == ("now.yes",)
    choose("+breathing", kind="toggle")
    choose("", kind="submit")
    (alert,) = phone.alerts()
    assert set(alert.rules) == {"now.yes", "now.breathing"}


def test_mistake_asks_the_question_again_and_keeps_alert_and_answer(phone, anna, choose):
    choose("no")
    choose("yes")
    row = phone.run(lambda s: s.checkins.open_of(anna.id))
    phone.run(answering.claim_mistake, anna, row.id + 1)
    assert phone.run(lambda s: s.checkins.open_of(anna.id)) == row, "another check-in's button"
    phone.run(answering.claim_mistake, anna, row.id)
    again = phone.run(lambda s: s.checkins.open_of(anna.id))
    assert (again.value.state, again.value.cursor) == (State.ASKING, "safety_now")
    assert [a.tier for a in phone.alerts()] == [Tier.EMERGENCY]
    given = [a.choices for a in phone.run(lambda s: s.answers.of_checkin(row.id)) if a.question == "safety_now"]
    assert given == [("yes",)]


# -- how a check-in ends


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Berlin", "19:00"), (None, "19:00"), ("Asia/Tokyo", "03:00")])
def test_end_says_when_the_next_check_in_comes_in_the_patients_time(database, phone, anna, choose, zone, hour):
    """18:00 in London, where the jitter of some minutes is rounded off."""
    changed = anna.model_copy(update={"timezone": zone, "next_due_at": AT + 9 * HOUR + 4 * MINUTE})
    phone.run(lambda s: s.patients.save(changed.model_copy(update={"version": s.patients.get(anna.id).version})))
    acting = phone.run(lambda s: s.patients.get(anna.id))
    for choice in ("no", "none", "none", "none"):
        row = phone.run(lambda s: s.checkins.open_of(anna.id))
        value = row.value
        tap = Action(kind="choose", subject=row.id, revision=value.revision, question=value.cursor, choice=choice)
        phone.run(checkins.tapped, acting, tap)
    (line,) = [
        line
        for q in database.outbox()
        if q.row.screen.name == "done.routine"
        for line in q.row.screen.lines
        if line.key == "done.next"
    ]
    assert line.values["time"] == hour


def test_tip_that_the_patient_dislikes_comes_less_often(phone, clinic, anna, choose):
    """All were shown long ago; the one shown first is next, unless it was disliked within three months."""
    tips = [tip.id for tip in clinic.protocol.tips if not tip.when]
    for number, tip in enumerate(tips):
        rating = "not_for_me" if number == 0 else None
        shown = TipShown(patient_id=anna.id, tip=tip, shown_at=AT - (40 - number) * DAY, rating=rating)
        phone.run(lambda s, t=shown: s.tips.add(t))
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    assert phone.run(lambda s: s.tips.of_patient(anna.id))[0].tip == tips[1]


# -- an answer changed after the end


def finished(phone, anna, choose, *choices):
    for choice in choices:
        choose(choice)
    return phone.run(lambda s: s.checkins.of_patient(anna.id))[0]


def changed(phone, anna, row, question, choice):
    return phone.run(
        lambda w: answering.change(w, w.patients.get(anna.id), w.checkins.get(row.id), question, (choice,))
    )


def test_answer_that_a_change_makes_pointless_no_longer_counts(phone, anna, choose):
    row = finished(phone, anna, choose, "no", "none", "none", "mild", "a_little")
    changed(phone, anna, row, "numbness", "none")
    given = {a.question: a.superseded_at for a in phone.run(lambda s: s.answers.of_checkin(row.id))}
    assert given["interference"] == AT
    assert phone.run(lambda s: s.checkins.get(row.id)).value.answers["numbness"] == ("none",)
    assert "interference" not in phone.run(lambda s: s.checkins.get(row.id)).value.answers


def test_change_that_raises_no_tier_raises_no_other_alert(phone, anna, choose):
    row = finished(phone, anna, choose, "no", "none", "none", "mild", "not_at_all")
    (before,) = phone.alerts()
    assert before.tier is Tier.SOON
    changed(phone, anna, row, "interference", "somewhat")
    (after,) = phone.alerts()
    assert (after.tier, after.symptoms) == (Tier.SOON, before.symptoms)


def test_daily_follow_up_begins_by_the_clinics_date_without_a_zone_of_ones_own(phone, anna, choose):
    """23:30 in London is the next day in Berlin."""
    late = AT + 14 * HOUR + 30 * MINUTE
    phone.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update={"timezone": None})))
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice, at=late)
    assert phone.run(lambda s: s.patients.get(anna.id)).follow_up.since == AT.date() + DAY
