"""Taking part and leaving: reachability, withdrawal, erasure, pauses, invites and caregivers, as stored and audited."""

from dataclasses import replace
from datetime import date, time, timedelta
from functools import partial

import pytest

from bot.app.patients import caregivers, participation, registry
from bot.app.ports.errors import DuplicateError, RefusedError
from bot.app.records.alerts import AlertState
from bot.app.records.messages import Lane
from bot.app.records.patients import Consent, PatientState
from bot.app.schedules.plans import plan_for
from bot.core.checkin import State
from bot.core.follow_up import FollowUp
from bot.core.protocol import Tier
from bot.core.schedule import Pause, stable_jitter
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = AT.date()


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


def patient(run, **changes):
    found = run(lambda s: s.patients.by_code("P-0001"))
    return run(lambda s: s.patients.save(found.model_copy(update=changes))) if changes else found


def audited(run, *actions):
    lines = reversed(run(lambda s: s.audit.lines(limit=500)))
    return [(line.actor, line.action, line.subject, dict(line.detail)) for line in lines if line.action in actions]


def tasks(run):
    return [(t.kind, t.patient_id, t.subject, t.raised_at) for t in run(lambda s: s.tasks.open())]


# -- reachability


def test_unreachable_patient_is_one_task_until_reached_again(run, anna):
    run(participation.set_reachable, patient(run), reachable=False, at=AT + MINUTE)
    assert patient(run).unreachable_at == AT + MINUTE
    assert tasks(run) == [("unreachable", anna.id, "P-0001", AT + MINUTE)]
    run(participation.set_reachable, patient(run), reachable=False, at=AT + HOUR)
    assert patient(run).unreachable_at == AT + MINUTE, "since the first time"
    assert audited(run, "patient_unreachable") == [("system", "patient_unreachable", "P-0001", {})]
    run(participation.set_reachable, patient(run), reachable=True, at=AT + 2 * HOUR)
    assert (patient(run).unreachable_at, tasks(run)) == (None, [])


# -- withdrawal and erasure


def consent(patient_id, version="2026-01", **more):
    values = {"text_hash": "h", "language": "en", "given_at": AT - DAY}
    return Consent(patient_id=patient_id, version=version, **values | more)


def test_withdrawal_ends_consent_check_in_questions_and_links(database, run, anna, choose):
    choose("no")
    choose("none")
    choose("yes")
    token = run(registry.invite_again, "P-0001", by="lead-1")[1]
    run(lambda s: s.consents.add(consent(anna.id, withdrawn_at=AT - HOUR)))
    run(lambda s: s.consents.add(consent(anna.id, version="2026-02")))
    patient(run, next_due_at=AT + DAY, enrol_step="time", follow_up=FollowUp(groups=("eyes",), since=TODAY))
    left = AT + 2 * HOUR
    gone = run(participation.withdraw, "P-0001", at=left, by="lead-1")
    assert gone == patient(run)
    assert (gone.state, gone.next_due_at, gone.enrol_step, gone.follow_up) == (PatientState.WITHDRAWN, None, None, None)
    assert [c.withdrawn_at for c in run(lambda s: s.consents.of_patient(anna.id))] == [AT - HOUR, left]
    (row,) = run(lambda s: s.checkins.of_patient(anna.id))
    assert (row.value.state, row.closed_at, row.next_action_at, row.remind_at) == (State.EXPIRED, left, None, None)
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (alert.tier, alert.state, alert.next_patient_prompt_at) == (Tier.URGENT, AlertState.UNCONFIRMED, None)
    assert run(registry.accept_invite, token, 8, at=left) is None
    assert audited(run, "patient_withdrawn") == [("lead-1", "patient_withdrawn", "P-0001", {})]
    last = database.outbox()[-1].row
    assert (last.screen.name, last.screen.keyboard, last.chat_id) == ("stop.done", "remove", 7)


