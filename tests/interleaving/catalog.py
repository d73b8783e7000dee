"""Every writing use case, each called once on the start state. Only this file and `decisions.py` call use cases.

A case is named after who does what. A sweep is a case for each row that is due: each has a transaction of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from telegram import User

from bot import service
from bot.app.alerts import escalation, ownership
from bot.app.alerts.naming import Found
from bot.app.alerts.raising import join
from bot.app.checkins import opening
from bot.app.checkins.silence import note_missed
from bot.app.concerns import agreeing
from bot.app.concerns.memory import recall
from bot.app.operations import dead_letters, demo, installation, outages, sweeps, tasks
from bot.app.patients import importing, participation, registry
from bot.app.patients.lookup import locked
from bot.app.records.checkins import StoredProtocol
from bot.app.records.operations import BEGINNING, DeadUpdate
from bot.app.schedules import plan_edits
from bot.app.schedules.plan_edits import PlanEdit
from bot.app.team import members
from bot.app.work import Stores, Work
from bot.core.plan_override import Rhythm
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.screen import Action
from bot.core.treatment import StopReason
from bot.delivery import budget, results
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult, PauseScope
from bot.dialog import conversation
from bot.dialog.apology import apologize
from bot.dialog.replies import UNKNOWN, Meaning
from tests.fakes.outbox import UNLIMITED
from tests.interleaving import call_replies, decisions, new_phones, sign_ins, stops
from tests.interleaving.scene import (
    ABSENT,
    ANNA,
    ASKED_HELPER,
    BERTA,
    CARLA,
    COORDINATOR,
    DORA,
    EMIL,
    FRITZ,
    GERDA,
    HEIDI,
    HELPER,
    KLARA,
    LEAD,
    NEWCOMER,
    NOW,
    OPERATOR,
    PAULA,
    SENDER,
    STRANGER,
    Scene,
)
from tests.interleaving.sides import Side

Do = Callable[[Scene, Side], object]
MOST_ROWS = 50


@dataclass(frozen=True)
class UseCase:
    """`do` runs it with the side's transactions, clinic and timestamp.

    `again`: what is repeated by itself (a sweep, a sender) skips rows that are locked and does them at its next turn,
    which every run ends with.
    """

    name: str
    do: Do
    again: Do | None = None

    def __str__(self) -> str:
        return self.name


def _in_one(act: Callable[[Scene, Side, Work], object], actor: str = "system") -> Do:
    """In one transaction, by that actor."""
    return lambda scene, side: side.transact(lambda work: act(scene, side, work), actor=actor)


# -- taps of patients, caregivers and staff


def _tap(chat: int, action: Callable[[Scene], Action]) -> Do:
    return _in_one(lambda c, _, work: conversation.tap(work, chat, action(c)))


def _press(chat: int, kind: str, choice: str = "", question: str = "") -> Do:
    return _tap(chat, lambda _: Action(kind=kind, question=question, choice=choice))


def _press_delete(chat: int) -> Do:
    return _tap(chat, lambda _: Action(kind="stop", choice="delete_now", subject=int(NOW.timestamp()) // 60))


def _choice(scene: Scene, patient: int, choice: str, kind: str = "choose") -> Action:
    row = scene.open[patient]
    question = row.value.cursor or ""
    return Action(kind=kind, subject=row.id, revision=row.value.revision, question=question, choice=choice)


def _answer(chat: int, choice: str, kind: str = "choose") -> Do:
    return _tap(chat, lambda c: _choice(c, chat, choice, kind))


def _helper_answers(choice: str) -> Do:
    return _tap(HELPER, lambda c: _choice(c, BERTA, choice))


def _change(question: str, choice: str) -> Do:
    return _tap(ANNA, lambda c: Action(kind="change", subject=c.finished.id, question=question, choice=choice))


def _reply(chat: int, alert: str, word: str) -> Do:
    return _tap(chat, lambda c: Action(kind="alert", subject=c.alerts[alert].id, choice=word))


def _staff_tap(chat: int, alert: str, word: str) -> Do:
    return _tap(chat, lambda c: Action(kind="staff", subject=c.alerts[alert].id, choice=word))


def _staff_plan(chat: int, patient: int, word: str) -> Do:
    return _tap(chat, lambda c: Action(kind="plan", subject=c.patients[patient].id, question="yes", choice=word))


def _start(chat: int, token: str) -> Do:
    return _in_one(lambda c, _, work: conversation.start(work, chat, c.tokens.get(token, ""), "en"))


def _goes_on(chat: int, token: str) -> Do:
    """Say yes to the question that a link of another role leads to."""
    return _tap(chat, lambda c: Action(kind="link", choice=c.tokens.get(token, "")))


def _command(chat: int, name: Any) -> Do:
    return _in_one(lambda _, __, work: conversation.command(work, chat, name))


def _says(chat: int, meant: Meaning) -> Do:
    return _in_one(lambda _, __, work: conversation.message(work, chat, meant))


def _member(chat: int, *, reachable: bool) -> Do:
    return _in_one(lambda _, __, work: conversation.membership(work, chat, reachable=reachable))


def _once(number: int, act: Callable[[Scene, Side, Work], object]) -> Do:
    """As an update of Telegram's is handled: not a second time."""
    return _in_one(lambda c, s, work: work.updates.mark_processed(number, s.at) and act(c, s, work))


