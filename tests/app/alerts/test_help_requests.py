""" "Need help now", words of despair, and "yes" on a safety screen: each shows a call screen, however often it comes."""

from datetime import timedelta

import pytest

from bot.app.alerts import for_team, help_requests, ownership
from bot.app.alerts.naming import Found
from bot.app.alerts.raising import add_findings, raise_for
from bot.app.records.alerts import AlertState
from bot.app.records.messages import Lane
from bot.core.changes import Change, What
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.triage import Assessment, Reason
from tests.app.alerts.test_replies import coordinator, notices
from tests.app.concerns.test_cases import Life, life
from tests.contract import samples

__all__ = ["Life", "coordinator", "life"]

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EYES = {"safety_new": "yes", "which_new": "eyes"}
BREATHING = {"safety_now": "yes", "which_now": "breathing"}
REQUESTS = {"help": "asked_for_help", "despair": "words_of_despair"}
EACH = pytest.mark.parametrize("symptom", REQUESTS)


def ask(life, symptom, at, checkin=None):
    more = (checkin,) if symptom == "help" else ()
    use_case = help_requests.need_help if symptom == "help" else help_requests.words_of_despair
    life.run(use_case, life.patient(), *more, at=at)


def the_alert(life):
    (alert,) = life.alerts()
    return alert


def save(life, **changes):
    """Change the stored alert by hand and return it."""
    number = the_alert(life).id
    return life.run(lambda s: s.alerts.save(s.alerts.get(number).model_copy(update=changes)))


def audited(life, since=0):
    lines = reversed(life.run(lambda s: s.audit.lines(life.anna.code)))
    return [(line.action, dict(line.detail)) for line in lines if line.action.startswith("alert_")][since:]


def shown(life, seen):
    """The call screens in the patient's chat since then."""
    sent = [q.row for q in life.database.outbox()[seen:] if q.row.chat_id == 7 and q.row.mode == "new"]
    assert {row.lane for row in sent} <= {Lane.RED_FLAG}
    return [row.screen for row in sent]


def names(life, seen):
    return [screen.name for screen in shown(life, seen)]


def concern(life, symptom):
    return life.run(lambda s: s.concerns.of_patient(life.anna.id)).value.concern(symptom)


# -- "Need help now" and words of despair


@EACH
def test_request_raises_an_urgent_alert_and_opens_its_concern(life, symptom):
    seen = len(life.database.outbox())
    ask(life, symptom, life.at(0), 1)
    alert, checkin = the_alert(life), 1 if symptom == "help" else None
    assert (alert.tier, alert.asks, alert.rules, alert.symptoms, alert.checkin_id, alert.caregiver_id) == (
        *(Tier.URGENT, Tier.URGENT),
        *((REQUESTS[symptom],), (symptom,), checkin, None),
    )
    assert (alert.raised_at, alert.named_at, alert.next_patient_prompt_at) == (life.at(0), life.at(0), life.at(0, 1))
    assert audited(life) == [("alert_raised", {"alert": alert.id, "tier": "URGENT", "checkin": checkin})]
    assert names(life, seen) == [f"call.{symptom}"]
    opened = concern(life, symptom)
    assert (opened.state, opened.tier, opened.opened_at, [*opened.givers]) == (
        *("open", Tier.URGENT),
        *(life.at(0), ["patient:P-0001"]),
    )
    (change,) = life.run(lambda s: s.concerns.changes(life.anna.id))
    assert (change.symptom, change.checkin_id, change.actor) == (symptom, checkin, "patient:P-0001")


