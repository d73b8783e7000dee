"""Check-ins, answers and assessments in their tables. Decides nothing about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select, update

from bot.app.ops_store import BEGINNING, Place
from bot.app.store import AnswerRow, AssessmentRow, Basis, CheckInRow, ProtocolFile
from bot.core.checkin import CheckIn
from bot.core.protocol import Answers
from bot.db import tables as t
from bot.db.rows import WORDS, Row, Section, Shape, in_turn, insert_or_skip, sealed_record

CHECKIN = Shape(t.checkin, CheckInRow, elsewhere=("value",))
VALUE = Shape(t.checkin, CheckIn, elsewhere=("answers",))
ANSWER = Shape(t.answer, AnswerRow, sealed={"choices": WORDS})
ASSESSMENT = Shape(t.assessment, AssessmentRow, sealed={"rules": WORDS, "basis": sealed_record(Basis)})
PROTOCOL_FILE = Shape(t.protocol_file, ProtocolFile)

_ADD = insert_or_skip(t.checkin, "patient_id", "due_at", returning="id")
_BY_ID = select(t.checkin).where(t.checkin.c.id == bindparam("of_checkin"))
_OF_PATIENT = select(t.checkin).where(t.checkin.c.patient_id == bindparam("of_patient")).order_by(t.checkin.c.id.desc())
_OPEN = _OF_PATIENT.where(t.IS_OPEN).limit(1)
_NEWEST = _OF_PATIENT.limit(bindparam("top"))
_TO_STEP = in_turn(select(t.checkin).where(t.IS_OPEN), t.checkin.c.next_step_at)
# The check-in is locked with its patient: what another sweep has just moved on must not be stepped again from an
# older snapshot. SQLite has one writer and no locks.
TO_STEP = {
    "sqlite": _TO_STEP,
    "postgresql": _TO_STEP.join(t.patient, t.patient.c.id == t.checkin.c.patient_id).with_for_update(
        of=(t.patient, t.checkin), skip_locked=True, key_share=True
    ),
}

PLANNED = t.checkin.c.kind.in_([literal_column(f"'{kind}'") for kind in ("scheduled", "again", "extra")])
_COMPLETION = select(
    func.count().label("asked"),
    func.count().filter(t.checkin.c.state == literal_column("'done'")).label("done"),
).where(t.checkin.c.opened_at >= bindparam("since"), t.checkin.c.opened_at < bindparam("until"), PLANNED)

_CURRENT = t.answer.c.superseded_at.is_(None)
_ANSWERS = select(t.answer).where(t.answer.c.checkin_id == bindparam("of_checkin")).order_by(t.answer.c.id)
_CURRENT_OF = (
    select(t.answer)
    .where(t.answer.c.checkin_id.in_(bindparam("of_checkins", expanding=True)), _CURRENT)
    .order_by(t.answer.c.checkin_id, t.answer.c.id)
)
_SUPERSEDE = (
    update(t.answer)
    .where(t.answer.c.checkin_id == bindparam("of_checkin"), t.answer.c.question == bindparam("of_question"), _CURRENT)
    .values(superseded_at=bindparam("moment"))
)
_NEWEST_ASSESSMENTS = (
    select(t.assessment)
    .where(t.assessment.c.patient_id == bindparam("of_patient"))
    .order_by(t.assessment.c.id.desc())
    .limit(bindparam("top"))
)


def _finished(which: ColumnElement[bool]) -> Select[Any]:
    """The number of the patient's newest finished check-in of those."""
    return (
        select(t.checkin.c.id)
        .where(t.checkin.c.patient_id == bindparam("of_patient"), t.checkin.c.state == literal_column("'done'"), which)
        .order_by(t.checkin.c.id.desc())
        .limit(1)
    )


_FINISHED_BEFORE = (
    select(t.checkin.c.form, func.max(t.checkin.c.id).label("id"))
    .where(
        t.checkin.c.patient_id == bindparam("of_patient"),
        t.checkin.c.state == literal_column("'done'"),
        t.checkin.c.id < bindparam("before"),
    )
    .group_by(t.checkin.c.form)
)
_KEEP_PROTOCOL = insert_or_skip(t.protocol_file, "content_hash")
_KEPT_PROTOCOL = select(t.protocol_file).where(t.protocol_file.c.content_hash == bindparam("of_hash"))
_FINISHED_BASELINE = _finished(t.checkin.c.form == literal_column("'baseline'"))


