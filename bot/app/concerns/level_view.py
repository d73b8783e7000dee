"""A patient's concerns and levels as staff read them, with what waits for a decision. Changes nothing."""

from collections.abc import Iterator
from datetime import datetime

from bot.app.concerns import follow_up, symptom_levels, usual_signs
from bot.app.concerns.memory import rules_of
from bot.app.concerns.references import waiting_level
from bot.app.patients.lookup import by_code
from bot.app.records.levels import LevelDecision
from bot.app.work import Work
from bot.core.accepted import Accepted
from bot.core.concern_values import NONE, Concern, ConcernState
from bot.core.frozen import Frozen
from bot.core.memory import Memory, apply

_ORDER = {ConcernState.OPEN: 0, ConcernState.REACHED: 1, ConcernState.SETTLED: 2, ConcernState.NONE: 3}


class LevelLine(Frozen):
    """One symptom: its concern, its levels, and who decided last. Levels are ids: a choice, `there` or `worse`."""

    symptom: str
    state: str
    """"none" if it never was a concern."""
    tier: str
    since: datetime | None
    level: str | None
    """The last answer; None: not there, or never asked."""
    reference: str | None
    confirm_until: datetime | None
    """The patient named the reference level: staff confirm or reject it until then."""
    agreed: str | None
    agreed_until: datetime | None
    is_ended: bool
    """The agreement has ended, and staff have not decided yet."""
    is_for_decision: bool
    proposed: str | None
    """A usual EMERGENCY sign that waits for a second person, ..."""
    proposed_by: str | None
    proposed_days: int | None
    watched_until: datetime | None
    reason: str
    """Of the last decision, or of the proposal."""
    decided_by: str | None
    made_by: str | None
    made_at: datetime | None

    @property
    def needs_staff(self) -> bool:
        """Return whether it waits for a decision of the team."""
        return self.is_for_decision or self.proposed is not None


def level_lines(work: Work, code: str) -> list[LevelLine]:
    """Return the patient's concerns and levels: what waits for staff first. Raise RefusedError for an unknown code."""
    patient = by_code(work.patients, code)
    row = work.concerns.of_patient(patient.id)
    # An agreement may have ended since it was last looked at.
    memory = apply(row.value, (), rules_of(work.clinic), work.at).memory if row is not None else Memory()
    decisions = {each.symptom: each for each in work.levels.of_patient(patient.id)}
    proposed = {each.symptom: each for each in usual_signs.proposals(work, patient)}
    watched = {each.symptom: each.until for each in follow_up.watches(work, patient.id)}
    lines = [
        _line(work, memory, symptom, decisions.get(symptom), proposed.get(symptom), watched.get(symptom))
        for symptom in _symptoms(memory, follow_up.close_watch_of(work, patient) | set(proposed))
    ]
    return sorted(lines, key=lambda line: (not line.needs_staff, *_order(memory, line)))


def _symptoms(memory: Memory, more: frozenset[str]) -> Iterator[str]:
    nothing = Accepted()
    accepted = {
        symptom
        for symptom, each in memory.accepted.items()
        if each.model_copy(update={"last": None, "lower": None}) != nothing
    }
    yield from sorted(set(memory.concerns) | accepted | more)


def _order(memory: Memory, line: LevelLine) -> tuple[int, int, str]:
    concern = memory.concern(line.symptom)
    return _ORDER[concern.state], -concern.tier, line.symptom


def _line(
    work: Work,
    memory: Memory,
    symptom: str,
    decision: LevelDecision | None,
    proposal: LevelDecision | None,
    watched_until: datetime | None,
) -> LevelLine:
    concern, accepted = memory.concern(symptom), memory.usual(symptom)
    shown = proposal or decision
    return LevelLine(
        symptom=symptom,
        state=concern.state,
        tier=concern.tier.name,
        since=concern.first_found_at,
        level=_word(work, concern, accepted),
        reference=symptom_levels.word_of(work.clinic, symptom, accepted.reference),
        confirm_until=accepted.confirm_until,
        agreed=symptom_levels.word_of(work.clinic, symptom, accepted.agreed or NONE),
        agreed_until=accepted.agreed_until,
        is_ended=accepted.has_lapsed,
        is_for_decision=waiting_level(accepted) is not None,
        proposed=proposal.level if proposal is not None else None,
        proposed_by=proposal.made_by if proposal is not None else None,
        proposed_days=proposal.days if proposal is not None else None,
        watched_until=watched_until,
        reason=shown.reason if shown is not None else "",
        decided_by=shown.decided_by if shown is not None else None,
        made_by=shown.made_by if shown is not None else None,
        made_at=shown.made_at if shown is not None else None,
    )


def _word(work: Work, concern: Concern, accepted: Accepted) -> str | None:
    last = accepted.last if accepted.last is not None else concern.level
    return symptom_levels.word_of(work.clinic, concern.symptom, last)