def _differ(scene: Scene, _: Side, work: Work) -> None:
    """ "Yes", the team closes the alert, then "not yet" on the same message."""
    alert = scene.alerts["berta"].id
    conversation.tap(work, BERTA, Action(kind="alert", subject=alert, choice="reached"))
    ownership.note(work.acting("lead-1"), alert, "drug_held")
    ownership.close(work.acting("lead-1"), alert)
    conversation.tap(work, BERTA, Action(kind="alert", subject=alert, choice="not_yet"))


PATIENTS = (
    UseCase("answer BERTA none", _answer(BERTA, "none")),
    UseCase("answer BERTA red flag", _answer(BERTA, "yes")),
    UseCase("answer BERTA back", _answer(BERTA, "", kind="back")),
    UseCase("answer BERTA help now", _answer(BERTA, "", kind="help_now")),
    UseCase("answer BERTA yes on an old screen", _tap(BERTA, lambda _: stops.OLD_YES)),
    UseCase("answer FRITZ last", _answer(FRITZ, "none")),
    UseCase("answer FRITZ more", _answer(FRITZ, "strong")),
    UseCase("answer FRITZ skips again", _answer(FRITZ, "", kind="skip")),
    UseCase("answer KLARA hours later", _answer(KLARA, "not_at_all")),
    UseCase("answer ANNA which sign", _answer(ANNA, "+limbs", kind="toggle")),
    UseCase("answer ANNA no longer that sign", _answer(ANNA, "-heart", kind="toggle")),
    UseCase("answer ANNA skip", _answer(ANNA, "", kind="skip")),
    UseCase("answer ANNA sign named", _answer(ANNA, "", kind="submit")),
    UseCase("caregiver answers BERTA none", _helper_answers("none")),
    UseCase("caregiver answers BERTA red flag", _helper_answers("yes")),
    UseCase("change ANNA numbness strong", _change("numbness", "strong")),
    UseCase("change ANNA red flag", _change("safety_now", "yes")),
    UseCase("later BERTA", _tap(BERTA, lambda c: Action(kind="later", subject=c.open[BERTA].id, choice="hour"))),
    *(
        UseCase(f"reply ANNA flag {word}", _reply(ANNA, "flag", word))
        for word in ("called", "not_yet", "cannot_reach", "cannot_call", "reached", "mistake", "is_urgent", "remind")
    ),
    UseCase("reply KLARA help reached", _reply(KLARA, "help", "reached")),
    *(UseCase(f"reply BERTA {word}", _reply(BERTA, "berta", word)) for word in ("cannot_reach", "not_yet", "reached")),
    UseCase("reply BERTA reached, then not yet", _in_one(_differ)),
    UseCase("reply PAULA reached", _reply(PAULA, "unnotified", "reached")),
    UseCase("reply GERDA not_yet", _reply(GERDA, "stopped", "not_yet")),
    UseCase("caregiver replies BERTA reached", _reply(HELPER, "berta", "reached")),
    *(
        UseCase(f"worse {name}", _press(chat, "menu", "worse"))
        for name, chat in (("ANNA", ANNA), ("BERTA", BERTA), ("FRITZ", FRITZ), ("caregiver", HELPER))
    ),
    UseCase("types red flag BERTA", _says(BERTA, Meaning("red_flag"))),
    UseCase("types words of despair BERTA", _says(BERTA, Meaning("despair"))),
    UseCase("types words of despair FRITZ", _says(FRITZ, Meaning("despair", names_sign=True))),
    UseCase("shows check-in BERTA", _press(BERTA, "menu", "checkin")),
    UseCase("types choice BERTA", _says(BERTA, Meaning("choice", number=1))),
    UseCase("types words BERTA", _says(BERTA, UNKNOWN)),
    UseCase("types words caregiver", _says(HELPER, UNKNOWN)),
    UseCase("setting BERTA language", _press(BERTA, "set", "es", "language")),
    UseCase("setting caregiver language", _press(HELPER, "set", "es", "language")),
    UseCase("setting BERTA time", _press(BERTA, "set", "t1800", "time")),
    UseCase("setting BERTA zone", _press(BERTA, "set", "own", "zone")),
    UseCase("setting FRITZ quiet", _press(FRITZ, "set", "q20-08", "quiet")),
    UseCase("tip FRITZ", _press(FRITZ, "menu", "tips")),
    UseCase("rate tip ANNA", _press(ANNA, "tip", "helpful", "move_daily")),
    *(
        UseCase(f"shows {name}", _command(BERTA, name))
        for name in ("menu", "help", "privacy", "team", "learn", "answers", "settings", "stop", "language")
    ),
    UseCase("shows caregiver's menu", _command(HELPER, "menu")),
    UseCase("learn topic FRITZ", _press(FRITZ, "learn", "")),
    UseCase("tip source ANNA", _press(ANNA, "tip", "source", "move_daily")),
    UseCase("stop BERTA pause", _press(BERTA, "stop", "pause")),
    UseCase("stop BERTA withdraw", _press(BERTA, "stop", "withdraw")),
    UseCase("stop BERTA asks to delete", _press(BERTA, "stop", "erase")),
    UseCase("stop BERTA erase", _press_delete(BERTA)),
    UseCase("stop ANNA withdraw", _press(ANNA, "stop", "withdraw")),
    UseCase("stop ANNA erase", _press_delete(ANNA)),
    UseCase("undo stop ANNA", _in_one(stops.stops_and_undoes)),
    UseCase("can't undo stop ANNA", _in_one(stops.stops_and_can_not_undo)),
    UseCase("opens the chat after a stop ANNA", _in_one(stops.stops_and_says("stop"))),
    UseCase("feels worse after a stop ANNA", _in_one(stops.stops_and_says("worse"))),
    UseCase("red tap after a stop ANNA", _in_one(stops.stops_and_taps_yes)),
    UseCase("unheard and paused ANNA", _in_one(stops.unheard_and_pauses, actor="operator")),
    UseCase("asks to delete BERTA", _command(BERTA, "delete")),
    UseCase("asks for own data BERTA", _command(BERTA, "export")),
    UseCase("caregiver asks to delete", _command(HELPER, "delete")),
    UseCase("resume PAULA", _press(PAULA, "menu", "resume")),
    UseCase("stale tap BERTA", _in_one(lambda _, __, work: conversation.stale_tap(work, BERTA))),
    UseCase("stale tap of a stranger", _in_one(lambda _, __, work: conversation.stale_tap(work, STRANGER))),
    UseCase("start CARLA by link", _start(CARLA, "CARLA")),
    UseCase("red tap in a former chat", _tap(STRANGER, lambda _: stops.OLD_YES)),
    UseCase("start CARLA by another chat", _start(STRANGER, "CARLA")),
    UseCase("start EMIL by old link", _start(EMIL, "EMIL")),
    UseCase("start CARLA by the chat of EMIL", _start(EMIL, "CARLA")),
    UseCase("start BERTA again", _start(BERTA, "")),
    *(UseCase(f"new phone of BERTA {name}", _in_one(act)) for name, act in new_phones.CASES.items()),
    UseCase("enrol HEIDI agrees", _press(HEIDI, "enrol", "agree", "consent3")),
    UseCase("enrol HEIDI declines", _press(HEIDI, "enrol", "no", "consent3")),
    UseCase("enrol DORA completes", _press(DORA, "enrol", "morning", "time")),
    UseCase("enrol DORA back", _press(DORA, "enrol", "back", "time")),
    UseCase(
        "same update twice", _once(80, lambda c, _, work: conversation.tap(work, BERTA, _choice(c, BERTA, "none")))
    ),
    UseCase("blocks BERTA", _member(BERTA, reachable=False)),
    UseCase("unblocks ANNA", _member(ANNA, reachable=True)),
    UseCase("blocks caregiver", _member(HELPER, reachable=False)),
)

