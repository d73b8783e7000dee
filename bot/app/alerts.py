"""Alerts: raised at the tap with their call screen, answered by the patient, asked after by loop-backs."""

from datetime import datetime, timedelta

from bot.app import duty
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.screens import call_screen, card_screen, contact_screen, loop_back_screen, reply_screen, soon_screen
from bot.app.store import AlertRow, AlertState, Audit, Lane, Patient, Store
from bot.core.alert import Action, Alert, Reply, decide, first_step_at
from bot.core.protocol import Tier
from bot.core.screen import Text

ASKED_FOR_HELP = "asked_for_help"
"""The rule name of an alert raised by "Need help now"."""
_TEAM_HEARS = frozenset({"cannot_reach", "cannot_call"})
"""Words on the call that whoever has the alert is told at once."""


def raise_alert(
    store: Store,
    clinic: Clinic,
    patient: Patient,
    *,
    tier: Tier,
    rules: tuple[str, ...],
    checkin_id: int | None,
    at: datetime,
    expected: bool = False,
) -> AlertRow:
    """Store an alert and queue its call screen as a new message: lane 0 for EMERGENCY and URGENT.

    `expected` by the team: the patient is told to call all the same, and the team's clocks rest.
    """
    alert = store.add_alert(
        AlertRow(
            patient_id=patient.id,
            checkin_id=checkin_id,
            tier=tier,
            rules=rules,
            raised_at=at,
            caregiver_id=patient.helper.id if patient.helper is not None else None,
            next_step_at=first_step_at(tier, clinic.protocol.clocks, at),
            expected=expected,
            staff_step_at=None if expected else at,
        )
    )
    _audit(store, patient, alert, "alert_raised", at)
    show_call(store, clinic, patient, alert, at)
    return alert


def show_call(store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, at: datetime) -> None:
    """Queue the call screen, and behind it the contact card. Always a new message, so that the phone sounds."""
    slot = f"alert:{alert.id}"
    if alert.tier is Tier.SOON:
        post(store, patient, soon_screen(alert, clinic), at=at, slot=slot, everyone=True)
        return
    post(store, patient, call_screen(alert, clinic), at=at, slot=slot, lane=Lane.RED_FLAG, everyone=True)
    post(store, patient, contact_screen(clinic), at=at, slot=f"contact:{alert.id}", lane=Lane.RED_FLAG, everyone=True)


def need_help(store: Store, clinic: Clinic, patient: Patient, checkin_id: int | None, at: datetime) -> Outcome:
    """ "Need help now": the call screen at once, and an URGENT alert. Tapped again it shows the same alert's screen."""
    asked = [
        a for a in store.alerts(patient.id) if a.rules == (ASKED_FOR_HELP,) and at - a.raised_at < timedelta(hours=1)
    ]
    if asked:
        show_call(store, clinic, patient, asked[0], at)
    else:
        raise_alert(store, clinic, patient, tier=Tier.URGENT, rules=(ASKED_FOR_HELP,), checkin_id=checkin_id, at=at)
    return Outcome(toast=Text(key="toast.call_now"), language=patient.speaks)


