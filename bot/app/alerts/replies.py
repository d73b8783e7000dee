"""Patients' replies to a call screen, and the safety follow-ups that ask for one. Changes only the patient's side."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from bot.app.alerts.followers import notify_team, show_changed
from bot.app.alerts.messages import Asked
from bot.app.alerts.naming import Found, open_alert
from bot.app.alerts.raising import join, record
from bot.app.alerts.unheard import phone_in_pause
from bot.app.alerts.writer import act_on, update_patient_side
from bot.app.concerns.conversion import named_by
from bot.app.concerns.memory import recall, remember, tier_to_call_about
from bot.app.ports.errors import StaleRecordError
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.alert import Refused, Reopen
from bot.core.changes import Change, What
from bot.core.concern_values import Concern, ConcernState
from bot.core.happenings import Happening, NotYet, Spoke, TeamKnows
from bot.core.local_time import after_quiet_hours
from bot.core.protocol import Tier
from bot.core.safety_follow_up import CONFIRMS, Alert, AlertAction, Decision, DecisionReason, Reply, decide

BEFORE_MESSAGES = Asked()
"""The message of a button that doesn't say when it was made."""
_NOTIFIES_TEAM = frozenset({"not_yet", "cannot_reach", "cannot_call"})
"""Replies that the alert's owner is notified of at once."""
_SHOWN_TO_TEAM = frozenset({"called", "reached", "team_knows"})
"""Replies after which the team's messages are updated without a new one."""


def reply(work: Work, patient: Patient, alert_id: int, word: str, asked: Asked = BEFORE_MESSAGES) -> AlertRow | None:
    """Store the patient's reply to a message about the alert, and return the alert as it was before.

    Return None, having changed nothing, if the alert is not theirs or `word` is no reply.
    """
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    if word in set(Reply):
        _said_about_call(work, patient, alert, Reply(word), asked)
    elif word == "mistake":
        update_patient_side(work.alerts, alert, mistake_at=alert.mistake_at or work.at)
    elif word in {"is_urgent", "can_wait"}:
        update_patient_side(work.alerts, alert, declared=word)
    elif word == "remind":
        soon = work.at + work.clinic.protocol.clocks.remind_again_soon
        is_due = alert.next_patient_prompt_at is None or not is_outdated(work, patient, alert, asked)
        if is_due and alert.asks is not Tier.ROUTINE:
            update_patient_side(work.alerts, alert, next_patient_prompt_at=soon)
    else:
        return None
    record(work, patient, alert, f"patient_{word}")
    if word in _NOTIFIES_TEAM:
        notify_team(work, patient, alert, word)
    elif word in _SHOWN_TO_TEAM and (changed := work.alerts.get(alert.id)) is not None:
        show_changed(work, changed)
    return alert


def _said_about_call(work: Work, patient: Patient, alert: AlertRow, word: Reply, asked: Asked) -> None:
    """Store what the patient said about calling, for all that the message named."""
    said = _said(work, patient, alert, word, asked)
    applied = remember(work.acting(patient.actor), patient, said, checkin_id=alert.checkin_id)
    reopened = tuple(change for change in applied.changes if change.what is What.REOPENED)
    if reopened:
        _name_again(work, patient, alert, reopened)
    if word in CONFIRMS and left_open(work, patient, alert):
        update_patient_side(work.alerts, alert, asked_tier=tier_left(work, patient, alert) or alert.call_tier)
        return
    now = work.alerts.get(alert.id) or alert
    if word is Reply.CALLED and now.next_patient_prompt_at is not None and is_outdated(work, patient, now, asked):
        # It was about less: the question about what opened since comes when it is planned.
        update_patient_side(work.alerts, now, last_reply=word, replied_at=work.at)
        return
    _replied(work, now, word)


def is_outdated(work: Work, patient: Patient, alert: AlertRow, asked: Asked) -> bool:
    """Return whether something of a higher tier opened after that message was made: it does not ask about that."""
    made_at = asked.first.made_at(alert, work.at)
    before, since = Tier.ROUTINE, Tier.ROUTINE
    for concern in left_open(work, patient, alert):
        if concern.opened_after(made_at):
            since = max(since, concern.tier)
        else:
            before = max(before, concern.tier)
    return since > before