CAREGIVERS = (
    UseCase("caregiver menu ANNA", _press(ANNA, "care", "")),
    UseCase("caregiver invited ANNA", _press(ANNA, "care", "make")),
    UseCase("caregiver invited BERTA", _press(BERTA, "care", "make")),
    UseCase("caregiver ended BERTA", _press(BERTA, "care", "end")),
    UseCase("caregiver opens link", _start(STRANGER, "care")),
    UseCase("caregiver agrees", _press(ASKED_HELPER, "care", "agree")),
    UseCase("caregiver declines", _press(ASKED_HELPER, "care", "no")),
    UseCase("caregiver leaves", _press(HELPER, "care", "leave")),
    UseCase("caregiver opens link of a patient's chat", _goes_on(ANNA, "care")),
)

# -- the sweeps


DUE = {"alert_clocks": 3, "team_clocks": 2, "check_ins_due": 4, "checkin_clocks": 7}
"""How many rows of the start state the sweeps have a case for; of the others one."""


def _sweep(sweep: sweeps.Sweep) -> list[UseCase]:
    rows = range(DUE.get(sweep.__name__, 1))
    return [UseCase(f"sweep {sweep.__name__} {row + 1}", _one_row(sweep, row), again=_all_rows(sweep)) for row in rows]


def _one_row(sweep: sweeps.Sweep, row: int) -> Do:
    def act(scene: Scene, _: Side, work: Work) -> object:
        after = scene.due[sweep.__name__][row - 1] if row else BEGINNING
        return sweep(work, 1, after)

    return _in_one(act)