@EACH
def test_request_within_an_hour_shows_its_own_screen_and_changes_nothing(life, symptom):
    """Whatever joined the alert since, and whatever was dealt with: the screen is of the request and what is open."""
    ask(life, symptom, life.at(0))
    before = save(life, rules=(REQUESTS[symptom], "new.yes"), asked_tier=Tier.EMERGENCY)
    seen, lines = len(life.database.outbox()), len(audited(life))
    ask(life, symptom, life.at(0, 0.9))
    assert (the_alert(life), names(life, seen), audited(life, lines)) == (before, [f"call.{symptom}"], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"state": AlertState.UNCONFIRMED},
        {"asked_tier": Tier.SOON},
        {"symptoms": ("eyes",)},
    ],
    ids=["not confirmed", "asks less", "names another"],
)
def test_request_that_the_alert_does_not_ask_about_joins_it(life, changes):
    ask(life, "help", life.at(0))
    save(life, **changes)
    lines = len(audited(life))
    ask(life, "help", life.at(0, 0.5))
    assert audited(life, lines) == [
        ("alert_joined", {"alert": the_alert(life).id, "tier": "URGENT", "checkin": None, "call_screen": True})
    ]
    assert (the_alert(life).state, the_alert(life).asked_tier) == (AlertState.OPEN, Tier.URGENT)
    assert "help" in the_alert(life).symptoms


@pytest.mark.parametrize(
    ("named", "minutes", "joins"), [(0, 59, 0), (0, 60, 1), (30, 61, 0), (None, 59, 0), (None, 60, 1)]
)
def test_one_message_about_requests_is_enough_for_an_hour(life, coordinator, named, minutes, joins):
    ask(life, "help", life.at(0))
    save(life, named_at=None if named is None else life.at(0) + named * MINUTE, notified=("ann",), owner="ann")
    seen, lines = len(life.database.outbox()), len(audited(life))
    ask(life, "help", life.at(0) + minutes * MINUTE)
    assert (len(notices(life, seen)), len(audited(life, lines))) == (joins, joins)
    assert the_alert(life).owner == "ann", "a request that was named before needs no new owner"


def test_request_while_an_emergency_is_open_asks_about_the_emergency(life):
    life.check(0, **BREATHING)
    seen = len(life.database.outbox())
    ask(life, "help", life.at(0, 1))
    now = the_alert(life)
    assert (now.tier, now.asked_tier, names(life, seen)) == (Tier.EMERGENCY, Tier.EMERGENCY, ["call.emergency"])


# -- "yes" on a safety screen that is no longer asked


@pytest.mark.parametrize(
    ("tier", "rule", "screen", "minutes"),
    [(Tier.URGENT, "new.yes", "call.urgent", 60), (Tier.EMERGENCY, "now.yes", "call.emergency", 15)],
)
def test_old_yes_raises_an_alert_of_its_screen(life, tier, rule, screen, minutes):
    seen = len(life.database.outbox())
    life.run(help_requests.yes_on_old_screen, life.patient(), tier, at=life.at(0))
    alert = the_alert(life)
    assert (alert.tier, alert.rules, alert.symptoms, alert.checkin_id) == (tier, (rule,), ("sign_not_named",), None)
    assert alert.next_patient_prompt_at == life.at(0) + minutes * MINUTE
    assert audited(life) == [("alert_raised", {"alert": alert.id, "tier": tier.name, "checkin": None})]
    opened = concern(life, "sign_not_named")
    assert (opened.state, opened.tier, [*opened.givers]) == ("open", tier, ["patient:P-0001"])
    assert names(life, seen) == [screen]


def test_old_yes_that_comes_twice_shows_the_call_screen_again_and_names_no_sign(life):
    """The screen is of what is open: not of an EMERGENCY that was dealt with, nor of a request that joined last."""
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    before = save(life, rules=("new.yes", "asked_for_help"), symptoms=("eyes",), asked_tier=Tier.EMERGENCY)
    seen, lines = len(life.database.outbox()), len(audited(life))
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0, 0.1))
    (screen,) = shown(life, seen)
    assert (screen.name, [line.bullets for line in screen.lines if line.bullets]) == ("call.urgent", [])
    assert (the_alert(life), audited(life, lines)) == (before, [])


def test_old_yes_of_the_tier_that_is_asked_about_changes_nothing(life):
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    before, seen = the_alert(life), len(life.database.outbox())
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0, 0.1))
    assert (the_alert(life), names(life, seen)) == (before, ["call.urgent"])