def _name_again(work: Work, patient: Patient, alert: AlertRow, reopened: tuple[Change, ...]) -> None:
    """Let the open alert name and ask about what is open again; reopen this one if staff closed it and none is open."""
    mine = open_alert(work, patient)
    if mine is None and not isinstance(act_on(work.alerts, alert, Reopen(), work.at), Refused):
        record(work, patient, alert, "alert_reopened")
        mine = work.alerts.get(alert.id)
    if mine is not None:
        symptoms, tier = tuple(c.symptom for c in reopened), max(c.tier for c in reopened)
        join(work, patient, mine, Found(tier, (), symptoms, None, tier_to_call_about(work, patient)))


def _said(work: Work, patient: Patient, alert: AlertRow, word: Reply, asked: Asked) -> Iterator[Happening]:
    """Yield what a reply says about the concerns that the message named; on one message, two people may differ."""
    message = asked.number(alert, work.at)
    symptoms = named_by(work, alert)
    if word is Reply.REACHED:
        yield Spoke(symptoms=symptoms, by=patient.giver, message=message, asked_at=asked.made_at(alert, work.at))
    elif word is Reply.TEAM_KNOWS:
        first_at = asked.first.made_at(alert, work.at)
        yield TeamKnows(symptoms=symptoms, by=patient.giver, asked_at=first_at)
    elif word in {Reply.NOT_YET, Reply.CANNOT_REACH, Reply.CANNOT_CALL}:
        yield NotYet(symptoms=symptoms, by=patient.giver, message=message)


def left_open(work: Work, patient: Patient, alert: AlertRow) -> tuple[Concern, ...]:
    """Return what the alert names and nobody is known to have spoken with the patient about, highest tier first."""
    named = set(named_by(work, alert))
    return tuple(c for c in recall(work, patient).value.open if c.symptom in named and not c.is_for_team)


def tier_left(work: Work, patient: Patient, alert: AlertRow) -> Tier:
    """Return the highest tier of what the alert names and the patient still has to call about; ROUTINE if nothing.

    After a fault in what is remembered it is the tier that the patient was asked about.
    """
    left: list[Concern] = []
    error = work.attempt(lambda: left.extend(left_open(work, patient, alert)))
    if isinstance(error, StaleRecordError):
        raise error
    tier = max((concern.tier for concern in left if concern.retracted_at is None), default=Tier.ROUTINE)
    return tier if error is None else alert.asks


def _replied(work: Work, alert: AlertRow, word: Reply) -> None:
    answered = alert.model_copy(update={"last_reply": word, "replied_at": work.at})
    decision = decide(_core(answered), work.clinic.protocol.clocks, work.at)
    confirmed = decision.action is AlertAction.CONFIRM and answered.state is not AlertState.CLOSED
    # "I can't reach them" after "yes" reopens it; an alert that staff closed stays closed.
    reopened = decision.action is AlertAction.SHOW_NUMBER and answered.state is AlertState.CONFIRMED
    state = AlertState.CONFIRMED if confirmed else AlertState.OPEN if reopened else answered.state
    # "I have called" after "yes" asks nothing any more.
    is_asked = state is not AlertState.CONFIRMED
    update_patient_side(
        work.alerts,
        alert,
        last_reply=word,
        replied_at=work.at,
        state=state,
        next_patient_prompt_at=decision.next_patient_prompt_at if is_asked else None,
    )