@pytest.mark.parametrize("state", [AlertState.CONFIRMED, AlertState.UNCONFIRMED])
def test_withdrawal_leaves_what_the_patient_said_of_an_alert(run, anna, choose, state):
    choose("no")
    choose("yes")
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    run(lambda s: s.alerts.save(alert.model_copy(update={"state": state})))
    run(participation.withdraw, "P-0001", at=AT + HOUR)
    (now,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (now.state, now.next_patient_prompt_at) == (state, None)


def test_withdrawal_asks_an_unasked_alert_nothing_and_keeps_it(run, anna, choose):
    choose("no")
    choose("yes")
    (alert,) = run(lambda s: s.alerts.of_patient(anna.id))
    quiet = run(lambda s: s.alerts.save(alert.model_copy(update={"next_patient_prompt_at": None})))
    run(participation.withdraw, "P-0001", at=AT + HOUR)
    assert run(lambda s: s.alerts.of_patient(anna.id)) == [quiet]


def test_withdrawal_keeps_the_time_of_links_that_ended_before(run, anna):
    first = run(lambda s: s.invites.of_patient(anna.id))[0]
    run(registry.invite_again, "P-0001", at=AT + MINUTE)
    run(participation.withdraw, "P-0001", at=AT + HOUR)
    ended = {i.id: i.revoked_at for i in run(lambda s: s.invites.of_patient(anna.id))}
    assert sorted(ended.values()) == [AT + MINUTE, AT + HOUR]
    assert ended[first.id] == AT + MINUTE


@pytest.mark.parametrize("before", [PatientState.ACTIVE, PatientState.WITHDRAWN])
def test_erasure_leaves_no_answers_and_a_last_message_for_each_chat(database, run, anna, choose, before):
    choose("no")
    choose("yes")
    if before is PatientState.WITHDRAWN:
        run(participation.withdraw, "P-0001", at=AT + MINUTE, by="lead-1")
    for number, chat in ((1, 8), (2, None)):
        helper = samples.caregiver(anna.id, f"h{number}", state="active", chat_id=chat, language="es")
        run(lambda s, h=helper: s.caregivers.add(h))
    run(participation.erase, "P-0001", at=AT + HOUR, by="lead-1")
    assert run(lambda s: s.checkins.of_patient(anna.id)) == []
    (kept,) = run(lambda s: s.alerts.of_patient(anna.id))
    assert (kept.rules, kept.symptoms, kept.checkin_id) == (("left_while_open",), (), None), "an EMERGENCY is open"
    rows = [q.row for q in database.outbox()]
    assert [(r.chat_id, r.language, r.screen.name, r.lane, r.patient_id) for r in rows] == [
        (8, "es", "care.goodbye", Lane.DIGEST, None),
        (7, "en", "stop.erased", Lane.REPLY, None),
    ]
    assert {r.screen.keyboard for r in rows} == {"remove"}
    assert audited(run, "patient_withdrawn", "patient_erased") == [
        ("lead-1", "patient_withdrawn", "P-0001", {}),
        ("lead-1", "patient_erased", "P-0001", {}),
    ]


# -- pauses


def test_pause_until_a_day_is_audited_and_shown(database, run, anna):
    paused = run(participation.pause, "P-0001", TODAY + 5 * DAY, at=AT, by="lead-1")
    assert paused == patient(run)
    assert (paused.state, paused.pauses) == (PatientState.ACTIVE, (Pause(first=TODAY, last=TODAY + 5 * DAY),))
    assert audited(run, "patient_paused") == [("lead-1", "patient_paused", "P-0001", {"until": "2026-03-07"})]
    screen = database.outbox()[-1].row.screen
    assert (screen.name, [line.key for line in screen.lines]) == ("pause", ["pause.until"])
    run(participation.pause, "P-0001", None, at=AT + DAY, by="lead-1")
    assert audited(run, "patient_paused")[-1][-1] == {"until": None}
    assert [line.key for line in database.outbox()[-1].row.screen.lines] == ["pause.open"]


def test_pause_begins_on_the_patients_own_day(run, anna):
    """21:00 in London is the next morning in Tokyo."""
    patient(run, timezone="Asia/Tokyo")
    late = AT + 12 * HOUR
    with pytest.raises(RefusedError, match=r"^pause until 2026-03-02: that day has passed; name today or later$"):
        run(participation.pause, "P-0001", TODAY, at=late)
    assert run(participation.pause, "P-0001", TODAY + DAY, at=late).pauses[0].first == TODAY + DAY


@pytest.mark.parametrize("state", [PatientState.INVITED, PatientState.ENROLLING, PatientState.WITHDRAWN])
def test_pause_of_a_patient_who_is_not_active_is_refused(run, anna, state):
    patient(run, state=state)
    with pytest.raises(RefusedError, match=rf"^P-0001 is {state}: only an active patient can be paused$"):
        run(participation.pause, "P-0001", None)


def test_resume_ends_the_pause_and_notifies_the_patient(database, run, anna):
    run(participation.pause, "P-0001", None, at=AT, by="lead-1")
    active = run(participation.resume_for, "P-0001", at=AT + 3 * DAY, by="lead-2")
    assert active == patient(run)
    assert (active.state, active.pauses) == (PatientState.ACTIVE, (Pause(first=TODAY, last=TODAY + 2 * DAY),))
    assert active.next_due_at is not None
    assert audited(run, "patient_resumed") == [("lead-2", "patient_resumed", "P-0001", {})]
    assert database.outbox()[-1].row.screen.name == "plan.changed"


@pytest.mark.parametrize("why", ["never paused", "paused later", "pause over", "withdrawn"])
def test_resume_without_a_pause_today_is_refused(run, anna, why):
    spans = {"paused later": (1, 3), "pause over": (-3, -1), "withdrawn": (0, 3)}
    first, last = spans.get(why, (None, None))
    if first is not None:
        patient(run, pauses=(Pause(first=TODAY + first * DAY, last=TODAY + last * DAY),))
    if why == "withdrawn":
        patient(run, state=PatientState.WITHDRAWN)
    with pytest.raises(RefusedError, match=r"^P-0001 is not paused, so there is nothing to resume$"):
        run(participation.resume_for, "P-0001")


# -- adding and inviting


def test_added_patient_has_the_facts_given_and_the_protocols_clocks(run, clinic):
    treatment = {"ici_start": date(2026, 1, 5), "drug": "nivolumab"}
    facts = {
        "code": "Z-9",
        "regimen": "combination",
        "language": "es",
        "timezone": "America/New_York",
    }
    added, token = run(registry.add, **facts, **treatment, at=AT, by="lead-1")
    (period,) = added.periods
    assert (period.start, period.drug, period.stop) == (date(2026, 1, 5), "nivolumab", None)
    assert (period.recorded_at, period.recorded_by) == (AT, "lead-1")
    assert added == run(lambda s: s.patients.by_code("Z-9"))
    assert {name: getattr(added, name) for name in facts} == facts
    clocks = clinic.protocol.clocks
    assert (added.plan, added.state, added.created_at) == ("combination", PatientState.INVITED, AT)
    assert (added.send_time, added.quiet_from, added.quiet_to) == (time(10), time(21), time(9))
    assert added.jitter == stable_jitter("Z-9", int(clocks.jitter.total_seconds())) != 0
    assert audited(run, "patient_added") == [("lead-1", "patient_added", "Z-9", {})]
    (invite,) = run(lambda s: s.invites.of_patient(added.id))
    assert (invite.expires_at, invite.token_hash) == (AT + 14 * DAY, clinic.hash_token(token))


def test_added_patient_has_the_clinics_defaults(run):
    added, _ = run(registry.add, code="Z-9", ici_start=date(2026, 1, 5))
    assert (added.language, added.timezone, added.regimen, added.treatment.newest.drug) == ("en", None, "single", None)
    assert added.plan == "standard"
    with pytest.raises(DuplicateError):
        run(registry.add, code="Z-9", ici_start=date(2026, 1, 5))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"code": "z"}, "code 'z': use 2 to 16 of A-Z, 0-9 and '-'; a study code, never a name"),
        ({"drug": "x"}, "drug 'x': use its name in 2 to 60 letters, digits, spaces and + - / ( ) ,"),
        ({"plan": "own"}, "plan 'own': the protocol has standard, combination"),
        ({"language": "de"}, "language 'de': enabled are en, es, ru (NERVECHECK_LANGUAGES)"),
        ({"timezone": "Mars"}, "time zone 'Mars': use an IANA name like Europe/Berlin"),
        (
            {"ici_start": date(2016, 2, 28)},
            "ICI start 2016-02-28: use a day between ten years ago and one year from now",
        ),
        (
            {"ici_start": date(2027, 3, 4)},
            "ICI start 2027-03-04: use a day between ten years ago and one year from now",
        ),
        (
            {"timezone": "Mars", "language": "de"},
            (
                "language 'de': enabled are en, es, ru (NERVECHECK_LANGUAGES); "
                "time zone 'Mars': use an IANA name like Europe/Berlin"
            ),
        ),
    ],
)
def test_bad_facts_of_a_patient_are_refused_with_all_problems(run, facts, why):
    with pytest.raises(RefusedError) as refused:
        run(registry.add, **{"code": "Z-9", "ici_start": date(2026, 1, 5)} | facts)
    assert str(refused.value) == why
    assert run(lambda s: s.patients.by_code("Z-9")) is None


