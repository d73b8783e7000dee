"""The stores of check-ins, answers, assessments, in SQL. They decide nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from bot.app.records.checkins import AnswerRow, AssessmentRow, Basis, CheckInRow, StoredProtocol, TipShown
from bot.app.records.messages import Lane
from bot.app.records.operations import BEGINNING, EVERY_ROW, Place
from bot.core.checkin import CheckIn
from bot.core.protocol import Answers
from bot.db import tables as t
from bot.db.rows import (
    STRINGS,
    Row,
    Section,
    Shape,
    due_page,
    insert_or_skip,
    sealed_record,
)

_O = t.outbox.c

CHECKIN = Shape(t.checkin, CheckInRow, elsewhere=("value",))
VALUE = Shape(t.checkin, CheckIn, sealed={"about": STRINGS, "usual": STRINGS}, elsewhere=("answers",))
ANSWER = Shape(t.answer, AnswerRow, sealed={"choices": STRINGS})
ASSESSMENT = Shape(t.assessment, AssessmentRow, sealed={"rules": STRINGS, "basis": sealed_record(Basis)})
PROTOCOL_FILE = Shape(t.protocol_file, StoredProtocol)

_ADD = insert_or_skip(t.checkin, "patient_id", "due_at", returning="id")
_BY_ID = select(t.checkin).where(t.checkin.c.id == bindparam("of_checkin"))
_OF_PATIENT = select(t.checkin).where(t.checkin.c.patient_id == bindparam("of_patient")).order_by(t.checkin.c.id.desc())
_OPEN = _OF_PATIENT.where(t.IS_OPEN).limit(1)
_OF_FORM = _OF_PATIENT.where(t.checkin.c.form == bindparam("of_form"))
_NEWEST = _OF_PATIENT.limit(bindparam("top"))
_DUE = due_page(select(t.checkin).where(t.IS_OPEN), t.checkin.c.next_action_at)
# The check-in is locked with its patient, so that a sweep doesn't act on an older snapshot of a check-in that another
# sweep has just changed. SQLite has one writer and no locks.
DUE = {
    "sqlite": _DUE,
    "postgresql": _DUE.join(t.patient, t.patient.c.id == t.checkin.c.patient_id).with_for_update(
        of=(t.patient, t.checkin), skip_locked=True, key_share=True
    ),
}

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
    .values(superseded_at=bindparam("timestamp"))
)
_NEWEST_ASSESSMENTS = (
    select(t.assessment)
    .where(t.assessment.c.patient_id == bindparam("of_patient"))
    .order_by(t.assessment.c.id.desc())
    .limit(bindparam("top"))
)


def _finished(which: ColumnElement[bool]) -> Select[Any]:
    """Return the statement for the id of the patient's newest finished check-in that matches."""
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
_PROTOCOLS = select(t.protocol_file).order_by(t.protocol_file.c.first_used_at, t.protocol_file.c.content_hash)
_KEPT_PROTOCOL = select(t.protocol_file).where(t.protocol_file.c.content_hash == bindparam("of_hash"))
_FINISHED_BASELINE = _finished(t.checkin.c.form == literal_column("'baseline'"))
TIP_SHOWN = Shape(t.tip_shown, TipShown)

_TIPS_OF = t.tip_shown.c.patient_id == bindparam("of_patient")
_TIPS = select(t.tip_shown).where(_TIPS_OF).order_by(t.tip_shown.c.id.desc()).limit(bindparam("top"))
_RATE_TIP = (
    update(t.tip_shown)
    .where(
        t.tip_shown.c.id
        == select(func.max(t.tip_shown.c.id))
        .where(_TIPS_OF, t.tip_shown.c.tip == bindparam("of_tip"))
        .scalar_subquery()
    )
    .values(rating=bindparam("given"))
)
_OVERDUE = (
    select(t.patient.c.code)
    .join(t.outbox, _O.patient_id == t.patient.c.id)
    .where(t.is_waiting(t.outbox), _O.lane == Lane.CHECKIN.value, _O.created_at < bindparam("before"))
    .distinct()
    .order_by(t.patient.c.code)
    .limit(bindparam("top"))
)


class _WithCurrentAnswers(Section):
    def _current_answers(self, checkin_ids: Sequence[int]) -> Mapping[int, Answers]:
        if not checkin_ids:
            return {}
        given: defaultdict[int, dict[str, tuple[str, ...]]] = defaultdict(dict)
        for answer in self._records(ANSWER, _CURRENT_OF, of_checkins=checkin_ids):
            given[answer.checkin_id][answer.question] = answer.choices
        return given


