"""One module saves alerts; what the team does and what the patient says can't change each other's fields."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app.alerts import raising, writer
from bot.app.alerts.writer import PatientSide, act_on, team_side, update_patient_side
from bot.app.records.alerts import AlertRow, AlertState
from bot.core.alert import Acknowledge, Close, Note, Refusal, Refused, Reopen, TeamSide, TeamState
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.fakes.work import work_on

BOT = Path(raising.__file__).parents[2]
WRITER = BOT / "app" / "alerts" / "writer.py"
SAVES = re.compile(r"\b(?:\w+\.)?alerts\.(?:save|add)\(")
TEAM_FIELDS = set(TeamSide.model_fields)
ONLY_AT_THE_START = {"id", "patient_id", "checkin_id", "tier", "raised_at", "caregiver_id", "is_agreed", "version"}


def test_only_the_writer_saves_alerts():
    saving = [path for path in BOT.rglob("*.py") if SAVES.search(path.read_text(encoding="utf-8"))]
    assert saving == [WRITER]


def test_new_alerts_are_made_without_a_team_side():
    """Of its fields only `is_agreed` is given where an alert is raised: the writer adds the rest."""
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AlertRow":
                assert not {word.arg for word in node.keywords} & TEAM_FIELDS, path


def test_every_field_of_an_alert_is_of_one_side():
    of_patient = set(PatientSide.__annotations__)
    assert not of_patient & TEAM_FIELDS
    assert of_patient | TEAM_FIELDS | ONLY_AT_THE_START == set(AlertRow.model_fields)


@pytest.fixture
def raised(database, clinic, anna):
    def work(stores):
        return raising.raise_alert(
            work_on(stores, clinic, AT), anna, tier=Tier.URGENT, rules=("new.yes",), checkin_id=None
        )

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
    [(None, AlertState.UNCONFIRMED), ("not_yet", AlertState.UNCONFIRMED), ("called", AlertState.CONFIRMED),
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
