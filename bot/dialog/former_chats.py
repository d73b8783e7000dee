"""Answers chats that belong to nobody: strangers, and red buttons of before: an old phone's, a former helper's.

Raises nothing.

A button's signature says that it was sent to this chat, so that somebody was asked here before.
"""

from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.findings import STILL_THERE, still
from bot.core.protocol import Protocol, Tier
from bot.core.screen import Action, Screen, Text
from bot.dialog import checkins
from bot.dialog.post import STRANGERS, enqueue, post_stranger
from bot.dialog.replies import TapResult
from bot.dialog.two_patients import patient_of
from bot.dialog.widgets import hinted_language, numbers


def is_red(work: Work, action: Action) -> bool:
    """Return whether a button calls for help, or an answer would: there is nobody any more who asks what it means."""
    is_worse = (action.kind, action.choice) == ("menu", "worse")
    if is_worse or action.kind in {"alert", "help_now"} or checkins.says_yes(work, action) is not None:
        return True
    return action.kind in {"choose", "same", "toggle", "change"} and _reports_something(work.clinic.protocol, action)


def is_anothers(work: Work, patient: Patient, action: Action) -> bool:
    """Return whether a button is about another patient, whose chat this was, or about an alert that was deleted.

    It must not act for who is in the chat now: the sign is not theirs.
    """
    if action.kind == "alert" and work.alerts.get(action.subject) is None:
        return True
    named = patient_of(work, action) if action.kind == "care" or is_red(work, action) else 0
    return named not in {0, patient.id}


def _reports_something(protocol: Protocol, action: Action) -> bool:
    """Return whether an answer needs a human at once: a sign by its name, or so much of something."""
    choice = action.choice.removeprefix("+").partition("+")[0]
    for symptom in protocol.symptoms.values():
        is_asked_by_name = action.question == still(symptom.id) and choice in STILL_THERE
        own = symptom.levels.get(choice, Tier.ROUTINE) if symptom.question == action.question else Tier.ROUTINE
        by_name = symptom.levels.values() if is_asked_by_name else ()
        if max((own, *by_name)) >= Tier.URGENT:
            return True
    return False


def tapped(work: Work, chat_id: int, action: Action, language_hint: str | None) -> TapResult | None:
    """Show both numbers; None if the button isn't red.

    They are in each language of the clinic, for this chat's is not known; that of the phone comes first.
    """
    if not is_red(work, action):
        return None
    language = hinted_language(work.clinic, language_hint)
    ordered = (language, *(one for one in work.clinic.languages if one != language))
    said = (Text(key="stranger.numbers", values=numbers(work.clinic), language=one) for one in ordered)
    screen = Screen(name="stranger.numbers", lines=tuple(said))
    enqueue(work, chat_id, language, screen, slot=STRANGERS, lane=Lane.RED_FLAG)
    return TapResult(toast=Text(key="toast.call_now"), language=language)


def answer_stranger(work: Work, chat_id: int, key: str, language_hint: str | None) -> TapResult:
    """Answer a chat that belongs to nobody, in the language of the phone if the clinic has it."""
    language = hinted_language(work.clinic, language_hint)
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(work.clinic)),))
    post_stranger(work, chat_id, language, screen)
    return TapResult(language=language)
