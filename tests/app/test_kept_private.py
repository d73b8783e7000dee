"""Screens with answers can't be forwarded, and a changed setting stands in the audit without its value."""

from datetime import timedelta

from bot.app import answers, settings
from bot.core.screen import Action
from tests.app.conftest import AT

ANSWERED = AT + timedelta(minutes=5)


def screens(database):
    return [q.row.screen for q in database.tables.all("outbox")]


def test_every_screen_with_answers_is_protected(database, clinic, anna, choose):
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    row = database.run(lambda s: s.checkins(anna.id))[0]
    seen = len(screens(database))
    database.run(lambda s: answers.mine(s, clinic, anna, ANSWERED))
    database.run(lambda s: answers.change(s, clinic, anna, Action(kind="change", subject=row.id), ANSWERED))
    first = Action(kind="change", subject=row.id, question="change")
    database.run(lambda s: answers.change(s, clinic, anna, first, ANSWERED))
    made = screens(database)[seen:]
    assert [s.name for s in made][:3] == ["answers", "trend", "change.list"]
    assert len(made) == 4
    assert all(s.protect for s in made)


def test_a_changed_setting_is_audited_by_its_name_alone(database, clinic, anna):
    tap = Action(kind="set", question="quiet", choice=next(iter(settings.QUIET)))
    database.run(lambda s: settings.tapped(s, clinic, s.patient(anna.id), tap, AT))
    line = database.run(lambda s: s.audit_lines(anna.code))[0]
    assert (line.actor, line.action, dict(line.detail)) == (
        "patient:P-0001",
        "setting_changed",
        {"what": "quiet_hours"},
    )
