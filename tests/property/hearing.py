"""Turns the records of a transaction into the ledger's events: what was tapped, answered, closed, noted."""

from datetime import date, datetime

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from tests.property import plan
from tests.property.ledger import SPOKE, Heard, Ledger
from tests.property.notes import OPEN, Books, Deed
from tests.property.signs import ALARMING, SCREENS, Tier, level_of

BY_MESSAGE = True
"""Whether "yes" counts for what its message named, and for nothing that joined the alert since. Not yet: switch it on
with the change that lets it."""
NOT_SPOKEN = frozenset({"not_yet", "cannot_reach", "cannot_call"})
TAKING_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def hear(ledger: Ledger, before: Books, after: Books, deed: Deed, clinic: Clinic) -> None:
    """Enter a transaction in the ledger."""
    patient = after.patient
    if patient is None:
        return
    ledger.until(deed.at)
    day = plan.local_day(patient, clinic, deed.at)
    # A tap on an alert counts for what was open when its message was sent: before the answers of this transaction.
    _tapped(ledger, before, after, deed, day)
    _staff(ledger, after, deed)
    is_called = any(q.screen.name.startswith("call.") and q.mode == "new" for q in deed.queued)
    for name, row in deed.stores.done:
        if name == "record_answer" and row.question in SCREENS:
            ledger.screen(row.checkin_id, row.question, row.choices, row.given_at)
        elif name in {"add_checkin", "save_checkin"}:
            is_helper = deed.chat is not None and deed.chat != patient.chat_id
            value = row.value
            ledger.answers(
                Heard(row.id, value.form, dict(value.answers), value.state.value, deed.at, day, helper=is_helper)
            )
        # By the clock, or below a call screen that another answer brings, a sign that is ticked is named as it is.
        elif (
            name == "add_assessment"
            and (deed.swept or is_called)
            and after.checkins[row.checkin_id].value.state in OPEN
        ):
            value = after.checkins[row.checkin_id].value
            half = Heard(row.checkin_id, value.form, dict(value.answers), value.state.value, deed.at, day, counted=True)
            ledger.answers(half)
        elif name in {"add_alert", "save_alert"}:
            earlier = before.alerts.get(row.id)
            new = set(row.symptoms) - set(earlier.symptoms if earlier is not None else ())
            # By the clock, an hour after half an answer, what joins an alert at its tier has no call screen of its own.
            if deed.swept or is_called:
                half = after.checkins.get(row.checkin_id)
                given = dict(half.value.answers) if half is not None else {}
                ledger.called(new, _called_at(deed), deed.at, day, row.checkin_id, given, for_team=not is_called)


def _called_at(deed: Deed) -> Tier:
    """Return the tier of the call screen that was shown: an alert may be of a higher one that was dealt with.

    What the clock opens without a call screen of its own is SOON: a higher finding acts at the tap.
    """
    shown = {q.screen.name for q in deed.queued if q.mode == "new"}
    if "call.emergency" in shown:
        return Tier.EMERGENCY
    return Tier.URGENT if shown & {"call.urgent", "call.help"} else Tier.SOON


def may_answer(patient: Patient | None, books: Books, chat: int | None) -> bool:
    """Return whether a chat is the patient's own or a helper's, and the patient takes part."""
    if patient is None or patient.state not in TAKING_PART:
        return False
    return chat == patient.chat_id or books.is_helper(chat)


def _open_in(books: Books) -> frozenset[str]:
    return (
        frozenset(concern.symptom for concern in books.memory.value.open) if books.memory is not None else frozenset()
    )


def _tapped(ledger: Ledger, before: Books, after: Books, deed: Deed, day: date) -> None:
    at = deed.at
    action = deed.action
    if action is None:
        return
    if action.kind == "alert" and action.choice == "at_hospital" and action.subject in before.alerts:
        _at_hospital(ledger, before, at, day)
    elif action.kind == "alert" and action.choice in SPOKE:
        alert = before.alerts.get(action.subject)
        if alert is not None:
            named = () if action.choice != "reached" else alert.symptoms
            shown_at = deed.shown_at if BY_MESSAGE and deed.shown_at is not None else at
            ledger.spoke(named, shown_at, at, alert.named_at or alert.raised_at)
    if action.kind == "alert" and action.choice in NOT_SPOKEN and (alert := before.alerts.get(action.subject)):
        ledger.not_yet(alert.symptoms, _open_in(after), at)
    if action.kind == "alert" and action.choice == "team_knows" and (known := before.alerts.get(action.subject)):
        ledger.team_knows(known.symptoms, deed.shown_at if BY_MESSAGE and deed.shown_at is not None else at, at)
    if not may_answer(before.patient, before, deed.chat):
        return
    if action.kind == "help_now":
        ledger.asked_for_help(at, day)
    is_answer = any(row.question == action.question for row in deed.of("record_answer"))
    if action.kind == "choose" and action.question in SCREENS and action.choice in ALARMING and not is_answer:
        ledger.yes_on_old_screen(action.question, at, day)


def _at_hospital(ledger: Ledger, before: Books, at: datetime, day: date) -> None:
    """People who help hear what half a form says by now, what is ticked as well."""
    half = [(row.id, row.value) for row in before.checkins.values() if row.value.state in OPEN]
    for number, value in half:
        ledger.answers(Heard(number, value.form, dict(value.answers), value.state.value, at, day, counted=True))
    ledger.at_hospital([(number, dict(value.answers)) for number, value in half], at)


def _staff(ledger: Ledger, after: Books, deed: Deed) -> None:
    act = deed.staff
    if act is None:
        return
    if act.what == "outcome" and act.alert in after.alerts:
        alert = after.alerts[act.alert]
        ledger.outcome(act.outcome, alert.symptoms, deed.at, alert.named_at or alert.raised_at)
    elif act.what == "agree" and act.until is not None:
        ledger.agree(act.symptom, level_of(act.symptom, act.step), act.until, deed.at)
    elif act.what == "end" and act.symptom in ledger.agreed:
        ledger.agreed[act.symptom] = (ledger.agreed[act.symptom][0], deed.at)
        ledger.until(deed.at)