class SqlCheckIns(_WithCurrentAnswers):
    """See `bot.app.ports.checkins.CheckInStore`."""

    def add(self, row: CheckInRow) -> CheckInRow | None:
        added = self._first(_ADD[self._dialect], **self._checkin_values(row))
        return row.model_copy(update={"id": added["id"]}) if added is not None else None

    def save(self, row: CheckInRow) -> CheckInRow:
        return self._save(CHECKIN, row, **VALUE.values(row.value, self._keyring))

    def _checkin_values(self, row: CheckInRow) -> dict[str, Any]:
        return CHECKIN.values(row, self._keyring) | VALUE.values(row.value, self._keyring)

    def get(self, checkin_id: int) -> CheckInRow | None:
        return self._one(self._all(_BY_ID, of_checkin=checkin_id))

    def open_of(self, patient_id: int) -> CheckInRow | None:
        return self._one(self._all(_OPEN, of_patient=patient_id))

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[CheckInRow]:
        return self._with_answers(self._all(_NEWEST, of_patient=patient_id, top=limit))

    def of_form(self, patient_id: int, form: str) -> Sequence[CheckInRow]:
        return self._with_answers(self._all(_OF_FORM, of_patient=patient_id, of_form=form))

    def due(self, at: datetime, limit: int, after: Place = BEGINNING) -> Sequence[CheckInRow]:
        return self._next(DUE[self._dialect], self._with_answers, "next_action_at", after, at=at, top=limit)

    def _one(self, rows: Sequence[Row]) -> CheckInRow | None:
        return next(iter(self._with_answers(rows)), None)

    def _with_answers(self, rows: Sequence[Row]) -> list[CheckInRow]:
        given = self._current_answers([row["id"] for row in rows])
        return [self._checkin_of(row, given.get(row["id"], {})) for row in rows]

    def _checkin_of(self, row: Row, answers: Answers) -> CheckInRow:
        value = CheckIn(**VALUE.fields(row, self._keyring), answers=answers)
        return CheckInRow(**CHECKIN.fields(row, self._keyring), value=value)

    def overdue(self, before: datetime, limit: int) -> Sequence[str]:
        return [row["code"] for row in self._all(_OVERDUE, before=before, top=limit)]


class SqlAnswers(_WithCurrentAnswers):
    """See `bot.app.ports.checkins.AnswerStore`."""

    def record(self, row: AnswerRow) -> AnswerRow:
        self.supersede(row.checkin_id, row.question, row.given_at)
        return self._add(ANSWER, row)

    def supersede(self, checkin_id: int, question: str, at: datetime) -> None:
        self._run(_SUPERSEDE, of_checkin=checkin_id, of_question=question, timestamp=at)

    def of_checkin(self, checkin_id: int) -> Sequence[AnswerRow]:
        return self._records(ANSWER, _ANSWERS, of_checkin=checkin_id)

    def last_finished(self, patient_id: int, before_checkin: int) -> Sequence[tuple[str, Answers]]:
        rows = self._all(_FINISHED_BEFORE, of_patient=patient_id, before=before_checkin)
        newest_first = sorted(rows, key=lambda row: -row["id"])
        given = self._current_answers([row["id"] for row in newest_first])
        return [(row["form"], given.get(row["id"], {})) for row in newest_first]

    def baseline(self, patient_id: int) -> Answers | None:
        return self._answers_of(self._first(_FINISHED_BASELINE, of_patient=patient_id))

    def _answers_of(self, finished: Row | None) -> Answers | None:
        if finished is None:
            return None
        return self._current_answers([finished["id"]]).get(finished["id"], {})


class SqlAssessments(Section):
    """See `bot.app.ports.checkins.AssessmentStore`."""

    def add(self, row: AssessmentRow) -> AssessmentRow:
        return self._add(ASSESSMENT, row)

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[AssessmentRow]:
        return self._records(ASSESSMENT, _NEWEST_ASSESSMENTS, of_patient=patient_id, top=limit)


class SqlProtocols(Section):
    """See `bot.app.ports.checkins.ProtocolStore`."""

    def keep(self, row: StoredProtocol) -> None:
        self._run(_KEEP_PROTOCOL[self._dialect], **PROTOCOL_FILE.values(row, self._keyring))

    def get(self, content_hash: str) -> StoredProtocol | None:
        return self._record(PROTOCOL_FILE, _KEPT_PROTOCOL, of_hash=content_hash)

    def all(self) -> Sequence[StoredProtocol]:
        return self._records(PROTOCOL_FILE, _PROTOCOLS)


class SqlTips(Section):
    """See `bot.app.ports.checkins.TipStore`."""

    def add(self, row: TipShown) -> TipShown:
        return self._add(TIP_SHOWN, row)

    def rate(self, patient_id: int, tip: str, rating: Literal["helpful", "not_for_me"]) -> None:
        self._run(_RATE_TIP, of_patient=patient_id, of_tip=tip, given=rating)

    def of_patient(self, patient_id: int, limit: int = EVERY_ROW) -> Sequence[TipShown]:
        return self._records(TIP_SHOWN, _TIPS, of_patient=patient_id, top=limit)