@pytest.mark.parametrize("day", [date(2016, 3, 1), date(2027, 3, 3)])
def test_ici_start_at_the_limits_is_accepted(run, day):
    assert run(registry.add, code="Z-9", ici_start=day, at=AT)[0].treatment.first_start == day


@pytest.mark.parametrize(
    "facts", [{"code": "Z" * 16}, {"code": "9-"}, {"drug": "Ab"}, {"drug": "x/y (z), + -" + "a" * 48}]
)
def test_facts_at_the_limits_are_accepted(run, facts):
    assert run(registry.add, **{"code": "Z-9", "ici_start": date(2026, 1, 5)} | facts)[0]


def test_bad_facts_are_named_by_column(clinic):
    found = registry.problems_of(
        clinic, code="z", drug="x", plan="own", language="de", timezone="Mars", ici_start=date(2016, 2, 28), at=AT
    )
    assert [name for name, _ in found] == ["code", "drug", "plan", "language", "timezone", "ici_start"]


def test_plan_for_a_regimen_needs_the_protocol_to_have_it(clinic):
    plans = {name: plan for name, plan in clinic.protocol.plans.items() if name != "combination"}
    without = replace(clinic, protocol=clinic.protocol.model_copy(update={"plans": plans}))
    assert [plan_for(clinic, regimen) for regimen in ("single", "combination")] == ["standard", "combination"]
    assert [plan_for(without, regimen) for regimen in ("single", "combination")] == ["standard", "standard"]


