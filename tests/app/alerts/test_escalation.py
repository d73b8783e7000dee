"""Who of the team is notified of an alert: level by level, each once, until acknowledged; by code and tier alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from bot.app.alerts import escalation, ownership, raising, replies
from bot.app.alerts.naming import Found
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane
from bot.app.team import members
from bot.core.protocol import Tier
from bot.dialog import conversation
from bot.dialog.replies import Meaning
from tests.app.conftest import AT
from tests.fakes.team import HOUR, MINUTE, keys, words
from tests.fakes.work import work_on


@pytest.fixture
def two(team):
    """Two on call, one not, an operator."""
    for name in ("ann", "ben", "cleo"):
        team.join(name)
    team.join("otto", "operator")
    team.add_shift("ann")
    team.add_shift("ben", rank=1)
    return team


def test_first_on_call_is_notified_at_once_by_code_and_tier(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT)
    (row,) = [q.row for q in two.database.outbox() if q.row.screen.name == "staff.alert"]
    assert (row.lane, row.patient_id, row.chat_id) == (Lane.REMINDER, None, two.chats["ann"])
    ((screen, mode),) = two.news("ann")
    assert (screen.name, mode) == ("staff.alert", "new"), "a new message, so that the phone sounds"
    assert screen.lines[0].values["code"] == "P-0001"
    assert screen.lines[0].values["tier"].key == "staff.tier.EMERGENCY"
    assert "new.yes" not in screen.model_dump_json()
    assert words(screen) == ["take", "reached", "hand_over"]
    assert [two.names(name) for name in ("ben", "cleo", "otto")] == [[], [], []]
    assert two.alert(number).notified == ("ann",)


def test_each_escalation_level_is_reached_once_and_audited(two):
    number = two.raise_alert(Tier.EMERGENCY)
    for minutes in range(61):
        two.sweep(AT + minutes * MINUTE)
    new = {name: [s for s in two.names(name) if s == ("staff.alert", "new")] for name in two.chats}
    assert new == {name: [("staff.alert", "new")] for name in ("ann", "ben", "cleo", "otto")}
    steps = [(d["level"], d["notified"]) for _, action, d in reversed(two.audited()) if action == "alert_escalated"]
    assert steps == [("ROTA", "ann"), ("NEXT", "ben"), ("EVERYONE", "cleo"), ("OPERATOR", "otto")]
    assert two.alert(number).next_escalation_at is None


def test_acknowledgement_ends_escalation_and_updates_the_others(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT)
    two.sweep(AT + 15 * MINUTE)
    two.news("ann")
    two.news("ben")
    assert two.tap("ben", number, "take", AT + 16 * MINUTE).toast.key == "toast.noted"
    two.sweep(AT + HOUR)
    assert two.names("cleo") == []
    ((ann, mode),) = two.news("ann")
    assert (keys(ann)[-1], ann.lines[-1].values["who"], ann.rows, mode) == ("staff.taken", "ben", (), "edit")
    ((ben, mode),) = two.news("ben")
    assert (keys(ben)[-1], mode) == ("staff.yours", "edit")
    assert words(ben) == ["reached", "outcome", "hand_over"]


def test_second_to_acknowledge_at_once_is_shown_the_owner(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.sweep(AT + HOUR)
    assert two.tap("ann", number, "take").toast.key == "toast.noted"
    second = two.tap("ben", number, "take", AT + 6 * MINUTE)
    assert (second.toast.key, second.toast.values["who"], second.urgent) == ("staff.taken", "ann", True)
    assert second.toast.values["time"] == "10:05", "the clinic's own time"
    assert two.alert(number).owner == "ann"


@pytest.mark.parametrize(
    "word", ["reached", "spoke_to_patient", "drug_held", "close", "reopen", "outcome", "hand_over"]
)
def test_nothing_can_be_done_with_what_someone_else_has(two, word):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "take")
    before = two.alert(number)
    assert two.tap("ben", number, word).toast.key == "staff.taken"
    assert two.alert(number) == before


def test_call_is_noted_then_closed_and_can_be_opened_again(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "reached")
    noted = two.alert(number)
    assert (noted.owner, noted.outcome, noted.next_escalation_at) == ("ann", "spoke_to_patient", None)
    two.news("ann")
    two.tap("ann", number, "outcome")
    ((menu, mode),) = two.news("ann")
    assert (menu.name, mode) == ("staff.outcomes", "edit")
    assert words(menu)[:-1] == [
        *("spoke_to_patient", "seen", "sent_to_ed", "notified_oncologist", "drug_held", "not_reached"),
        *("false_alarm", "out_of_care"),
    ], "an EMERGENCY or URGENT alert needs contact: no 'no action'"
    two.tap("ann", number, "drug_held")
    assert words(two.news("ann")[-1][0]) == ["close", "outcome", "hand_over"]
    two.tap("ann", number, "close")
    assert (two.alert(number).closed_by, two.alert(number).outcome) == ("ann", "drug_held")
    ((closed, _),) = two.news("ann")
    assert (keys(closed)[-1], words(closed)) == ("staff.closed", ["reopen"])
    two.tap("ann", number, "reopen", AT + 2 * HOUR)
    two.sweep(AT + 2 * HOUR)
    opened = two.alert(number)
    assert (opened.closed_at, opened.owner, opened.notified, opened.escalation_level) == (None, None, ("ann",), 1)
    assert opened.next_escalation_at == AT + 3 * HOUR, "its clocks run from then on"


def test_it_is_handed_over_to_someone_who_has_a_chat(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "take")
    two.news("ann")
    two.tap("ann", number, "hand_over")
    ((menu, _),) = two.news("ann")
    assert [b.label.values.get("who") for row in menu.rows for b in row] == ["ben", "cleo", "otto", None]
    cleo = next(b.action.choice for row in menu.rows for b in row if b.label.values.get("who") == "cleo")
    two.tap("ann", number, cleo)
    assert two.alert(number).owner == "cleo"
    assert ("staff.alert", "new") in two.names("cleo")
    assert keys(two.news("ann")[-1][0])[-1] == "staff.taken"
    assert two.tap("cleo", number, "to999").toast.key == "staff.toast.gone"
    assert two.alert(number).owner == "cleo"


def test_back_shows_the_alert_again(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "outcome")
    two.news("ann")
    two.tap("ann", number, "back")
    assert two.names("ann") == [("staff.alert", "edit")]
    assert two.alert(number).owner is None, "looking takes nothing"


def test_what_the_shell_does_is_shown_in_the_chats(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.news("ann")
    two.run(ownership.acknowledge, number, by="desk")
    ((screen, mode),) = two.news("ann")
    assert (keys(screen)[-1], screen.lines[-1].values["who"], mode) == ("staff.taken", "desk", "edit")


def test_next_escalation_shown_is_never_in_the_past(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT)
    ((first, _),) = two.news("ann")
    assert (first.lines[-1].key, first.lines[-1].values["time"]) == ("staff.until", "10:15")
    two.sweep(AT + 15 * MINUTE)
    ((then, mode),) = two.news("ann")
    assert (then.lines[-1].values["time"], mode) == ("10:30", "edit")
    two.sweep(AT + 30 * MINUTE)
    ((last, _),) = two.news("ann")
    assert last.lines[-1].key == "staff.anyones"
    assert two.alert(number).owner is None


def test_a_time_on_another_day_carries_its_date(two):
    two.raise_alert(Tier.SOON)
    two.sweep(AT)
    ((screen, _),) = two.news("ann")
    assert screen.lines[-1].values["time"] == "2026-03-03 10:00"


# -- nobody, and somebody later


def test_alert_without_a_team_waits_until_someone_joins(team):
    number = team.raise_alert(Tier.EMERGENCY)
    team.sweep(AT)
    assert team.alert(number).next_escalation_at is None
    team.join("ann", at=AT + HOUR)
    team.sweep(AT + HOUR)
    assert ("staff.alert", "new") in team.names("ann")
    assert team.alert(number).notified == ("ann",)


def test_joining_member_is_not_notified_of_old_or_agreed_alerts(team):
    old = team.raise_alert(Tier.EMERGENCY)
    team.sweep(AT)
    later = AT + escalation.RESUME_WITHIN
    agreed = team.run(raising.raise_alert, team.anna, Found(Tier.URGENT, ("numb",)), at=later).id
    rests = {"is_agreed": True, "next_escalation_at": None}  # stored by an earlier version
    team.run(lambda s: s.alerts.save(s.alerts.get(agreed).model_copy(update=rests)))
    team.join("ann", at=later)
    team.sweep(later)
    assert team.names("ann") == []
    assert [team.alert(number).notified for number in (old, agreed)] == [(), ()]


def test_joining_member_restarts_no_alert_that_all_were_sent(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT + HOUR)
    two.join("dora", at=AT + HOUR)
    two.sweep(AT + HOUR)
    assert two.names("dora") == []
    assert two.alert(number).escalation_level == 4


def test_nobody_on_call_notifies_everyone_at_once(team):
    for name in ("ann", "ben"):
        team.join(name)
    team.join("otto", "operator")
    team.raise_alert()
    team.sweep(AT)
    assert [team.names(name) for name in ("ann", "ben", "otto")] == [[("staff.alert", "new")]] * 2 + [[]]


def test_out_of_hours_cover_is_notified_and_soon_waits(team):
    for name in ("ann", "ben", "cleo"):
        team.join(name)
    team.add_shift("ann", days=range(5), start=time(8), end=time(16))
    team.add_shift("ben", out_of_hours=True)
    sunday = datetime(2026, 3, 8, 2, tzinfo=UTC)
    team.raise_alert(Tier.URGENT, at=sunday)
    soon = team.raise_alert(Tier.SOON, at=sunday)
    team.sweep(sunday)
    assert [len(team.news(name)) for name in ("ann", "ben", "cleo")] == [0, 1, 0]
    assert team.alert(soon).notified == ()
    assert team.alert(soon).next_escalation_at == sunday + 24 * HOUR, "no later than the next person's time"


def test_who_is_away_is_covered(two):
    day = date(2026, 3, 2)
    two.run(members.add_cover, "ann", "cleo", first=day, last=day, by="lead-0")
    two.raise_alert()
    two.sweep(AT)
    assert [len(two.news(name)) for name in ("ann", "cleo")] == [0, 1]


def test_member_who_blocked_the_bot_is_skipped(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.run(conversation.membership, two.chats["ann"], reachable=False, at=AT + MINUTE)
    two.sweep(AT + MINUTE)
    assert ("staff.alert", "new") in two.names("ben"), "told at once, not an hour later"
    two.raise_alert(at=AT + 2 * MINUTE)
    two.news("ann")
    two.sweep(AT + 2 * MINUTE)
    assert two.names("ann") == []
    assert two.alert(number).notified == ("ann", "ben")


def test_alert_of_owner_who_blocked_the_bot_goes_to_the_others(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "take")
    two.run(conversation.membership, two.chats["ann"], reachable=False, at=AT + 10 * MINUTE)
    two.sweep(AT + 10 * MINUTE)
    assert two.alert(number).owner is None
    assert ("staff.alert", "new") in two.names("ben")
    assert [a for _, a, _ in two.audited()].count("alert_reassigned") == 1


def test_member_who_writes_again_can_be_notified_again(two):
    two.run(conversation.membership, two.chats["ann"], reachable=False)
    two.run(conversation.message, two.chats["ann"], Meaning("unknown"), at=AT + MINUTE)
    assert two.run(lambda s: s.staff.by_name("ann")).unreachable_at is None
    assert [a for _, a, _ in two.audited()][:2] == ["staff_reachable", "staff_unreachable"]


def test_who_is_removed_is_of_the_team_no_more(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.tap("ann", number, "take")
    two.run(escalation.remove, "ann", by="lead-0", at=AT + MINUTE)
    two.sweep(AT + MINUTE)
    assert two.alert(number).owner is None
    assert ("staff.alert", "new") in two.names("ben")
    assert two.run(lambda s: s.staff.by_chat(two.chats["ann"])) is None
    assert [r.who for r in two.run(members.rota_lines)] == ["ben"]
    with pytest.raises(RefusedError, match="was removed from the team already"):
        two.run(escalation.remove, "ann", by="lead-0")
    with pytest.raises(RefusedError, match="brings them back"):
        two.add_shift("ann")
    with pytest.raises(RefusedError, match="removed from the team"):
        two.run(ownership.hand_over, number, "ann", by="ben")


# -- what the patient says of the call


def test_reached_after_cannot_call_updates_the_owners_message(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT)
    two.tap("ann", number, "take", AT + MINUTE)
    two.run(replies.reply, two.anna, number, "cannot_call", at=AT + 2 * MINUTE)
    two.news("ann")
    two.run(replies.reply, two.anna, number, "reached", at=AT + 3 * MINUTE)
    ((ann, mode),) = two.news("ann")
    assert ("staff.call.confirmed" in keys(ann), mode) == (True, "edit")


@pytest.mark.parametrize("word", ["cannot_reach", "cannot_call"])
def test_patient_who_cant_call_is_reported_to_the_owner(two, word):
    number = two.raise_alert()
    two.sweep(AT)
    two.news("ann")
    two.run(replies.reply, two.anna, number, word, at=AT + MINUTE)
    ((screen, mode),) = two.news("ann")
    assert (screen.name, keys(screen)[-1], mode) == ("staff.notice", f"staff.call.{word}", "new")
    two.tap("ann", number, "hand_over")
    two.run(ownership.hand_over, number, "cleo", by="ann")
    two.news("cleo")
    two.news("ann")
    two.run(replies.reply, two.anna, number, word, at=AT + 2 * MINUTE)
    assert two.names("cleo") == [("staff.notice", "new")]
    assert two.names("ann") == []


def test_patient_who_never_confirmed_a_call_is_reported(two):
    number = two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT)
    two.news("ann")
    for n in range(1, 5):
        two.run(lambda s, n=n: replies.step(work_on(s, two.clinic, AT + n * 15 * MINUTE), s.alerts.get(number)))
    screens = [screen for screen, _ in two.news("ann")]
    assert [keys(s)[-1] for s in screens if s.name == "staff.notice"] == ["staff.call.unconfirmed"]


def test_rule_8_not_yet_is_news_for_the_team(two):
    number = two.raise_alert()
    two.sweep(AT)
    two.news("ann")
    two.run(replies.reply, two.anna, number, "not_yet", at=AT + MINUTE)
    assert two.names("ann") == [("staff.notice", "new")]


def test_reply_of_the_patient_is_shown_on_the_alert(two):
    number = two.raise_alert()
    for word in ("is_urgent", "mistake", "reached"):
        two.run(replies.reply, two.anna, number, word)
    two.sweep(AT)
    ((screen, _),) = two.news("ann")
    assert keys(screen)[1:5] == ["staff.first", "staff.call.confirmed", "staff.is_urgent", "staff.mistake"]


def test_patient_who_called_has_not_yet_reached_anyone(two):
    number = two.raise_alert()
    two.run(replies.reply, two.anna, number, "called")
    two.sweep(AT)
    ((screen, _),) = two.news("ann")
    assert "staff.call.called" in keys(screen)


def test_answers_stand_there_only_where_the_clinic_says_so(two, clinic):
    two.clinic = replace(clinic, staff_answers=True)
    two.raise_alert()
    two.sweep(AT)
    ((screen, _),) = two.news("ann")
    said = next(line for line in screen.lines if line.key == "staff.said")
    assert said.values["said"] == "new.yes, week 5, first report"


def test_the_way_into_the_console_is_shown_where_there_is_one(two, clinic):
    two.clinic = replace(clinic, console_url="https://clinic.example")
    two.raise_alert(Tier.EMERGENCY)
    two.sweep(AT + HOUR)
    for name, page in (("ann", "/patients/P-0001"), ("otto", "")):
        ((screen, _),) = two.news(name)
        assert screen.rows[-1][0].url == f"https://clinic.example/console{page}"


def test_sweep_after_acknowledgement_notifies_nobody(two):
    """The alert was read as due, and acknowledged before its turn came."""
    number = two.raise_alert(Tier.EMERGENCY)
    due = two.alert(number)
    two.tap("ben", number, "take")
    two.run(escalation.step, due, at=AT + HOUR)
    assert two.alert(number).notified == ()
    assert [two.names(name) for name in ("ann", "cleo", "otto")] == [[], [], []]


@pytest.mark.parametrize("fields", [{"owner": "ann", "acknowledged_at": AT}, {"closed_by": "ann", "closed_at": AT}])
def test_step_of_an_alert_that_is_not_open_clears_its_clock(two, fields):
    number = two.raise_alert()
    left_over = two.alert(number).model_copy(update={"next_escalation_at": AT, **fields})
    left_over = two.run(lambda s: s.alerts.save(left_over))
    two.sweep(AT + MINUTE)
    assert two.alert(number) == left_over.model_copy(
        update={"next_escalation_at": None, "version": left_over.version + 1}
    )
