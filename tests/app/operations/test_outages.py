"""The bot was down, Telegram was silent, the clock was set back: noticed, and who was missed is named."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.app.operations import outages, sweeps, tasks
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertRow
from bot.app.records.messages import Lane, Outbox
from bot.app.schedules import plans
from bot.core.protocol import Tier
from bot.core.screen import Screen, Text
from tests.app.conftest import AT
from tests.fakes.team import DAY, HOUR, MINUTE
from tests.fakes.work import work_on


@pytest.fixture
def service(database, clinic):
    class Service:
        def run(self, fn, *args):
            return database.run(lambda stores: fn(stores, *args))

        def heartbeat(self, at):
            self.run(lambda s: sweeps.heartbeat(work_on(s, clinic, at), 50))

        def heard(self, at):
            self.run(lambda s: outages.note_contact(work_on(s, clinic, at)))

        def tasks(self):
            return {(task.kind, task.subject) for task in self.run(tasks.open_tasks)}

    return Service()


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


def test_who_was_missed_in_a_long_silence_of_telegram_is_named(service, anna):
    service.heard(AT)
    service.run(waits, anna, AT + HOUR)
    service.heard(AT + 12 * HOUR)
    assert service.tasks() == {("telegram_silent", "2026-03-02 10:00 – 2026-03-02 22:00")}, "12 h is the cutoff"
    service.heard(AT + 12 * HOUR + MINUTE)
    service.heard(AT + 27 * HOUR)
    span = "2026-03-02 22:01 – 2026-03-03 13:00"
    assert ("missed_in_outage", f"{span}: {anna.code}") in service.tasks()
    assert "answers_lost" not in {kind for kind, _ in service.tasks()}


def test_after_a_day_telegram_may_have_dropped_answers(service):
    service.heard(AT)
    service.heard(AT + 24 * HOUR)
    kinds = {kind for kind, _ in service.tasks()}
    assert kinds == {"telegram_silent", "answers_lost"}


def test_silence_of_telegram_is_reported_by_one_replica(service, database):
    """With a webhook each of them asks Telegram: the others wait for the lock, and see that it was done."""
    service.heard(AT)

    def late(stores):
        locked = stores.limits.budget

        def limiter():
            # The other one commits while this one waits.
            stores.settings.set(outages.HEARD_AT, (AT + HOUR).isoformat())
            return locked()

        stores.limits.budget = limiter
        return stores

    database.run(lambda stores: outages.note_contact(work_on(late(stores), None, AT + HOUR + MINUTE)))
    assert service.tasks() == set()


def test_a_short_silence_is_none(service):
    service.heard(AT)
    service.heard(AT + outages.SHORTEST_OUTAGE - MINUTE)
    assert service.tasks() == set()


def test_a_restart_is_no_outage_and_half_an_hour_is_one(service):
    service.heartbeat(AT)
    service.heartbeat(AT + outages.SHORTEST_OUTAGE - MINUTE)
    assert service.tasks() == set()
    service.heartbeat(AT + 2 * outages.SHORTEST_OUTAGE - MINUTE)
    assert {kind for kind, _ in service.tasks()} == {"outage"}


def test_in_an_outage_shorter_than_the_cutoff_nobody_was_missed(service, anna):
    """What waits for another reason, a chat that takes nothing, is none of its doing."""
    service.run(waits, anna, AT)
    service.heartbeat(AT + 20 * HOUR)
    service.heartbeat(AT + 22 * HOUR)
    assert {kind for kind, _ in service.tasks()} == {"outage"}


def test_outage_of_the_bot_is_reported_once(service):
    service.heartbeat(AT)
    service.heard(AT)
    service.heartbeat(AT + 25 * HOUR)
    service.heard(AT + 25 * HOUR)
    assert {kind for kind, _ in service.tasks()} == {"outage", "answers_lost"}


def test_who_was_skipped_while_the_bot_was_down_is_named(service, clinic, database, anna):
    planned = plans.rescheduled(database.run(lambda s: s.patients.get(anna.id)), clinic, AT)
    database.run(lambda s: s.patients.save(planned))
    due = planned.next_due_at
    database.run(all_sent)
    service.heartbeat(due - HOUR)
    back = due + 14 * HOUR
    service.run(lambda s: sweeps.check_ins_due(work_on(s, clinic, back), 50))
    service.heartbeat(back)
    (subject,) = (subject for kind, subject in service.tasks() if kind == "missed_in_outage")
    assert subject.endswith(f": {anna.code}")


def test_a_clock_set_back_is_noticed_also_after_a_restart_and_made_good_once(service, database, anna):
    ahead = AT + 2 * HOUR
    service.heartbeat(ahead)
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
    service.heartbeat(AT)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == AT + 15 * MINUTE
    assert database.run(lambda s: s.limits.chats_free_at([7])) == {}
    service.heartbeat(AT + MINUTE)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == AT + 15 * MINUTE


def test_a_little_drift_is_no_jump(service, database, anna):
    service.heartbeat(AT)
    database.run(lambda s: s.limits.save_chats_free_at({7: AT + MINUTE}))
    service.heartbeat(AT - timedelta(seconds=20))
    assert database.run(lambda s: s.limits.chats_free_at([7])) != {}


def test_replicas_go_by_the_clock_they_share(service, database, anna):
    """One that has not heard yet that it was set forward must not take it for set back, and hurry every alert."""
    database.shared_now = AT + 2 * HOUR
    service.heartbeat(AT + 2 * HOUR)
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
    service.heartbeat(AT)
    assert database.run(lambda s: s.alerts.get(alert.id)).next_patient_prompt_at == due
    service.heard(AT)
    service.heard(AT + 2 * HOUR)
    assert service.tasks() == set(), "nor is it a silence"


def test_long_outage_opens_a_task_and_a_short_one_none(team):
    team.run(sweeps.heartbeat, 50)
    team.run(sweeps.heartbeat, 50, at=AT + outages.SHORTEST_OUTAGE - MINUTE)
    assert team.run(tasks.open_tasks) == []
    back = AT + outages.SHORTEST_OUTAGE - MINUTE + outages.SHORTEST_OUTAGE
    team.run(sweeps.heartbeat, 50, at=back)
    (task,) = team.run(tasks.open_tasks)
    assert (task.kind, task.subject) == ("outage", "2026-03-02 10:29 – 2026-03-02 10:59")
    team.run(tasks.close, task.id, by="ann", at=back)
    assert team.run(tasks.open_tasks) == []
    assert ("ann", "task_closed", {"kind": "outage"}) in team.audited()
    with pytest.raises(RefusedError, match="no open task"):
        team.run(tasks.close, task.id, by="ann", at=back)


def test_heartbeat_is_stored_once_a_minute(team):
    team.run(sweeps.heartbeat, 50)
    team.run(sweeps.heartbeat, 50, at=AT + 59 * MINUTE / 60)
    assert team.run(lambda s: s.settings.get(outages.UP_AT)) == AT.isoformat()
    team.run(sweeps.heartbeat, 50, at=AT + MINUTE)
    assert team.run(lambda s: s.settings.get(outages.UP_AT)) == (AT + MINUTE).isoformat()


def test_a_clock_that_was_set_back_is_no_outage(team):
    team.run(sweeps.heartbeat, 50)
    team.run(sweeps.heartbeat, 50, at=AT - DAY)
    assert team.run(lambda s: s.settings.get(outages.UP_AT)) == (AT - DAY).isoformat()
    assert team.run(tasks.open_tasks) == []


def jumps(service):
    return [(jump.at, jump.back_by) for jump in service.run(lambda s: s.concerns.jumps_after(0))]


@pytest.mark.parametrize(
    ("up_at", "noted"), [(None, False), (AT - 30 * MINUTE, True), (AT - 29 * MINUTE, False), (AT + HOUR, False)]
)
def test_clock_may_have_been_set_while_the_bot_was_down_for_half_an_hour(service, up_at, noted):
    if up_at is not None:
        service.heartbeat(up_at)
    service.run(outages.note_start, AT)
    assert jumps(service) == ([(AT, 0)] if noted else [])


@pytest.mark.parametrize(("minutes", "count"), [(0, 1), (59 / 60, 1), (-59 / 60, 1), (1, 2), (-1, 2), (60, 2)])
def test_jump_that_replicas_notice_within_a_minute_is_one(service, minutes, count):
    service.run(outages.note_jump, AT, timedelta(seconds=90.9))
    service.run(outages.note_jump, AT + minutes * MINUTE)
    expected = [(AT, 90), (AT + minutes * MINUTE, 0)][:count]
    assert sorted(jumps(service)) == sorted(expected)


def test_only_the_newest_jump_is_compared(service):
    for at in (AT, AT + HOUR, AT):
        service.run(outages.note_jump, at)
    assert jumps(service) == [(AT, 0), (AT + HOUR, 0), (AT, 0)]


@pytest.mark.parametrize(("seconds", "by"), [(30, None), (31, 31), (7200, 7200)])
def test_clock_set_back_by_more_than_half_a_minute_is_a_jump(service, seconds, by):
    service.heartbeat(AT)
    service.heartbeat(AT - timedelta(seconds=seconds))
    assert jumps(service) == ([(AT - timedelta(seconds=seconds), by)] if by else [])
    assert service.tasks() == set()


def test_clock_set_back_is_made_good_by_one_replica(service, database):
    """Each of them sees it: the others wait for the lock, and see that the time was stored."""
    service.heartbeat(AT + HOUR)

    def late(stores):
        locked = stores.limits.budget

        def limiter():
            stores.settings.set(outages.UP_AT, AT.isoformat())
            return locked()

        stores.limits.budget = limiter
        return stores

    database.run(lambda stores: outages.note_up(work_on(late(stores), None, AT)))
    assert jumps(service) == []


def test_contact_is_stored_once_a_minute_in_utc(service):
    service.heard(AT.astimezone(ZoneInfo("Asia/Tokyo")))
    service.heard(AT + 59 * MINUTE / 60)
    assert service.run(lambda s: s.settings.get(outages.HEARD_AT)) == "2026-03-02T09:00:00+00:00"
    service.heard(AT + MINUTE)
    assert service.run(lambda s: s.settings.get(outages.HEARD_AT)) == "2026-03-02T09:01:00+00:00"
    service.heard(AT)
    assert service.run(lambda s: s.settings.get(outages.HEARD_AT)) == "2026-03-02T09:00:00+00:00", "it was set back"
