"""One module saves alerts; what the team does and what the patient says can't change each other's fields."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app.alerts import raising, writer
from bot.app.alerts.naming import Found
from bot.app.alerts.writer import FoundSince, PatientSide, act_on, team_side, update_patient_side
from bot.app.records.alerts import AlertRow, AlertState
from bot.core.alert import Acknowledge, Close, Note, Refusal, Refused, Reopen, TeamSide, TeamState
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.fakes.work import work_on

BOT = Path(raising.__file__).parents[2]
WRITER = BOT / "app" / "alerts" / "writer.py"
SAVES = re.compile(r"\b(?:\w+\.)?alerts\.(?:save|add)\(")
STATEMENTS = {
    "bot/db/stores/alerts.py": "the store that the writer saves with",
    "bot/db/stores/operations.py: _MOVE": "SqlClock.shift_back: the clock was corrected, so all timers move; no state",
    "bot/db/stores/patients.py: _ERASED_ALERTS": "deletes the alerts of a patient whose data is erased; changes none",
    "bot/db/stores/patients.py: _PURGE_ALERT": "deletes an alert that was kept of an erased patient and is closed",
}
"""Where a statement may name the table of alerts other than to read it, with the reason."""
READS = {"select", "join", "exists"}
RAW = re.compile(r"\b(?:UPDATE|INTO|DELETE FROM)\s+\"?alert\b", re.IGNORECASE)
TEAM_FIELDS = set(TeamSide.model_fields)
ONLY_AT_THE_START = {"id", "patient_id", "checkin_id", "tier", "raised_at", "caregiver_id", "is_agreed", "version"}


def test_only_the_writer_saves_alerts():
    saving = [path for path in BOT.rglob("*.py") if SAVES.search(path.read_text(encoding="utf-8"))]
    assert saving == [WRITER]


def written_in(path: Path) -> set[str]:
    """Return where a module names the table of alerts other than to read it or a column: each top-level name."""
    name = path.relative_to(BOT.parent).as_posix()
    return {f"{name}: {top}" for top, statement in _statements(path) if _writes_alerts(statement)}


def _statements(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node]
        yield getattr(targets[0], "id", getattr(targets[0], "name", type(node).__name__)), node


def _writes_alerts(statement: ast.stmt) -> bool:
    nodes = list(ast.walk(statement))
    harmless = {id(n.value) for n in nodes if isinstance(n, ast.Attribute) and n.attr == "c"}
    for call in nodes:
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in READS:
            harmless |= {id(given) for given in call.args}
    return any(
        (isinstance(n, ast.Attribute) and n.attr == "alert" and getattr(n.value, "id", "") in {"t", "tables"})
        or (isinstance(n, ast.Attribute) and n.attr in {"insert", "update"} and getattr(n.value, "id", "") == "ALERT")
        or (isinstance(n, ast.ImportFrom) and {"alert", "ALERT"} & {a.name for a in n.names} and "db" in str(n.module))
        or (isinstance(n, ast.Constant) and isinstance(n.value, str) and RAW.search(n.value) is not None)
        for n in nodes
        if id(n) not in harmless
    )


def test_no_other_statement_writes_alerts():
    found = {place for path in BOT.rglob("*.py") for place in written_in(path)}
    store = "bot/db/stores/alerts.py"
    assert {store if place.startswith(store) else place for place in found} == STATEMENTS.keys()


@pytest.mark.parametrize(
    "statement",
    ["M = update(t.alert).values(tier=1)", "M = t.alert.update()", "M = delete(tables.alert)", "M = ALERT.update",
     "M = text('UPDATE alert SET tier = 1')", "from bot.db.tables import alert", "def f(): run(insert(t.alert))"],
)  # fmt: skip
def test_statement_that_writes_alerts_is_found(statement):
    assert _writes_alerts(ast.parse(statement).body[0])


@pytest.mark.parametrize("statement", ["M = select(t.alert)", "A = t.alert.c", "M = select(t.alert.c.id)"])
def test_statement_that_reads_alerts_is_not_found(statement):
    assert not _writes_alerts(ast.parse(statement).body[0])


def test_new_alerts_are_made_without_a_team_side():
    """Of its fields only `is_agreed` is given where an alert is raised: the writer adds the rest."""
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AlertRow":
                assert not {word.arg for word in node.keywords} & TEAM_FIELDS, path


def test_every_field_of_an_alert_is_of_one_side():
    of_patient = set(PatientSide.__annotations__) | set(FoundSince.__annotations__)
    assert not of_patient & TEAM_FIELDS
    assert of_patient | TEAM_FIELDS | ONLY_AT_THE_START == set(AlertRow.model_fields)


@pytest.fixture
def raised(database, clinic, anna):
    def work(stores):
        return raising.raise_alert(work_on(stores, clinic, AT), anna, Found(Tier.URGENT, ("new.yes",)))

    return database.run(work)


@pytest.mark.parametrize("field", sorted(TEAM_FIELDS | ONLY_AT_THE_START))
def test_update_patient_side_refuses_other_fields(database, raised, field):
    with pytest.raises(TypeError, match=f"not fields of the patient's side: {field}"):
        database.run(lambda s: update_patient_side(s.alerts, raised, **{field: None}))
    assert database.run(lambda s: s.alerts.get(raised.id)) == raised


def test_act_on_refused_act_saves_nothing(database, raised):
    refused = database.run(lambda s: act_on(s.alerts, raised, Reopen(), AT))
    assert refused == Refused(act="Reopen", state=TeamState.OPEN, reason=Refusal.NOT_NOW)
    assert database.run(lambda s: s.alerts.get(raised.id)) == raised


@pytest.mark.parametrize(
    ("reply", "state"),
    [(None, AlertState.UNCONFIRMED), ("not_yet", AlertState.UNCONFIRMED), ("called", AlertState.UNCONFIRMED),
     ("reached", AlertState.CONFIRMED)],
)  # fmt: skip
def test_act_on_close_and_reopen_end_the_prompts(database, raised, reply, state):
    def work(stores):
        alert = raised.model_copy(update={"last_reply": reply})
        for act in (Note(outcome="no_action", by="lead-1"), Close(by="lead-1")):
            alert = act_on(stores.alerts, alert, act, AT)
        closed = stores.alerts.get(raised.id)
        return closed, act_on(stores.alerts, closed, Reopen(), AT + timedelta(hours=1))

    closed, reopened = database.run(work)
    assert (closed.state, closed.next_patient_prompt_at) == (AlertState.CLOSED, None)
    assert (reopened.state, reopened.next_patient_prompt_at) == (state, None)
    assert database.run(lambda s: s.alerts.get(raised.id)) == reopened


def test_act_on_leaves_the_prompts_of_an_open_alert(database, raised):
    acknowledged = database.run(lambda s: act_on(s.alerts, raised, Acknowledge(by="lead-1"), AT))
    assert (acknowledged.state, acknowledged.next_patient_prompt_at) == (raised.state, raised.next_patient_prompt_at)
    assert acknowledged.next_patient_prompt_at is not None
    assert team_side(acknowledged) == writer.team_side(database.run(lambda s: s.alerts.get(raised.id)))


def test_act_on_act_already_done_saves_nothing(database, raised, monkeypatch):
    def work(stores):
        acknowledged = act_on(stores.alerts, raised, Acknowledge(by="lead-1"), AT)
        monkeypatch.setattr(stores.alerts, "save", None)  # a call would fail
        return acknowledged, act_on(stores.alerts, acknowledged, Acknowledge(by="lead-1"), AT + timedelta(hours=1))

    acknowledged, again = database.run(work)
    assert again == acknowledged
