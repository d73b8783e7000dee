"""Builds the screens after a call screen: replies, the card for an emergency department."""

from collections.abc import Iterable, Iterator, Mapping

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.core.concern_values import Concern
from bot.core.protocol import Tier
from bot.core.safety_follow_up import CONFIRMS
from bot.core.screen import Button, Screen, Style, Text
from bot.dialog.call_screens import alert_tap
from bot.dialog.widgets import (
    button,
    copy_button,
    copy_emergency_button,
    date_text,
    numbers,
    period_texts,
    rows,
    sign_screens,
    signs_text,
    symptom_text,
)


def reply_screen(alert: AlertRow, clinic: Clinic, word: str) -> Screen:
    """Return the screen that follows a button of the call screen; each has the number to call."""
    # In an emergency, both "called" and "reached" mean that help is on its way.
    reply = "called" if word == "reached" and alert.call_tier is Tier.EMERGENCY else word
    key = f"call.reply.{reply}.{alert.call_tier.name.lower()}" if reply in _REPLIES_BY_TIER else f"call.reply.{reply}"
    made = _to_copy(clinic, alert.call_tier)
    if word not in {"called", *CONFIRMS}:
        made += [
            button("button.spoke", alert_tap(alert, "reached"), style=Style.SUCCESS),
            button("button.card", alert_tap(alert, "card")),
        ]
    return Screen(name=f"call.reply.{word}", lines=(Text(key=key, values=numbers(clinic)),), rows=rows(made))


def rest_screen(alert: AlertRow, clinic: Clinic, left: Iterable[Concern]) -> Screen:
    """Return the screen after a "yes" that counts for less than the alert names: what is still open, and the number."""
    named = [concern for concern in left if concern.retracted_at is None]
    tier = max((concern.tier for concern in named), default=alert.call_tier)
    items = (Text(key="done.open.item", values={"what": symptom_text(clinic, c.symptom)}) for c in named)
    call = Text(key=f"call.reply.not_yet.{tier.name.lower()}", values=numbers(clinic))
    made = (*_to_copy(clinic, tier), button("button.card", alert_tap(alert, "card")))
    return Screen(name="call.reply.rest", lines=(Text(key="call.reply.rest"), *items, call), rows=rows(made))


def _to_copy(clinic: Clinic, tier: Tier) -> list[Button]:
    """Return the buttons that copy whom to call: in an emergency the emergency number, then the team's."""
    team = copy_button(clinic)
    return [copy_emergency_button(clinic), team] if tier is Tier.EMERGENCY else [team]


_REPLIES_BY_TIER = {"not_yet", "cannot_reach", "called"}


def card_screen(patient: Patient, clinic: Clinic) -> Screen:
    """Return the card for an emergency department: treatment periods, team number; no name, no answers.

    It is in the clinic's first language, followed by the patient's if that is another one.
    """
    languages = dict.fromkeys((clinic.languages[0], patient.language))
    regimen = Text(key=f"card.regimen.{patient.regimen}")
    drugs = ", ".join(dict.fromkeys(period.drug for period in patient.treatment.periods if period.drug))
    values = {
        **numbers(clinic),
        "start": date_text(patient.treatment.first_start),
        "regimen": drugs or regimen,
    }
    lines: list[Text] = []
    for language in languages:
        lines += _card_lines(clinic, patient, values, language)
    return Screen(name="card", lines=tuple(lines))


def _card_lines(
    clinic: Clinic, patient: Patient, values: Mapping[str, str | int | Text], language: str
) -> Iterator[Text]:
    yield Text(key="card.title", language=language)
    yield Text(key="card.body", values=values, language=language)
    for text in period_texts(patient):
        yield text.model_copy(update={"language": language})
    yield Text(key="card.doctor", language=language)
    for question in sign_screens(clinic, Tier.EMERGENCY):
        yield signs_text("card.signs", question).model_copy(update={"language": language, "fold": None})