class CheckIns(Section):
    """See `bot.app.store.Store`."""

    def add_checkin(self, row: CheckInRow) -> CheckInRow | None:
        added = self._first(_ADD[self._dialect], **self._checkin_values(row))
        return row.model_copy(update={"id": added["id"]}) if added is not None else None

    def save_checkin(self, row: CheckInRow) -> CheckInRow:
        return self._save(CHECKIN, row, **VALUE.values(row.value, self._keyring))

    def _checkin_values(self, row: CheckInRow) -> dict[str, Any]:
        return CHECKIN.values(row, self._keyring) | VALUE.values(row.value, self._keyring)

    def checkin(self, checkin_id: int) -> CheckInRow | None:
        return self._one(self._all(_BY_ID, of_checkin=checkin_id))

    def open_checkin(self, patient_id: int) -> CheckInRow | None:
        return self._one(self._all(_OPEN, of_patient=patient_id))

    def checkins(self, patient_id: int, limit: int = 50) -> Sequence[CheckInRow]:
        return self._with_answers(self._all(_NEWEST, of_patient=patient_id, top=limit))

    def checkins_to_step(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        return self._next(TO_STEP[self._dialect], self._with_answers, "next_step_at", after, at=at, top=limit)

    def _one(self, rows: Sequence[Row]) -> CheckInRow | None:
        return next(iter(self._with_answers(rows)), None)

    def _with_answers(self, rows: Sequence[Row]) -> list[CheckInRow]:
        given = self._current_answers([row["id"] for row in rows])
        return [self._checkin_of(row, given.get(row["id"], {})) for row in rows]

    def _checkin_of(self, row: Row, answers: Answers) -> CheckInRow:
        value = CheckIn(**VALUE.fields(row, self._keyring), answers=answers)
        return CheckInRow(**CHECKIN.fields(row, self._keyring), value=value)

    def _current_answers(self, checkin_ids: Sequence[int]) -> Mapping[int, Answers]:
        if not checkin_ids:
            return {}
        given: defaultdict[int, dict[str, tuple[str, ...]]] = defaultdict(dict)
        for answer in self._records(ANSWER, _CURRENT_OF, of_checkins=checkin_ids):
            given[answer.checkin_id][answer.question] = answer.choices
        return given

    def completion(self, since: datetime, until: datetime) -> tuple[int, int]:
        row = self._first(_COMPLETION, since=since, until=until)
        return (int(row["asked"]), int(row["done"])) if row is not None else (0, 0)

    def record_answer(self, row: AnswerRow) -> AnswerRow:
        self.forget_answer(row.checkin_id, row.question, row.given_at)
        return self._add(ANSWER, row)

    def forget_answer(self, checkin_id: int, question: str, at: datetime) -> None:
        self._run(_SUPERSEDE, of_checkin=checkin_id, of_question=question, moment=at)

    def answers(self, checkin_id: int) -> Sequence[AnswerRow]:
        return self._records(ANSWER, _ANSWERS, of_checkin=checkin_id)

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        rows = self._all(_FINISHED_BEFORE, of_patient=patient_id, before=before_checkin)
        newest_first = sorted(rows, key=lambda row: -row["id"])
        given = self._current_answers([row["id"] for row in newest_first])
        return [(row["form"], given.get(row["id"], {})) for row in newest_first]

    def baseline_answers(self, patient_id: int) -> Answers | None:
        return self._answers_of(self._first(_FINISHED_BASELINE, of_patient=patient_id))

    def _answers_of(self, finished: Row | None) -> Answers | None:
        if finished is None:
            return None
        return self._current_answers([finished["id"]]).get(finished["id"], {})

    def add_assessment(self, row: AssessmentRow) -> AssessmentRow:
        return self._add(ASSESSMENT, row)

    def assessments(self, patient_id: int, limit: int = 50) -> Sequence[AssessmentRow]:
        return self._records(ASSESSMENT, _NEWEST_ASSESSMENTS, of_patient=patient_id, top=limit)

    def keep_protocol(self, row: ProtocolFile) -> None:
        self._run(_KEEP_PROTOCOL[self._dialect], **PROTOCOL_FILE.values(row, self._keyring))

    def kept_protocol(self, content_hash: str) -> ProtocolFile | None:
        return self._record(PROTOCOL_FILE, _KEPT_PROTOCOL, of_hash=content_hash)