@pytest.mark.parametrize("changes", [{"state": AlertState.CONFIRMED}, {"asked_tier": Tier.SOON}])
def test_old_yes_joins_an_alert_that_asks_less(life, changes):
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    save(life, **changes)
    seen = len(life.database.outbox())
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0, 0.1))
    now = the_alert(life)
    assert (now.state, now.asked_tier, names(life, seen)) == (AlertState.OPEN, Tier.URGENT, ["call.urgent"])


def test_old_yes_while_an_emergency_is_open_joins_it_and_asks_about_the_emergency(life):
    life.check(0, **BREATHING)
    seen = len(life.database.outbox())
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0, 1))
    now = the_alert(life)
    assert (now.tier, now.asked_tier, now.symptoms) == (
        *(Tier.EMERGENCY, Tier.EMERGENCY),
        ("sign_not_named", "breathing"),
    )
    assert concern(life, "sign_not_named").state == "open"
    assert names(life, seen) == ["call.emergency"]


# -- "yes" on a screen after which the form goes on


def again(life, tier, state=State.ASKING, hours=0.5):
    """The call screens of "yes again" on a screen of that tier."""
    seen, after = len(life.database.outbox()), samples.checkin(life.anna.id, state=state).value
    life.run(help_requests.yes_again, life.patient(), tier, after, at=life.at(0, hours))
    return shown(life, seen)


@pytest.mark.parametrize("has_alert", [True, False])
@pytest.mark.parametrize(
    ("tier", "state"), [(None, State.ASKING), (Tier.URGENT, State.PAUSED), (Tier.URGENT, State.DONE)]
)
def test_yes_again_acts_only_where_the_form_goes_on(life, tier, state, has_alert):
    if has_alert:
        life.check(0, **EYES)
    before = life.alerts()
    assert again(life, tier, state) == []
    assert life.alerts() == before


def test_yes_again_without_an_alert_raises_one(life):
    assert [screen.name for screen in again(life, Tier.URGENT)] == ["call.urgent"]
    assert the_alert(life).symptoms == ("sign_not_named",)


@pytest.mark.parametrize(
    ("found", "tier"), [(EYES, Tier.URGENT), (BREATHING, Tier.URGENT), (BREATHING, Tier.EMERGENCY)]
)
def test_yes_again_on_what_is_asked_about_shows_its_call_screen_without_a_name(life, found, tier):
    life.check(0, **found)
    before = the_alert(life)
    (screen,) = again(life, tier)
    assert screen.name == ("call.urgent" if found is EYES else "call.emergency")
    assert [line.bullets for line in screen.lines if line.bullets] == []
    assert the_alert(life) == before
    assert concern(life, "sign_not_named").state != "open"


@pytest.mark.parametrize(
    ("tier", "changes"),
    [(Tier.EMERGENCY, {}), (Tier.URGENT, {"state": AlertState.CONFIRMED}), (Tier.URGENT, {"asked_tier": Tier.SOON})],
    ids=["more than is open", "confirmed", "asks less"],
)
def test_yes_again_on_more_than_is_asked_about_joins_the_alert(life, tier, changes):
    life.check(0, **EYES)
    save(life, **changes)
    (screen,) = again(life, tier)
    assert screen.name == f"call.{tier.name.lower()}"
    now = the_alert(life)
    opened = concern(life, "sign_not_named")
    assert (now.asks, now.named_at, opened.state, opened.tier) == (tier, life.at(0, 0.5), "open", tier)


def test_yes_again_after_what_the_alert_names_was_dealt_with_joins_it(life):
    """The alert still asks, and nothing is open any more that the patient has to call about."""
    life.check(0, **EYES)
    life.run(ownership.note, the_alert(life).id, "seen", at=life.at(0, 0.2), by="lead-1")
    save(life, state=AlertState.OPEN, asked_tier=Tier.URGENT)
    assert [screen.name for screen in again(life, Tier.URGENT)] == ["call.urgent"]
    assert (the_alert(life).named_at, concern(life, "sign_not_named").state) == (life.at(0, 0.5), "open")


# -- the same findings again, and the name of a sign


