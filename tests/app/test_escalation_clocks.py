"""When an alert escalates again after its owner is gone, and what the audit says of each step."""

from datetime import timedelta

import pytest

from bot.app.alerts import escalation, ownership, queue, raising
from bot.app.alerts.naming import Found
from bot.app.operations import sweeps
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertState
from bot.app.records.messages import OutboxState
from bot.app.team import members
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.team import raise_another
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Team:
    """The team, its chats and its alerts."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna

    def run(self, use_case, *args, **more):
        return transact(self.database, self.clinic, use_case, *args, **more)

    def deliver(self):
        """Mark what waits as sent: an edit of an unsent message would be merged into it."""
        for number in [q.row.id for q in self.database.outbox() if q.state is OutboxState.WAITING]:
            self.database.run(lambda s, n=number: s.outbox.mark_sent(n, owner="me", message_id=n, at=AT))

    def add(self, name, **changes):
        number = 100 + len(self.run(lambda s: s.staff.all()))
        values = {"state": "active", "chat_id": number, "role": "coordinator"} | changes
        return self.run(lambda s: s.staff.add(samples.staff(name, **values)))

    def raised(self, tier=Tier.EMERGENCY, at=AT, **more):
        return self.run(raising.raise_alert, self.anna, Found(tier, ("now.yes",), **more), at=at).id

    def sweep(self, at):
        self.run(sweeps.team_clocks, at=at, limit=50)
        self.deliver()

    def alert(self, number):
        return self.run(lambda s: s.alerts.get(number))

    def person(self, name):
        return self.run(lambda s: s.staff.by_name(name))

    def screens(self, name, at):
        self.deliver()
        chat = self.person(name).chat_id
        rows = [q.row for q in self.database.outbox() if q.row.chat_id == chat and q.row.created_at == at]
        return [(row.screen.name, row.mode) for row in rows]

    def audit(self, *actions):
        lines = reversed(self.run(lambda s: s.audit.lines(limit=500)))
        return [
            (line.at - AT, line.actor, line.action, line.subject, dict(line.detail))
            for line in lines
            if line.action in actions
        ]


@pytest.fixture
def team(database, clinic, anna):
    made = Team(database, clinic, anna)
    for name in ("ann", "ben", "cleo"):
        made.add(name)
    made.add("otto", role="operator")
    made.run(members.add_shift, "ann", by="lead-0")
    made.run(members.add_shift, "ben", rank=1, by="lead-0")
    return made


def steps(team):
    return [(at, detail["level"], detail["notified"]) for at, _, _, _, detail in team.audit("alert_escalated")]


def test_escalation_line_of_the_audit_names_alert_tier_level_and_people(team):
    number = team.raised()
    team.sweep(AT)
    assert team.audit("alert_raised", "alert_escalated") == [
        (
            timedelta(0),
            "patient:P-0001",
            "alert_raised",
            "P-0001",
            {"alert": number, "tier": "EMERGENCY", "checkin": None},
        ),
        (
            timedelta(0),
            "system",
            "alert_escalated",
            "P-0001",
            {"alert": number, "tier": "EMERGENCY", "level": "ROTA", "notified": "ann"},
        ),
    ]


def test_clock_of_an_alert_whose_owner_is_removed_starts_again(team):
    number = team.raised()
    team.sweep(AT)
    team.run(ownership.acknowledge, number, at=AT + 5 * MINUTE, by="ann")
    removed = AT + 3 * HOUR
    team.run(escalation.remove, "ann", at=removed, by="lead-0")
    assert team.audit("alert_reassigned") == [
        (3 * HOUR, "system", "alert_reassigned", "P-0001", {"alert": number, "tier": "EMERGENCY", "notified": "ann"})
    ]
    found = team.alert(number)
    assert (found.owner, found.acknowledged_at, found.clock_from) == (None, None, removed)
    assert (found.escalation_level, found.next_escalation_at, found.notified) == (0, removed, ())
    for minutes in range(61):
        team.sweep(removed + minutes * MINUTE)
    assert steps(team)[1:] == [
        (3 * HOUR, "ROTA", "ben"),
        (3 * HOUR + 15 * MINUTE, "NEXT", "cleo"),
        (3 * HOUR + 30 * MINUTE, "EVERYONE", ""),
        (3 * HOUR + 30 * MINUTE, "OPERATOR", "otto"),
    ]


def test_queue_counts_a_reassigned_alert_from_its_new_clock(team):
    number = team.raised(Tier.URGENT)
    team.run(ownership.acknowledge, number, at=AT + 5 * MINUTE, by="ann")
    team.run(escalation.set_reachable, team.person("ann"), reachable=False, at=AT + 3 * HOUR)
    (line,) = team.run(queue.queue, at=AT + 3 * HOUR + 59 * MINUTE)
    assert (line.acknowledge_by, line.overdue) == (AT + 4 * HOUR, False)
    (line,) = team.run(queue.queue, at=AT + 4 * HOUR)
    assert line.overdue


def test_alert_of_the_last_one_notified_is_repeated_at_once(team):
    number = team.raised()
    team.sweep(AT)
    team.run(escalation.set_reachable, team.person("ann"), reachable=False, at=AT + 2 * MINUTE)
    found = team.alert(number)
    assert (found.escalation_level, found.next_escalation_at) == (0, AT + 2 * MINUTE)
    team.sweep(AT + 2 * MINUTE)
    assert steps(team) == [(timedelta(0), "ROTA", "ann"), (2 * MINUTE, "ROTA", "ben")]
    assert [line[2:] for line in team.audit("alert_reassigned")] == [
        ("alert_reassigned", "P-0001", {"alert": number, "tier": "EMERGENCY", "notified": "ann"})
    ]


def test_member_who_was_not_notified_leaves_alerts_as_they_are(team):
    number = team.raised()
    team.sweep(AT)
    before = team.alert(number)
    team.run(escalation.set_reachable, team.person("cleo"), reachable=False, at=AT + MINUTE)
    assert team.alert(number) == before
    assert team.audit("alert_reassigned") == []


def test_reachability_of_a_member_is_audited_once_for_each_change(team):
    for reachable in (True, False, False, True):
        team.run(escalation.set_reachable, team.person("cleo"), reachable=reachable, at=AT + MINUTE)
    assert team.audit("staff_reachable", "staff_unreachable") == [
        (MINUTE, "system", "staff_unreachable", "cleo", {}),
        (MINUTE, "system", "staff_reachable", "cleo", {}),
    ]
    assert team.person("cleo").unreachable_at is None


def test_unreachable_member_is_marked_with_the_time(team):
    team.run(escalation.set_reachable, team.person("cleo"), reachable=False, at=AT + MINUTE)
    assert team.person("cleo").unreachable_at == AT + MINUTE


@pytest.mark.parametrize(("age", "resumes"), [(72 * HOUR - MINUTE, True), (72 * HOUR, False)])
def test_alert_that_nobody_heard_of_resumes_within_72_hours(team, age, resumes):
    for name in ("ann", "ben", "cleo", "otto"):
        team.run(escalation.set_reachable, team.person(name), reachable=False, at=AT)
    number = team.raised(Tier.URGENT)
    team.sweep(AT)
    assert team.alert(number).next_escalation_at is None, "nobody can be notified"
    team.run(escalation.set_reachable, team.person("cleo"), reachable=True, at=AT + age)
    assert team.alert(number).next_escalation_at == (AT + age if resumes else None)


def test_reopened_alert_that_nobody_heard_of_counts_from_then(team):
    for name in ("ann", "ben", "cleo", "otto"):
        team.run(escalation.set_reachable, team.person(name), reachable=False, at=AT)
    number = team.raised(Tier.URGENT)
    team.run(ownership.note, number, "spoke_to_patient", at=AT, by="ann")
    team.run(ownership.close, number, at=AT, by="ann")
    team.run(ownership.reopen, number, at=AT + 5 * DAY, by="ann")
    team.sweep(AT + 5 * DAY)
    assert team.alert(number).next_escalation_at is None
    team.run(escalation.set_reachable, team.person("cleo"), reachable=True, at=AT + 6 * DAY)
    assert team.alert(number).next_escalation_at == AT + 6 * DAY


@pytest.mark.parametrize("why", ["owned", "waits for the next level", "within an agreed level", "all were notified"])
def test_alert_that_is_looked_after_does_not_resume(team, why):
    number = team.raised(Tier.URGENT)
    if why == "within an agreed level":
        rests = {"is_agreed": True, "next_escalation_at": None}  # stored by an earlier version
        team.run(lambda s: s.alerts.save(s.alerts.get(number).model_copy(update=rests)))
    if why == "owned":
        team.run(ownership.acknowledge, number, at=AT, by="ann")
    elif why == "waits for the next level":
        team.sweep(AT)
    elif why == "all were notified":
        team.sweep(AT + 6 * HOUR)
    before = team.alert(number)
    team.run(escalation.resume_open, at=AT + 7 * HOUR)
    assert team.alert(number) == before


# -- what is shown, and to whom


def test_each_step_shows_the_alert_again_to_those_notified_before(team):
    team.raised()
    team.sweep(AT)
    team.sweep(AT + 15 * MINUTE)
    assert team.screens("ben", AT + 15 * MINUTE) == [("staff.alert", "new")]
    assert team.screens("ann", AT + 15 * MINUTE) == [("staff.alert", "edit")]
    assert team.screens("cleo", AT + 15 * MINUTE) == []


def test_member_who_became_unreachable_is_not_written_to(team):
    number = team.raised()
    team.sweep(AT)
    team.sweep(AT + 15 * MINUTE)
    ann = team.person("ann")
    team.run(lambda s: s.staff.save(ann.model_copy(update={"unreachable_at": AT})))
    team.sweep(AT + 30 * MINUTE)
    team.run(ownership.acknowledge, number, at=AT + 31 * MINUTE, by="cleo")
    assert team.screens("ben", AT + 31 * MINUTE) == [("staff.alert", "edit")]
    assert team.screens("ann", AT + 30 * MINUTE) == team.screens("ann", AT + 31 * MINUTE) == []


def test_handed_over_alert_is_a_new_message_for_the_new_owner_alone(team):
    number = team.raised()
    team.sweep(AT)
    team.run(ownership.acknowledge, number, at=AT + MINUTE, by="ann")
    team.run(ownership.hand_over, number, "cleo", at=AT + 2 * MINUTE, by="ann")
    assert team.screens("cleo", AT + 2 * MINUTE) == [("staff.alert", "new")]
    assert team.screens("ann", AT + 2 * MINUTE) == [("staff.alert", "edit")]
    team.run(ownership.note, number, "spoke_to_patient", at=AT + 3 * MINUTE, by="cleo")
    assert team.screens("cleo", AT + 3 * MINUTE) == [("staff.alert", "edit")]


def test_acts_of_staff_are_audited_with_tier_outcome_and_owner(team):
    number = team.raised(Tier.URGENT)
    team.run(ownership.acknowledge, number, at=AT + MINUTE, by="ann")
    team.run(ownership.hand_over, number, "ben", at=AT + 2 * MINUTE, by="ann")
    team.run(ownership.note, number, "sent_to_ed", at=AT + 3 * MINUTE, by="cleo")
    team.run(ownership.close, number, at=AT + 4 * MINUTE, by="cleo")
    team.run(ownership.reopen, number, at=AT + 5 * MINUTE, by="ann")
    acts = ("acknowledged", "handed_over", "noted", "closed", "reopened")
    common = {"alert": number, "tier": "URGENT"}
    assert team.audit(*(f"alert_{act}" for act in acts)) == [
        (MINUTE, "ann", "alert_acknowledged", "P-0001", common | {"outcome": None, "owner": "ann"}),
        (2 * MINUTE, "ann", "alert_handed_over", "P-0001", common | {"outcome": None, "owner": "ben"}),
        (3 * MINUTE, "cleo", "alert_noted", "P-0001", common | {"outcome": "sent_to_ed", "owner": "ben"}),
        (4 * MINUTE, "cleo", "alert_closed", "P-0001", common | {"outcome": "sent_to_ed", "owner": "ben"}),
        (5 * MINUTE, "ann", "alert_reopened", "P-0001", common | {"outcome": "sent_to_ed", "owner": None}),
    ]


@pytest.mark.parametrize("act", ["acknowledge", "note", "hand_over"])
def test_removed_member_becomes_owner_of_nothing(team, act):
    number = team.raised()
    team.run(escalation.remove, "cleo", at=AT, by="lead-0")
    words = {"acknowledge": (), "note": ("spoke_to_patient",), "hand_over": ("cleo",)}[act]
    with pytest.raises(
        RefusedError, match=rf"^cleo was removed from the team: hand alert {number} over to someone else$"
    ):
        team.run(getattr(ownership, act), number, *words, at=AT + MINUTE, by="cleo")
    assert team.alert(number).owner is None


def test_removed_member_may_still_note_on_an_alert_with_an_owner(team):
    """The shell names who acts: an outcome on an alert that someone owns makes nobody its owner."""
    number = team.raised()
    team.run(ownership.acknowledge, number, at=AT, by="ann")
    team.run(escalation.remove, "cleo", at=AT, by="lead-0")
    assert team.run(ownership.note, number, "spoke_to_patient", at=AT + MINUTE, by="cleo").owner == "ann"


def test_alert_of_a_patient_who_was_erased_is_no_alert(team):
    with pytest.raises(RefusedError, match=r"^there is no alert 7: see `nervecheck alert list`$"):
        team.run(ownership.close, 7, at=AT, by="ann")


@pytest.mark.parametrize("state", [AlertState.CONFIRMED, AlertState.UNCONFIRMED])
def test_escalation_goes_on_whatever_the_patient_said(team, state):
    number = team.raised()
    team.run(lambda s: s.alerts.save(s.alerts.get(number).model_copy(update={"state": state})))
    team.sweep(AT)
    assert steps(team) == [(timedelta(0), "ROTA", "ann")]


def test_sweep_reports_the_place_of_its_last_row(team):
    team.raised()
    number = team.run(raise_another, team.anna, Found(Tier.EMERGENCY, ("now.yes",)), at=AT + MINUTE).id
    found = team.run(sweeps.team_clocks, at=AT + MINUTE, limit=2)
    assert (found.done, found.errors, found.last) == (2, (), (AT + MINUTE, number))
    assert team.run(sweeps.team_clocks, at=AT + MINUTE, limit=2).last is None


def test_handed_over_to_someone_notified_before_is_one_new_message(team):
    number = team.raised()
    team.sweep(AT)
    team.sweep(AT + 15 * MINUTE)
    team.run(ownership.acknowledge, number, at=AT + 16 * MINUTE, by="ann")
    team.deliver()
    team.run(ownership.hand_over, number, "ben", at=AT + 17 * MINUTE, by="ann")
    assert team.screens("ben", AT + 17 * MINUTE) == [("staff.alert", "new")]
    assert team.screens("ann", AT + 17 * MINUTE) == [("staff.alert", "edit")]