def _all_rows(sweep: sweeps.Sweep) -> Do:
    """As the ticker does: row by row."""

    def do(_: Scene, side: Side) -> None:
        after = BEGINNING
        for _row in range(MOST_ROWS):
            swept = side.transact(lambda work, after=after: sweep(work, 1, after))  # type: ignore[misc]
            if swept.last is None:
                return
            after = swept.last

    return do


def _was_ahead(work: Work) -> None:
    """The bot was last up at a later time than now. Not in the start state: every heartbeat would find that."""
    work.settings.set(outages.UP_AT, (NOW + timedelta(hours=1)).isoformat())
    outages.note_up(work)


SWEEPS = (
    *(case for each in (*sweeps.ALL, *sweeps.HOURLY) for case in _sweep(each)),
    UseCase("apology to ANNA", _in_one(lambda _, __, work: apologize(work, ANNA))),
    UseCase("apology to the caregiver", _in_one(lambda _, __, work: apologize(work, HELPER))),
    UseCase("heard Telegram", _in_one(lambda _, __, work: outages.note_contact(work))),
    UseCase("clock found set back", _in_one(lambda _, __, work: _was_ahead(work)), again=_all_rows(sweeps.heartbeat)),
)

# -- the team


def _acts(name: str, actor: str, act: Callable[..., object], alert: str, *rest: str, **more: str) -> UseCase:
    return UseCase(
        f"alert {name}", _in_one(lambda c, _, work: act(work, c.alerts[alert].id, *rest, **more), actor=actor)
    )