def assessment(*rules):
    reasons = tuple(Reason(rule=rule, group="urgent", tier=tier) for rule, tier in rules)
    named = {"protocol_name": "ici", "protocol_version": "1", "protocol_hash": "abc"}
    return Assessment(tier=Tier.URGENT, raised=Tier.URGENT, reasons=reasons, complete=True, **named)


def raise_again(life, raised, symptoms, *, to_call_about=None, is_new=False):
    row = life.run(lambda s: s.checkins.of_patient(life.anna.id))[0]
    seen, lines = len(life.database.outbox()), len(audited(life))
    what = {"raised": raised, "symptoms": symptoms, "to_call_about": to_call_about, "is_new": is_new}
    life.run(raise_for, life.patient(), row, assessment(("new.again", Tier.URGENT)), **what, at=life.at(0, 0.5))
    return shown(life, seen), [action for action, _ in audited(life, lines)]


@pytest.mark.parametrize(
    ("to_call_about", "screen"),
    [(None, "call.urgent"), (Tier.EMERGENCY, "call.emergency"), (Tier.SOON, "call.urgent")],
)
def test_what_the_open_alert_names_already_has_its_call_screen_again(life, to_call_about, screen):
    life.check(0, **EYES)
    before = save(life, symptoms=("eyes", "vision"), rules=("new.yes", "asked_for_help"))
    (found,), lines = raise_again(life, Tier.URGENT, ("eyes",), to_call_about=to_call_about)
    assert (found.name, lines, the_alert(life)) == (screen, [], before)
    bullets = [bullet.key for line in found.lines for bullet in line.bullets]
    assert bullets == (["symptom.eyes"] if screen == "call.urgent" else [])


def test_all_that_the_open_alert_names_is_named_already(life):
    life.check(0, **EYES)
    save(life, symptoms=("eyes",))
    assert raise_again(life, Tier.URGENT, ("eyes",))[1] == []


@pytest.mark.parametrize(
    ("raised", "symptoms", "is_new", "changes"),
    [
        (Tier.EMERGENCY, ("eyes",), False, {}),
        (Tier.URGENT, ("eyes", "vision"), False, {}),
        (Tier.URGENT, (), False, {}),
        (Tier.URGENT, ("eyes",), True, {}),
        (Tier.URGENT, ("eyes",), False, {"state": AlertState.UNCONFIRMED}),
        (Tier.URGENT, ("eyes",), False, {"asked_tier": Tier.SOON}),
    ],
    ids=["more", "another sign", "no sign", "new", "not confirmed", "asks less"],
)
def test_anything_else_joins_it(life, raised, symptoms, is_new, changes):
    life.check(0, **EYES)
    save(life, **changes)
    found, lines = raise_again(life, raised, symptoms, is_new=is_new)
    assert (len(found), lines) == (1, ["alert_joined"])
    pair = ("overlap",) if raised is Tier.EMERGENCY else ()
    assert the_alert(life).rules == ("new.yes", "new.eyes", "new.again", *pair)
    assert (the_alert(life).tier, the_alert(life).state) == (raised, AlertState.OPEN)


def name_sign(life, changes, call=Tier.URGENT, symptoms=("eyes",)):
    found = Found(Tier.ROUTINE, ("new.eyes",), symptoms, 1, call)
    life.run(add_findings, life.patient(), the_alert(life), found, changes, at=life.at(0, 0.5))


SETTLED = Change(symptom="sign_not_named", what=What.SETTLED, tier=Tier.ROUTINE)


@pytest.mark.parametrize(("what", "declared"), [(What.OPENED, None), (What.FOUND_AGAIN, "can_wait")])
def test_name_of_a_sign_is_added_without_a_message_to_the_team(life, coordinator, what, declared):
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    before = save(life, declared="can_wait", notified=("ann",), owner="ann", state=AlertState.CONFIRMED)
    seen, lines = len(life.database.outbox()), len(audited(life))
    name_sign(life, (SETTLED, Change(symptom="eyes", what=what, tier=Tier.URGENT)))
    now = the_alert(life)
    assert (now.symptoms, now.rules, now.checkin_id) == (
        *(("sign_not_named", "eyes"), ("new.yes", "new.eyes")),
        before.checkin_id,
    )
    assert (now.declared, now.state, now.asked_tier, now.named_at) == (
        *(declared, AlertState.OPEN),
        *(Tier.URGENT, life.at(0, 0.5)),
    )
    assert (notices(life, seen), audited(life, lines), shown(life, seen)) == ([], [], [])