def test_invite_opens_once_and_again_in_the_same_chat_only(run):
    added, token = run(registry.add, code="Z-9", ici_start=date(2026, 1, 5), at=AT)
    found = run(registry.accept_invite, token, 70, at=AT + 14 * DAY - MINUTE)
    assert found.id == added.id
    (invite,) = run(lambda s: s.invites.of_patient(added.id))
    assert invite.used_at == AT + 14 * DAY - MINUTE
    assert run(registry.accept_invite, token, 71, at=AT) is None
    run(lambda s: s.patients.save(added.model_copy(update={"chat_id": 70})))
    assert run(registry.accept_invite, token, 70, at=AT + 90 * DAY).id == added.id, "also when it is old"
    assert run(registry.accept_invite, token, 71, at=AT) is None


@pytest.mark.parametrize("why", ["unknown", "expired", "replaced"])
def test_invite_that_is_not_valid_opens_nothing(run, why):
    _, token = run(registry.add, code="Z-9", ici_start=date(2026, 1, 5), at=AT)
    if why == "replaced":
        _, new = run(registry.invite_again, "Z-9", at=AT + MINUTE, by="lead-1")
        assert audited(run, "invited_again") == [("lead-1", "invited_again", "Z-9", {})]
        assert run(registry.accept_invite, new, 70, at=AT + HOUR) is not None
    given = "other" if why == "unknown" else token
    assert run(registry.accept_invite, given, 70, at=AT + (14 * DAY if why == "expired" else HOUR)) is None


def test_looking_at_an_invite_accepts_nothing(run, anna):
    added, token = run(registry.add, code="Z-9", ici_start=date(2026, 1, 5))
    for chat in (70, 71, anna.chat_id):
        assert run(registry.find_invite, token, chat).id == added.id
    assert run(registry.find_invite, "other", 70) is None
    assert run(registry.accept_invite, token, 71).id == added.id, "it still works"
    assert run(registry.find_invite, token, 70) is None


# -- caregivers