TEAM = (
    _acts("acknowledge flag", "lead-1", ownership.acknowledge, "flag"),
    _acts("acknowledge flag by another", "coord-1", ownership.acknowledge, "flag"),
    _acts("hand over flag", "lead-1", ownership.hand_over, "flag", "coord-1"),
    _acts("hand over help", "lead-1", ownership.hand_over, "help", "coord-1"),
    _acts("note flag", "coord-1", ownership.note, "flag", "sent_to_ed"),
    _acts("note help", "lead-1", ownership.note, "help", "notified_oncologist"),
    _acts("note berta", "coord-1", ownership.note, "berta", "spoke_to_patient"),
    _acts("note unnotified", "lead-1", ownership.note, "unnotified", "no_action", reason="visit"),
    _acts("note stopped", "coord-1", ownership.note, "stopped", "spoke_to_patient"),
    _acts("close help", "lead-1", ownership.close, "help"),
    _acts("reopen old", "coord-1", ownership.reopen, "old"),
    UseCase("staff chat acknowledge", _staff_tap(LEAD, "flag", "take")),
    UseCase("staff chat open", _staff_tap(COORDINATOR, "flag", "open")),
    UseCase("staff chat hand over menu", _staff_tap(LEAD, "help", "hand_over")),
    UseCase("staff chat menu", _command(COORDINATOR, "menu")),
    UseCase("staff chat digest", _press(LEAD, "team", "digest")),
    UseCase("staff chat looks up BERTA", _says(COORDINATOR, Meaning("code", code="BERTA"))),
    UseCase("staff chat sends BERTA a check-in", _staff_plan(COORDINATOR, BERTA, "send")),
    UseCase("staff chat pauses BERTA", _staff_plan(LEAD, BERTA, "pause7")),
    UseCase("staff chat moves ANNA to evening", _staff_plan(LEAD, ANNA, "evening")),
    UseCase("staff opens link", _start(NEWCOMER, "join")),
    UseCase("staff opens link in a patient's chat", _goes_on(ANNA, "join")),
    UseCase("staff chat gone lead-1", _member(LEAD, reachable=False)),
    UseCase("staff chat gone coord-1", _member(COORDINATOR, reachable=False)),
    UseCase("staff chat gone op-1", _member(OPERATOR, reachable=False)),
    UseCase("staff chat back coord-2", _member(ABSENT, reachable=True)),
    UseCase("staff chat writes coord-2", _command(ABSENT, "menu")),
    UseCase(
        "staff removed lead-1",
        _in_one(lambda _, __, work: escalation.remove(work, "lead-1"), actor="op"),
    ),
    UseCase(
        "staff removed coord-1",
        _in_one(lambda _, __, work: escalation.remove(work, "coord-1"), actor="op"),
    ),
    UseCase(
        "staff link lead-1",
        _in_one(lambda _, __, work: members.renew_link(work, "lead-1"), actor="op"),
    ),
    UseCase(
        "staff link coord-1",
        _in_one(lambda _, __, work: members.renew_link(work, "coord-1"), actor="op"),
    ),
    UseCase(
        "staff added",
        _in_one(lambda _, __, work: members.add(work, name="new-2", role="coordinator", language=None), actor="op"),
    ),
    UseCase(
        "staff language lead-1",
        _in_one(lambda _, __, work: members.set_language(work, "lead-1", "es")),
    ),
    UseCase(
        "rota shift added",
        _in_one(lambda _, __, work: members.add_shift(work, "lead-1", rank=1), actor="op"),
    ),
    UseCase(
        "rota shift dropped",
        _in_one(lambda c, _, work: members.drop_shift(work, c.numbers["shift lead-1"]), actor="op"),
    ),
    UseCase(
        "rota cover added",
        _in_one(
            lambda _, __, work: members.add_cover(
                work,
                "lead-1",
                "coord-1",
                first=date(2026, 3, 2),
                last=date(2026, 3, 4),
            ),
            actor="op",
        ),
    ),
    UseCase(
        "rota cover dropped",
        _in_one(lambda c, _, work: members.drop_cover(work, c.numbers["cover"]), actor="op"),
    ),
    UseCase(
        "agree on a level of ANNA",
        _in_one(lambda _, __, work: agreeing.agree_level(work, "ANNA", "numbness", "medium", 14), actor="lead-1"),
    ),
    UseCase(
        "agree on a level of BERTA",
        _in_one(lambda _, __, work: agreeing.agree_level(work, "BERTA", "numbness", "strong", 14), actor="lead-1"),
    ),
    UseCase(
        "end the agreed level of ANNA",
        _in_one(lambda _, __, work: agreeing.end_agreed_level(work, "ANNA", "numbness"), actor="lead-1"),
    ),
    UseCase(
        "task closed",
        _in_one(lambda c, _, work: tasks.close(work, c.numbers["item"]), actor="lead-1"),
    ),
)

