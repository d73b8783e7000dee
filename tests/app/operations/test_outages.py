"""The bot was down, Telegram was silent, the clock was set back: noticed, and who was missed is named."""

from datetime import timedelta

import pytest

from bot.app.operations import outages, sweeps, tasks
from bot.app.records.alerts import AlertRow
from bot.app.records.messages import Lane, Outbox
from bot.app.schedules import plans
from bot.core.protocol import Tier
from bot.core.screen import Screen, Text
from tests.app.conftest import AT
from tests.fakes.work import work_on

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def office(database, clinic):
    class Office:
        def run(self, fn, *args):
            return database.run(lambda stores: fn(stores, *args))

        def alive(self, at):
            self.run(lambda s: sweeps.alive(work_on(s, clinic, at), 50))

        def heard(self, at):
            self.run(lambda s: outages.note_contact(work_on(s, clinic, at)))

        def items(self):
            return {(item.kind, item.subject) for item in self.run(tasks.open_tasks)}

    return Office()


def waits(stores, patient, at):
    stores.outbox.enqueue(
        Outbox(
            patient_id=patient.id,
            chat_id=7,
            language="en",
            lane=Lane.CHECKIN,
            slot="checkin:1",
            mode="new",
            revision=0,
            screen=Screen(name="x", lines=(Text(key="x"),)),
            created_at=at,
            not_before=at,
        )
    )


def all_sent(stores):
    lanes, until = list(Lane), AT + MINUTE
    for claim in stores.outbox.claim(AT, lanes=lanes, limit=50, owner="x", lease_until=until):
        stores.outbox.mark_sent(claim.row.id, owner="x", message_id=1, at=AT)


def test_who_was_missed_in_a_long_silence_of_telegram_is_named(office, anna):
    office.heard(AT)
    office.run(waits, anna, AT + HOUR)
    office.heard(AT + 12 * HOUR)
    assert office.items() == {("telegram_silent", "2026-03-02 10:00 – 2026-03-02 22:00")}, "12 h is the cutoff"
    office.heard(AT + 12 * HOUR + MINUTE)
    office.heard(AT + 27 * HOUR)
    span = "2026-03-02 22:01 – 2026-03-03 13:00"
    assert ("missed_in_outage", f"{span}: {anna.code}") in office.items()
    assert "answers_lost" not in {kind for kind, _ in office.items()}


def test_after_a_day_telegram_may_have_dropped_answers(office):
    office.heard(AT)
    office.heard(AT + 24 * HOUR)
    kinds = {kind for kind, _ in office.items()}
    assert kinds == {"telegram_silent", "answers_lost"}


def test_of_replicas_that_hear_again_at_the_same_time_one_tells_of_it(office, database):
    """With a webhook each of them asks Telegram: the others wait for the lock, and see that it was done."""
    office.heard(AT)

    def late(stores):
        locked = stores.limits.budget

        def limiter():
            # The other one commits while this one waits.
            stores.settings.set(outages.HEARD_AT, (AT + HOUR).isoformat())
            return locked()

        stores.limits.budget = limiter
        return stores

    database.run(lambda stores: outages.note_contact(work_on(late(stores), None, AT + HOUR + MINUTE)))
    assert office.items() == set()


def test_a_short_silence_is_none(office):
    office.heard(AT)
    office.heard(AT + outages.SHORTEST_OUTAGE - MINUTE)
    assert office.items() == set()


def test_a_restart_is_no_outage_and_half_an_hour_is_one(office):
    office.alive(AT)
    office.alive(AT + outages.SHORTEST_OUTAGE - MINUTE)
    assert office.items() == set()
    office.alive(AT + 2 * outages.SHORTEST_OUTAGE - MINUTE)
    assert {kind for kind, _ in office.items()} == {"outage"}


def test_in_an_outage_shorter_than_the_cutoff_nobody_was_missed(office, anna):
    """What waits for another reason, a chat that takes nothing, is none of its doing."""
    office.run(waits, anna, AT)
    office.alive(AT + 20 * HOUR)
    office.alive(AT + 22 * HOUR)
    assert {kind for kind, _ in office.items()} == {"outage"}


def test_outage_of_the_bot_is_reported_once(office):
    office.alive(AT)
    office.heard(AT)
    office.alive(AT + 25 * HOUR)
    office.heard(AT + 25 * HOUR)
    assert {kind for kind, _ in office.items()} == {"outage", "answers_lost"}


def test_who_was_skipped_while_the_bot_was_down_is_named(office, clinic, database, anna):
    planned = plans.rescheduled(database.run(lambda s: s.patients.get(anna.id)), clinic, AT)
    database.run(lambda s: s.patients.save(planned))
    due = planned.next_due_at
    database.run(all_sent)
    office.alive(due - HOUR)
    back = due + 14 * HOUR
    office.run(lambda s: sweeps.check_ins_due(work_on(s, clinic, back), 50))
    office.alive(back)
    (subject,) = (subject for kind, subject in office.items() if kind == "missed_in_outage")
    assert subject.endswith(f": {anna.code}")


def test_a_clock_set_back_is_noticed_also_after_a_restart_and_made_good_once(office, database, anna):
    ahead = AT + 2 * HOUR
    office.alive(ahead)
    alert = database.run(
        lambda s: s.alerts.add(
            AlertRow(
                patient_id=anna.id,
                checkin_id=None,
                tier=Tier.EMERGENCY,
                rules=("x",),
                raised_at=ahead,
                next_patient_prompt_at=ahead + 15 * MINUTE,
            )
        )
    )
    database.run(lambda s: s.limits.save_chats_free_at({7: ahead}))
    office.alive(AT)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == AT + 15 * MINUTE
    assert database.run(lambda s: s.limits.chats_free_at([7])) == {}
    office.alive(AT + MINUTE)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == AT + 15 * MINUTE


def test_a_little_drift_is_no_jump(office, database, anna):
    office.alive(AT)
    database.run(lambda s: s.limits.save_chats_free_at({7: AT + MINUTE}))
    office.alive(AT - timedelta(seconds=20))
    assert database.run(lambda s: s.limits.chats_free_at([7])) != {}


def test_replicas_go_by_the_clock_they_share(office, database, anna):
    """One that has not heard yet that it was set forward must not take it for set back, and hurry every alert."""
    database.shared_now = AT + 2 * HOUR
    office.alive(AT + 2 * HOUR)
    due = AT + 3 * HOUR
    made = AlertRow(
        patient_id=anna.id,
        checkin_id=None,
        tier=Tier.EMERGENCY,
        rules=("x",),
        raised_at=AT + 2 * HOUR,
        next_patient_prompt_at=due,
    )
    alert = database.run(lambda s: s.alerts.add(made))
    office.alive(AT)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == due
    office.heard(AT)
    office.heard(AT + 2 * HOUR)
    assert office.items() == set(), "nor is it a silence"
