"""The use cases of a patient who stops, and of a pause while a call is not confirmed."""

from collections.abc import Callable
from typing import Any

from bot.app.alerts.writer import update_patient_side
from bot.app.patients import participation
from bot.app.records.alerts import AlertState
from bot.app.work import Work
from bot.core.screen import Action
from bot.dialog import conversation
from tests.contract.samples import consent
from tests.interleaving.scene import ANNA, Scene
from tests.interleaving.sides import Side

OLD_YES = Action(kind="choose", subject=1, question="safety_now", choice="yes")
"""On a check-in that isn't open."""


def stops_and_undoes(_scene: Scene, _side: Side, work: Work) -> None:
    for word in ("withdraw", "undo"):
        conversation.tap(work, ANNA, Action(kind="stop", choice=word))


def stops_and_can_not_undo(_scene: Scene, _side: Side, work: Work) -> None:
    """The text that was agreed to has changed since."""
    patient = work.patients.by_code("ANNA")
    assert patient is not None
    work.consents.add(consent(patient.id))
    for word in ("withdraw", "undo"):
        conversation.tap(work, ANNA, Action(kind="stop", choice=word))


def stops_and_says(name: Any) -> Callable[[Scene, Side, Work], None]:
    def act(_scene: Scene, _side: Side, work: Work) -> None:
        conversation.tap(work, ANNA, Action(kind="stop", choice="withdraw"))
        conversation.command(work, ANNA, name)

    return act


def stops_and_taps_yes(_scene: Scene, _side: Side, work: Work) -> None:
    conversation.tap(work, ANNA, Action(kind="stop", choice="withdraw"))
    conversation.tap(work, ANNA, OLD_YES)


def unheard_and_pauses(_scene: Scene, _side: Side, work: Work) -> None:
    """The safety follow-ups of an open alert ended without an answer; then check-ins are paused."""
    patient = work.patients.by_code("ANNA")
    assert patient is not None
    for alert in work.alerts.open_of(patient.id):
        update_patient_side(work.alerts, alert, state=AlertState.UNCONFIRMED, next_patient_prompt_at=None)
    participation.pause(work, "ANNA", None)
