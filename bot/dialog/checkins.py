"""Handles taps on a check-in, and shows its current screen. Decides nothing about answers."""

from bot.app.alerts import help_requests
from bot.app.checkins import answering
from bot.app.checkins.answering import current
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core
from bot.core.findings import ALARMING
from bot.core.protocol import Tier
from bot.core.screen import Action, Text
from bot.dialog.checkin_screens import checkin_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.same_again import with_last_time

KINDS = frozenset({"choose", "same", "toggle", "submit", "skip", "back", "go_on", "finish", "help_now"})
"""The kinds of action that `tapped` handles."""


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap on a check-in; return None, having changed nothing, if it is not the patient's open one."""
    if action.kind == "help_now":
        return _help_now(work, patient, action)
    result = answering.answer(work, patient, action.subject, _input(action))
    if isinstance(result, core.Ignored | None) and (red := red_tap(work, patient, action)) is not None:
        return red
    if result is None:
        return None
    if isinstance(result, core.Ignored):
        return _ignored(work, patient, action, result)
    help_requests.yes_again(work, patient, says_yes(work, action), result.value)
    return TapResult(language=patient.chat_language)


def red_tap(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Act on "yes" or "not sure" on a safety screen, and on "Need help now", however old; None for any other tap."""
    if action.kind == "help_now":
        return _help_now(work, patient, action)
    tier = says_yes(work, action)
    if tier is None:
        return None
    help_requests.yes_on_old_screen(work, patient, tier)
    return TapResult(toast=Text(key="toast.call_now"), language=patient.chat_language)


def says_yes(work: Work, action: Action) -> Tier | None:
    """Return the tier of the safety screen on which this tap says "yes" or "not sure"; None for any other tap."""
    question = work.clinic.protocol.questions.get(action.question)
    is_yes = action.kind in {"choose", "change"} and action.choice in ALARMING
    return question.signs.tier if is_yes and question is not None and question.signs is not None else None


def _help_now(work: Work, patient: Patient, action: Action) -> TapResult:
    row = current(work, patient)
    help_requests.need_help(work, patient, row.id if row is not None and row.id == action.subject else None)
    return TapResult(toast=Text(key="toast.call_now"), language=patient.chat_language)


def _input(action: Action) -> core.Input:
    revision, question, choice = action.revision, action.question, action.choice
    match action.kind:
        case "choose" | "same":
            first, _, then = choice.partition("+")
            return core.Choose(question=question, choice=first, revision=revision, then=then)
        case "toggle":
            return core.Toggle(question=question, choice=choice[1:], on=choice[:1] == "+", revision=revision)
        case "submit":
            return core.Submit(question=question, revision=revision)
        case "skip":
            return core.Skip(question=question, revision=revision)
        case "back":
            return core.Back(question=question, revision=revision)
        case "go_on":
            return core.Continue(revision=revision)
        case _:
            return core.Finish(revision=revision)


def _ignored(work: Work, patient: Patient, action: Action, ignored: core.Ignored) -> TapResult:
    """Tell the patient that a late, repeated or empty tap changed nothing, and show the current screen."""
    row = work.checkins.open_of(patient.id)
    if row is not None:
        # One or two screens old: a repeated tap on the current message. Older: a tap on an earlier message.
        is_repeated = row.value.revision - action.revision <= 2  # noqa: PLR2004
        show(work, patient, row, lane=Lane.REPLY, edit=is_repeated, everyone=False)
    key = f"toast.{ignored.reason}" if ignored.reason in {"nothing_chosen", "first_question"} else "toast.closed"
    return TapResult(toast=Text(key=key), language=patient.chat_language)


def show_again(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Queue the check-in's current screen as a new message for the acting chat only."""
    show(work, patient, row, lane=Lane.REPLY, edit=False, everyone=False)


def show(work: Work, patient: Patient, row: CheckInRow, *, lane: Lane, edit: bool, everyone: bool = True) -> None:
    """Queue the check-in's current screen for `everyone` who answers, or for the acting chat only."""
    shown = with_last_time(work, patient, row, checkin_screen(row, work.clinic))
    post(
        work,
        patient,
        shown.model_copy(update={"replaces": not edit}),
        slot=f"checkin:{row.id}",
        lane=lane,
        edit=edit,
        revision=row.value.revision,
        valid_for=work.clinic.protocol.clocks.cutoff if lane is Lane.CHECKIN else None,
        everyone=everyone,
    )
