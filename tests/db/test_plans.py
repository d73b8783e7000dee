"""A tick must cost a million patients what it costs a thousand: every look-up goes by an index, and stops early."""

from datetime import date

import pytest
from sqlalchemy import event

from bot.app.records.concern_events import ConcernEvent, WhatHappened
from bot.app.records.concerns import ConcernChange, MemoryRow
from bot.app.records.messages import Lane
from bot.app.records.operations import Audit
from bot.app.records.patients import Started, TreatmentVersion
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.db import tables as t
from bot.db import tables_concerns, tables_levels, tables_team, tables_treatment
from bot.db.opening import open_database
from bot.db.stores.alerts import AGREED_LEVEL, ALERT, TASK
from bot.db.stores.checkins import ANSWER, ASSESSMENT, CHECKIN, TIP_SHOWN, VALUE
from bot.db.stores.concerns import CHANGE, EVENT, MEMORY
from bot.db.stores.dead_letters import DEAD_UPDATE
from bot.db.stores.levels import DECISION, WATCH
from bot.db.stores.open import stores_on
from bot.db.stores.operations import AUDIT
from bot.db.stores.outbox_shown import OUTBOX
from bot.db.stores.patients import CAREGIVER, INVITE, PATIENT
from bot.db.stores.treatment import HISTORY, PERIOD, repeated
from tests.contract.samples import (
    AT,
    MINUTE,
    active,
    agreed_level,
    alert,
    answer,
    assessment,
    caregiver,
    checkin,
    close_watch,
    dead_update,
    invite,
    level_decision,
    message,
    period,
    protocol_file,
    task,
    tip_shown,
)
from tests.fakes.databases import KEYRING, sqlite_database

MANY = 4_000
DUE = 200
LIMIT = 30
SECOND = MINUTE / 60


def _later(n):
    """One in twenty is due; the rest falls due later."""
    return AT + (n - DUE) * MINUTE


def _checkin(n):
    row = checkin(n, state=State.DONE if n % 4 else State.ASKING, next_action_at=_later(n))
    return CHECKIN.values(row, KEYRING) | VALUE.values(row.value, KEYRING)


def _message(n):
    """A morning when many check-ins wait; chats are in flight, paced or free by turns; most of the outbox was sent."""
    lane = Lane.DIGEST if n % 40 == 0 else Lane.CHECKIN
    row = message(n, "menu", patient_id=n, lane=lane, not_before=AT - n * SECOND, not_after=AT + n * MINUTE)
    in_flight = {"owner": "x", "leased_until": AT + MINUTE} if n % 24 == 0 else {"owner": None, "leased_until": None}
    state = "sent" if n % 4 else "waiting"
    return OUTBOX.values(row, KEYRING) | {"chat_hash": _hash(n), "state": state, "attempt": 0} | in_flight


def _hash(n):
    return KEYRING.lookup("chat", n)


def _values(shape, record, **more):
    return shape.values(record, KEYRING) | more


def _patient(n):
    record = active(f"P{n:05}", _later(n), chat_id=n)
    return _values(PATIENT, record, chat_hash=_hash(n), **repeated(record))


def _period_version(n):
    return TreatmentVersion(period_id=n, **period(AT.date(), patient_id=n).model_dump())


def _concern_change(n):
    return ConcernChange(
        patient_id=n, checkin_id=n, symptom="eyes", what="opened", state="open", tier=Tier.URGENT, at=AT, actor="x"
    )


def _event(n):
    what = WhatHappened(happenings=(("TimePassed", "{}"),))
    return ConcernEvent(patient_id=n, checkin_id=n, what=what, last_jump=0, protocol_hash="a" * 64, at=AT)


