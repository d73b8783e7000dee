"""Replays assessments: stored answers and the protocol of that time must give the stored result. Changes nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from bot.app.patients.lookup import by_code
from bot.app.records.checkins import AnswerRow, AssessmentRow, Basis
from bot.app.work import Stores
from bot.core.frozen import Frozen
from bot.core.protocol import Answers, Protocol
from bot.core.triage import Assessment, History, assess

FindProtocol = Callable[[Stores, str], Protocol | None]
"""Return the protocol with a content hash; None if it is not stored or this version can't read it."""


class Replayed(Frozen):
    """The replay of one assessment. `missing`: answers of its basis that are not among the stored answers."""

    assessment: int
    checkin: int
    at: datetime
    result: Literal["same", "differs", "no_basis", "no_protocol"]
    stored_tier: str
    derived_tier: str | None = None
    stored_rules: tuple[str, ...] = ()
    derived_rules: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def replay(stores: Stores, code: str, find: FindProtocol) -> list[Replayed]:
    """Replay a patient's assessments; return the results, oldest first. Raise RefusedError for an unknown code."""
    patient = by_code(stores.patients, code)
    rows = stores.assessments.of_patient(patient.id)
    given: dict[int, list[AnswerRow]] = {}
    for row in rows:
        if row.checkin_id not in given:
            given[row.checkin_id] = list(stores.answers.of_checkin(row.checkin_id))
    protocols: dict[str, Protocol | None] = {}
    for row in rows:
        if row.protocol_hash not in protocols:
            protocols[row.protocol_hash] = find(stores, row.protocol_hash)
    return [_replay_one(row, given[row.checkin_id], protocols[row.protocol_hash]) for row in reversed(rows)]


def _replay_one(row: AssessmentRow, given: list[AnswerRow], protocol: Protocol | None) -> Replayed:
    stored = Replayed(
        assessment=row.id,
        checkin=row.checkin_id,
        at=row.at,
        result="same",
        stored_tier=row.tier.name,
        stored_rules=row.rules,
    )
    if row.basis is None:
        return stored.model_copy(update={"result": "no_basis"})
    missing = tuple(_missing(row.basis.answers, given))
    if protocol is None:
        return stored.model_copy(update={"result": "no_protocol", "missing": missing})
    found = _derived(row.basis, protocol)
    same = (found.tier, found.rules, found.complete) == (row.tier, row.rules, row.complete) and not missing
    derived = {"derived_tier": found.tier.name, "derived_rules": found.rules, "missing": missing}
    return stored.model_copy(update={**derived, "result": "same" if same else "differs"})


def _derived(basis: Basis, protocol: Protocol) -> Assessment:
    found = assess(
        basis.answers,
        History(previous=basis.previous, baseline=basis.baseline),
        protocol,
        form=basis.form,
        finished=basis.finished,
        about=basis.about,
        quiet=basis.quiet,
    )
    return found.model_copy(update={"tier": max(found.tier, basis.open)})


def _missing(answers: Answers, given: list[AnswerRow]) -> Iterator[str]:
    stored = {(row.question, row.choices) for row in given}
    return (question for question, choices in answers.items() if (question, choices) not in stored)
