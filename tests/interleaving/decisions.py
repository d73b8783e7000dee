"""What staff decide about levels, each a case of the catalog: its name, and what a team member does in a transaction."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from bot.app.concerns import agreeing, close_watch, level_tasks, new_baseline, references, usual_signs
from bot.app.concerns.memory import recall
from bot.app.patients.lookup import locked
from bot.app.ports.errors import RefusedError
from bot.app.team import members
from bot.app.work import Work
from bot.core.accepted import Accepted
from bot.core.concern_values import Level
from bot.core.protocol import Tier
from tests.interleaving.scene import NOW


def _usual(work: Work, code: str) -> object:
    why = {"reason": "old", "decided_by": "Dr. Weiss"}
    return usual_signs.agree_usual_sign(work, code, "bladder", "there", 91, **why)


def _by_second(work: Work, how: str) -> object:
    act = usual_signs.accept_usual_sign if how == "accept" else usual_signs.decline_usual_sign
    return act(work.acting("coord-1"), "BERTA", "bladder")


def _leave_alone(work: Work) -> None:
    for person in work.staff.all():
        if person.role in {"coordinator", "lead"} and person.name != work.actor and person.state != "gone":
            with suppress(RefusedError):  # another one removed them meanwhile
                members.mark_removed(work, person.name)


def _named_by(work: Work) -> None:
    """The level that Anna's helper named at her first baseline waits to be confirmed."""
    anna = locked(work.patients, "ANNA")
    row = recall(work, anna)
    usual = Accepted(reference=Level(Tier.SOON, 1), confirm_until=NOW + timedelta(days=7))
    work.concerns.save(row.model_copy(update={"value": row.value.model_copy(update={"accepted": {"stairs": usual}})}))


def _confirmed(work: Work) -> object:
    return references.confirm_reference(work, "ANNA", "stairs")


def _rejected(work: Work) -> object:
    return references.reject_reference(work, "ANNA", "stairs")


def _agreed_a_day(work: Work) -> object:
    return agreeing.agree_level(work, "ANNA", "stairs", "some", 1, reason="old")


def _days_later(work: Work, days: int) -> Work:
    return work.at_time(work.at + timedelta(days=days))


ALL: tuple[tuple[str, Callable[[Work], object]], ...] = (
    ("usual sign of BERTA proposed", lambda work: _usual(work, "BERTA")),
    ("usual sign of BERTA proposed again", lambda work: (_usual(work, "BERTA"), _usual(work, "BERTA"))),
    ("usual sign of BERTA agreed alone", lambda work: (_leave_alone(work), _usual(work, "BERTA"))),
    ("usual sign of BERTA accepted", lambda work: (_usual(work, "BERTA"), _by_second(work, "accept"))),
    ("usual sign of BERTA declined", lambda work: (_usual(work, "BERTA"), _by_second(work, "decline"))),
    (
        "reference level of BERTA set",
        lambda work: references.set_reference(work, "BERTA", "numbness", "strong", reason="old"),
    ),
    ("reference level of ANNA confirmed", lambda work: (_named_by(work), _confirmed(work))),
    ("reference level of ANNA rejected", lambda work: (_named_by(work), _rejected(work))),
    ("ended level of ANNA rejected", lambda work: (_agreed_a_day(work), _rejected(_days_later(work, 2)))),
    ("baseline of BERTA", lambda work: new_baseline.take_baseline(work, "BERTA")),
    ("close watch of BERTA", lambda work: close_watch.watch(work, "BERTA", ("eyes",), 7, reason="taper")),
    (
        "close watch of BERTA again",
        lambda work: [close_watch.watch(work, "BERTA", ("eyes",), days, reason="taper") for days in (7, 14)],
    ),
    (
        "close watch of BERTA ended",
        lambda work: (
            close_watch.watch(work, "BERTA", ("eyes",), 7, reason="taper"),
            close_watch.end_watch(work, "BERTA"),
        ),
    ),
    (
        "tasks about levels of ANNA",
        lambda work: (
            _agreed_a_day(work),
            level_tasks.open_level_tasks(work, locked(work.patients, "ANNA")),
            level_tasks.open_usual_signs_task(work, locked(work.patients, "ANNA")),
        ),
    ),
)