def alert_clocks(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Send the safety follow-ups that are due (a sweep); quiet hours delay those of SOON alone."""
    found = work.alerts.prompts_due(work.at, limit, after)
    if not found:
        return SweepResult()
    results = [work.attempt(partial(step, work, alert)) for alert in found]
    return SweepResult.of(results, found[-1].next_patient_prompt_at, found[-1].id)


def step(work: Work, alert: AlertRow) -> None:
    """Carry out what is due on the patient's side: send a safety follow-up, or mark the alert as unconfirmed."""
    patient = work.patients.get(alert.patient_id, lock=True)
    if patient is None:
        return
    if (tier := tier_left(work, patient, alert) or alert.call_tier) is not alert.call_tier:
        # The higher part is dealt with: what is left is asked about from the beginning.
        alert = alert.model_copy(update={"asked_tier": tier, "safety_follow_ups": 0})
    decision = _decided(work, patient, alert)
    asked, gave_up = decision.action is AlertAction.ASK, decision.action is AlertAction.MARK_UNCONFIRMED
    changed = update_patient_side(
        work.alerts,
        alert,
        next_patient_prompt_at=decision.next_patient_prompt_at,
        safety_follow_ups=alert.safety_follow_ups + 1 if asked else alert.safety_follow_ups,
        state=AlertState.UNCONFIRMED if gave_up else alert.state,
        asked_tier=alert.call_tier,
    )
    if asked:
        work.notices.safety_follow_up(patient, changed)
        record(work, patient, alert, "safety_follow_up_sent")
    elif gave_up:
        record(work, patient, alert, "alert_unconfirmed")
        notify_team(work, patient, changed, "unconfirmed")
        phone_in_pause(work, patient, changed.call_tier)


def _decided(work: Work, patient: Patient, alert: AlertRow) -> Decision:
    """Return what to do now: nothing once all that the alert names is known to a human, or was taken back."""
    decision = decide(_core(alert), work.clinic.protocol.clocks, work.at)
    wait = decision.model_copy(update={"action": AlertAction.WAIT, "next_patient_prompt_at": None})
    if decision.action in {AlertAction.ASK, AlertAction.MARK_UNCONFIRMED} and not _is_asked_about(work, patient, alert):
        return wait.model_copy(update={"reason": DecisionReason.NOTHING_OPEN})
    if decision.action is AlertAction.ASK and alert.call_tier is Tier.SOON and (later := _quiet_until(work, patient)):
        return wait.model_copy(update={"reason": DecisionReason.QUIET_HOURS, "next_patient_prompt_at": later})
    return decision


def _is_asked_about(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether the patient is asked about the alert; a fault in what is remembered must not end the questions."""
    found: list[bool] = []
    error = work.attempt(lambda: found.append(_names_open(work, patient, alert)))
    if isinstance(error, StaleRecordError):
        raise error
    return not found or found[0]


def _names_open(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether the alert names something open that nobody took back, or something that is not remembered."""
    concerns = [recall(work, patient).value.concern(symptom) for symptom in named_by(work, alert)]
    known = {ConcernState.REACHED, ConcernState.SETTLED}
    return not concerns or any(c.state not in known and c.retracted_at is None and not c.is_for_team for c in concerns)


def _quiet_until(work: Work, patient: Patient) -> datetime | None:
    """Return when the quiet hours end in which it is now; None if it isn't."""
    zone = patient.timezone or work.clinic.timezone
    end = after_quiet_hours(work.at, zone, patient.quiet_from, patient.quiet_to)
    return end if end > work.at else None


def _core(alert: AlertRow) -> Alert:
    return Alert(
        tier=alert.call_tier,
        raised_at=alert.raised_at,
        safety_follow_ups=alert.safety_follow_ups,
        last_reply=Reply(alert.last_reply) if alert.last_reply else None,
        replied_at=alert.replied_at,
        next_patient_prompt_at=alert.next_patient_prompt_at,
        unconfirmed=alert.state is AlertState.UNCONFIRMED,
        closed=alert.state is AlertState.CLOSED,
    )


def stop_asking(work: Work, patient: Patient) -> None:
    """Stop asking the patient about their alerts, as when they withdraw. The alerts stay open for the team."""
    for alert in work.alerts.open_of(patient.id):
        if alert.next_patient_prompt_at is not None:
            state = AlertState.UNCONFIRMED if alert.state is AlertState.OPEN else alert.state
            update_patient_side(work.alerts, alert, next_patient_prompt_at=None, state=state)
