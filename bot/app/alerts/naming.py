"""What a patient's open alert names, and what the patient is asked about. Raises and closes none."""

from typing import NamedTuple

from bot.app.alerts.writer import act_on, name_more, update_patient_side
from bot.app.records.alerts import ATTEMPT, AlertRow, AlertState
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.alert import Refused, Rise
from bot.core.protocol import Tier
from bot.core.safety_follow_up import first_prompt_at


class Found(NamedTuple):
    """What needs a human: its tier, the rules and symptoms to name, and the check-in whose answers found it."""

    tier: Tier
    rules: tuple[str, ...]
    symptoms: tuple[str, ...] = ()
    checkin_id: int | None = None
    to_call_about: Tier | None = None
    """The tier of all that the patient has to call about by now; None: not known, so no less than before."""
    is_new: bool = True
    """Whether something opened, rose or re-opened; otherwise it was open and named before."""
    asks_patient: bool = True
    """Whether the patient has to call about it."""


def open_alert(stores: Stores, patient: Patient) -> AlertRow | None:
    """Return the patient's alert that is not closed; the highest one if an older version left several."""
    found = stores.alerts.open_of(patient.id)
    return max(found, key=lambda alert: (not alert.is_agreed, alert.tier, alert.id), default=None)


def name(work: Work, alert: AlertRow, found: Found, before: tuple[str, ...]) -> AlertRow:
    """Let an open alert, which was about the symptoms `before`, name what was found, and return the alert.

    What was taken back stays named: the alert goes on until staff have dealt with it. So does what an alert is about
    that names nothing (its patient's data was deleted, or it is older than concerns): what joins must not narrow it.
    """
    rules = (*alert.rules, *(rule for rule in found.rules if rule not in alert.rules))
    symptoms = (*before, *(symptom for symptom in found.symptoms if symptom not in before))
    if not found.is_new and (rules, symptoms) == (alert.rules, alert.symptoms):
        return alert
    if found.is_new and alert.outcome != ATTEMPT:  # after an attempt the next one stays due
        joined = act_on(work.alerts, alert, Rise(needs_owner=False), work.at)
        alert = alert if isinstance(joined, Refused) else joined
    return name_more(
        work.alerts,
        alert,
        rules=rules,
        symptoms=symptoms,
        named_at=work.at,
        tier=max(alert.tier, found.tier),
        asked_tier=alert.tier if alert.asked_tier is None else alert.asked_tier,
        is_agreed=alert.is_agreed and not found.is_new,
        checkin_id=found.checkin_id if found.checkin_id is not None else alert.checkin_id,
        # What the patient said of it was about what was found before.
        declared=None if found.is_new else alert.declared,
        mistake_at=None if found.is_new else alert.mistake_at,
    )


def ask(work: Work, alert: AlertRow, tier: Tier) -> AlertRow:
    """Ask the patient from the beginning about what is open, of that tier, and return the alert.

    A question that is planned comes when it is, or earlier if the tier needs it.
    """
    prompt_at = first_prompt_at(tier, work.clinic.protocol.clocks, work.at)
    planned = [at for at in (alert.next_patient_prompt_at, prompt_at) if at is not None and at > work.at]
    return update_patient_side(
        work.alerts,
        alert,
        state=AlertState.OPEN,
        asked_tier=tier,
        last_reply=None,
        safety_follow_ups=0,
        next_patient_prompt_at=min(planned, default=None),
    )