FILL = {
    t.patient: _patient,
    tables_treatment.treatment_period: lambda n: _values(PERIOD, period(AT.date(), patient_id=n)),
    tables_treatment.treatment_period_history: lambda n: _values(HISTORY, _period_version(n)),
    tables_concerns.memory: lambda n: _values(MEMORY, MemoryRow(patient_id=n)),
    t.checkin: _checkin,
    tables_concerns.concern_change: lambda n: _values(CHANGE, _concern_change(n)),
    tables_concerns.concern_event: lambda n: _values(EVENT, _event(n)),
    t.answer: lambda n: _values(ANSWER, answer(n, n, "change", "no")),
    t.assessment: lambda n: _values(ASSESSMENT, assessment(n, n)),
    t.alert: lambda n: _values(
        ALERT,
        alert(n, n, next_patient_prompt_at=_later(n), next_escalation_at=_later(n), closed_at=AT if n > 20 else None),
    ),
    t.outbox: _message,
    t.chat_rate_limit: lambda n: {"chat_hash": _hash(n), "free_at": AT + (n % 3 - 1) * MINUTE},
    t.slot_message: lambda n: {"chat_hash": _hash(n), "slot": "menu", "message_id": n, "patient_id": n},
    t.seen_update: lambda n: {"update_id": n, "at": AT + n * MINUTE},
    t.task: lambda n: _values(TASK, task(n, f"P{n}", closed_at=AT if n > 20 else None)),
    t.invite: lambda n: _values(INVITE, invite(n, f"h{n}")),
    t.caregiver: lambda n: _values(CAREGIVER, caregiver(n, f"c{n}", chat_id=MANY + n), chat_hash=_hash(MANY + n)),
    tables_team.agreed_level: lambda n: _values(AGREED_LEVEL, agreed_level(n)),
    tables_levels.level_decision: lambda n: _values(DECISION, level_decision(n)),
    tables_levels.close_watch: lambda n: _values(WATCH, close_watch(n)),
    t.dead_update: lambda n: _values(DEAD_UPDATE, dead_update(n, at=AT + n * MINUTE), chat_hash=_hash(n)),
    t.protocol_file: lambda n: {
        "content_hash": f"h{n}",
        "name": "ici",
        "version": "1.0",
        "content": b"x",
        "first_used_at": AT,
    },
    t.tip_shown: lambda n: _values(TIP_SHOWN, tip_shown(n)),
    t.audit: lambda n: _values(AUDIT, Audit(at=AT, actor="a", action="b", subject=f"P{n}")),
}