# -- plans, and patients as the team changes them


def _plan(name: str, code: str, edit: PlanEdit) -> UseCase:
    return UseCase(
        f"plan {code} {name}",
        _in_one(lambda _, __, work: plan_edits.apply(work, code, edit), actor="lead-1"),
    )


CSV = b"code,ici_start\nNEW-1,2026-02-20\nNEW-2,2026-02-20\n"

PLANS = (
    _plan("send time", "BERTA", PlanEdit(send_time=time(18))),
    _plan("rhythm", "BERTA", PlanEdit(rhythms=(Rhythm(first_day=0, every=3),))),
    _plan("stop", "ANNA", PlanEdit(ici_stop=date(2026, 3, 2))),
    _plan("restart", "ANNA", PlanEdit(ici_restart=date(2026, 3, 2))),
    _plan("stop", "CARLA", PlanEdit(ici_stop=date(2026, 3, 2), stop_reason=StopReason.SIDE_EFFECT)),
    _plan("restart removed", "CARLA", PlanEdit(no_ici_restart=True)),
    _plan("extra day", "FRITZ", PlanEdit(add_days=(date(2026, 3, 3),))),
    _plan("planned pause", "BERTA", PlanEdit(pause=Pause(first=date(2026, 3, 4), last=date(2026, 3, 9)))),
    UseCase(
        "patient added",
        _in_one(lambda _, __, work: registry.add(work, code="NEW-1", ici_start=date(2026, 2, 20)), actor="operator"),
    ),
    UseCase(
        "patients imported",
        _in_one(lambda _, __, work: importing.add_all(work, CSV), actor="operator"),
    ),
    UseCase(
        "patient invited again BERTA",
        _in_one(lambda _, __, work: registry.invite_again(work, "BERTA"), actor="operator"),
    ),
    UseCase(
        "patient invited again CARLA",
        _in_one(lambda _, __, work: registry.invite_again(work, "CARLA"), actor="operator"),
    ),
    UseCase(
        "patient paused BERTA",
        _in_one(lambda _, __, work: participation.pause(work, "BERTA", None), actor="operator"),
    ),
    UseCase(
        "patient resumed PAULA",
        _in_one(lambda _, __, work: participation.resume_for(work, "PAULA"), actor="lead-1"),
    ),
    UseCase(
        "patient withdrawn ANNA",
        _in_one(lambda _, __, work: participation.withdraw(work, "ANNA"), actor="lead-1"),
    ),
    UseCase(
        "patient erased BERTA",
        _in_one(lambda _, __, work: participation.erase(work, "BERTA"), actor="lead-1"),
    ),
    UseCase(
        "check-in sent now FRITZ",
        _in_one(lambda _, __, work: opening.send_now(work, locked(work.patients, "FRITZ")), actor="lead-1"),
    ),
    UseCase("sandbox patient", _in_one(lambda _, __, work: demo.add_patient(work))),
    UseCase("sandbox lead", _in_one(lambda _, __, work: demo.add_lead(work))),
)

# -- delivery


def _claim(side: Side, stores: Stores, owner: str) -> object:
    lease = budget.Lease(owner, timedelta(seconds=60), frozenset())
    return budget.claim_batch(stores, lambda: side.at, budget.Capacity(100, 100), lease, UNLIMITED)


