"""An apology for an update that could not be processed is in the language of whose chat it is, staff included."""

import pytest

from bot.app.team import members
from bot.core.screen import Action
from bot.dialog import conversation, staff_chat
from bot.dialog.apology import apologize
from tests.dialog.test_caregivers import BEN, link
from tests.fakes.work import runner

NURSE, STRANGER = 101, 999


@pytest.fixture
def run(database, clinic, anna):
    run = runner(database, clinic)
    run(conversation.start, BEN, link(database, clinic, anna), None)
    run(conversation.tap, BEN, Action(kind="care", choice="agree"))
    row = run(lambda s: s.caregivers.by_chat(BEN))
    run(lambda s: s.caregivers.save(row.model_copy(update={"language": "es"})))
    _, token = run(members.add, name="nurse-1", role="coordinator", language="ru")
    run(staff_chat.opened, token, NURSE)
    return run


@pytest.mark.parametrize(("chat", "language"), [("patient", "en"), (BEN, "es"), (NURSE, "ru"), (STRANGER, "en")])
def test_apology_is_in_the_language_of_the_chat(database, run, anna, chat, language):
    chat = anna.chat_id if chat == "patient" else chat
    run(apologize, chat)
    rows = [q.row for q in database.outbox() if q.row.screen.name == "oops"]
    assert [(row.chat_id, row.language) for row in rows] == [(chat, language)]
    assert any(line.key == "oops.body" and line.values["emergency"] for line in rows[0].screen.lines)