def calls_for(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> bool:
    """Whether a red flag of the last days was raised and nobody was reached yet, as far as the patient said."""
    since = at - clinic.protocol.clocks.silent_after
    pending = {AlertState.OPEN, AlertState.UNCONFIRMED}
    return any(a.tier >= Tier.URGENT and a.state in pending and a.raised_at >= since for a in store.alerts(patient.id))


def hand_loop_back_to(store: Store, higher: AlertRow) -> None:
    """One check-in, one loop-back: lower alerts of the same check-in stay open but stop asking."""
    for alert in store.alerts(higher.patient_id):
        if alert.checkin_id == higher.checkin_id and alert.tier < higher.tier and alert.next_step_at is not None:
            store.save_alert(alert.model_copy(update={"next_step_at": None}))


def add_rules(store: Store, patient_id: int, checkin_id: int, rules: tuple[str, ...]) -> None:
    """What was asked after the call screen ("which sign?") belongs to the alert of that check-in."""
    for alert in store.alerts(patient_id):
        if alert.checkin_id == checkin_id and ASKED_FOR_HELP not in alert.rules:
            merged = (*alert.rules, *(r for r in rules if r not in alert.rules))
            if merged != alert.rules:
                store.save_alert(alert.model_copy(update={"rules": merged}))
            return


def reply(store: Store, clinic: Clinic, patient: Patient, alert_id: int, word: str, at: datetime) -> Outcome | None:
    """Answer a button of a call screen or loop-back; None when it isn't this patient's alert or no such word."""
    alert = store.alert(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    if word == "card":
        post(store, patient, card_screen(patient, clinic), at=at, slot=f"card:{alert.id}")
        return Outcome(language=patient.speaks)
    handled = _reply_words(store, clinic, patient, alert, word, at)
    return Outcome(toast=Text(key="toast.noted"), language=patient.speaks) if handled else None


def _reply_words(store: Store, clinic: Clinic, patient: Patient, alert: AlertRow, word: str, at: datetime) -> bool:
    if word in set(Reply):
        _replied(store, clinic, alert, Reply(word), at)
    elif word == "mistake":
        store.save_alert(alert.model_copy(update={"mistake_at": alert.mistake_at or at}))
    elif word in {"is_urgent", "can_wait"}:
        store.save_alert(alert.model_copy(update={"declared": word}))
    elif word == "remind":
        soon = at + clinic.protocol.clocks.remind_again_soon
        store.save_alert(alert.model_copy(update={"next_step_at": soon}))
    else:
        return False
    _audit(store, patient, alert, f"patient_{word}", at)
    if word in _TEAM_HEARS:
        duty.notice(store, clinic, patient, alert, word, at)
    # A reply that isn't "reached" is itself a call screen: it goes before everything else.
    lane = Lane.REPLY if word in {"called", "reached", "remind"} else Lane.RED_FLAG
    post(store, patient, reply_screen(alert, clinic, word), at=at, slot=f"alert-reply:{alert.id}", lane=lane)
    return True


def _replied(store: Store, clinic: Clinic, alert: AlertRow, word: Reply, at: datetime) -> None:
    answered = alert.model_copy(update={"last_reply": word, "replied_at": at})
    decision = decide(_core(answered), clinic.protocol.clocks, at)
    confirmed = decision.action is Action.CONFIRM and answered.state is not AlertState.CLOSED
    # "I can't reach them" after "I have called" opens it again; one that staff closed stays closed.
    reopened = decision.action is Action.SHOW_NUMBER and answered.state is AlertState.CONFIRMED
    state = AlertState.CONFIRMED if confirmed else AlertState.OPEN if reopened else answered.state
    store.save_alert(answered.model_copy(update={"state": state, "next_step_at": decision.next_step_at}))


def step(store: Store, clinic: Clinic, alert: AlertRow, at: datetime) -> None:
    """Do what an alert's clock asks for: ask "did you reach someone?", or mark it as unconfirmed for staff."""
    patient = store.patient(alert.patient_id, lock=True)
    if patient is None:
        return
    decision = decide(_core(alert), clinic.protocol.clocks, at)
    changed = alert.model_copy(update={"next_step_at": decision.next_step_at})
    if decision.action is Action.ASK:
        changed = changed.model_copy(update={"loop_backs": alert.loop_backs + 1})
        slot = f"loopback:{alert.id}:{changed.loop_backs}"
        post(store, patient, loop_back_screen(changed, clinic), at=at, slot=slot, lane=Lane.RED_FLAG, everyone=True)
        _audit(store, patient, alert, "loop_back_sent", at)
    elif decision.action is Action.MARK_UNCONFIRMED:
        changed = changed.model_copy(update={"state": AlertState.UNCONFIRMED})
        _audit(store, patient, alert, "alert_unconfirmed", at)
        duty.notice(store, clinic, patient, changed, "unconfirmed", at)
    store.save_alert(changed)


def _core(alert: AlertRow) -> Alert:
    return Alert(
        tier=alert.tier,
        raised_at=alert.raised_at,
        loop_backs=alert.loop_backs,
        last_reply=Reply(alert.last_reply) if alert.last_reply else None,
        replied_at=alert.replied_at,
        next_step_at=alert.next_step_at,
        unconfirmed=alert.state is AlertState.UNCONFIRMED,
        closed=alert.state is AlertState.CLOSED,
    )


def _audit(store: Store, patient: Patient, alert: AlertRow, action: str, at: datetime) -> None:
    detail = {"alert": alert.id, "tier": alert.tier.name}
    store.audit(Audit(at=at, actor=patient.actor, action=action, subject=patient.code, detail=detail))
