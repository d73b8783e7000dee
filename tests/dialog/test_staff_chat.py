"""The team's own chats: joining by a link, the menu, patients by study code, plan changes by menu, the morning's list."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.operations import outages, sweeps, tasks
from bot.app.ports.errors import DuplicateError, RefusedError
from bot.app.records.alerts import Task
from bot.app.records.messages import Lane
from bot.app.records.patients import PatientState
from bot.app.team import digest, members
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import conversation, staff_chat
from bot.dialog.replies import Meaning
from tests.app.alerts.test_escalation import HOUR, MINUTE, Office, keys, words
from tests.app.conftest import AT
from tests.contract.samples import session

DAY = timedelta(days=1)


@pytest.fixture
def office(database, clinic, anna):
    made = Office(database, clinic, anna)
    made.join("ann")
    return made


def invited(office, name="ben", role="coordinator", **more):
    values = {"name": name, "role": role, "language": None, "by": "lead-0", "at": AT} | more
    return office.run(members.add, office.clinic, **values)[1]


def start(office, chat, token, at=AT):
    return office.run(conversation.start, office.clinic, chat, token, None, at)


def sent_to(office, chat):
    return [q.row for q in office.database.outbox() if q.row.chat_id == chat]


# -- joining


def test_a_link_makes_a_chat_someones_once(office):
    token = invited(office)
    start(office, 200, token)
    ben = office.run(lambda s: s.staff.by_chat(200))
    assert (ben.name, ben.state, ben.token_hash, ben.joined_at) == ("ben", "active", None, AT)
    assert [r.screen.name for r in sent_to(office, 200)] == ["staff.welcome", "staff.menu"]
    start(office, 201, token)
    assert office.run(lambda s: s.staff.by_chat(201)) is None
    assert [r.screen.name for r in sent_to(office, 201)] == ["stranger.bad_invite"]


def test_a_link_that_is_too_old_opens_nothing(office):
    token = invited(office)
    start(office, 200, token, at=AT + office.clinic.protocol.clocks.invite_valid)
    assert office.run(lambda s: s.staff.by_chat(200)) is None


def test_a_new_link_ends_the_earlier_one_and_moves_the_chat(office):
    old = invited(office)
    _, new = office.run(members.renew_link, office.clinic, "ben", "lead-0", AT)
    start(office, 200, old)
    assert office.run(lambda s: s.staff.by_chat(200)) is None
    start(office, 200, new)
    _, again = office.run(members.renew_link, office.clinic, "ben", "lead-0", AT)
    assert office.run(lambda s: s.staff.by_chat(200)).name == "ben", "the old chat stays until then"
    start(office, 201, again)
    assert office.run(lambda s: (s.staff.by_chat(200), s.staff.by_chat(201).name)) == (None, "ben")


def test_a_chat_that_is_someone_elses_stays_theirs(office):
    token = invited(office)
    start(office, office.chats["ann"], token)
    assert office.run(lambda s: s.staff.by_chat(office.chats["ann"])).name == "ann"
    start(office, 7, token)
    assert office.run(lambda s: s.staff.by_chat(7)) is None, "a patient's chat is the patient's"


@pytest.mark.parametrize(
    ("bad", "why"), [({"name": "+49 30"}, "is not a short name"), ({"language": "fr"}, "enabled are en, es, ru")]
)
def test_bad_facts_are_refused(office, bad, why):
    with pytest.raises(RefusedError, match=why):
        invited(office, **bad)


def test_name_is_unique(office):
    with pytest.raises(DuplicateError, match="in the team already"):
        invited(office, "ann")


def test_who_was_removed_comes_back_by_a_new_link(office):
    office.run(members.remove, "ann", "lead-0", AT)
    _, token = office.run(members.renew_link, office.clinic, "ann", "lead-0", AT)
    start(office, 300, token)
    assert office.run(lambda s: s.staff.by_chat(300)).name == "ann"
    assert [row.name for row in office.run(members.current_members)] == ["ann"]


def test_who_was_removed_is_a_stranger(office):
    office.run(members.remove, "ann", "lead-0", AT)
    office.run(conversation.command, office.clinic, office.chats["ann"], "staff", AT)
    assert sent_to(office, office.chats["ann"])[-1].screen.name == "stranger.hello"


# -- the menu


@pytest.mark.parametrize("given", ["staff", "menu", "help", "words", "start", "stale"])
def test_any_input_shows_open_alerts(office, given):
    number = office.raise_alert(Tier.EMERGENCY)
    chat = office.chats["ann"]
    inputs = {
        "words": lambda: office.run(conversation.message, office.clinic, chat, Meaning("unknown"), AT),
        "start": lambda: start(office, chat, ""),
        "stale": lambda: office.run(conversation.stale_tap, office.clinic, chat, AT),
    }
    inputs.get(given, lambda: office.run(conversation.command, office.clinic, chat, given, AT))()
    ((screen, _),) = office.news("ann")
    assert (screen.name, screen.lines[0].values["n"], words(screen)) == ("staff.menu", 1, ["open", "digest"])
    office.tap("ann", number, "open")
    assert office.names("ann") == [("staff.alert", "new")]


def test_a_button_that_means_nothing_any_more_shows_the_menu(office):
    for action in (
        Action(kind="staff", subject=99, choice="take"),
        Action(kind="staff", subject=office.raise_alert(), choice="dance"),
        Action(kind="choose", subject=1),
        Action(kind="plan", subject=99, choice="pause"),
        Action(kind="plan", subject=office.anna.id, choice="dance"),
        Action(kind="team", choice="dance"),
    ):
        said = office.run(conversation.tap, office.clinic, office.chats["ann"], action, AT)
        assert said.toast.key == "staff.toast.gone"
        assert ("staff.menu", "new") in office.names("ann")


def test_a_patients_staff_command_is_a_patients(office):
    office.run(conversation.command, office.clinic, 7, "staff", AT)
    assert all(not r.screen.name.startswith("staff") for r in sent_to(office, 7))


# -- a patient


def look_up(office, code="P-0001", name="ann"):
    office.run(conversation.message, office.clinic, office.chats[name], Meaning("code", code=code), AT)
    return office.news(name)[-1][0]


def test_a_study_code_shows_the_patient_and_is_audited(office):
    office.raise_alert()
    screen = look_up(office)
    assert screen.name == "staff.patient"
    assert (screen.lines[0].values["code"], screen.lines[0].values["state"].key) == ("P-0001", "staff.state.active")
    assert screen.lines[1].values["n"] == 1
    assert "numb" not in screen.model_dump_json(), "no answers"
    assert ("ann", "patient_looked_up", {}) in office.audited()
    assert keys(look_up(office, "P-0099")) == ["staff.no_patient"]


def test_a_code_means_nothing_in_a_patients_chat(office):
    office.run(conversation.message, office.clinic, 7, Meaning("code", code="P-0001"), AT)
    assert [r.screen.name for r in sent_to(office, 7)][-1] == "said"


def plan(office, word, *, yes=False, name="ann", at=AT):
    action = Action(kind="plan", subject=office.anna.id, question="yes" if yes else "", choice=word)
    return office.run(conversation.tap, office.clinic, office.chats[name], action, at)


@pytest.mark.parametrize("word", ["stop_today", "pause7", "pause", "send", "evening"])
def test_a_plan_is_changed_only_after_a_yes(office, word):
    before = office.run(lambda s: (s.patients.get(office.anna.id), len(s.checkins.of_patient(office.anna.id))))
    plan(office, word)
    ((sure, _),) = office.news("ann")
    assert (sure.name, words(sure)) == ("staff.sure", [word, "open"])
    assert office.run(lambda s: (s.patients.get(office.anna.id), len(s.checkins.of_patient(office.anna.id)))) == before
    plan(office, word, yes=True, at=AT + MINUTE)
    assert keys(office.news("ann")[-1][0]) == ["staff.changed"]
    assert office.run(lambda s: (s.patients.get(office.anna.id), len(s.checkins.of_patient(office.anna.id)))) != before
    assert any(actor == "ann" for actor, action, _ in office.audited() if action != "staff_joined")


def test_what_changes_is_said_before(office):
    plan(office, "evening")
    ((sure, _),) = office.news("ann")
    assert sure.lines[1].key == "staff.effect"
    assert sure.lines[1].values["moved"] > 0


def test_patient_is_notified_of_a_change(office):
    plan(office, "evening", yes=True)
    assert sent_to(office, 7)[-1].screen.name == "plan.changed"


def test_pause_is_ended_and_the_patient_notified(office):
    plan(office, "pause", yes=True)
    assert office.run(lambda s: s.patients.get(office.anna.id).state) is PatientState.PAUSED
    plan(office, "resume", yes=True, at=AT + MINUTE)
    assert office.run(lambda s: s.patients.get(office.anna.id).state) is PatientState.ACTIVE
    assert sent_to(office, 7)[-1].screen.name == "plan.changed"
    office.news("ann")
    plan(office, "resume", yes=True, at=AT + MINUTE)
    assert keys(office.news("ann")[0][0]) == ["staff.refused"]


def test_an_operator_sees_no_patient_and_changes_no_plan(office):
    office.join("otto", "operator")
    assert look_up(office, name="otto").name == "staff.menu"
    assert plan(office, "open", name="otto").toast.key == "staff.toast.gone"
    before = office.run(lambda s: s.patients.get(office.anna.id))
    assert plan(office, "pause", yes=True, name="otto").toast.key == "staff.toast.gone"
    assert office.run(lambda s: s.patients.get(office.anna.id)) == before


# -- the morning


MORNING = datetime(2026, 3, 3, 7, tzinfo=UTC)
"""08:00 in Berlin."""


def test_the_list_comes_once_a_morning_in_the_last_lane(office):
    assert office.run(sweeps.morning, office.clinic, MORNING - MINUTE, 50).done == 0
    assert office.run(sweeps.morning, office.clinic, MORNING, 50).done == 1
    row = sent_to(office, office.chats["ann"])[-1]
    assert (row.screen.name, row.lane) == ("staff.digest", Lane.DIGEST)
    for later in (MINUTE, HOUR):
        assert office.run(sweeps.morning, office.clinic, MORNING + later, 50).done == 0
    assert office.run(sweeps.morning, office.clinic, MORNING + DAY, 50).done == 1


def test_after_a_lost_morning_there_is_none(office):
    assert office.run(sweeps.morning, office.clinic, MORNING + 4 * HOUR, 50).done == 0
    assert office.run(sweeps.morning, office.clinic, MORNING + 4 * HOUR - MINUTE, 50).done == 1


def test_digest_lists_open_alerts_worst_first_then_tasks(office):
    office.raise_alert(Tier.SOON)
    number = office.raise_alert(Tier.EMERGENCY)
    office.tap("ann", number, "take")
    office.news("ann")

    def items(stores):
        for kind, subject in (("not_heard_from", "P-0003"), ("unreachable", "P-0004")):
            stores.tasks.add(Task(kind=kind, patient_id=None, subject=subject, raised_at=AT))

    office.run(items)
    office.run(digest.send_due, office.clinic, MORNING)
    ((screen, _),) = office.news("ann")
    assert keys(screen) == [
        *("staff.digest", "staff.row.taken", "staff.row.open"),
        *("staff.item.not_heard_from", "staff.item.unreachable", "staff.completion"),
    ]
    assert (screen.lines[-1].values["answered"], screen.lines[-1].values["asked"]) == (0, 1)


def test_a_long_list_is_cut_and_says_so(office):
    for _ in range(14):
        office.raise_alert()
    office.run(digest.send_due, office.clinic, MORNING)
    ((screen, _),) = office.news("ann")
    assert keys(screen).count("staff.row.late") == 12
    assert next(line for line in screen.lines if line.key == "staff.more").values["n"] == 2


def test_nobody_to_tell_is_no_reason_to_say_it_later(database, clinic, anna):
    alone = Office(database, clinic, anna)
    assert alone.run(sweeps.morning, clinic, MORNING, 50).done == 0


# -- the bot was down


def test_a_long_gap_leaves_a_work_item_and_a_short_one_none(office):
    office.run(sweeps.alive, office.clinic, AT, 50)
    office.run(sweeps.alive, office.clinic, AT + outages.SHORTEST_OUTAGE - MINUTE, 50)
    assert office.run(tasks.open_tasks) == []
    back = AT + outages.SHORTEST_OUTAGE - MINUTE + outages.SHORTEST_OUTAGE
    office.run(sweeps.alive, office.clinic, back, 50)
    (item,) = office.run(tasks.open_tasks)
    assert (item.kind, item.subject) == ("outage", "2026-03-02 10:29 – 2026-03-02 10:59")
    office.run(tasks.close, item.id, "ann", back)
    assert office.run(tasks.open_tasks) == []
    assert ("ann", "task_closed", {"kind": "outage"}) in office.audited()
    with pytest.raises(RefusedError, match="no open task"):
        office.run(tasks.close, item.id, "ann", back)


def test_heartbeat_is_stored_once_a_minute(office):
    office.run(sweeps.alive, office.clinic, AT, 50)
    office.run(sweeps.alive, office.clinic, AT + 59 * MINUTE / 60, 50)
    assert office.run(lambda s: s.settings.get(outages.UP_AT)) == AT.isoformat()
    office.run(sweeps.alive, office.clinic, AT + MINUTE, 50)
    assert office.run(lambda s: s.settings.get(outages.UP_AT)) == (AT + MINUTE).isoformat()


def test_a_clock_that_was_set_back_is_no_outage(office):
    office.run(sweeps.alive, office.clinic, AT, 50)
    office.run(sweeps.alive, office.clinic, AT - DAY, 50)
    assert office.run(lambda s: s.settings.get(outages.UP_AT)) == (AT - DAY).isoformat()
    assert office.run(tasks.open_tasks) == []


def test_the_rota_is_listed(office):
    office.duty("ann", days=(0, 1), rank=2)
    office.duty("ann", out_of_hours=True)
    first = date(2026, 3, 2)
    office.join("ben")
    office.run(members.add_cover, office.clinic, "ann", "ben", first=first, last=first, by="lead-0", at=AT)
    lines = [(line.kind, line.who, line.days, line.rank) for line in office.run(members.rota_lines, office.clinic, AT)]
    assert lines == [
        ("shift", "ann", "mon tue", 2),
        ("out of hours", "ann", "mon tue wed thu fri sat sun", 0),
        ("cover", "ben for ann", "2026-03-02 to 2026-03-02", None),
    ]


def test_staff_chat_handles_each_button_it_shows(office):
    """No button of the team's screens leads to "that button is closed" while it is shown."""
    number = office.raise_alert()
    office.sweep(AT)
    seen, waiting = set(), [screen for screen, _ in office.news("ann")]
    while waiting:
        for row in waiting.pop().rows:
            for button in row:
                action = button.action
                if (action.kind, action.question, action.choice) in seen or action.choice == "close":
                    continue
                seen.add((action.kind, action.question, action.choice))
                said = office.run(staff_chat.tapped, office.clinic, ann(office), action, AT)
                assert said.toast is None or said.toast.key != "staff.toast.gone", action
                waiting += [screen for screen, _ in office.news("ann")]
    assert len(seen) > 9
    assert office.alert(number).owner == "ann"


def ann(office):
    return office.run(lambda s: s.staff.by_name("ann"))


def test_old_sessions_are_forgotten_and_the_weeks_figures_kept(office):
    person = ann(office)
    office.run(lambda s: s.sessions.add(session(person.id, seen_at=AT)))
    office.run(sweeps.housekeeping, office.clinic, AT + sweeps.SESSIONS_KEPT, 50)
    assert office.run(lambda s: s.sessions.by_hash("t1")) is not None
    office.run(sweeps.housekeeping, office.clinic, AT + sweeps.SESSIONS_KEPT + MINUTE, 50)
    assert office.run(lambda s: s.sessions.by_hash("t1")) is None
    for sweep in sweeps.HOURLY:
        office.run(sweep, office.clinic, AT, 50)
    assert [row.week for row in office.run(lambda s: s.reports.weeks(9))] == [date(2026, 3, 2), date(2026, 2, 23)]