def test_name_of_a_sign_that_nobody_has_to_call_about_asks_nothing(life):
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    save(life, state=AlertState.CONFIRMED)
    name_sign(life, (SETTLED, Change(symptom="eyes", what=What.OPENED, tier=Tier.URGENT)), call=None)
    assert (the_alert(life).state, the_alert(life).symptoms) == (AlertState.CONFIRMED, ("sign_not_named", "eyes"))


def test_name_that_the_alert_has_already_asks_nothing_again(life):
    life.check(0, **EYES)
    before = save(life, state=AlertState.CONFIRMED, rules=("new.yes", "new.eyes"))
    name_sign(life, (SETTLED, Change(symptom="eyes", what=What.FOUND_AGAIN, tier=Tier.URGENT)))
    assert the_alert(life) == before


@pytest.mark.parametrize(("is_for_team", "joined"), [(False, True), (True, False)])
def test_more_than_the_name_of_a_sign_joins_at_its_own_tier(life, coordinator, is_for_team, joined):
    life.run(help_requests.yes_on_old_screen, life.patient(), Tier.URGENT, at=life.at(0))
    save(life, notified=("ann",), owner="ann")
    seen, lines = len(life.database.outbox()), len(audited(life))
    more = Change(symptom="numbness", what=What.OPENED, tier=Tier.SOON, is_for_team=is_for_team)
    name_sign(life, (SETTLED, more), symptoms=("numbness",))
    expected = {"alert": the_alert(life).id, "tier": "SOON", "checkin": 1, "call_screen": False}
    assert audited(life, lines) == ([("alert_joined", expected)] if joined else [])
    assert notices(life, seen) == (["staff.call.joined"] if joined else [])
    assert the_alert(life).checkin_id == (1 if joined else None)


# -- what the team alone has to decide about


def test_what_is_for_the_team_has_an_alert_that_asks_the_patient_nothing(life):
    seen = len(life.database.outbox())
    alert = life.run(for_team.raise_for_team, life.patient(), "level_ended", ("numbness",), at=life.at(1))
    assert alert == the_alert(life)
    assert (alert.tier, alert.asked_tier, alert.asks, alert.rules, alert.symptoms, alert.checkin_id) == (
        *(Tier.SOON, Tier.ROUTINE, Tier.ROUTINE),
        *(("level_ended",), ("numbness",), None),
    )
    assert (alert.named_at, alert.raised_at, alert.next_patient_prompt_at, alert.next_escalation_at) == (
        *(life.at(1), life.at(1)),
        *(None, life.at(1)),
    )
    (line,) = life.run(lambda s: s.audit.lines("P-0001", 1))
    assert (line.actor, line.action, dict(line.detail)) == (
        *("system", "alert_raised"),
        {"alert": alert.id, "tier": "SOON"},
    )
    assert life.database.outbox()[seen:] == []


def test_what_is_for_the_team_joins_the_open_alert_and_asks_nothing_more(life):
    life.check(0, **EYES)
    save(life, state=AlertState.CONFIRMED, next_patient_prompt_at=None)
    seen = len(life.database.outbox())
    now = life.run(for_team.raise_for_team, life.patient(), "left", ("numbness",), Tier.EMERGENCY, at=life.at(1))
    assert (now.state, now.next_patient_prompt_at, now.asked_tier) == (AlertState.CONFIRMED, None, Tier.URGENT)
    assert (now.tier, now.rules[-1], now.symptoms) == (Tier.EMERGENCY, "left", ("sign_not_named", "eyes", "numbness"))
    (line,) = life.run(lambda s: s.audit.lines("P-0001", 1))
    assert (line.action, dict(line.detail)) == (
        "alert_joined",
        {"alert": now.id, "tier": "EMERGENCY", "checkin": None, "call_screen": False},
    )
    assert shown(life, seen) == []