def _ended(chat: int, result: DeliveryResult, *, edits: int | None = None) -> Do:
    """Record the result of the message to a chat. `edits`: the message that it was to edit."""

    def act(scene: Scene, side: Side, work: Work) -> None:
        def unreachable(_: Stores, chat_id: int, __: datetime) -> None:
            conversation.membership(work, chat_id, reachable=False)

        context = results.SenderContext(owner=SENDER, speed=1.0, on_chat_unreachable=unreachable)
        claim = scene.claims[chat]
        if edits is not None:
            claim = claim.model_copy(update={"message_id": edits})
        results.record_result(work, claim, result, side.at, context)

    return _in_one(act)


_STOP = DeliveryResult(
    DeliveryOutcome.RETRY,
    "RetryAfter",
    retry_in=timedelta(seconds=3),
    pause_scope=PauseScope.BULK,
    pause_for=timedelta(seconds=3),
)
_PAUSE = DeliveryResult(
    DeliveryOutcome.RETRY,
    "RetryAfter",
    retry_in=timedelta(seconds=30),
    pause_scope=PauseScope.CHAT,
    pause_for=timedelta(seconds=30),
)
_OTHER_BOT = User(2, "nervecheck", is_bot=True, username="nervecheck_2_bot")

DELIVERY = (
    UseCase("delivery claims", *[_in_one(lambda _, s, work: _claim(s, work, "sender-2"))] * 2),
    UseCase("delivery sent ANNA", _ended(ANNA, DeliveryResult(DeliveryOutcome.SENT, message_id=900))),
    UseCase("delivery sent FRITZ", _ended(FRITZ, DeliveryResult(DeliveryOutcome.SENT, message_id=901))),
    UseCase(
        "delivery retry ANNA",
        _ended(ANNA, DeliveryResult(DeliveryOutcome.RETRY, "TimedOut", retry_in=timedelta(seconds=2))),
    ),
    UseCase("delivery stopped FRITZ", _ended(FRITZ, _STOP)),
    UseCase("delivery paused ANNA", _ended(ANNA, _PAUSE)),
    UseCase(
        "delivery anew FRITZ", _ended(FRITZ, DeliveryResult(DeliveryOutcome.RESEND_AS_NEW, "BadRequest"), edits=900)
    ),
    UseCase("delivery refused FRITZ", _ended(FRITZ, DeliveryResult(DeliveryOutcome.REJECTED, "BadRequest"))),
    UseCase("delivery chat gone ANNA", _ended(ANNA, DeliveryResult(DeliveryOutcome.CHAT_UNREACHABLE, "Forbidden"))),
    UseCase("delivery chat gone lead-1", _ended(LEAD, DeliveryResult(DeliveryOutcome.CHAT_UNREACHABLE, "Forbidden"))),
    UseCase(
        "delivery keeps leases",
        _in_one(
            lambda c, s, work: work.outbox.renew(
                [claim.row.id for claim in c.claims.values()], owner=SENDER, until=s.at + timedelta(seconds=60)
            )
        ),
    ),
    UseCase(
        "delivery renews leases, releases others",
        _in_one(
            lambda c, s, work: budget.renew_leases(
                [c.claims[ANNA].row.id], s.at, timedelta(seconds=60), SENDER, work, release_others=True
            )
        ),
    ),
    UseCase("delivery ends leases", _in_one(lambda _, s, work: work.outbox.release_orphaned(s.at))),
    UseCase(
        "delivery takes poll lease",
        _in_one(lambda _, s, work: work.leases.take("poll", owner=s.name, at=s.at, until=s.at + timedelta(seconds=30))),
    ),
    UseCase(
        "delivery drops poll lease",
        _in_one(lambda _, __, work: work.leases.drop("poll", owner="replica-1")),
    ),
    UseCase(
        "dead message sent again",
        _in_one(lambda c, _, work: dead_letters.retry_message(work, c.numbers["failed message"]), actor="op"),
    ),
    UseCase(
        "dead message dropped",
        _in_one(lambda c, _, work: dead_letters.discard(work, f"message-{c.numbers['failed message']}"), actor="op"),
    ),
    UseCase(
        "dead update dropped",
        _in_one(lambda c, _, work: dead_letters.discard(work, f"update-{c.numbers['dead update']}"), actor="op"),
    ),
    UseCase(
        "dead update worked off",
        _in_one(lambda c, _, work: dead_letters.close_processed_update(work, c.numbers["dead update"]), actor="op"),
    ),
    UseCase(
        "dead update stored",
        _in_one(
            lambda _, s, work: (
                work.updates.mark_processed(80, s.at)
                and work.dead_letters.add_update(DeadUpdate(update_id=80, chat_id=BERTA, raw="{}", error="E", at=s.at))
            )
        ),
    ),
    UseCase(
        "protocol kept",
        _in_one(
            lambda _, s, work: work.protocols.keep(
                StoredProtocol(content_hash="h", name="n", version="1", content=b"c", first_used_at=s.at)
            )
        ),
    ),
    UseCase(
        "bot changed",
        _in_one(lambda _, __, work: service._record_bot(work, _OTHER_BOT)),
    ),
    UseCase(
        "installation claimed",
        _in_one(
            lambda _, s, work: installation.claim(
                work, sandbox=False, oldest_key="k", key_ids=(f"key-{s.name}", "test")
            )
        ),
    ),
)