SWEEPS = {
    "due_patients": lambda s: s.patients.due(AT, LIMIT),
    "checkins_to_step": lambda s: s.checkins.due(AT, LIMIT),
    "alerts_to_step": lambda s: s.alerts.prompts_due(AT, LIMIT),
    "claim_outbox": lambda s: s.outbox.claim(
        AT, lanes=[Lane.CHECKIN], limit=LIMIT, owner="me", lease_until=AT + MINUTE
    ),
}
LOOK_UPS = SWEEPS | {
    "expire_outbox": lambda s: [s.outbox.expire(AT)],
    "enqueue": lambda s: [s.outbox.enqueue(message(4, "menu"))],
    "drop_unsent": lambda s: [s.outbox.drop_unsent(4, "menu")],
    "mark_sent": lambda s: [s.outbox.mark_sent(4, owner="me", message_id=1, at=AT)],
    "mark_retry": lambda s: [s.outbox.mark_retry(24, owner="x", not_before=AT, error="x")],
    "keep_leases": lambda s: [s.outbox.renew([24], owner="x", until=AT)],
    "tried_since": lambda s: [s.outbox.retrying_since(Lane.RED_FLAG)],
    "undelivered": lambda s: [s.dead_letters.undelivered(LIMIT)],
    "chat_free_at": lambda s: s.limits.chats_free_at(list(range(1, 30))),
    "next_event_at": lambda s: [s.clock.next_event_at()],
    "patient_by_chat": lambda s: [s.patients.by_chat(5, lock=True).id],
    "patient_by_code": lambda s: [s.patients.by_code("P00077", lock=True).id],
    "patients": lambda s: s.patients.page(after_code="P00500", limit=LIMIT),
    "open_checkin": lambda s: [s.checkins.open_of(1012).id],
    "checkins": lambda s: s.checkins.of_patient(11, 5),
    "last_finished": lambda s: s.answers.last_finished(11, 99_999),
    "alerts": lambda s: s.alerts.of_patient(11, 5),
    "alerts_in_queue": lambda s: s.alerts.in_queue(LIMIT),
    "alerts_to_escalate": lambda s: s.alerts.escalations_due(AT, LIMIT),
    "patients_by_ids": lambda s: s.patients.by_ids([5, 6]),
    "patients_like": lambda s: s.patients.with_prefix("P005", LIMIT),
    "patients_started": lambda s: s.patients.started_between(
        date(2026, 1, 1), date(2026, 3, 1), Started(date(2026, 2, 1), 99), LIMIT
    ),
    "newest_alerts": lambda s: s.alerts.not_closed_of([5, 6]),
    "queue_state": lambda s: [s.alerts.queue_state()],
    "answer_minutes": lambda s: [s.reports.answer_minutes(AT - 2 * MINUTE, AT)],
    "alert_times": lambda s: [s.reports.alert_times(AT - 2 * MINUTE, AT)],
    "agreed_levels": lambda s: s.agreed_levels.of_patient(11),
    "level_decisions": lambda s: s.levels.of_patient(11),
    "close_watches": lambda s: s.close_watches.of_patient(11),
    "drop_waiting_of": lambda s: [s.outbox.drop_waiting_of(11)],
    "drop_waiting_in_a_chat": lambda s: [s.outbox.drop_waiting_of(11, MANY + 5)],
    "task_was_raised": lambda s: [s.tasks.was_raised(11, "unreachable", AT)],
    "completion": lambda s: [s.reports.completion(AT - 2 * MINUTE, AT)],
    "tasks": lambda s: s.tasks.open(),
    "close_work_items": lambda s: [s.tasks.close_of_patient(11, ("unreachable",), AT)],
    "treatment_periods": lambda s: s.treatments.of_patient(11),
    "treatment_history": lambda s: s.treatments.history(11),
    "invite_by_hash": lambda s: [s.invites.by_hash("h5").id],
    "caregiver_by_hash": lambda s: [s.caregivers.by_hash("c5").id],
    "caregiver_by_chat": lambda s: [s.caregivers.by_chat(MANY + 5).id],
    "caregivers": lambda s: s.caregivers.of_patient(11),
    "kept_protocol": lambda s: [s.protocols.get("h5").name],
    "keep_protocol": lambda s: [s.protocols.keep(protocol_file("h5"))],
    "rate_tip": lambda s: [s.tips.rate(11, "t", "helpful")],
    "audit_lines": lambda s: s.audit.lines("P5", 5),
    "first_time": lambda s: [s.updates.mark_processed(5, AT)],
    "forget_updates": lambda s: [s.updates.purge(AT + 9 * MINUTE)],
    "forget_dead_updates": lambda s: [s.dead_letters.purge_updates(AT + 9 * MINUTE)],
    "erase_patient_data": lambda s: [s.patients.erase_data(3_999)],
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(request, tmp_path_factory):
    if request.param == "sqlite":
        database = sqlite_database(tmp_path_factory.mktemp("plans") / "plans.db")
    else:
        database = open_database(request.getfixturevalue("postgres").migrated(), KEYRING)
    with database.engine.begin() as connection:
        for table, row in FILL.items():
            connection.execute(table.insert(), [row(n) for n in range(1, MANY)])
        if request.param == "postgres":
            connection.exec_driver_sql("ANALYZE")  # as autovacuum does; nothing does it on SQLite
    yield database
    database.shut()


def _plan(database, look_up):
    """Do it, ask how each of its statements is carried out, and undo it. Return the lines of the plans."""
    statements, lines = [], []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection, connection.begin() as transaction:
        event.listen(connection, "before_cursor_execute", note)
        found = look_up(stores_on(connection, KEYRING))
        event.remove(connection, "before_cursor_execute", note)
        for statement, parameters in statements:
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
                rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                lines += [str(row[-1]) for row in rows]
        transaction.rollback()
    assert found
    assert lines or database.engine.dialect.name == "sqlite"  # which has no plan for a plain INSERT
    return lines


SMALL = (
    "task USING INDEX ix_work_item_open",
    "alert USING INDEX ix_alert_queue",
    "(subquery",
    "anon_1",
    "CONSTANT ROW",
    "Seq Scan on staff ",
)
"""What may be read whole: the open tasks, the alerts in the queue, the few minima of the next event, and the team."""


def _read_whole(lines):
    """The lines that read a table or an index from end to end."""
    whole = [line for line in lines if line.lstrip(" ->").startswith(("SCAN", "Seq Scan"))]
    return [line for line in whole if not any(small in line for small in SMALL)]


@pytest.mark.parametrize("name", LOOK_UPS)
def test_nothing_is_read_from_end_to_end(filled, name):
    assert _read_whole(_plan(filled, LOOK_UPS[name])) == []


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_reads_in_the_order_of_an_index_and_sorts_nothing(filled, name):
    lines = _plan(filled, SWEEPS[name])
    index = {"due_patients": "ix_patient_due", "checkins_to_step": "ix_checkin_step"}
    index |= {"alerts_to_step": "ix_alert_step", "claim_outbox": "ix_outbox_claim"}
    assert any(index[name] in line for line in lines)
    assert [line for line in lines if any(word in line for word in ("FOR ORDER BY", "Sort", "Hash"))] == []


def test_a_full_sweep_finds_as_much_as_it_may(filled):
    with filled.engine.connect() as connection, connection.begin() as transaction:
        stores = stores_on(connection, KEYRING)
        assert [len(sweep(stores)) for sweep in SWEEPS.values()] == [LIMIT] * len(SWEEPS)
        transaction.rollback()


def test_a_look_up_that_reads_all_would_be_noticed(filled):
    assert _read_whole(_plan(filled, lambda s: s.audit._all(t.audit.select().where(t.audit.c.actor == "a")))) != []