def test_caregiver_link_stores_its_facts_and_is_audited(run, clinic, anna):
    token = run(caregivers.invite, anna.model_copy(update={"language": "ru"}), at=AT)
    (row,) = run(lambda s: s.caregivers.of_patient(anna.id))
    assert (row.state, row.language, row.invited_at, row.expires_at) == ("invited", "ru", AT, AT + 14 * DAY)
    assert (row.token_hash, row.chat_id) == (clinic.hash_token(token), None)
    assert audited(run, "caregiver_invited") == [("patient:P-0001", "caregiver_invited", "P-0001", {})]
    assert run(caregivers.current_caregiver, anna) is None


@pytest.mark.parametrize(
    ("hint", "language"), [("es", "es"), ("es-MX", "es"), ("de", "ru"), (None, "ru"), ("", "ru"), ("e", "ru")]
)
def test_caregiver_speaks_their_phones_language_if_it_is_enabled(run, anna, hint, language):
    token = run(caregivers.invite, anna.model_copy(update={"language": "ru"}), at=AT)
    opened = run(lambda w: caregivers.open_link(w, token, 8, hint))
    assert (opened.id, opened.caregiver.language) == (anna.id, language)
    assert (opened.caregiver.state, opened.caregiver.chat_id) == ("asked", 8)


def test_caregiver_agrees_and_is_then_the_current_one(run, anna):
    token = run(caregivers.invite, anna, at=AT)
    asked = run(lambda w: caregivers.open_link(w, token, 8, None)).caregiver
    assert run(caregivers.current_caregiver, anna) == asked
    joined = run(caregivers.agree, anna, asked, at=AT + MINUTE)
    active = run(lambda s: s.caregivers.by_chat(8))
    assert joined.caregiver == active == run(caregivers.current_caregiver, anna)
    assert (active.state, active.agreed_at) == ("active", AT + MINUTE)
    assert audited(run, "caregiver_agreed") == [("caregiver:P-0001", "caregiver_agreed", "P-0001", {})]


@pytest.mark.parametrize("notify", [True, False])
def test_ended_caregiver_keeps_no_chat_and_is_notified_unless_gone(database, run, anna, notify):
    helper = run(lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=8)))
    seen = len(database.outbox())
    run(caregivers.end, anna, helper, notify=notify, at=AT + MINUTE)
    shown = [(q.row.screen.name, q.row.screen.keyboard, q.row.chat_id) for q in database.outbox()[seen:]]
    assert shown == ([("care.goodbye", "remove", 8)] if notify else [])
    (row,) = run(lambda s: s.caregivers.of_patient(anna.id))
    assert (row.state, row.chat_id, row.ended_at) == ("ended", None, AT + MINUTE)
    assert run(caregivers.current_caregiver, anna) is None
    assert audited(run, "caregiver_ended") == [("patient:P-0001", "caregiver_ended", "P-0001", {})]


def test_end_of_all_caregivers_leaves_those_who_ended_before(database, run, anna):
    old = run(lambda s: s.caregivers.add(samples.caregiver(anna.id, "a", state="ended", ended_at=AT - DAY)))
    run(lambda s: s.caregivers.add(samples.caregiver(anna.id, "b")))
    seen = len(database.outbox())
    run(caregivers.end_all, anna, at=AT + MINUTE)
    rows = {row.id: row.ended_at for row in run(lambda s: s.caregivers.of_patient(anna.id))}
    assert rows == {old.id: AT - DAY, old.id + 1: AT + MINUTE}
    assert len(database.outbox()) == seen, "a link that nobody opened has no chat"


@pytest.mark.parametrize(
    ("state", "may"),
    [
        (PatientState.ACTIVE, True),
        (PatientState.PAUSED, True),
        (PatientState.ENROLLING, False),
        (PatientState.WITHDRAWN, False),
    ],
)
def test_caregivers_are_for_patients_who_take_part(run, anna, state, may):
    token = run(caregivers.invite, anna, at=AT)
    changed = patient(run, state=state)
    assert caregivers.can_invite(changed) is may
    assert (run(lambda w: caregivers.open_link(w, token, 8, None)) is not None) is may


def test_caregiver_link_opens_once_for_one_chat(run, anna):
    token = run(caregivers.invite, anna, at=AT)
    assert run(lambda w: caregivers.open_link(w, "other", 8, None)) is None
    assert run(lambda w: caregivers.open_link(w, token, 7, None)) is None, "the patient's own chat"
    assert run(lambda w: caregivers.open_link(w, token, 8, None)) is not None
    assert run(lambda w: caregivers.open_link(w, token, 9, None)) is None