# -- the desk

SIGN_IN = tuple(UseCase(name, do) for name, do in sign_ins.ALL)

# -- what time does


def _read_after_a_jump(work: Work, chat: int) -> None:
    patient = work.patients.by_chat(chat, lock=True)
    assert patient is not None
    outages.note_jump(work, work.at)
    recall(work, patient)


def _misses(scene: Scene, work: Work, chat: int) -> None:
    patient = work.patients.by_chat(chat, lock=True)
    row = scene.open[chat]
    assert patient is not None
    note_missed(work, patient, row.model_copy(update={"value": row.value.model_copy(update={"answers": {}})}))


def _joins(scene: Scene, work: Work) -> None:
    assert work.patients.by_chat(BERTA, lock=True) is not None
    alert = work.alerts.get(scene.alerts["berta"].id)
    patient = work.patients.get(alert.patient_id) if alert is not None else None
    assert alert is not None
    assert patient is not None
    join(work, patient, alert, Found(Tier.EMERGENCY, ("stairs",), ("stairs",)))


TIME = (
    UseCase("BERTA finds more after yes", _in_one(lambda c, _, work: _joins(c, work))),
    UseCase("BERTA misses a check-in", _in_one(lambda c, _, work: _misses(c, work, BERTA))),
    UseCase("clock set forward, BERTA read", _in_one(lambda _, __, work: _read_after_a_jump(work, BERTA))),
    UseCase("start after an outage", _in_one(lambda _, __, work: outages.note_start(work, work.at))),
)

# -- what patients reply

CALL_REPLIES = tuple(
    UseCase(name, _in_one(lambda c, _, work, act=act: act(c, work)))  # type: ignore[misc]
    for name, act in call_replies.ALL
)

# -- outcomes and levels by the team


def _staff_levels(chat: int, patient: int, choice: str) -> Do:
    return _tap(chat, lambda c: Action(kind="levels", subject=c.patients[patient].id, choice=choice))


LEVELS = (
    _acts("attempt help", "lead-1", ownership.note, "help", "not_reached"),
    _acts("finish berta", "coord-1", ownership.finish, "berta", "seen"),
    _acts("finish flag, out of care", "lead-1", ownership.finish, "flag", "out_of_care"),
    UseCase("staff chat levels of BERTA", _staff_levels(COORDINATOR, BERTA, "open")),
    UseCase("staff chat baseline of BERTA", _staff_levels(LEAD, BERTA, "baseline")),
    *(UseCase(name, _in_one(lambda _, __, work, act=act: act(work), actor="lead-1")) for name, act in decisions.ALL),  # type: ignore[misc]
)

ALL: tuple[UseCase, ...] = (
    *(*PATIENTS, *CAREGIVERS, *SWEEPS, *TEAM, *PLANS, *DELIVERY, *SIGN_IN, *TIME, *CALL_REPLIES, *LEVELS),
)
